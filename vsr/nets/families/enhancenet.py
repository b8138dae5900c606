"""EnhanceNet (Sajjadi et al., 2017): residual blocks on R, G, B, the bicubic picture added at the end."""

from __future__ import annotations

import numpy as np

from vsr.nets.builder import Builder
from vsr.nets.families.weights import Hints, MismatchError, Weights
from vsr.nets.graph import Graph
from vsr.nets.ops import Add, Relu, Resize, Scale


def build(weights: Weights, name: str, hints: Hints) -> Graph:
    """Keys conv_in, blocks.N.0 and blocks.N.1, up.0, up.1, conv_hr, conv_out: this project's own names.

    The published weights are a TensorFlow graph without names that ports share. `mean`, three numbers, is
    taken from R, G, B before the first layer, as the author's program does; it comes back with the bicubic.
    """
    b = Builder(3)
    layer = weights.conv("conv_in", None, 3, 3)
    width, x = layer[0].shape[0], b.input
    if "mean" in weights:
        x = b.add(Scale(np.ones(3, np.float32), -weights.take("mean", 3)), x)
    x = b.add(Relu(), b.conv(x, *layer))
    count = weights.count("blocks.{}.0.weight")
    if count == 0:
        raise MismatchError("blocks.0.0.weight is missing")
    for index in range(count):
        inner = b.add(Relu(), b.conv(x, *weights.conv(f"blocks.{index}.0", width, width, 3)))
        x = b.add(Add(), x, b.conv(inner, *weights.conv(f"blocks.{index}.1", width, width, 3)))
    for key in ("up.0", "up.1"):
        x = b.conv(b.add(Resize("nearest", 2), x), *weights.conv(key, width, width, 3))
        x = b.add(Relu(), x)
    x = b.add(Relu(), b.conv(x, *weights.conv("conv_hr", width, width, 3)))
    x = b.conv(x, *weights.conv("conv_out", 3, width, 3))
    b.add(Add(), x, b.add(Resize("bicubic", 4), b.input))
    return b.build(name)
