"""What engines make of a network and two pictures, and the step around engines of float32 alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

from vsr.color import ColorSpec, Matrix, Range
from vsr.errors import OptionError
from vsr.frame import Frame, PictureSpec, Plane, empty_frame, format_name, pixel_format
from vsr.nets.graph import Graph
from vsr.nets.onnx import ForeignNetwork
from vsr.ops.convert import Convert
from vsr.ops.grid import Grid
from vsr.ops.resize import Resize, keeps_components
from vsr.ops.step import Step

Network: TypeAlias = Graph | ForeignNetwork
Precision: TypeAlias = Literal["fp32", "bf16", "int8", "fp16"]
REST_SCALER = "lanczos3"
"""What enlarges the planes that a network leaves alone: chroma beside luma, alpha."""
LUMA = pixel_format("grayf32le")
RGB = pixel_format("gbrpf32le")
CHANNELS = {RGB.name: (2, 0, 1), LUMA.name: (0,)}
"""Which plane of a format is each channel of a network: R, G, B, or luma."""


def float_picture(network: Network, source: PictureSpec) -> PictureSpec:
    """Return the picture that the network sees of a source, in float32."""
    if network.channels_in == 1:
        return replace(source, format=LUMA)
    return replace(source, format=RGB, color=rgb_color(source.color))


def changes_luma_alone(network: Network, source: PictureSpec, target: PictureSpec) -> bool:
    """True where the result has chroma, and the network none to give: it is resized, whatever the engine."""
    kept = keeps_components(source, target.format, target.color) and source.format.family != "rgb"
    writes = network.writes if isinstance(network, Graph) else "luma" if network.channels_out == 1 else "rgb"
    return kept and writes != "rgb"


def check_luma(name: str, source: PictureSpec, target: PictureSpec) -> None:
    """Raise OptionError where a network of luma is to mix components."""
    if source.format.family == "rgb":
        raise OptionError(f"{name} reads luma; convert {source.format.name} to YUV first")
    if not keeps_components(source, target.format, target.color):
        raise OptionError(
            f"{name} changes luma alone and cannot make {target.format.name} of matrix "
            f"{target.color.matrix.name} from {source.format.name} of matrix {source.color.matrix.name}; "
            "convert after it"
        )


def rgb_color(color: ColorSpec) -> ColorSpec:
    """Return the colour of R, G, B of full range, transfer and primaries as they are."""
    return replace(color, matrix=Matrix.RGB, range=Range.FULL)


class Rest:
    """Enlarges the planes of a target that something else does not write. Thread-safe, immutable."""

    def __init__(self, source: PictureSpec, target: PictureSpec, written: Sequence[int]) -> None:
        self.resize: Resize | None = None
        self.grid: Grid | None = None
        left = [plane for plane in range(target.format.num_planes) if plane not in written]
        if left and keeps_components(source, target.format, target.color):
            self.resize = Resize(
                source,
                target.width,
                target.height,
                scaler=REST_SCALER,
                target_format=target.format,
                target_color=target.color,
                only=left,
            )
        elif left:
            self.grid = Grid(source, target, up=REST_SCALER)

    def __call__(self, planes: Sequence[Plane], into: Sequence[Plane], *, threads: int = 1) -> None:
        """Write those planes of `into`."""
        if self.resize is not None:
            self.resize(planes, into, threads=threads)
        elif self.grid is not None:
            self.grid.alpha(planes, into, threads)


class FloatEnds:
    """The conversions before and after what runs on float32 luma, or R, G, B.

    Luma alone is converted for what reads luma, all for what reads R, G, B, chroma by bilinear interpolation.
    Thread-safety: safe, immutable. Raises OptionError where what reads luma would have to mix components.
    """

    def __init__(
        self,
        seen: PictureSpec,
        made: PictureSpec,
        source: PictureSpec,
        target: PictureSpec,
        *,
        luma_only: bool = False,
    ) -> None:
        """From `source` to `seen`, from `made` to `target`.

        `luma_only`: of R, G, B that come out, luma alone is taken; see changes_luma_alone.
        """
        self.into: Resize | Convert
        self.back: Resize | Convert
        if seen.format is LUMA:
            check_luma("the network", source, target)
            self.into = Resize(source, source.width, source.height, scaler="bilinear", target_format=LUMA)
            gray = pixel_format(format_name("gray", target.format.depth))
            self.back = Resize(
                replace(made, color=target.color),
                target.width,
                target.height,
                scaler="bilinear",
                target_format=gray,
            )
        else:
            self.into = Convert(source, RGB, seen.color)
            fmt = target.format
            taken = format_name(fmt.family, fmt.depth, (fmt.log2_chroma_w, fmt.log2_chroma_h))
            if luma_only:
                taken = format_name("gray", fmt.depth)
            self.back = Convert(made, pixel_format(taken), target.color)
        self.written = self.back.output.format.num_planes
        """How many planes of the target `back` writes, the first ones."""


class FloatStep:
    """A step on float32 luma, or R, G, B, as one from and to any pictures; see FloatEnds.

    What the step does not see, chroma or alpha, is resized by REST_SCALER.

    Thread-safety: safe; pictures between are kept for the next call, a set for each call at once. Raises
    OptionError where a step of luma would have to mix components.
    """

    def __init__(
        self, inner: Step, source: PictureSpec, target: PictureSpec, *, luma_only: bool = False
    ) -> None:
        """`luma_only`: of R, G, B that the step gives, luma alone is taken; see changes_luma_alone."""
        self.inner = inner
        self.source = source
        self.output = target
        self._ends = FloatEnds(inner.source, inner.output, source, target, luma_only=luma_only)
        self._written = self._ends.written
        self._rest = Rest(source, target, range(self._written))
        self._spare: deque[tuple[Frame, Frame]] = deque()

    @property
    def sentence(self) -> str:
        """What this does, for people."""
        return self.inner.sentence

    def __call__(self, planes: Sequence[Plane], into: Sequence[Plane], *, threads: int = 1) -> None:
        """Write the result of `planes` into `into`, arrays of the output's shapes and types."""
        try:
            before, after = self._spare.popleft()
        except IndexError:
            before, after = (
                empty_frame(spec.width, spec.height, spec.format)
                for spec in (self.inner.source, self.inner.output)
            )
        self._ends.into(planes, before.planes, threads=threads)
        self.inner(before.planes, after.planes, threads=threads)
        self._ends.back(after.planes, into[: self._written], threads=threads)
        self._spare.append((before, after))
        self._rest(planes, into, threads=threads)


class Steps:
    """Steps one after the other, as one. Pictures between them are kept for the next call. Thread-safe."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = tuple(steps)
        self.source = self.steps[0].source
        self.output = self.steps[-1].output
        self._spare: tuple[deque[Frame], ...] = tuple(deque() for _ in self.steps[1:])

    @property
    def sentence(self) -> str:
        """What this does, for people."""
        return "; ".join(step.sentence for step in self.steps)

    def __call__(self, planes: Sequence[Plane], into: Sequence[Plane], *, threads: int = 1) -> None:
        """Write the result of `planes` into `into`."""
        taken: list[Frame] = []
        for step, spare in zip(self.steps, self._spare, strict=False):
            try:
                between = spare.popleft()
            except IndexError:
                between = empty_frame(step.output.width, step.output.height, step.output.format)
            step(planes, between.planes, threads=threads)
            planes = between.planes
            taken.append(between)
        self.steps[-1](planes, into, threads=threads)
        for frame, spare in zip(taken, self._spare, strict=True):
            spare.append(frame)


class BesideAlpha:
    """Steps on a picture without alpha, and alpha resized by REST_SCALER beside them. Thread-safe."""

    def __init__(self, steps: Sequence[Step], source: PictureSpec, target: PictureSpec) -> None:
        self.source = source
        self.output = target
        self._steps = Steps(steps)
        self._written = target.format.num_planes - 1
        self._rest = Rest(source, target, range(self._written))

    @property
    def sentence(self) -> str:
        """What this does, for people."""
        return f"{self._steps.sentence}; alpha by {REST_SCALER}"

    def __call__(self, planes: Sequence[Plane], into: Sequence[Plane], *, threads: int = 1) -> None:
        """Write the result of `planes` into `into`."""
        self._steps(planes, into[: self._written], threads=threads)
        self._rest(planes, into, threads=threads)
