"""SRCNN (Dong et al., 2014): bicubic, then 9-k-5 convolutions on luma."""

from __future__ import annotations

from vsr.nets.builder import Builder
from vsr.nets.families.weights import Hints, Weights
from vsr.nets.graph import Graph
from vsr.nets.ops import Relu, Resize


def build(weights: Weights, name: str, hints: Hints) -> Graph:
    """Keys conv1, conv2, conv3, or features.0, map.0, reconstruction, of kernels 9, any, 5.

    The scale is the caller's; 2 if there is none, 1 where the picture comes enlarged.
    """
    ports = (("conv1", "conv2", "conv3"), ("features.0", "map.0", "reconstruction"))
    keys = ports["features.0.weight" in weights]
    first = weights.conv(keys[0], None, 1, 9)
    second = weights.conv(keys[1], None, first[0].shape[0])
    third = weights.conv(keys[2], 1, second[0].shape[0], 5)
    b = Builder(1)
    scale = hints.scale()
    x = b.input if scale == 1 else b.add(Resize("bicubic", scale), b.input)
    x = b.add(Relu(), b.conv(x, *first))
    x = b.add(Relu(), b.conv(x, *second))
    b.conv(x, *third)
    return b.build(name)
