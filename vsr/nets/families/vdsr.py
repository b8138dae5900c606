"""VDSR (Kim et al., 2016): bicubic, then a residual of many 3x3 layers on luma."""

from __future__ import annotations

from vsr.nets.builder import Builder
from vsr.nets.families.weights import Weights
from vsr.nets.graph import Graph
from vsr.nets.ops import Add, Relu, Resize


def build(weights: Weights, name: str, scale: int | None) -> Graph:
    """Keys input, residual_layer.N.conv, output, with or without bias. The scale is the caller's, or 2."""
    has_bias = "input.bias" in weights
    layers = weights.count("residual_layer.{}.conv.weight")
    first = weights.conv("input", None, 1, 3, bias=has_bias)
    width = first[0].shape[0]
    b = Builder(1)
    base = b.input if scale == 1 else b.add(Resize("bicubic", scale or 2), b.input)
    x = b.add(Relu(), b.conv(base, *first))
    for index in range(layers):
        layer = weights.conv(f"residual_layer.{index}.conv", width, width, 3, bias=has_bias)
        x = b.add(Relu(), b.conv(x, *layer))
    b.add(Add(), b.conv(x, *weights.conv("output", 1, width, 3, bias=has_bias)), base)
    return b.build(name)
