"""From terms to the stages that the kernels run, and how many rows each ring holds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from vsr.engine.fused.packing import packed_stage
from vsr.engine.fused.stages import FORMATS, Activation, Buffer, Format, Lane, Stage
from vsr.engine.fused.terms import Linear, Source, Term, Weights, uses
from vsr.nets.ops import (
    Add,
    Clamp,
    Concat,
    CRelu,
    LeakyRelu,
    PixelShuffle,
    PixelUnshuffle,
    PRelu,
    Relu,
    Resize,
    Sigmoid,
    Tanh,
)

_LEAST_RANGE = 1e-6
_CHECKED_ROWS = 24
"""How many blocks of rows of the input are gone through to see how many rows each ring must hold."""


class Program:
    """Stages for a term, its result's channels in order in the last stage's buffer."""

    def __init__(
        self,
        result: Term,
        *,
        format: Format = "float32",
        ranges: Mapping[Term, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]] | None = None,
        most_factor: int = 2,
    ) -> None:
        """Prepare. `format` is what lies between convolutions, where nothing else reads it.

        Bytes need `ranges`, the least and the largest value of each channel of the terms; what has none stays
        float32. Convolutions do a depth-to-space after them themselves where its factor is at most
        `most_factor`.
        """
        self.buffers: list[Buffer] = []
        self.stages: list[Stage] = []
        self._most_factor = most_factor
        self._uses = uses(result)
        self._lanes: dict[Term, list[Lane]] = {}
        self._renamed: set[Buffer] = set()  # whose lanes belong to several terms
        for term in _in_order(result):
            self._lanes[term] = self._emit(term)
        self._finish(self._lanes[result])
        if format != "float32":
            self._choose_formats(format, self._ranges_of(ranges or {}))
        self._set_rows()

    @property
    def scale(self) -> int:
        """How many times larger the result is, along each axis."""
        return int(self.stages[-1].out.scale)

    def _buffer(self, channels: int, scale: Fraction) -> Buffer:
        self.buffers.append(Buffer(channels, scale))
        return self.buffers[-1]

    def _stage(self, stage: Stage) -> list[Lane]:
        stage.out.maker = stage
        self.stages.append(stage)
        return _whole(stage.out)

    def _emit(self, term: Term) -> list[Lane]:
        inputs = [self._lanes[other] for other in term.inputs]
        match term.op:
            case Source(channels=channels):
                return _whole(self._buffer(channels, Fraction(1)))
            case Linear() as linear:
                return self._convolve(inputs[0], linear)
            case Concat():
                return [lane for lanes in inputs for lane in lanes]
            case CRelu():
                plain = self._plain(inputs[0])
                return [
                    Lane(lane.buffer, lane.channel, part)
                    for part in ("positive", "negative")
                    for lane in plain
                ]
            case Add():
                return self._add(term, inputs)
            case PixelShuffle():
                return self._shuffle(term, term.op, inputs[0])
            case PixelUnshuffle(factor=factor):
                lanes = self._plain(inputs[0])
                out = self._buffer(len(lanes) * factor**2, lanes[0].buffer.scale / factor)
                return self._stage(Stage("unshuffle", out, lanes, factor=factor))
            case Resize() as resize:
                lanes = self._plain(inputs[0])
                out = self._buffer(len(lanes), lanes[0].buffer.scale * resize.factor)
                return self._stage(Stage("enlarge", out, lanes, factor=resize.factor, resize=resize))
            case Relu() | LeakyRelu() | PRelu() | Clamp() | Tanh() | Sigmoid() as activation:
                return self._activate(term, activation, inputs[0])
        raise NotImplementedError(f"the fused engine has no {type(term.op).__name__}")

    def _convolve(self, lanes: list[Lane], linear: Linear) -> list[Lane]:
        if _picks(linear):
            picked = [lanes[int(row.argmax())] for row in linear.weight[:, :, 0, 0]]
            self._renamed |= {lane.buffer for lane in picked}
            return picked
        if linear.reach:
            if any(lane.buffer.borders - {linear.border} for lane in lanes):
                lanes = _whole(self._copy(self._plain(lanes)).out)  # read with borders of both kinds
            for lane in lanes:
                lane.buffer.borders.add(linear.border)
                lane.buffer.pad = max(lane.buffer.pad, linear.reach)
        out = self._buffer(linear.weight.shape[0], lanes[0].buffer.scale)
        return self._stage(Stage("convolve", out, lanes, linear))

    def _copy(self, lanes: list[Lane]) -> Stage:
        """Append a stage that copies lanes, for something to be done to them."""
        count = len(lanes)
        linear = Linear(np.eye(count)[:, :, None, None], np.zeros(count))
        out = self._buffer(count, lanes[0].buffer.scale)
        self._stage(Stage("convolve", out, lanes, linear))
        return self.stages[-1]

    def _plain(self, lanes: list[Lane]) -> list[Lane]:
        """Return the lanes as whole channels."""
        return lanes if all(lane.part == "whole" for lane in lanes) else _whole(self._copy(lanes).out)

    def _open_stage(self, term: Term, lanes: list[Lane]) -> Stage | None:
        """Return the convolution that makes just these lanes for nobody else, if more can be done in it."""
        maker = lanes[0].buffer.maker
        if maker is None or maker.kind != "convolve" or maker.added or self._uses.get(term, 0) != 1:
            return None
        return maker if lanes == _whole(maker.out) and maker.out not in self._renamed else None

    def _activate(self, term: Term, activation: Activation, lanes: list[Lane]) -> list[Lane]:
        stage = self._open_stage(term.inputs[0], lanes)
        if stage is None or stage.activation is not None:
            stage = self._copy(lanes)
        if isinstance(activation, PRelu) and stage.factor > 1:  # of each channel, before they become pixels
            activation = PRelu(np.repeat(activation.slope, stage.factor**2), activation.shared)
        stage.activation = activation
        return _whole(stage.out)

    def _add(self, term: Term, inputs: list[list[Lane]]) -> list[Lane]:
        channels = max(map(len, inputs))
        for index in (1, 0):
            lanes, other = inputs[index], inputs[1 - index]
            stage = self._open_stage(term.inputs[index], lanes)
            if stage is None or len(lanes) != channels or any(lane.part != "whole" for lane in other):
                continue
            stage.added = other if len(other) == channels else other * channels
            # What is added must be there before: stages stay in an order in which they could run.
            self.stages.remove(stage)
            self.stages.append(stage)
            return _whole(stage.out)
        first, second = (lanes if len(lanes) == channels else lanes * channels for lanes in inputs)
        both = np.concatenate([np.eye(channels)] * 2, axis=1)[:, :, None, None]
        return self._convolve(first + second, Linear(both, np.zeros(channels)))

    def _shuffle(self, term: Term, op: PixelShuffle, lanes: list[Lane]) -> list[Lane]:
        factor, group = op.factor, op.factor**2
        scale = lanes[0].buffer.scale * factor
        order = np.arange(len(lanes)).reshape(-1, factor, factor)
        if op.order == "xy":
            order = order.transpose(0, 2, 1)
        index = order.reshape(-1)
        stage = self._open_stage(term.inputs[0], lanes) if factor <= self._most_factor else None
        if stage is None or stage.factor != 1 or stage.linear is None:
            plain = self._plain(lanes)
            out = self._buffer(len(lanes) // group, scale)
            return self._stage(Stage("shuffle", out, [plain[i] for i in index], factor=factor))
        linear = stage.linear
        stage.linear = Linear(linear.weight[index], linear.bias[index], linear.border, linear.dilation)
        if isinstance(stage.activation, PRelu):
            stage.activation = PRelu(stage.activation.slope[index], stage.activation.shared)
        stage.factor = factor
        stage.out.channels = len(lanes) // group
        stage.out.scale = scale
        return _whole(stage.out)

    def _finish(self, result: list[Lane]) -> None:
        """See to it that the result is the last stage's buffer, all of it, in order."""
        stage = result[0].buffer.maker
        is_read = any(result[0].buffer in other.inputs for other in self.stages)
        if stage is None or is_read or result != _whole(stage.out):
            stage = self._copy(result)
        self.stages.remove(stage)
        self.stages.append(stage)

    def _ranges_of(
        self, ranges: Mapping[Term, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]
    ) -> dict[Buffer, Weights]:
        """Return for buffers that are just a term: the largest positive, and the largest negative parts."""
        found = {}
        for term, lanes in self._lanes.items():
            if term in ranges and lanes == _whole(lanes[0].buffer):
                low, high = (bound.astype(float) for bound in ranges[term])
                found[lanes[0].buffer] = np.maximum(np.stack([high, -low]), 0)
        return found

    def _choose_formats(self, format: Format, ranges: dict[Buffer, Weights]) -> None:
        """Give the format to what convolutions alone read, and make: all between the ends of a network."""
        exact = {lane.buffer for stage in self.stages for lane in stage.added}
        exact |= {lane.buffer for s in self.stages if s.kind != "convolve" for lane in s.lanes}
        exact.add(self.stages[-1].out)
        for stage in self.stages:
            buffer = stage.out
            if stage.kind != "convolve" or stage.factor != 1 or buffer in exact:
                continue
            if format == "bfloat16":
                buffer.format = format
            elif buffer in ranges and buffer.channels % 4 == 0:
                most = ranges[buffer]
                buffer.format = format
                buffer.most = np.maximum(most if most[1].any() else most[:1], _LEAST_RANGE)

    def _set_rows(self) -> None:
        """Find how many rows each ring holds at most, by going through the order in which rows are made."""
        reach = sum(
            Fraction(stage.linear.reach) / stage.lanes[0].buffer.scale
            for stage in self.stages
            if stage.linear is not None
        )
        half = _multiple(math.ceil(reach), self.multiple) + _CHECKED_ROWS * self.multiple
        # A band at the picture's edge, and within: of blocks that are read whole, at any of their rows.
        begins = self.scale * self.multiple if self.multiple > 1 else 1
        for first in (0, *range(half * self.scale, half * self.scale + begins)):
            _Rehearsal(self, 2 * half).run(first)

    @property
    def multiple(self) -> int:
        """The input's sides are multiples of this."""
        return int(np.lcm.reduce([buffer.scale.denominator for buffer in self.buffers]))

    def packed(self, before: int, after: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """Return what vsr._cpu.net takes; `before` and `after` are columns that a block of it needs."""
        ints: list[int] = [len(self.buffers)]
        floats: list[npt.NDArray[np.float32]] = []
        index = {buffer: i for i, buffer in enumerate(self.buffers)}
        for buffer in self.buffers:
            scale = buffer.scale
            ints += [buffer.planes, scale.numerator, scale.denominator, buffer.rows, buffer.pad]
            ints += ["replicate" in buffer.borders, FORMATS.index(buffer.format)]
        ints.append(len(self.stages))
        for stage in self.stages:
            numbers, values = packed_stage(stage, index)
            ints += numbers
            floats += values
        within = self.multiple - 1  # a tile may begin and end within a block
        ints += [self.scale, before + within, after + within, self.multiple]
        return np.array(ints, np.int32), np.concatenate([part.reshape(-1) for part in floats])


class _Rehearsal:
    """Goes through the order in which the kernels make rows (net_run.hpp), and notes what is held."""

    def __init__(self, program: Program, height: int) -> None:
        self.program = program
        self.heights = {buffer: int(height * buffer.scale) for buffer in program.buffers}
        self.next = dict(self.heights)
        self.lanes = {
            stage: list(dict.fromkeys(lane.buffer for lane in stage.lanes)) for stage in program.stages
        }
        self.added = {
            stage: list(dict.fromkeys(lane.buffer for lane in stage.added)) for stage in program.stages
        }
        self.readers: dict[Buffer, list[Stage]] = {buffer: [] for buffer in program.buffers}
        for stage in program.stages:
            for buffer in stage.inputs:
                self.readers[buffer].append(stage)

    def run(self, first: int) -> None:
        """Make the result's rows from `first` on, as many as show the pattern."""
        result = self.program.stages[-1].out
        self.next[result] = first
        for stage in reversed(self.program.stages):
            y = self.next[stage.out] = self.next[stage.out] // stage.rows * stage.rows
            for buffer in stage.inputs:
                self.next[buffer] = min(self.next[buffer], self.oldest(stage, buffer, y))
        for y in range(
            first,
            min(first + _CHECKED_ROWS * self.program.multiple * self.program.scale, self.heights[result]),
        ):
            self.make(result, y)

    def make(self, buffer: Buffer, y: int) -> None:
        """See to it that row y has been made."""
        while self.next[buffer] <= y:
            at, stage = self.next[buffer], buffer.maker
            if stage is not None:
                lanes = self.lanes[stage]
                for rows in zip(*(self.wanted(stage, other, at) for other in lanes), strict=True):
                    for other, row in zip(lanes, rows, strict=True):
                        if self.next[other] <= row:
                            self.make(other, row)
                for other in self.added[stage]:
                    self.make(other, at + stage.rows - 1)
            self.next[buffer] += 1 if stage is None else stage.rows
            oldest = [self.oldest(reader, buffer, self.next[reader.out]) for reader in self.readers[buffer]]
            buffer.rows = max(buffer.rows, self.next[buffer] - min(oldest, default=at))

    def wanted(self, stage: Stage, buffer: Buffer, y: int) -> list[int]:
        """Return the rows of one of its lanes' buffers that row y of the stage's result needs, in order."""
        first, last = stage.reads(y)
        return [stage.stands_for(row, self.heights[buffer]) for row in range(first, last + 1)]

    def oldest(self, stage: Stage, buffer: Buffer, y: int) -> int:
        """Return the first row of a buffer that row y of the stage's result, and later ones, need."""
        if y >= self.heights[stage.out]:
            return self.next[buffer]
        rows = [y] if buffer in self.added[stage] else []
        if buffer in self.lanes[stage]:
            if stage.resize is not None:
                rows += self.wanted(stage, buffer, y)
            else:
                rows.append(stage.stands_for(stage.reads(y)[0], self.heights[buffer]))
        return min(rows)


def _whole(buffer: Buffer) -> list[Lane]:
    return [Lane(buffer, channel) for channel in range(buffer.channels)]


def _multiple(value: int, of: int) -> int:
    return -(-value // of) * of


def _in_order(result: Term) -> Iterator[Term]:
    """Yield the terms a result depends on, each after its inputs."""
    waiting, done = [(result, False)], set()
    while waiting:
        term, is_ready = waiting.pop()
        if term in done:
            continue
        if is_ready:
            done.add(term)
            yield term
        else:
            waiting.append((term, True))
            waiting += [(other, False) for other in reversed(term.inputs)]


def _picks(linear: Linear) -> bool:
    """True where each channel of the result is one of the input, as it is."""
    if linear.weight.shape[2] != 1:
        return False
    near = np.abs(linear.weight[:, :, 0, 0])
    ones = np.isclose(linear.weight[:, :, 0, 0], 1, rtol=0, atol=1e-9)
    is_one_hot = (ones.sum(axis=1) == 1).all() and np.where(ones, 0, near).max() < 1e-9
    return bool(is_one_hot and np.abs(linear.bias).max() < 1e-9)
