"""SRVGGNetCompact (Real-ESRGAN): plain 3x3 layers on R, G, B, and the nearest pixels added at the end."""

from __future__ import annotations

from math import isqrt

from vsr.nets.builder import Builder
from vsr.nets.families.weights import Hints, MismatchError, Weights
from vsr.nets.graph import Graph
from vsr.nets.ops import Add, LeakyRelu, Op, PixelShuffle, PRelu, Relu, Resize


def build(weights: Weights, name: str, hints: Hints) -> Graph:
    """Keys body.0, body.1 (PReLU), body.2, ... to the last convolution.

    Without the slopes of PReLU the activation is relu, or by activation=leakyrelu one of slope 0.1.
    """
    b = Builder(3)
    layer = weights.conv("body.0", None, 3, 3)
    x, width, index = b.conv(b.input, *layer), layer[0].shape[0], 2
    prelu = "body.1.weight" in weights
    plain: Op = Relu()
    if not prelu and hints.activation("relu", "leakyrelu") == "leakyrelu":
        plain = LeakyRelu(0.1)
    while True:
        x = b.add(PRelu(weights.take(f"body.{index - 1}.weight", width)) if prelu else plain, x)
        last = f"body.{index + (1 if prelu else 2)}.weight" not in weights
        layer = weights.conv(f"body.{index}", None, width, 3)
        x, index = b.conv(x, *layer), index + 2
        if last:
            break
        width = layer[0].shape[0]
    out = layer[0].shape[0]
    factor = isqrt(out // 3)
    if out != 3 * factor**2 or factor < 1:
        raise MismatchError(f"the last layer has {out} outputs, 3 times the square of a factor is wanted")
    if factor == 1:
        b.add(Add(), x, b.input)
    else:
        b.add(Add(), b.add(PixelShuffle(factor), x), b.add(Resize("nearest", factor), b.input))
    return b.build(name)
