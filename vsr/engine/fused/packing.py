"""Stages as the lists of numbers and values that the kernels read (kernels/cpu/net_owned.hpp)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from vsr.engine.fused.stages import FORMATS, Buffer, Stage
from vsr.engine.fused.terms import Linear, Weights
from vsr.nets.ops import Clamp, LeakyRelu, PRelu, Relu, Resize, Sigmoid, Tanh
from vsr.ops.scalers import keys_cubic, triangle

BLOCK = 4
"""Channels of a convolution's result that the kernels work out together."""
_KINDS = {"convolve": 0, "shuffle": 1, "unshuffle": 2, "enlarge": 3}


def packed_stage(stage: Stage, index: dict[Buffer, int]) -> tuple[list[int], list[npt.NDArray[np.float32]]]:
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
        first, weights = phases(stage.resize)
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
    "bilinear": ((0, 1), triangle),
    "bicubic": ((-1, 0, 1, 2), keys_cubic),
}
"""Taps around the sample left of a place, and their weights by distance."""


def phases(resize: Resize) -> tuple[list[int], Weights]:
    """Return for each phase the first tap, from the sample it belongs to, and its weights."""
    around, kernel = _KERNELS[resize.kind]
    first, weights = [], []
    for phase in range(resize.factor):
        taps = np.array(around) + (0 if resize.kind == "nearest" else resize.base(phase))
        first.append(int(taps[0]))
        weights.append(kernel(np.abs((phase + 0.5) / resize.factor - 0.5 - taps)))
    return first, np.array(weights)


def _blocks(
    stage: Stage, linear: Linear, planes: dict[tuple[int, int], int], index: dict[Buffer, int]
) -> tuple[list[int], list[npt.NDArray[np.float32]]]:
    """Return the blocks of a convolution: max(x, 0) is (x + |x|) / 2, max(-x, 0) is (|x| - x) / 2.

    Of bytes, the parts have planes of their own.
    """
    out, _, size, _ = linear.weight.shape
    formats = {index[lane.buffer]: FORMATS.index(lane.buffer.format) for lane in stage.lanes}
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
