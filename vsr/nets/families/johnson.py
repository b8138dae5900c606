"""The super-resolution network of Johnson et al. (2016): residual blocks, then transposed convolutions."""

from __future__ import annotations

import numpy as np

from vsr.nets.builder import Builder
from vsr.nets.families.weights import Hints, Weights
from vsr.nets.graph import Graph
from vsr.nets.ops import Add, ConvTranspose, Relu, Scale, Tanh


def build(weights: Weights, name: str, hints: Hints) -> Graph:
    """Keys conv_in, norm_in, blocks.N.conv1 norm1 conv2 norm2, up.N.conv norm, conv_out: this project's own.

    The published weights are Torch7 files without names. The result is (tanh(x) + 1) / 2.
    """
    last = weights.conv("conv_out", 3, None, 9)
    width = last[0].shape[1]
    b = Builder(3)
    x = b.add(Relu(), b.conv(b.input, *weights.conv_with_norm("conv_in", "norm_in", width, 3, 9)))
    for index in range(weights.count("blocks.{}.conv1.weight")):
        key = f"blocks.{index}"
        inner = b.conv(x, *weights.conv_with_norm(f"{key}.conv1", f"{key}.norm1", width, width, 3))
        inner = b.add(Relu(), inner)
        inner = b.conv(inner, *weights.conv_with_norm(f"{key}.conv2", f"{key}.norm2", width, width, 3))
        x = b.add(Add(), x, inner)
    for index in range(weights.count("up.{}.conv.weight")):
        layer = weights.conv_with_norm(
            f"up.{index}.conv", f"up.{index}.norm", width, width, 3, transposed=True
        )
        x = b.add(Relu(), b.add(ConvTranspose(*layer, stride=2, padding=1, output_padding=1), x))
    x = b.add(Tanh(), b.conv(x, *last))
    b.add(Scale(np.array([0.5], np.float32), np.array([0.5], np.float32)), x)
    return b.build(name)
