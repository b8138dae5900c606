"""SRCNN (Dong et al., 2014): bicubic, then 9-k-5 convolutions on luma."""

from __future__ import annotations

from vsr.nets.builder import Builder
from vsr.nets.families.weights import Weights
from vsr.nets.graph import Graph
from vsr.nets.ops import Relu, Resize


def build(weights: Weights, name: str, scale: int | None) -> Graph:
    """Keys conv1, conv2, conv3, of kernels 9, any, 5. The scale is the caller's; 2 if there is none."""
    first = weights.conv("conv1", None, 1, 9)
    second = weights.conv("conv2", None, first[0].shape[0])
    third = weights.conv("conv3", 1, second[0].shape[0], 5)
    b = Builder(1)
    x = b.input if scale == 1 else b.add(Resize("bicubic", scale or 2), b.input)
    x = b.add(Relu(), b.conv(x, *first))
    x = b.add(Relu(), b.conv(x, *second))
    b.conv(x, *third)
    return b.build(name)
