"""The networks trained here: narrow 3x3 layers with crelu on luma, all read by the last, plus the bicubic."""

from __future__ import annotations

from math import isqrt

from vsr.nets.builder import Builder
from vsr.nets.families.weights import Hints, MismatchError, Weights
from vsr.nets.graph import Graph
from vsr.nets.ops import Add, Concat, CRelu, PixelShuffle, Resize


def build(weights: Weights, name: str, hints: Hints) -> Graph:
    """Keys layers.0, layers.1, ... and last, which is 1x1."""
    count = weights.count("layers.{}.weight")
    if count < 2:
        raise MismatchError("layers.1.weight is missing")
    b = Builder(1)
    x, into, seen = b.input, 1, []
    for index in range(count):
        layer = weights.conv(f"layers.{index}", None if index == 0 else into // 2, into, 3)
        x, into = b.add(CRelu(), b.conv(x, *layer)), 2 * layer[0].shape[0]
        seen.append(x)
    last = weights.conv("last", None, count * into, 1)
    factor = isqrt(len(last[0]))
    if factor < 2 or factor**2 != len(last[0]):
        raise MismatchError(f"last.weight has {len(last[0])} outputs, the square of a factor is wanted")
    change = b.add(PixelShuffle(factor), b.conv(b.add(Concat(), *seen), *last))
    b.add(Add(), change, b.add(Resize("bicubic", factor), b.input))
    return b.build(name)
