"""FSRCNN (Dong et al., 2016): shrink, map, expand on luma, then a transposed convolution."""

from __future__ import annotations

from vsr.nets.builder import Builder
from vsr.nets.families.weights import Hints, MismatchError, Weights
from vsr.nets.graph import Graph
from vsr.nets.ops import ConvTranspose, PRelu


def build(weights: Weights, name: str, hints: Hints) -> Graph:
    """Keys first_part, mid_part.N (convolution and PReLU in turn), last_part; or feature_extraction, shrink,
    map.N, expand, deconv.

    The weights do not say the stride of the last layer: it is the caller's scale, or 2.
    """
    layers, end = _layers(weights)
    if len(layers) < 3:
        raise MismatchError("mid_part.0.weight is missing")
    b = Builder(1)
    x, width = b.input, 1
    for index, (conv, slope) in enumerate(layers):
        layer = weights.conv(conv, None, width, 5 if index == 0 else None)
        x, width = b.conv(x, *layer), layer[0].shape[0]
        x = b.add(PRelu(weights.take(f"{slope}.weight", width)), x)
    factor = hints.scale()
    weight = weights.take(f"{end}.weight", width, 1, 9, 9)
    b.add(ConvTranspose(weight, weights.take(f"{end}.bias", 1), factor, 4, factor - 1), x)
    return b.build(name)


def _layers(weights: Weights) -> tuple[list[tuple[str, str]], str]:
    """Return the keys of each convolution and its PReLU, and that of the last layer."""
    if "feature_extraction.0.weight" not in weights:
        return [("first_part.0", "first_part.1"), *_pairs(weights, "mid_part")], "last_part"
    names = ("feature_extraction", "shrink", "map", "expand")
    return [pair for name in names for pair in _pairs(weights, name)], "deconv"


def _pairs(weights: Weights, name: str) -> list[tuple[str, str]]:
    count = weights.count(name + ".{}.weight")
    return [(f"{name}.{index}", f"{name}.{index + 1}") for index in range(0, count, 2)]
