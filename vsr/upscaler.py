"""From a model name, a source and a target size to one object that turns frames into frames."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import Protocol, Self, TypeVar

from vsr.chain import Chain
from vsr.color import ColorSpec, Primaries, Transfer
from vsr.device.cuda.gpu import Gpu
from vsr.engine.cuda_platform import CudaPlatform
from vsr.engine.cuda_step import Place
from vsr.engine.engines import Load
from vsr.engine.lanes import Lanes
from vsr.engine.platform import CpuPlatform, Platform, Running, check_names
from vsr.engine.step import Steps
from vsr.errors import DeviceError, OptionError
from vsr.frame import Frame, PictureSpec, PixelFormat, empty_frame
from vsr.models import AUTO, Model, Recipe, Values, asked, check_heeded
from vsr.ops.convert import Convert
from vsr.ops.cuda.step import CudaStep
from vsr.ops.resize import check_size, keeps_components
from vsr.ops.step import Step

S = TypeVar("S")
_OTHER_SPECS = 3
"""How many kinds of frames beside the source's are kept ready for: a stream may change its size often."""
_DEVICE = re.compile(r"auto|cpu|cuda(:(?P<number>\d{1,3}))?")


class Runner(Protocol):
    """What upscales frames of one kind. Thread-safe."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What each pass over the picture does, for people."""

    def __call__(self, frame: Frame, into: Frame) -> None:
        """Write the frame enlarged into `into`, complete on return."""

    def close(self) -> None:
        """End what goes on beside the frames. Idempotent."""


class _CpuRunner:
    """Steps on the CPU, `threads` to a frame."""

    def __init__(self, steps: Sequence[Step], threads: int) -> None:
        self._steps = Steps(steps)
        self._threads = threads
        self.sentences = tuple(step.sentence for step in steps)

    def __call__(self, frame: Frame, into: Frame) -> None:
        self._steps(frame.host_planes(), into.planes, threads=self._threads)

    def close(self) -> None:
        """Nothing goes on beside the frames."""


class Upscaler:
    """Turns frames of a source into frames of another size.

    Thread-safety: safe; several workers may call it at once, each with frames of its own. `threads` is how
    many threads one call uses.
    Ownership: it keeps no frame that it is given or gives.
    """

    output: PictureSpec
    """What comes out, whatever the size or format of a single frame that goes in."""
    gpu: Gpu | None
    """Where it computes; None: on the CPU."""

    def __init__(
        self,
        model: str | Recipe = AUTO,
        *,
        source: PictureSpec,
        scale: float | None = None,
        size: tuple[int, int] | None = None,
        target_format: PixelFormat | None = None,
        target_color: ColorSpec | None = None,
        threads: int = 1,
        calls: int = 1,
        engine: str = "auto",
        precision: str = "auto",
        options: Mapping[str, str] | None = None,
        device: str | Gpu = "cpu",
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Prepare for frames of `source`. `size` is (width, height); else `scale` decides, or the model.

        What the source's colour leaves open is filled in by ColorSpec.guessed; see `source` for the result.
        `options` are the model's where it is given as text. `engine` and `precision` are for networks; see
        vsr.engine.engines. `calls` is how many frames at once it will be called with: engines are timed, and
        prepared, for that. `device` is cpu, cuda, cuda:N or a GPU that is open already; frames may lie in
        host memory or there, results lie where the frame to write into does. `say` is called with sentences
        for people, now and while frames are upscaled, from any thread: what waits for an engine to be built,
        and what changes when it is.

        Raises OptionError for an unknown model or option, a value or size out of range, engine and precision
        where the model has no network, and conversions that do not exist; DeviceError for a GPU that is not
        there or has too little memory.
        """
        self.gpu = opened(device) if isinstance(device, str) else device
        check_names(engine, precision, on_gpu=self.gpu is not None)
        recipe = model if isinstance(model, Recipe) else Recipe(model, options=options)
        check_heeded([recipe], engine=engine, precision=precision)
        if threads < 1 or calls < 1:
            raise OptionError(f"threads is {threads} and calls is {calls}; give 1 or more of each")
        self._running = Running(engine=engine, precision=precision, load=Load(threads=threads, calls=calls))
        width, height = _target_size(source, scale, size, recipe.scale)
        source = _plain(source)
        self.source = source
        self.output = PictureSpec(
            width=width,
            height=height,
            format=target_format or source.format,
            color=target_color or source.color,
        )
        self.recipe = recipe.suited(source, self.output)
        self.threads = threads
        self._say = say
        self._lock = Lock()
        self._runners: dict[PictureSpec, Runner] = {}
        self.notes: tuple[str, ...] = ()
        self.redone_frames = 0
        """How many frames were computed again in float32, because float16 did not hold them."""
        self._runner(source)
        if asked(engine, precision) and not self._running.decided:
            self.notes += (f"{asked(engine, precision)}: not used, because no network runs",)

    def __call__(self, frame: Frame, into: Frame | None = None) -> Frame:
        """Return the frame enlarged, with the same time; in `into` where that is given.

        A frame whose size, format or colour is not the source's is brought to the same output; without the
        network that auto took where it does not grow.
        """
        result = into or empty_frame(self.output.width, self.output.height, self.output.format)
        if into is not None:
            self._check_target(into)
        self._runner(self._spec_of(frame))(frame, result)
        result.color = self.output.color
        result.pts, result.time_base, result.duration = frame.pts, frame.time_base, frame.duration
        result.arrival = frame.arrival
        return result

    def stream(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Yield each frame enlarged."""
        for frame in frames:
            yield self(frame)

    @property
    def decided(self) -> tuple[tuple[str, str], ...]:
        """(engine, precision) of each network, chosen for the first frame and kept; of scalers nothing."""
        return self._running.decided

    def steps(self) -> tuple[str, ...]:
        """Return one sentence for each pass over the picture."""
        return self._runner(self.source).sentences

    def close(self) -> None:
        """Free what is prepared, and stop building. Idempotent; a later call prepares again."""
        with self._lock:
            for runner in self._runners.values():
                runner.close()
            self._runners.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _runner(self, spec: PictureSpec) -> Runner:
        with self._lock:
            runner = self._runners.get(spec)
            if runner is None:
                if len(self._runners) > _OTHER_SPECS:  # the source's is the first
                    self._runners.pop(list(self._runners)[1]).close()
                runner = self._runners[spec] = self._prepared(spec)
            return runner

    def _prepared(self, source: PictureSpec) -> Runner:
        _check_transfer(source.color, self.output.color)
        recipe = self.recipe.suited(source, self.output)
        if recipe.text != self.recipe.text:
            size = f"{source.width}x{source.height}"
            self._say(f"frames of {size} are brought to size by {recipe.text} ({recipe.reason})")
        if self.gpu is None:
            steps = self._laid(recipe, source, CpuPlatform(self._running))
            return _CpuRunner(steps, self.threads)

        def lay(place: Place, safe: bool) -> Sequence[CudaStep]:
            running = self._running
            if safe:
                running = replace(running, engine="auto", precision="fp32", decided=(), at_once=True)
            return self._laid(recipe, source, CudaPlatform(place, running))

        calls = self._running.load.calls
        lanes = Lanes(self.gpu, source, self.output, lay, calls, self._count_redone, self._say)
        self.notes += lanes.notes
        return lanes

    def _count_redone(self) -> None:
        with self._lock:
            self.redone_frames += 1

    def _laid(self, recipe: Recipe, source: PictureSpec, platform: Platform[S]) -> Sequence[S]:
        """Return the steps for frames like `source`, on a platform."""
        model = recipe.model
        if not isinstance(model, Chain):
            steps = _model_steps(model, recipe.values, source, self.output)
            return [platform.operation(step) for step in steps]
        laid = model.lay(source, self.output, platform)
        if not self._running.decided:  # the first; a stream that changes must not wait for trials
            self._running = replace(self._running, decided=laid.decided)
            self.notes = laid.notes
        return laid.steps

    def _spec_of(self, frame: Frame) -> PictureSpec:
        """What a frame is; parts of its colour that it leaves open are the source's."""
        color, known = frame.color, self.source.color
        if frame.format.family != self.source.format.family:
            color, _ = color.guessed(frame.height, rgb=frame.format.family == "rgb")
        elif color != known:
            open_parts = {
                name: getattr(known, name)
                for name in ("matrix", "range", "chroma_location")
                if getattr(color, name).name == "UNSPECIFIED"
            }
            # Nothing here converts light: a stream that changes its curve keeps the first one's tags.
            color = replace(color, **open_parts, transfer=known.transfer, primaries=known.primaries)
        return PictureSpec(width=frame.width, height=frame.height, format=frame.format, color=color)

    def _check_target(self, into: Frame) -> None:
        wanted = self.output
        if (into.width, into.height, into.format) != (wanted.width, wanted.height, wanted.format):
            raise OptionError(
                f"the frame to write into is {into.width}x{into.height} {into.format.name}, "
                f"the output is {wanted.width}x{wanted.height} {wanted.format.name}"
            )


def opened(device: str) -> Gpu | None:
    """Return the GPU of that name, or None for the CPU, which auto is.

    Raises OptionError for another name, DeviceError where the GPU cannot be used.
    """
    match = _DEVICE.fullmatch(device)
    if match is None:
        raise OptionError(f"unknown device {device!r}; available: auto, cpu, cuda, cuda:N")
    if match[0] in ("auto", "cpu"):
        return None
    from vsr.device.cuda.nvidia import open_gpu

    try:
        return open_gpu(int(match["number"] or 0))
    except DeviceError as error:
        raise type(error)(f"--device {device}: {error}; --device cpu gives the same result") from error


def _model_steps(model: Model, values: Values, source: PictureSpec, target: PictureSpec) -> tuple[Step, ...]:
    """Return the model's step, and a conversion after it where the components are others."""
    if keeps_components(source, target.format, target.color):
        return (model.build(source, target, values),)
    between = replace(source, width=target.width, height=target.height)
    return model.build(source, between, values), Convert(between, target.format, target.color)


def _plain(source: PictureSpec) -> PictureSpec:
    """Return the description alone: a reader's carries more. What its colour leaves open is guessed."""
    fmt = source.format
    color, _ = source.color.guessed(
        source.height, rgb=fmt.family == "rgb", subsampled=bool(fmt.log2_chroma_w or fmt.log2_chroma_h)
    )
    return PictureSpec(width=source.width, height=source.height, format=fmt, color=color)


def _target_size(
    source: PictureSpec, scale: float | None, size: tuple[int, int] | None, own_scale: float
) -> tuple[int, int]:
    if scale is not None and size is not None:
        raise OptionError(f"scale {scale} and size {size} contradict; give one of them")
    if size is None:
        factor = own_scale if scale is None else scale
        if not (factor > 0 and math.isfinite(factor)):
            raise OptionError(f"scale is {factor}; give a number above 0")
        size = (
            max(1, math.floor(source.width * factor + 0.5)),
            max(1, math.floor(source.height * factor + 0.5)),
        )
    check_size(*size)
    return size


def _check_transfer(source: ColorSpec, target: ColorSpec) -> None:
    """Raise OptionError where colours would have to be converted in linear light, which nothing here does."""
    for name, before, after, unknown in (
        ("transfer", source.transfer, target.transfer, Transfer.UNSPECIFIED),
        ("primaries", source.primaries, target.primaries, Primaries.UNSPECIFIED),
    ):
        if before is not after and unknown not in (before, after):
            raise OptionError(
                f"{name} {before.name} cannot be converted to {after.name}; keep the source's in target_color"
            )
