"""From terms to the stages that the kernels run: rings of rows, blocks of channels, packed weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

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
BLOCK = 4
"""Channels of a convolution's result that the kernels work out together."""
Part: TypeAlias = Literal["whole", "positive", "negative"]
Format: TypeAlias = Literal["float32", "bfloat16", "bytes"]
_FORMATS: tuple[Format, ...] = ("float32", "bfloat16", "bytes")
Activation: TypeAlias = Relu | LeakyRelu | PRelu | Clamp | Tanh | Sigmoid
_KINDS = {"convolve": 0, "shuffle": 1, "unshuffle": 2, "enlarge": 3}
_CHECKED_ROWS = 24
"""How many blocks of rows of the input are gone through to see how many rows each ring must hold."""


@dataclass(eq=False)
class Buffer:
    """Rows that one stage writes, or the picture's components."""

    channels: int
    scale: Fraction
    maker: Stage | None = None
    pad: int = 0
    borders: set[str] = field(default_factory=set)
    rows: int = 1
    format: Format = "float32"
    most: Weights | None = None
    """Of bytes, what 255 stands for: the largest positive part of each channel, then the largest negative."""

    @property
    def planes(self) -> int:
        """Planes of the ring: channels, pairs of them, or fours of positive, then of negative parts."""
        if self.format == "bfloat16":
            return -(-self.channels // 2)
        if self.most is not None:
            return self.channels // 4 * len(self.most)
        return self.channels

    def places(self, channel: int) -> list[tuple[int, int, int]]:
        """Return where a channel lies: (plane, place in its words, 1, or -1 for its negative part)."""
        if self.format == "bfloat16":
            return [(channel // 2, channel % 2, 1)]
        if self.most is None:
            return [(channel, 0, 1)]
        signs = (1, -1)[: len(self.most)]
        return [(channel // 4 + self.channels // 4 * i, channel % 4, sign) for i, sign in enumerate(signs)]


@dataclass(frozen=True)
class Lane:
    """A channel of a buffer, or what of it is positive, or negative (and then its magnitude)."""

    buffer: Buffer
    channel: int
    part: Part = "whole"


@dataclass(eq=False)
class Stage:
    """What the kernels run for one buffer; see kernels/cpu/net.hpp."""

    kind: Literal["convolve", "shuffle", "unshuffle", "enlarge"]
    out: Buffer
    lanes: list[Lane]
    """What it reads; of a convolution, one for each input channel."""
    linear: Linear | None = None
    activation: Activation | None = None
    added: list[Lane] = field(default_factory=list)
    factor: int = 1
    resize: Resize | None = None

    @property
    def inputs(self) -> list[Buffer]:
        """The buffers it reads, each once, in the order it reads them."""
        return list(dict.fromkeys(lane.buffer for lane in (*self.lanes, *self.added)))

    @property
    def rows(self) -> int:
        """Rows of the result that are made together."""
        return self.factor if self.kind == "convolve" else 1

    def stands_for(self, row: int, height: int) -> int:
        """Return the row inside a picture that one outside of it stands for."""
        if self.resize is None or self.resize.kind != "bicubic":
            return min(max(row, 0), height - 1)
        folded = row % (2 * height)
        return folded if folded < height else 2 * height - 1 - folded

    def reads(self, y: int) -> tuple[int, int]:
        """Return the first and last row of its lanes that row y of the result needs, unbounded."""
        if self.linear is not None:
            at = y // self.factor
            return at - self.linear.reach, at + self.linear.reach
        if self.resize is not None:
            return self.resize.reads(y, y)
        if self.kind == "shuffle":
            return y // self.factor, y // self.factor
        return y * self.factor, y * self.factor + self.factor - 1


class Program:
    """Stages for a term, its result's channels in order in the last stage's buffer."""

    def __init__(
        self,
        result: Term,
        *,
        format: Format = "float32",
        ranges: Mapping[Term, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]] | None = None,
    ) -> None:
        """Prepare. `format` is what lies between convolutions, where nothing else reads it.

        Bytes need `ranges`, the least and the largest value of each channel of the terms; what has none stays
        float32.
        """
        self.buffers: list[Buffer] = []
        self.stages: list[Stage] = []
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
        if stage is None or stage.activation is not None or stage.factor != 1:
            stage = self._copy(lanes)
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
        stage = self._open_stage(term.inputs[0], lanes) if factor == 2 else None
        if stage is None or stage.factor != 1 or stage.linear is None:
            plain = self._plain(lanes)
            out = self._buffer(len(lanes) // group, scale)
            return self._stage(Stage("shuffle", out, [plain[i] for i in index], factor=factor))
        linear = stage.linear
        stage.linear = Linear(linear.weight[index], linear.bias[index], linear.border, linear.dilation)
        if isinstance(stage.activation, PRelu):
            stage.activation = PRelu(stage.activation.slope[index], stage.activation.shared)
        stage.factor = 2
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
        for first in (0, half):  # a band at the picture's edge, and one within
            _Rehearsal(self, 2 * half).run(first * self.scale)

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
            ints += ["replicate" in buffer.borders, _FORMATS.index(buffer.format)]
        ints.append(len(self.stages))
        for stage in self.stages:
            numbers, values = _packed_stage(stage, index)
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


def _packed_stage(stage: Stage, index: dict[Buffer, int]) -> tuple[list[int], list[npt.NDArray[np.float32]]]:
    planes: dict[tuple[int, int], int] = {}
    for lane in stage.lanes:
        for plane, _, _ in lane.buffer.places(lane.channel):
            if stage.kind == "convolve":
                planes.setdefault((index[lane.buffer], plane), len(planes))
            else:
                planes[(index[lane.buffer], plane, len(planes))] = len(planes)  # type: ignore[index]
    size, dilation, border = (
        (1, 1, "replicate")
        if stage.linear is None
        else (stage.linear.weight.shape[2], stage.linear.dilation, stage.linear.border)
    )
    ints = [_KINDS[stage.kind], index[stage.out], size, dilation, stage.factor, border == "zero", len(planes)]
    ints += [number for key in planes for number in key[:2]]
    ints.append(len(stage.added))
    ints += [number for lane in stage.added for number in (index[lane.buffer], lane.channel)]
    code, slopes, low, high = _activation(stage)
    floats: list[npt.NDArray[np.float32]] = []
    ints.append(code)
    if stage.linear is not None:
        floats.append(stage.linear.bias.astype(np.float32))
    floats += [slopes, np.array([low, high], np.float32)]
    if stage.out.most is not None:
        steps = np.zeros((2, stage.out.channels))
        steps[: len(stage.out.most)] = 255 / stage.out.most
        floats.append((steps * [[1], [-1]]).astype(np.float32))
    if stage.resize is not None:
        first, weights = _phases(stage.resize)
        ints += [weights.shape[1], stage.resize.kind == "bicubic", *first]
        return ints, [*floats, weights.astype(np.float32)]
    ints += [1, 0]
    if stage.linear is not None:
        numbers, values = _blocks(stage, stage.linear, planes, index)
        ints += numbers
        floats += values
    return ints, floats


def _activation(stage: Stage) -> tuple[int, npt.NDArray[np.float32], float, float]:
    """Return the code, slopes, and bounds."""
    count = 0 if stage.linear is None else len(stage.linear.bias)
    none = np.zeros(0, np.float32)
    match stage.activation:
        case Relu():
            return 1, np.zeros(count, np.float32), 0.0, 0.0
        case LeakyRelu(slope=slope):
            return 1, np.full(count, slope, np.float32), 0.0, 0.0
        case PRelu(slope=slopes):
            return 1, slopes, 0.0, 0.0
        case Clamp(low=low, high=high):
            return 2, none, max(low, -3e38), min(high, 3e38)
        case Tanh():
            return 3, none, 0.0, 0.0
        case Sigmoid():
            return 4, none, 0.0, 0.0
    return 0, none, 0.0, 0.0


_KERNELS: dict[str, tuple[tuple[int, ...], Callable[[Weights], Weights]]] = {
    "nearest": ((0,), np.ones_like),
    "bilinear": ((0, 1), lambda distance: np.maximum(0.0, 1.0 - distance)),
    "bicubic": ((-1, 0, 1, 2), lambda distance: _keys(distance)),
}
"""Taps around the sample left of a place, and their weights by distance."""


def _phases(resize: Resize) -> tuple[list[int], Weights]:
    """Return for each phase the first tap, from the sample it belongs to, and its weights."""
    around, kernel = _KERNELS[resize.kind]
    first, weights = [], []
    for phase in range(resize.factor):
        taps = np.array(around) + (0 if resize.kind == "nearest" else resize.base(phase))
        first.append(int(taps[0]))
        weights.append(kernel(np.abs((phase + 0.5) / resize.factor - 0.5 - taps)))
    return first, np.array(weights)


def _keys(d: Weights) -> Weights:
    """Keys' cubic with a = -0.5 (IEEE ASSP-29, 1981)."""
    near, far = 1.5 * d**3 - 2.5 * d**2 + 1, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    return np.where(d <= 1, near, np.where(d <= 2, far, 0.0))


def _blocks(
    stage: Stage, linear: Linear, planes: dict[tuple[int, int], int], index: dict[Buffer, int]
) -> tuple[list[int], list[npt.NDArray[np.float32]]]:
    """Return the blocks of a convolution: max(x, 0) is (x + |x|) / 2, max(-x, 0) is (|x| - x) / 2.

    Of bytes, the parts have planes of their own.
    """
    out, _, size, _ = linear.weight.shape
    formats = {index[lane.buffer]: _FORMATS.index(lane.buffer.format) for lane in stage.lanes}
    # [plane][place in its words]: (out, k, k), of the value and of its magnitude
    plain = np.zeros((len(planes), 4, out, size, size))
    magnitude = np.zeros_like(plain)
    for lane, weight in zip(stage.lanes, linear.weight.transpose(1, 0, 2, 3), strict=True):
        for number, (plane, place, sign) in enumerate(lane.buffer.places(lane.channel)):
            word = planes[index[lane.buffer], plane], place
            if lane.buffer.most is not None:
                if lane.part in ("whole", "positive" if sign > 0 else "negative"):
                    step = lane.buffer.most[number, lane.channel] / 255
                    plain[word] += weight * step * (sign if lane.part == "whole" else 1)
            elif lane.part == "whole":
                plain[word] += weight
            else:
                plain[word] += weight / 2 if lane.part == "positive" else -weight / 2
                magnitude[word] += weight / 2
    ints: list[int] = [-(-out // BLOCK)]
    floats: list[npt.NDArray[np.float32]] = []
    for begin in range(0, out, BLOCK):
        end = min(begin + BLOCK, out)
        lists: list[list[int]] = [[], [], [], [], []]
        for (buffer, _), at in planes.items():
            folded = bool(magnitude[at, :, begin:end].any())
            if folded or plain[at, :, begin:end].any():
                lists[2 * formats[buffer] + folded].append(at)
        ints += [end - begin, *map(len, lists), *(at for which in lists for at in which)]
        largest = np.abs(plain[lists[4], :, begin:end]).max(axis=(0, 1, 3, 4), initial=1e-30)
        for kind, members in enumerate(lists):
            for at in members:
                parts = [plain[at], magnitude[at]] if kind in (1, 3) else [plain[at]]
                packed = np.stack([_words(part[:, begin:end], kind, largest) for part in parts])
                # (part, channel, ky, kx) -> (ky, kx, part, channel)
                floats.append(np.ascontiguousarray(packed.transpose(2, 3, 0, 1)))
        if lists[4]:
            floats.append((largest / 127).astype(np.float32))
    return ints, floats


def _words(weights: Weights, kind: int, largest: Weights) -> npt.NDArray[np.float32]:
    """Return weights (4, out, k, k) of the places in a word as words: float32, two bfloat16, or four int8.

    Of int8, 127 stands for the `largest` of each channel of the result.
    """
    values = weights.astype(np.float32)
    words: npt.NDArray[np.float32]
    if kind < 2:
        words = values[0]
    elif kind < 4:
        bits = _bfloat16(values[:2])
        words = (bits[0] | (bits[1] << np.uint32(16))).view(np.float32)
    else:
        scaled = np.rint(weights / largest[:, None, None] * 127).astype(np.int8)
        words = np.ascontiguousarray(np.moveaxis(scaled, 0, -1)).view(np.float32)[..., 0]
    return words


def _bfloat16(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint32]:
    """Return bfloat16 in the low halves of words, rounded to nearest, halves to even."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    rounded = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return rounded >> np.uint32(16)
