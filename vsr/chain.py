"""Chains of networks and shader filters: from a model's text, a source and a size to steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from vsr.color import ColorSpec, Matrix, Range
from vsr.engine.platform import Platform
from vsr.engine.step import RGB, Network, rgb_color
from vsr.errors import OptionError
from vsr.frame import PictureSpec, PixelFormat, format_name, pixel_format
from vsr.nets.checkpoint import read_checkpoint
from vsr.nets.errors import GraphError, LiftError
from vsr.nets.glsl.chain import Planned, PlannedFilter, PlannedStage, ShaderChain, ShaderStage, read_shaders
from vsr.nets.glsl.filters import Parameters
from vsr.nets.graph import Graph, joined
from vsr.nets.onnx import read_onnx
from vsr.nets.presets import ModelPart, NamePart, NetworkPart, ShaderPart, find_shaders, parse_model
from vsr.ops.convert import Convert
from vsr.ops.resize import Resize, keeps_components
from vsr.ops.scalers import SCALERS
from vsr.ops.shader_filters.table import FILTERS
from vsr.ops.step import Step

FINAL_SCALER = "lanczos3"
"""What brings the result of a chain to the size that was asked for, where the chain makes another."""
_DEEP = 16
S = TypeVar("S")


@dataclass(frozen=True, kw_only=True)
class Laid(Generic[S]):
    """Steps in order, and what is to be said about them."""

    steps: tuple[S, ...]
    notes: tuple[str, ...]
    decided: tuple[tuple[str, str], ...]
    """Engine and precision of each network, in order."""


class Chain:
    """A model text whose links are networks or shaders, read.

    The last link may be a scaler's name: it then brings the result to the size that was asked for.
    Thread-safety: safe, immutable. Raises OptionError for files that cannot be read, and for links that
    cannot be part of a chain.
    """

    def __init__(
        self,
        parts: Sequence[ModelPart],
        *,
        shader_dir: Path | None = None,
        scale: int | None = None,
        activation: str | None = None,
    ) -> None:
        """`scale` and `activation` are for checkpoints that do not say theirs; see read_checkpoint."""
        self._scaler = FINAL_SCALER
        if isinstance(parts[-1], NamePart) and len(parts) > 1:
            self._scaler = _scaler(parts[-1].name)
            parts = parts[:-1]
        self.links = tuple(_read(part, shader_dir, scale, activation) for part in parts)

    @property
    def scale(self) -> int:
        """The factor by which it enlarges of its own.

        Shaders adapt to what is asked for: they count as the one among them that enlarges most, at least 2.
        """
        total = 1
        for link in self.links:
            total *= _most(link) if isinstance(link, ShaderChain) else link.scale
        return max(total, 2) if any(isinstance(link, ShaderChain) for link in self.links) else total

    def lines(self) -> list[str]:
        """Return what each link does, layer by layer, for people."""
        lines: list[str] = []
        for link in self.links:
            if not isinstance(link, ShaderChain):
                lines += _network_lines(link)
                continue
            for stage in link.stages:
                if stage.graph is not None:
                    lines += _network_lines(stage.graph)
                else:
                    lines.append(f"{stage.name}: a filter, {_form_text(stage)}")
                if stage.when != "1":
                    lines.append(f"  runs when: {stage.when}")
        return lines

    def network(self) -> Network:
        """Return the one network that the chain is. Raises OptionError where it is more, or none."""
        networks: list[Network] = []
        for link in self.links:
            if isinstance(link, ShaderChain):
                networks += [stage.graph for stage in link.stages if stage.graph is not None]
            else:
                networks.append(link)
        if len(networks) != 1:
            raise OptionError(f"the model holds {len(networks)} networks; name a file that holds one")
        return networks[0]

    def lay(self, source: PictureSpec, target: PictureSpec, platform: Platform[S]) -> Laid[S]:
        """Return the steps from `source` to `target`, a picture of any size with any components."""
        planned: list[Planned | PlannedNetwork] = []
        size, wanted = (source.width, source.height), (target.width, target.height)
        for link in self.links:
            if isinstance(link, ShaderChain):
                planned += link.plan(size, wanted)
            else:
                grown = (size[0] * link.scale, size[1] * link.scale)
                hook = "LUMA" if link.channels_in == 1 else "MAIN"
                planned.append(PlannedNetwork(network=link, hook=hook, source=size, target=grown))
            if planned:
                size = planned[-1].target
        opaque = tuple(replace(spec, format=_opaque(spec.format)) for spec in (source, target))
        laid = _Layer(platform, self._scaler).whole(planned, *opaque)
        if target.format.alpha:
            return replace(laid, steps=(platform.beside_alpha(laid.steps, source, target),))
        return laid


@dataclass(frozen=True, kw_only=True, eq=False)
class PlannedNetwork:
    """A network that runs, and the size, (width, height), before and after."""

    network: Network
    hook: str
    source: tuple[int, int]
    target: tuple[int, int]


def _most(chain: ShaderChain) -> int:
    return max((stage.graph.scale for stage in chain.stages if stage.graph is not None), default=1)


def _scaler(name: str) -> str:
    if name in SCALERS:
        return name
    raise OptionError(
        f"{name!r} cannot be part of a chain: links are networks, shader files and presets, and the last may "
        f"be a scaler for the final size: {', '.join(SCALERS)}"
    )


def _read(
    part: ModelPart, shader_dir: Path | None, scale: int | None, activation: str | None
) -> ShaderChain | Network:
    match part:
        case ShaderPart(files=files):
            return read_shaders(find_shaders(files, shader_dir=shader_dir))
        case NetworkPart(path=path) if path.suffix.lower() == ".onnx":
            return read_onnx(path.expanduser())
        case NetworkPart(path=path, name=name):
            return read_checkpoint(path.expanduser(), scale=scale, activation=activation, name=name)
        case NamePart(name=name):
            raise OptionError(
                f"{name!r} cannot be part of a chain but as its last link, and then as a scaler: "
                f"{', '.join(SCALERS)}"
            )


def _network_lines(network: Network) -> list[str]:
    if not isinstance(network, Graph):
        return [network.sentence]
    lines = [f"{network.name} ({network.source})" if network.source else network.name]
    lines += [f"  {line}" for line in (*network.summary(), *network.lines())]
    return lines


def _form_text(stage: ShaderStage) -> str:
    if stage.form is None:
        return str(stage.problem)
    numbers = (
        f"{name} {', '.join(f'{value:g}' for value in values)}"
        for name, values in stage.form.parameters.items()
    )
    return ", ".join([stage.form.kind.replace("_", " "), *numbers])


class _Layer(Generic[S]):
    """Turns planned stages into steps, one after the other."""

    def __init__(self, platform: Platform[S], scaler: str) -> None:
        self._platform = platform
        self._scaler = scaler
        self._notes: list[str] = []
        self._decided: list[tuple[str, str]] = []

    def whole(
        self, planned: Sequence[Planned | PlannedNetwork], source: PictureSpec, target: PictureSpec
    ) -> Laid[S]:
        """Return the steps of a chain, with the final resize where the size is another."""
        size = planned[-1].target if planned else (source.width, source.height)
        is_last = size == (target.width, target.height)
        end = target if is_last else _deep(replace(target, width=size[0], height=size[1]))
        steps, current = self._steps(planned, source, end) if planned else ([], source)
        if not is_last or not steps:
            steps.append(self._platform.operation(_final(current, target, self._scaler)))
        if not planned:
            self._notes.append(f"no shader runs from {size[0]}x{size[1]} to {target.width}x{target.height}")
        elif not is_last:
            self._notes.append(
                f"the model makes {size[0]}x{size[1]}; "
                f"{self._scaler} brings it to {target.width}x{target.height}"
            )
        return Laid(steps=tuple(steps), notes=tuple(self._notes), decided=tuple(self._decided))

    def _steps(
        self, planned: Sequence[Planned | PlannedNetwork], source: PictureSpec, end: PictureSpec
    ) -> tuple[list[S], PictureSpec]:
        """Return steps to `end`, whose size is what the last stage makes, and what they make."""
        steps: list[S] = []
        current = source
        groups = _grouped(planned)
        for index, group in enumerate(groups):
            is_last = index == len(groups) - 1
            follower = None if is_last else groups[index + 1]
            if isinstance(group, PlannedFilter):
                current = self._as_float(current, steps)
                current = self._filter(group, current, steps)
            else:
                current = self._suited(group, current, steps)
                after = end if is_last else _between(follower, current)
                if group.channels_in == 1 and not keeps_components(current, after.format, after.color):
                    after = _deep(current)  # what comes after it converts
                target = replace(
                    after, width=current.width * group.scale, height=current.height * group.scale
                )
                steps.append(self._network(group, current, target))
                current = target
        if (current.format, current.color) != (end.format, end.color):
            current = self._append(_converted(current, end), steps)
        return steps, current

    def _append(self, operation: Step, steps: list[S]) -> PictureSpec:
        """Append an operation, and return what it makes."""
        steps.append(self._platform.operation(operation))
        return operation.output

    def _network(self, network: Network, source: PictureSpec, target: PictureSpec) -> S:
        choice = self._platform.network(network, source, target, len(self._decided))
        self._decided.append((choice.engine, choice.precision))
        if choice.reason:
            self._notes.append(f"{network.name}: {choice.engine} in {choice.precision}, {choice.reason}")
        return choice.step

    def _filter(self, planned: PlannedFilter, source: PictureSpec, steps: list[S]) -> PictureSpec:
        if planned.form.kind != "clamp_highlights":
            operation = FILTERS[planned.form.kind](source, planned.target, planned.form.parameters)
            return self._append(operation, steps)
        size = planned.target
        end = replace(source, width=size[0], height=size[1])
        inner, _ = self._steps(planned.inner, source, end)
        steps.append(self._platform.highlights(source, inner, **_window(planned.form.parameters)))
        return end

    def _as_float(self, current: PictureSpec, steps: list[S]) -> PictureSpec:
        """Return the picture in float32 R, G, B, with the step that makes it so appended."""
        if current.format.is_float:
            return current
        return self._append(Convert(current, RGB, rgb_color(current.color)), steps)

    def _suited(self, network: Network, current: PictureSpec, steps: list[S]) -> PictureSpec:
        """Return the picture as the network can read it, with the step that makes it so appended."""
        if network.channels_in == 3 or current.format.family != "rgb":
            return current
        return self._append(Convert(current, *_luma_picture(current)), steps)


def _window(parameters: Parameters) -> dict[str, int]:
    """Return how far Clamp_Highlights looks, by KERNELSIZE and KERNELHALFSIZE of its two passes."""
    sizes, halves = set(parameters["kernelsize"]), set(parameters["kernelhalfsize"])
    [size], [half] = (sizes, halves) if len(sizes) == len(halves) == 1 else ([0.0], [0.0])
    if size < 1 or size % 1 or half % 1 or not 0 <= half < size:
        raise LiftError(
            f"Clamp_Highlights has KERNELSIZE {parameters['kernelsize']} and KERNELHALFSIZE "
            f"{parameters['kernelhalfsize']}; give both passes one odd size and its half, rounded down"
        )
    return {"before": int(half), "after": int(size - 1 - half)}


def _grouped(planned: Sequence[Planned | PlannedNetwork]) -> list[Network | PlannedFilter]:
    """Return filters, and networks; graphs of the same planes that follow one another are joined to one."""
    groups: list[Network | PlannedFilter] = []
    for stage in planned:
        if isinstance(stage, PlannedFilter):
            groups.append(stage)
            continue
        network = stage.graph if isinstance(stage, PlannedStage) else stage.network
        before = groups[-1] if groups else None
        if isinstance(before, Graph) and isinstance(network, Graph) and before.reads == network.reads:
            try:
                groups[-1] = joined(before, network)
                continue
            except GraphError:  # a size that no whole number of blocks makes
                pass
        groups.append(network)
    return groups


def _between(follower: Network | PlannedFilter | None, current: PictureSpec) -> PictureSpec:
    """Return what a network before another gives: no depth is lost, and in R, G, B nothing is clamped."""
    reads_luma = (
        follower is not None and not isinstance(follower, PlannedFilter) and follower.channels_in == 1
    )
    fmt = current.format
    if not reads_luma:
        return replace(current, format=RGB, color=rgb_color(current.color))
    if fmt.family == "rgb":
        fmt, color = _luma_picture(current)
        return replace(current, format=fmt, color=color)
    return _deep(current)


def _deep(current: PictureSpec) -> PictureSpec:
    """Return the picture with samples so deep that their rounding does not show."""
    fmt = current.format
    name = format_name(fmt.family, _DEEP, (fmt.log2_chroma_w, fmt.log2_chroma_h))
    return replace(current, format=pixel_format(name))


def _opaque(fmt: PixelFormat) -> PixelFormat:
    if not fmt.alpha:
        return fmt
    return pixel_format(format_name(fmt.family, fmt.depth, (fmt.log2_chroma_w, fmt.log2_chroma_h)))


def _luma_picture(current: PictureSpec) -> tuple[PixelFormat, ColorSpec]:
    """Return the format and colour in which R, G, B are given to networks of luma."""
    color = replace(current.color, matrix=Matrix.BT709, range=Range.LIMITED)
    return pixel_format(format_name("yuv", _DEEP)), color


def _converted(current: PictureSpec, end: PictureSpec) -> Step:
    if keeps_components(current, end.format, end.color):
        return Resize(
            current,
            end.width,
            end.height,
            scaler=FINAL_SCALER,
            target_format=end.format,
            target_color=end.color,
        )
    return Convert(current, end.format, end.color)


def _final(current: PictureSpec, target: PictureSpec, scaler: str) -> Step:
    return Resize(
        current,
        target.width,
        target.height,
        scaler=scaler,
        target_format=target.format,
        target_color=target.color,
    )


def read_chain(
    text: str,
    *,
    shader_dir: Path | None = None,
    scale: int | None = None,
    activation: str | None = None,
) -> Chain | None:
    """Return the chain that a model text names, or None for a single name, which is no network."""
    parts = parse_model(text)
    if len(parts) == 1 and isinstance(parts[0], NamePart):
        return None
    return Chain(parts, shader_dir=shader_dir, scale=scale, activation=activation)
