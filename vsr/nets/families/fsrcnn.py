"""FSRCNN (Dong et al., 2016): shrink, map, expand on luma, then a transposed convolution."""

from __future__ import annotations

from vsr.nets.builder import Builder
from vsr.nets.families.weights import MismatchError, Weights
from vsr.nets.graph import Graph
from vsr.nets.ops import ConvTranspose, PRelu


def build(weights: Weights, name: str, scale: int | None) -> Graph:
    """Keys first_part.0 and .1, mid_part.N (convolution and PReLU in turn), last_part.

    The weights do not say the stride of the last layer: it is the caller's scale, or 2.
    """
    b = Builder(1)
    layer = weights.conv("first_part.0", None, 1, 5)
    x, width = b.conv(b.input, *layer), layer[0].shape[0]
    x = b.add(PRelu(weights.take("first_part.1.weight", width)), x)
    index = 0
    while f"mid_part.{index}.weight" in weights:
        layer = weights.conv(f"mid_part.{index}", None, width)
        x, width = b.conv(x, *layer), layer[0].shape[0]
        x = b.add(PRelu(weights.take(f"mid_part.{index + 1}.weight", width)), x)
        index += 2
    if index == 0:
        raise MismatchError("mid_part.0.weight is missing")
    factor = scale or 2
    weight = weights.take("last_part.weight", width, 1, 9, 9)
    b.add(ConvTranspose(weight, weights.take("last_part.bias", 1), factor, 4, factor - 1), x)
    return b.build(name)
