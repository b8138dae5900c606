"""RRDBNet (ESRGAN, Real-ESRGAN): dense blocks in blocks on R, G, B, with the keys of three generations."""

from __future__ import annotations

import numpy as np

from vsr.nets.builder import Builder
from vsr.nets.families.weights import Hints, MismatchError, Weights
from vsr.nets.graph import Graph
from vsr.nets.ops import Add, Concat, LeakyRelu, PixelUnshuffle, Resize, Scale

_SLOPE = 0.2
_UNSHUFFLE = {3: 1, 12: 2, 48: 4}
_NEW = ("conv_first", "body.{}.rdb{}.conv{}", "conv_body", ("conv_up1", "conv_up2"), "conv_hr", "conv_last")
_MIDDLE = (
    "conv_first",
    "RRDB_trunk.{}.RDB{}.conv{}",
    "trunk_conv",
    ("upconv1", "upconv2"),
    "HRconv",
    "conv_last",
)
_Keys = tuple[str, str, str, tuple[str, ...], str, str]


def build(weights: Weights, name: str, hints: Hints) -> Graph:
    """New, middle and old (model.N) keys; 12 or 48 input channels are pixels made channels, for 2x and 1x.

    Old keys with one enlarging layer are for 2x; for 3x where the caller's scale says so.
    """
    first, block, trunk, ups, hr, last = _keys(weights)
    b = Builder(3)
    layer = weights.conv(first, None, None, 3)
    width, into = layer[0].shape[:2]
    if into not in _UNSHUFFLE:
        raise MismatchError(f"{first}.weight reads {into} channels; 3, 12 and 48 are known")
    x = b.input if into == 3 else b.add(PixelUnshuffle(_UNSHUFFLE[into]), b.input)
    x = start = b.conv(x, *layer)
    count = weights.count(block.format("{}", 1, 1) + ".weight")
    if count == 0:
        raise MismatchError(f"{block.format(0, 1, 1)}.weight is missing")
    for index in range(count):
        inner = x
        for part in (1, 2, 3):
            inner = _dense_block(
                b, weights, [block.format(index, part, k) for k in range(1, 6)], inner, width
            )
        x = _residual(b, x, inner)
    x = b.add(Add(), start, b.conv(x, *weights.conv(trunk, width, width, 3)))
    step = 3 if hints.given_scale == 3 and len(ups) == 1 else 2
    for up in ups:
        x = b.conv(b.add(Resize("nearest", step), x), *weights.conv(up, width, width, 3))
        x = b.add(LeakyRelu(_SLOPE), x)
    x = b.add(LeakyRelu(_SLOPE), b.conv(x, *weights.conv(hr, width, width, 3)))
    b.conv(x, *weights.conv(last, 3, width, 3))
    return b.build(name)


def _keys(weights: Weights) -> _Keys:
    if "model.0.weight" not in weights:
        return _NEW if "conv_body.weight" in weights else _MIDDLE
    count = weights.count("model.1.sub.{}.RDB1.conv1.0.weight")
    enlarging = 0
    while f"model.{3 * enlarging + 3}.weight" in weights:
        enlarging += 1
    ups = tuple(f"model.{3 * index + 3}" for index in range(enlarging))
    tail = (f"model.{3 * enlarging + 2}", f"model.{3 * enlarging + 4}")
    return ("model.0", "model.1.sub.{}.RDB{}.conv{}.0", f"model.1.sub.{count}", ups, *tail)


def _dense_block(b: Builder, weights: Weights, keys: list[str], x: str, width: int) -> str:
    """Five layers, each reading all before it; out = x + 0.2 times the last."""
    seen, channels = [x], width
    for key in keys[:-1]:
        layer = weights.conv(key, None, channels, 3)
        source = seen[0] if len(seen) == 1 else b.add(Concat(), *seen)
        seen.append(b.add(LeakyRelu(_SLOPE), b.conv(source, *layer)))
        channels += layer[0].shape[0]
    last = b.conv(b.add(Concat(), *seen), *weights.conv(keys[-1], width, channels, 3))
    return _residual(b, x, last)


def _residual(b: Builder, x: str, change: str) -> str:
    return b.add(Add(), x, b.add(Scale(np.array([0.2], np.float32), np.zeros(1, np.float32)), change))
