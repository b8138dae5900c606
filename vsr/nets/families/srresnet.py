"""SRResNet and SRGAN's generator (Ledig et al., 2017) and MSRResNet (BasicSR), on R, G, B."""

from __future__ import annotations

import numpy as np

from vsr.nets.builder import Builder
from vsr.nets.families.weights import Hints, MismatchError, Weights
from vsr.nets.graph import Graph
from vsr.nets.ops import Add, LeakyRelu, PixelShuffle, PRelu, Relu, Resize, Scale, Tanh


def build(weights: Weights, name: str, hints: Hints) -> Graph:
    """Three sets of keys: conv1.0/trunk.N.rcb (Lornatang; conv_block1.0 in older versions),
    block1.0/block2.conv1 (leftthomas), conv_first (BasicSR).
    """
    if "conv_first.weight" in weights:
        return _build_msrresnet(weights, name)
    if "block1.0.weight" in weights:
        return _build_leftthomas(weights, name)
    return _build_lornatang(weights, name)


def _prelu(b: Builder, weights: Weights, key: str, x: str, width: int) -> str:
    slope = weights.take(f"{key}.weight", None)
    if slope.size not in (1, width):
        raise MismatchError(f"{key}.weight has {slope.size} slopes for {width} channels")
    return b.add(PRelu(np.broadcast_to(slope, width), shared=slope.size == 1), x)


def _build_lornatang(weights: Weights, name: str) -> Graph:
    """Targets in 0..1, no final activation; the port clamps afterwards, as storing samples does."""
    b = Builder(3)
    conv = "conv_block" if "conv_block1.0.weight" in weights else "conv"
    layer = weights.conv(f"{conv}1.0", None, 3, 9)
    width = layer[0].shape[0]
    x = start = _prelu(b, weights, f"{conv}1.1", b.conv(b.input, *layer), width)
    for index in range(weights.count("trunk.{}.rcb.0.weight")):
        key = f"trunk.{index}.rcb"
        inner = b.conv(x, *weights.conv_with_norm(f"{key}.0", f"{key}.1", width, width, 3))
        inner = _prelu(b, weights, f"{key}.2", inner, width)
        inner = b.conv(inner, *weights.conv_with_norm(f"{key}.3", f"{key}.4", width, width, 3))
        x = b.add(Add(), x, inner)
    x = b.add(Add(), start, b.conv(x, *weights.conv_with_norm(f"{conv}2.0", f"{conv}2.1", width, width, 3)))
    for index in range(weights.count("upsampling.{}.upsample_block.0.weight")):
        key = f"upsampling.{index}.upsample_block"
        x = b.add(PixelShuffle(2), b.conv(x, *weights.conv(f"{key}.0", 4 * width, width, 3)))
        x = _prelu(b, weights, f"{key}.2", x, width)
    b.conv(x, *weights.conv(f"{conv}3", 3, width, 9))
    return b.build(name)


def _build_leftthomas(weights: Weights, name: str) -> Graph:
    """The output is (tanh(x) + 1) / 2. The blocks are numbered on: first, residual, after them, enlarging."""
    b = Builder(3)
    layer = weights.conv("block1.0", None, 3, 9)
    width = layer[0].shape[0]
    x = start = _prelu(b, weights, "block1.1", b.conv(b.input, *layer), width)
    number = 2
    while f"block{number}.conv1.weight" in weights:
        key = f"block{number}"
        inner = b.conv(x, *weights.conv_with_norm(f"{key}.conv1", f"{key}.bn1", width, width, 3))
        inner = _prelu(b, weights, f"{key}.prelu", inner, width)
        inner = b.conv(inner, *weights.conv_with_norm(f"{key}.conv2", f"{key}.bn2", width, width, 3))
        x, number = b.add(Add(), x, inner), number + 1
    key = f"block{number}"
    x = b.add(Add(), start, b.conv(x, *weights.conv_with_norm(f"{key}.0", f"{key}.1", width, width, 3)))
    key = f"block{number + 1}"
    ups = weights.count(key + ".{}.conv.weight")
    for index in range(ups):
        x = b.add(PixelShuffle(2), b.conv(x, *weights.conv(f"{key}.{index}.conv", 4 * width, width, 3)))
        x = _prelu(b, weights, f"{key}.{index}.prelu", x, width)
    x = b.add(Tanh(), b.conv(x, *weights.conv(f"{key}.{ups}", 3, width, 9)))
    b.add(Scale(np.array([0.5], np.float32), np.array([0.5], np.float32)), x)
    return b.build(name)


def _build_msrresnet(weights: Weights, name: str) -> Graph:
    """BasicSR's: no batch norm, leaky relu 0.1, and the bilinear picture added at the end."""
    b = Builder(3)
    layer = weights.conv("conv_first", None, 3, 3)
    width, slope = layer[0].shape[0], LeakyRelu(0.1)
    x = b.add(slope, b.conv(b.input, *layer))
    for index in range(weights.count("body.{}.conv1.weight")):
        inner = b.conv(x, *weights.conv(f"body.{index}.conv1", width, width, 3))
        inner = b.conv(b.add(Relu(), inner), *weights.conv(f"body.{index}.conv2", width, width, 3))
        x = b.add(Add(), x, inner)
    factor = 1
    for key in ("upconv1", "upconv2"):
        if f"{key}.weight" in weights:
            layer = weights.conv(key, None, width, 3)
            step = 3 if layer[0].shape[0] == 9 * width else 2
            x = b.add(slope, b.add(PixelShuffle(step), b.conv(x, *layer)))
            factor *= step
    x = b.add(slope, b.conv(x, *weights.conv("conv_hr", width, width, 3)))
    x = b.conv(x, *weights.conv("conv_last", 3, width, 3))
    b.add(Add(), x, b.input if factor == 1 else b.add(Resize("bilinear", factor), b.input))
    return b.build(name)
