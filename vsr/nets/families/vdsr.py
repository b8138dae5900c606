"""VDSR (Kim et al., 2016): bicubic, then a residual of many 3x3 layers on luma."""

from __future__ import annotations

from vsr.nets.builder import Builder
from vsr.nets.families.weights import Hints, MismatchError, Weights
from vsr.nets.graph import Graph
from vsr.nets.ops import Add, Relu, Resize


def build(weights: Weights, name: str, hints: Hints) -> Graph:
    """Keys input, residual_layer.N.conv, output, or conv1.0, trunk.N.conv, conv2, with or without bias.

    The scale is the caller's; 2 if there is none, 1 where the picture comes enlarged.
    """
    ports = (("input", "residual_layer.{}.conv", "output"), ("conv1.0", "trunk.{}.conv", "conv2"))
    start, middle, end = ports["conv1.0.weight" in weights]
    has_bias = f"{start}.bias" in weights
    layers = weights.count(middle + ".weight")
    if layers == 0:
        raise MismatchError(f"{middle.format(0)}.weight is missing")
    first = weights.conv(start, None, 1, 3, bias=has_bias)
    width = first[0].shape[0]
    b = Builder(1)
    scale = hints.scale()
    base = b.input if scale == 1 else b.add(Resize("bicubic", scale), b.input)
    x = b.add(Relu(), b.conv(base, *first))
    for index in range(layers):
        layer = weights.conv(middle.format(index), width, width, 3, bias=has_bias)
        x = b.add(Relu(), b.conv(x, *layer))
    b.add(Add(), b.conv(x, *weights.conv(end, 1, width, 3, bias=has_bias)), base)
    return b.build(name)
