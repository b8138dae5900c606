"""Run a graph in numpy: exact, written to be read, the measure of every other engine.

Rows are worked on in bands, each with the margin of rows that it depends on, so that memory stays small.
The bands do not show: what a row sees of its neighbours, and of what lies outside the picture, is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from vsr.errors import OptionError
from vsr.nets.graph import Graph
from vsr.nets.ops import (
    Add,
    Clamp,
    Concat,
    Conv,
    ConvTranspose,
    CRelu,
    LeakyRelu,
    Op,
    PixelShuffle,
    PixelUnshuffle,
    PRelu,
    Relu,
    Resize,
    Scale,
    Sigmoid,
    Tanh,
)

Planes = npt.NDArray[np.floating[Any]]
BAND_VALUES = 1 << 25
"""About how many values the largest array of a band holds: 128 MiB in float32."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows first..first + len - 1 of a node's planes, whose whole height is `height`."""

    planes: Planes
    first: int
    height: int

    def take(self, first: int, last: int, *, outside: str) -> Planes:
        """Return rows first..last; those outside the picture are "zero", "replicate" or "mirror"."""
        index = np.arange(first, last + 1)
        inside = _fold(index, self.height, outside) - self.first
        rows = self.planes[:, inside]
        if outside == "zero":
            rows[:, (index < 0) | (index >= self.height)] = 0
        return rows


def run(graph: Graph, planes: Planes, *, dtype: Any = np.float32, band_rows: int | None = None) -> Planes:
    """Return the network's result (C', H * scale, W * scale) for `planes` (C, H, W), computed in `dtype`.

    `band_rows` is how many rows of the input a band has; None chooses. Raises OptionError for planes that the
    graph does not take.
    """
    if planes.ndim != 3 or planes.shape[0] != graph.channels_in or 0 in planes.shape:
        raise OptionError(
            f"{graph.name} takes {graph.channels_in} planes, (C, H, W); got shape {planes.shape}"
        )
    block = graph.multiple_of
    if planes.shape[1] % block or planes.shape[2] % block:
        raise OptionError(f"{graph.name} takes sides that are multiples of {block}; got shape {planes.shape}")
    planes = planes.astype(dtype)
    height = planes.shape[1]
    rows = -(-(band_rows or _band_rows(graph, planes.shape[2])) // block) * block
    bands = [
        _run_rows(graph, planes, first * graph.scale, min(first + rows, height) * graph.scale - 1)
        for first in range(0, height, rows)
    ]
    return np.concatenate(bands, axis=1)


def activations(graph: Graph, planes: Planes) -> dict[str, Planes]:
    """Return what every node gives for `planes` (channels, height, width), in float32, by name."""
    done: dict[str, Planes] = {}
    for node in graph.nodes:
        inputs = [_Rows(done[name], 0, done[name].shape[1]) for name in node.inputs]
        height = int(planes.shape[1] * graph.scales[node.name])
        done[node.name] = _apply(node.op, inputs, 0, height - 1) if inputs else planes.astype(np.float32)
    return done


def _band_rows(graph: Graph, width: int) -> int:
    """Return how many input rows keep the largest array, the windows of a convolution, at BAND_VALUES."""
    most = 1.0
    for node in graph.nodes:
        taps = node.op.size**2 if isinstance(node.op, Conv) else 1
        for name in (node.name, *node.inputs):
            most = max(most, float(graph.channels[name] * graph.scales[name] ** 2) * taps)
    return max(8, int(BAND_VALUES / (most * width)))


def _run_rows(graph: Graph, planes: Planes, first: int, last: int) -> Planes:
    """Return rows first..last of the result."""
    need = _needed_rows(graph, planes.shape[1], first, last)
    done: dict[str, _Rows] = {}
    for index, node in enumerate(graph.nodes):
        low, high = need[node.name]
        height = int(planes.shape[1] * graph.scales[node.name])
        if node.inputs:
            values = _apply(node.op, [done[name] for name in node.inputs], low, high)
        else:
            values = planes[:, low : high + 1]
        done[node.name] = _Rows(values, low, height)
        for name in node.inputs:
            if all(name not in later.inputs for later in graph.nodes[index + 1 :]):
                done.pop(name, None)
    return done[graph.output.name].planes


def _needed_rows(graph: Graph, height: int, first: int, last: int) -> dict[str, tuple[int, int]]:
    """Return for each node the rows inside the picture that rows first..last of the result depend on."""
    need = {graph.output.name: (first, last)}
    for node in reversed(graph.nodes):
        if not node.inputs:
            continue
        low, high = node.op.reads(*need[node.name])
        for name in node.inputs:
            end = int(height * graph.scales[name]) - 1
            inside = sorted(int(v) for v in _fold(np.array([low, high]), end + 1, "replicate"))
            if isinstance(node.op, Resize) and node.op.kind == "bicubic":  # mirrored rows lie further inside
                inside = [max(0, min(low, end - 2)), min(end, max(high, 2))]
            known = need.get(name, (inside[0], inside[1]))
            need[name] = (min(known[0], inside[0]), max(known[1], inside[1]))
    return need


def _fold(index: npt.NDArray[np.int64], size: int, outside: str) -> npt.NDArray[np.int64]:
    """Return indices inside 0..size - 1: mirrored with the border repeated, or the nearest."""
    if outside == "mirror":
        turned = index % (2 * size)
        return np.where(turned < size, turned, 2 * size - 1 - turned)
    return np.clip(index, 0, size - 1)


def _apply(op: Op, inputs: list[_Rows], first: int, last: int) -> Planes:
    """Return rows first..last of the operation's result."""
    source = inputs[0]
    match op:
        case Conv():
            return _convolve(op, source, first, last)
        case ConvTranspose():
            return _convolve_transposed(op, source, first, last)
        case Resize():
            return _resize(op, source, first, last)
        case PixelShuffle(factor=factor):
            low, high = op.reads(first, last)
            whole = _shuffle(op, source.take(low, high, outside="replicate"))
            return whole[:, first - low * factor : last + 1 - low * factor]
        case PixelUnshuffle(factor=factor):
            rows = source.take(*op.reads(first, last), outside="replicate")
            count, height, width = rows.shape
            cells = rows.reshape(count, height // factor, factor, width // factor, factor)
            return cells.transpose(0, 2, 4, 1, 3).reshape(-1, height // factor, width // factor)
        case _:
            return _pointwise(op, [rows.take(first, last, outside="replicate") for rows in inputs])


def _pointwise(op: Op, inputs: list[Planes]) -> Planes:
    """Return the result of an operation that looks at one sample at a time."""
    x = inputs[0]
    match op:
        case Relu():
            return np.maximum(x, 0)
        case LeakyRelu(slope=slope):
            return np.where(x >= 0, x, x * x.dtype.type(slope))
        case PRelu(slope=slopes):
            return np.where(x >= 0, x, x * slopes.astype(x.dtype)[:, None, None])
        case Tanh():
            return np.tanh(x)
        case Sigmoid():
            return 1 / (1 + np.exp(-x))
        case CRelu():
            return np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)])
        case Add():
            return x + inputs[1]
        case Concat():
            return np.concatenate(inputs)
        case Scale(gain=gain, offset=offset):
            return x * gain.astype(x.dtype)[:, None, None] + offset.astype(x.dtype)[:, None, None]
        case Clamp(low=low, high=high):
            return np.clip(x, low, high)
    raise NotImplementedError(f"the reference engine has no {type(op).__name__}")


def _convolve(op: Conv, source: _Rows, first: int, last: int) -> Planes:
    rows = source.take(*op.reads(first, last), outside=op.border)
    mode = "constant" if op.border == "zero" else "edge"
    padded = np.pad(rows, ((0, 0), (0, 0), (op.radius, op.radius)), mode=mode)  # type: ignore[call-overload]
    span = (op.size - 1) * op.dilation + 1
    windows = sliding_window_view(padded, (span, span), axis=(1, 2))[..., :: op.dilation, :: op.dilation]
    sums = np.tensordot(op.weight.astype(rows.dtype), windows, axes=([1, 2, 3], [0, 3, 4]))
    result: Planes = sums + op.bias.astype(rows.dtype)[:, None, None]
    return result


def _convolve_transposed(op: ConvTranspose, source: _Rows, first: int, last: int) -> Planes:
    low, high = op.reads(first, last)
    rows = source.take(low, high, outside="zero")
    height, width = rows.shape[1:]
    out = op.weight.shape[1]
    whole = np.zeros(
        (out, height * op.stride + op.size, width * op.stride + op.size + op.output_padding), rows.dtype
    )
    weight = op.weight.astype(rows.dtype)
    for ty in range(op.size):
        for tx in range(op.size):
            part = np.tensordot(weight[:, :, ty, tx], rows, axes=([0], [0]))
            bottom, right = ty + height * op.stride, tx + width * op.stride
            whole[:, ty : bottom : op.stride, tx : right : op.stride] += part
    top = first + op.padding - low * op.stride
    result: Planes = whole[:, top : top + last + 1 - first, op.padding : op.padding + width * op.stride]
    return result + op.bias.astype(rows.dtype)[:, None, None]


def _shuffle(op: PixelShuffle, x: Planes) -> Planes:
    factor = op.factor
    count, height, width = x.shape[0] // factor**2, *x.shape[1:]
    cells = x.reshape(count, factor, factor, height, width)
    if op.order == "xy":
        cells = cells.transpose(0, 2, 1, 3, 4)
    return cells.transpose(0, 3, 1, 4, 2).reshape(count, height * factor, width * factor)


def _resize(op: Resize, source: _Rows, first: int, last: int) -> Planes:
    width = source.planes.shape[2]
    columns = _Rows(source.planes.transpose(0, 2, 1), 0, width)
    wide = _resize_rows(op, columns, 0, width * op.factor - 1).transpose(0, 2, 1)
    return _resize_rows(op, _Rows(wide, source.first, source.height), first, last)


def _resize_rows(op: Resize, source: _Rows, first: int, last: int) -> Planes:
    index = np.arange(first, last + 1)
    if op.kind == "nearest":
        return source.planes[:, index // op.factor - source.first]
    base = (2 * index + 1 - op.factor) // (2 * op.factor)
    u = (index + 0.5) / op.factor - 0.5
    taps, kernel, outside = (
        (range(2), _tent, "replicate") if op.kind == "bilinear" else (range(-1, 3), _cubic, "mirror")
    )
    result = np.zeros((source.planes.shape[0], len(index), source.planes.shape[2]), source.planes.dtype)
    for tap in taps:
        weight = kernel(np.abs(u - (base + tap))).astype(source.planes.dtype)
        inside = _fold(base + tap, source.height, outside) - source.first
        result += weight[:, None] * source.planes[:, inside]
    return result


def _tent(distance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.maximum(0.0, 1.0 - distance)


def _cubic(distance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Keys' cubic with a = -0.5 (IEEE ASSP-29, 1981)."""
    d = distance
    near = 1.5 * d**3 - 2.5 * d**2 + 1
    far = -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    return np.where(d <= 1, near, np.where(d <= 2, far, 0.0))
