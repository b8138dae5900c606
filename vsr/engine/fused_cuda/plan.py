"""From the stages of a network to kernels: which one runs each, on what, and what goes into another's end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

from vsr.device.cuda.launch import TILE, Kind
from vsr.engine.fused.program import Program
from vsr.engine.fused.stages import Buffer, Lane, Stage
from vsr.engine.fused_cuda import kernels
from vsr.engine.fused_cuda.kernels import Kernel, Text
from vsr.engine.fused_cuda.layout import (
    GROUP,
    SHARED_BYTES,
    TILE_WIDE,
    Window,
    filled,
    pitch_of,
    slab_width,
)
from vsr.nets.ops import Resize

MOST_CHANNELS = 64
"""That a convolution reads, and makes: sums of more do not fit into a thread's registers."""
MOST_INLINED = 3
"""Channels of an enlargement that is worked out where it is added: the picture's."""
_TILE_CHANNELS = 8
_MOST_HALF = 65504
_TAPS = {"nearest": 1, "bilinear": 2, "bicubic": 4}


@dataclass(frozen=True)
class Kinds:
    """Types of samples: of the source, between layers, of the target."""

    source: Kind
    value: Kind
    target: Kind


@dataclass(frozen=True, eq=False)
class Slab:
    """Channels `first` and those after it of a buffer; without one, the components of the picture."""

    buffer: Buffer | None
    first: int = 0


@dataclass(frozen=True, eq=False)
class Convolution:
    """How a convolution is done."""

    window: Window
    slabs: tuple[Slab, ...]
    groups: int
    """Fours of channels of a slab."""
    parts: int
    """1, or 2 with magnitudes."""
    is_exact: bool
    """Whether in float32."""
    count: int
    """Eights of positions in halves, positions in float32."""
    span: int
    """Positions that lie next to each other."""


@dataclass(frozen=True, eq=False)
class Step:
    """One launch. Lanes are what is added, or moved; where they are of the source, they are the picture's."""

    kernel: Kernel
    result: Buffer
    tile: tuple[int, int]
    """(width, height) of the pixels that a block is for: those read by a convolution, or made by a move."""
    reads: Buffer
    """What is as large as what is read."""
    lanes: tuple[Lane, ...] = ()
    resize: Resize | None = None
    stage: Stage | None = None
    convolution: Convolution | None = None
    of_picture: bool = False
    """Whether the lanes are components of the picture."""

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """Those it reads."""
        slabs = () if self.convolution is None else self.convolution.slabs
        found = [slab.buffer for slab in slabs if slab.buffer is not None]
        found += [] if self.of_picture else [lane.buffer for lane in self.lanes]
        return tuple(dict.fromkeys(found))


def problem_of(name: str, program: Program, *, in_halves: bool) -> str | None:
    """Return a sentence that says why these kernels do not run a network, or None."""
    for stage in program.stages:
        if stage.linear is None:
            continue
        reads = len({(lane.buffer, lane.channel) for lane in stage.lanes})
        makes, _, size, _ = stage.linear.weight.shape
        if max(reads, makes) > MOST_CHANNELS:
            return (
                f"{name} has a convolution from {reads} to {makes} channels; fused_cuda runs up to "
                f"{MOST_CHANNELS}; use tensorrt"
            )
        window = Window.of(size, stage.linear.dilation)
        if window.shared_bytes(8, window.tile(1)[0], 1, "f32") > SHARED_BYTES:
            return (
                f"{name} has a convolution that looks {stage.linear.reach} samples far, more than the shared "
                "memory of fused_cuda holds; use tensorrt"
            )
        heaviest = float(abs(stage.linear.weight).max())
        if in_halves and heaviest > _MOST_HALF:
            return f"{name} has weights up to {heaviest:g}; float16 holds {_MOST_HALF}; choose precision fp32"
    return None


class Plan:
    """The steps of a program, in order. Immutable."""

    def __init__(self, program: Program, kinds: Kinds, is_direct: Sequence[bool]) -> None:
        """`is_direct` says for each component of the source whether it has the luma's size."""
        self._program = program
        self._kinds = kinds
        self._is_direct = is_direct
        self.source = program.buffers[0]
        self._inlined = self._find_inlined()
        stages = [stage for stage in program.stages if stage not in self._inlined.values()]
        steps = [self._convolve(s) if s.kind == "convolve" else self._move(s) for s in stages]
        self.steps = (*self._reading(steps), *steps)

    def _reading(self, steps: list[Step]) -> tuple[Step, ...]:
        """Return what puts the picture into a buffer, where some step needs it there."""
        if all(self.source not in step.buffers for step in steps):
            return ()
        components = kernels.in_picture(self._kinds.source, is_direct=all(self._is_direct))
        kernel = kernels.move(
            "read", "Copied", f"vsr::InPicture<{components}>", (), self._output(self.source)
        )
        lanes = tuple(Lane(self.source, channel) for channel in range(self.source.channels))
        return (Step(kernel, self.source, TILE, self.source, lanes, of_picture=True),)

    def _find_inlined(self) -> dict[Stage, Stage]:
        """Return for convolutions the enlargement that they work out themselves: nobody else reads it."""
        found = {}
        for stage in self._program.stages:
            makers = {lane.buffer.maker for lane in stage.added}
            maker = makers.pop() if len(makers) == 1 else None
            if maker is None or maker.resize is None or maker.factor != stage.factor:
                continue
            readers = [other for other in self._program.stages if maker.out in other.inputs]
            is_alone = readers == [stage] and all(lane.buffer is not maker.out for lane in stage.lanes)
            if (
                len(stage.added) <= MOST_INLINED
                and is_alone
                and maker.lanes[0].buffer.scale == stage.lanes[0].buffer.scale
            ):
                found[stage] = maker
        return found

    def _convolve(self, stage: Stage) -> Step:
        assert stage.linear is not None
        value, output = self._kinds.value, self._output(stage.out)
        is_last = self._is_last(stage.out)
        positions = len(stage.linear.bias) if is_last else filled(stage.out.channels) * stage.factor**2
        is_whole = stage.factor == 1 and not is_last
        span = slab_width(stage.out.channels) if is_whole else _TILE_CHANNELS
        if value == "f32":
            count = -(-positions // span) * span
        else:
            count = -(-positions // span) * (1 if span <= _TILE_CHANNELS else 2)
        high = 16 if value == "f16" and count <= 4 else 8
        lanes, resize, added, of_picture = self._added(stage, (TILE_WIDE, high))
        end = kernels.finish(stage.activation, added, stage.factor, output)
        is_picture = all(lane == Lane(self.source, lane.channel) for lane in stage.lanes)
        size, dilation = stage.linear.weight.shape[2], stage.linear.dilation
        alone = is_picture and self.source.channels == 1
        window = Window.of(size, dilation, fours=alone)
        groups = 1 if is_picture else self._groups(stage, window, high)
        parts = 1 if all(lane.part == "whole" for lane in stage.lanes) else 2
        if is_picture:
            slabs: tuple[Slab, ...] = (Slab(None),)
            components = kernels.in_picture(self._kinds.source, is_direct=all(self._is_direct))
            input_type = kernels.from_picture(
                value, components, self.source.channels, dilation if alone else 1
            )
        else:
            slabs = _slabs(stage, groups)
            input_type = kernels.from_buffers(value, groups)
        pitch = pitch_of(window, groups) if value == "f16" else window.tile(high)[0]
        kernel = kernels.convolution(
            value, window, pitch, input_type, groups, parts=parts, count=count, end=end
        )
        own = Convolution(window, slabs, groups, parts, value == "f32", count, span)
        tile = (TILE_WIDE, high)
        reads = stage.lanes[0].buffer
        return Step(kernel, stage.out, tile, reads, lanes, resize, stage, own, of_picture)

    def _groups(self, stage: Stage, window: Window, high: int) -> int:
        """Return how many fours of channels are copied at once: as many as all slabs have, and as fit."""
        value = self._kinds.value
        most = gcd(*(slab_width(lane.buffer.channels) for lane in stage.lanes)) // GROUP
        pitch = window.tile(1)[0] + 7
        fitting = (
            groups
            for groups in range(most, 0, -1)
            if most % groups == 0 and window.shared_bytes(high, pitch, groups, value) <= SHARED_BYTES
        )
        return next(fitting, 1)

    def _added(
        self, stage: Stage, tile: tuple[int, int]
    ) -> tuple[tuple[Lane, ...], Resize | None, Text | None, bool]:
        """Return what is added: lanes, what enlarges them, the template, whether they are the picture's."""
        if not stage.added:
            return (), None, None, False
        inlined = self._inlined.get(stage)
        lanes, resize = stage.added, None
        if inlined is not None:
            lanes = [inlined.lanes[lane.channel] for lane in stage.added]
            resize = inlined.resize
        reader, of_picture = self._reader(lanes)
        if resize is None:
            return tuple(lanes), None, kernels.same_size(reader, stage.factor), of_picture
        taps, count = _TAPS[resize.kind], stage.out.channels
        return tuple(lanes), resize, kernels.enlarged(reader, taps, count, tile), of_picture

    def _reader(self, lanes: list[Lane]) -> tuple[Text, bool]:
        """Return the template that reads lanes, and whether it reads them from the picture."""
        if all(lane.buffer is self.source and self._is_direct[lane.channel] for lane in lanes):
            return kernels.lanes_of_picture(self._kinds.source), True
        return kernels.lanes_of_buffers(self._kinds.value), False

    def _move(self, stage: Stage) -> Step:
        reader, of_picture = self._reader(stage.lanes)
        numbers: tuple[int, ...] = (stage.factor,)
        template = {"shuffle": "Shuffled", "unshuffle": "Unshuffled", "enlarge": "Grown"}[stage.kind]
        if stage.resize is not None:
            numbers = (stage.factor, _TAPS[stage.resize.kind])
        kernel = kernels.move(stage.kind, template, reader, numbers, self._output(stage.out))
        lanes = tuple(stage.lanes)
        return Step(
            kernel,
            stage.out,
            TILE,
            lanes[0].buffer,
            lanes,
            stage.resize,
            stage,
            of_picture=of_picture,
        )

    def _is_last(self, buffer: Buffer) -> bool:
        return buffer is self._program.stages[-1].out

    def _output(self, buffer: Buffer) -> Text:
        if self._is_last(buffer):
            return kernels.to_planes(self._kinds.target)
        return kernels.to_buffer(self._kinds.value, slab_width(buffer.channels))


def _slabs(stage: Stage, groups: int) -> tuple[Slab, ...]:
    """Return the parts of buffers that hold what a convolution reads."""
    step = groups * GROUP
    places = ((lane.buffer, lane.channel // step * step) for lane in stage.lanes)
    return tuple(Slab(*place) for place in dict.fromkeys(places))
