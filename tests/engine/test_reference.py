"""The numpy engine against slow formulas written from the operations' definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vsr.engine.reference import run
from vsr.errors import OptionError
from vsr.nets.builder import Builder
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
    ShuffleOrder,
    Sigmoid,
    Tanh,
)

RNG = np.random.default_rng(1)
Array = Any


def numbers(*shape: int) -> Array:
    return RNG.standard_normal(shape).astype(np.float32)


def floats(*values: float) -> Array:
    return np.array(values, np.float32)


def between(op: Op, channels: int, out: int) -> tuple[Graph, Array]:
    """A graph input -> 1x1 to `channels` -> op -> 1x1 back, and the first 1x1's weight."""
    b = Builder(3)
    into, back = numbers(channels, 3, 1, 1), np.zeros((3, out, 1, 1), np.float32)
    back[np.arange(3), np.arange(3) % out] = 1
    x = b.add(op, b.conv(b.input, into))
    b.conv(x, back)
    return b.build("test"), into[:, :, 0, 0]


def slow_conv(op: Conv, x: Array) -> Array:
    height, width = x.shape[1:]
    result = np.zeros((op.weight.shape[0], height, width))
    for o, i, ty, tx in np.ndindex(*op.weight.shape):
        for y, u in np.ndindex(height, width):
            v, w = y + (ty - op.size // 2) * op.dilation, u + (tx - op.size // 2) * op.dilation
            if op.border == "replicate":
                v, w = min(max(v, 0), height - 1), min(max(w, 0), width - 1)
            elif not (0 <= v < height and 0 <= w < width):
                continue
            result[o, y, u] += float(op.weight[o, i, ty, tx]) * x[i, v, w]
    return result + op.bias[:, None, None]


@pytest.mark.parametrize("border", ["zero", "replicate"])
@pytest.mark.parametrize(("size", "dilation"), [(1, 1), (3, 1), (5, 1), (3, 2)])
@pytest.mark.parametrize("shape", [(5, 6), (1, 1), (1, 4), (7, 2)])
def test_conv(border: Any, size: int, dilation: int, shape: tuple[int, int]) -> None:
    op = Conv(numbers(3, 3, size, size), numbers(3), border, dilation)
    b = Builder(3)
    b.add(op, b.input)
    x = RNG.random((3, *shape))
    np.testing.assert_allclose(run(b.build("t"), x, dtype=np.float64), slow_conv(op, x), atol=1e-12)


@pytest.mark.parametrize(("size", "stride"), [(9, 2), (9, 3), (2, 2), (4, 2), (1, 1)])
def test_conv_transpose(size: int, stride: int) -> None:
    padding = max(0, -(-(size - stride) // 2))
    op = ConvTranspose(numbers(1, 1, size, size), numbers(1), stride, padding, stride - size + 2 * padding)
    b = Builder(1)
    b.add(op, b.input)
    x = RNG.random((1, 4, 5))
    expected = np.full((1, 4 * stride, 5 * stride), float(op.bias[0]))
    for y, u, ty, tx in np.ndindex(4, 5, size, size):
        v, w = y * stride + ty - padding, u * stride + tx - padding
        if 0 <= v < 4 * stride and 0 <= w < 5 * stride:
            expected[0, v, w] += float(op.weight[0, 0, ty, tx]) * x[0, y, u]
    for rows in (None, 1, 3):
        result = run(b.build("t"), x, dtype=np.float64, band_rows=rows)
        np.testing.assert_allclose(result, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("op", "formula"),
    [
        (Relu(), lambda v, c: max(v, 0)),
        (LeakyRelu(0.2), lambda v, c: v if v >= 0 else np.float64(0.2) * v),
        (PRelu(floats(0.5, -1, 2)), lambda v, c: v if v >= 0 else (0.5, -1, 2)[c] * v),
        (Tanh(), lambda v, c: np.tanh(v)),
        (Sigmoid(), lambda v, c: 1 / (1 + np.exp(-v))),
        (Scale(floats(2), floats(1, 0, -1)), lambda v, c: 2 * v + (1, 0, -1)[c]),
        (Clamp(-0.5, 0.5), lambda v, c: min(max(v, -0.5), 0.5)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Op) else "",
)
def test_pointwise(op: Op, formula: Any) -> None:
    graph, into = between(op, 3, 3)
    x = RNG.random((3, 4, 5)) - 0.5
    middle = np.einsum("oi,ihw->ohw", into.astype(np.float64), x)
    expected = [[[formula(v, c) for v in row] for row in plane] for c, plane in enumerate(middle)]
    np.testing.assert_allclose(run(graph, x, dtype=np.float64), expected, atol=1e-12)


def test_crelu_add_concat() -> None:
    b = Builder(3)
    both = b.add(CRelu(), b.input)
    whole = b.add(Concat(), both, b.input)
    pick = np.zeros((3, 9, 1, 1), np.float32)
    pick[0, 0] = pick[1, 4] = pick[2, 8] = 1  # a positive part, a negative part, the input
    one = b.conv(b.input, floats(1, 0, 0).reshape(1, 3, 1, 1))
    b.add(Add(), one, b.conv(whole, pick))
    x = RNG.random((3, 3, 4)) - 0.5
    expected = np.stack([np.maximum(x[0], 0), np.maximum(-x[1], 0), x[2]]) + x[0]
    np.testing.assert_allclose(run(b.build("t"), x, dtype=np.float64), expected, atol=1e-15)


@pytest.mark.parametrize("order", ["yx", "xy"])
@pytest.mark.parametrize("factor", [2, 3])
def test_pixel_shuffle(order: ShuffleOrder, factor: int) -> None:
    b = Builder(1)
    weight = numbers(factor**2, 1, 1, 1)
    b.add(PixelShuffle(factor, order), b.conv(b.input, weight))
    x = RNG.random((1, 3, 4))
    result = run(b.build("t"), x, dtype=np.float64, band_rows=1)
    for y, u in np.ndindex(result.shape[1:]):
        iy, ix = y % factor, u % factor
        index = iy * factor + ix if order == "yx" else ix * factor + iy
        assert result[0, y, u] == float(weight[index, 0, 0, 0]) * x[0, y // factor, u // factor]


def test_pixel_unshuffle_is_undone_by_shuffle() -> None:
    b = Builder(3)
    b.add(PixelShuffle(2), b.add(PixelUnshuffle(2), b.input))
    graph = b.build("t")
    x = RNG.random((3, 6, 8))
    assert graph.multiple_of == 2
    np.testing.assert_array_equal(run(graph, x, dtype=np.float64, band_rows=2), x)
    with pytest.raises(OptionError, match="multiples of 2"):
        run(graph, x[:, :5])


def tap(kind: str, distance: float) -> float:
    d = abs(distance)
    if kind == "bilinear":
        return max(0.0, 1 - d)
    return (
        1.5 * d**3 - 2.5 * d**2 + 1 if d <= 1 else (-0.5 * d**3 + 2.5 * d**2 - 4 * d + 2 if d <= 2 else 0.0)
    )


def outside(kind: str, index: int, size: int) -> int:
    if kind == "bilinear":
        return min(max(index, 0), size - 1)
    while not 0 <= index < size:
        index = -1 - index if index < 0 else 2 * size - 1 - index
    return index


@pytest.mark.parametrize("kind", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("size", [1, 2, 5, 9])
def test_resize(kind: Any, factor: int, size: int) -> None:
    b = Builder(1)
    b.add(Resize(kind, factor), b.input)
    x = RNG.random((1, size, 6))
    matrices = []
    for side in (size, 6):
        matrix = np.zeros((side * factor, side))
        for y in range(side * factor):
            u = (y + 0.5) / factor - 0.5
            if kind == "nearest":
                matrix[y, y // factor] = 1
                continue
            for index in range(-4, side + 4):
                matrix[y, outside(kind, index, side)] += tap(kind, u - index)
        matrices.append(matrix)
    expected = matrices[0] @ x[0] @ matrices[1].T
    for rows in (None, 1, 2):
        result = run(b.build("t"), x, dtype=np.float64, band_rows=rows)[0]
        np.testing.assert_allclose(result, expected, atol=1e-12)


def deep() -> Graph:
    """A graph with every operation whose rows depend on others."""
    b = Builder(3)
    first = b.add(CRelu(), b.conv(b.input, numbers(4, 3, 3, 3), numbers(4), border="replicate"))
    x = b.conv(first, numbers(3, 8, 3, 3) / 5, border="zero")
    x = b.conv(b.add(Resize("bilinear", 2), x), numbers(12, 3, 3, 3) / 5, border="replicate", dilation=2)
    x = b.add(PixelShuffle(2), x)
    b.add(Add(), x, b.add(Resize("bicubic", 4), b.input))
    return b.build("deep")


@pytest.mark.parametrize("rows", [1, 2, 3, 7])
@pytest.mark.parametrize("height", [1, 2, 9])
def test_bands_do_not_show(rows: int, height: int) -> None:
    graph, x = deep(), RNG.random((3, height, 7))
    whole = run(graph, x, dtype=np.float64)
    np.testing.assert_allclose(run(graph, x, dtype=np.float64, band_rows=rows), whole, atol=1e-13)


def test_receptive_field_is_where_change_reaches() -> None:
    graph = deep()
    before, after = graph.receptive_field
    x = RNG.random((3, 1, 41))
    changed = x.copy()
    changed[:, :, 20] += 1
    differs = np.abs(run(graph, changed) - run(graph, x)).max(axis=(0, 1)) > 0
    columns = np.flatnonzero(differs) // graph.scale
    assert columns.min() >= 20 - after and columns.max() <= 20 + before
    assert columns.max() - columns.min() >= before + after - 2


def test_float32_is_close_to_float64_and_planes_are_checked() -> None:
    graph, x = deep(), RNG.random((3, 8, 9))
    single = run(graph, x.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, run(graph, x, dtype=np.float64), atol=1e-4)
    with pytest.raises(OptionError, match="takes 3 planes"):
        run(graph, x[:1])
