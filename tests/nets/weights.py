"""Weights of every family of networks, by the names that their trainings give them."""

from __future__ import annotations

from typing import Any

import numpy as np

RNG = np.random.default_rng(5)
Arrays = dict[str, Any]


def conv(name: str, out: int, into: int, size: int, *, bias: bool = True) -> Arrays:
    weight = {f"{name}.weight": RNG.standard_normal((out, into, size, size)).astype(np.float32) * 0.1}
    return weight | ({f"{name}.bias": RNG.standard_normal(out).astype(np.float32)} if bias else {})


def norm(name: str, width: int) -> Arrays:
    fields = {
        f"{name}.{key}": RNG.random(width).astype(np.float32) + 0.5 for key in ("weight", "running_var")
    }
    fields |= {
        f"{name}.{key}": RNG.standard_normal(width).astype(np.float32) for key in ("bias", "running_mean")
    }
    return fields | {f"{name}.num_batches_tracked": np.array(7, np.float32)}


def slope(name: str, width: int) -> Arrays:
    return {f"{name}.weight": RNG.random(width).astype(np.float32)}


def espcn(factor: int = 2) -> Arrays:
    return (
        conv("first_part.0", 64, 1, 5)
        | conv("first_part.2", 32, 64, 3)
        | conv("last_part.0", factor**2, 32, 3)
    )


def fsrcnn() -> Arrays:
    tensors = conv("first_part.0", 56, 1, 5) | slope("first_part.1", 56)
    tensors |= conv("mid_part.0", 12, 56, 1) | slope("mid_part.1", 12)
    for index in range(2, 10, 2):
        tensors |= conv(f"mid_part.{index}", 12, 12, 3) | slope(f"mid_part.{index + 1}", 12)
    tensors |= conv("mid_part.10", 56, 12, 1) | slope("mid_part.11", 56)
    return tensors | {
        "last_part.weight": RNG.random((56, 1, 9, 9)).astype(np.float32),
        "last_part.bias": np.zeros(1),
    }


def compact(width: int, layers: int, factor: int) -> Arrays:
    tensors = conv("body.0", width, 3, 3)
    for index in range(layers):
        tensors |= slope(f"body.{2 * index + 1}", width) | conv(f"body.{2 * index + 2}", width, width, 3)
    last = 2 * layers + 1
    return tensors | slope(f"body.{last}", width) | conv(f"body.{last + 1}", 3 * factor**2, width, 3)


def rrdb(style: str, blocks: int = 1, width: int = 8, grow: int = 4, into: int = 3) -> Arrays:
    first, block, trunk = {
        "new": ("conv_first", "body.{}.rdb{}.conv{}", "conv_body"),
        "middle": ("conv_first", "RRDB_trunk.{}.RDB{}.conv{}", "trunk_conv"),
        "old": ("model.0", "model.1.sub.{}.RDB{}.conv{}.0", f"model.1.sub.{blocks}"),
    }[style]
    ups, hr, last = {
        "new": (("conv_up1", "conv_up2"), "conv_hr", "conv_last"),
        "middle": (("upconv1", "upconv2"), "HRconv", "conv_last"),
        "old": (("model.3", "model.6"), "model.8", "model.10"),
    }[style]
    tensors = conv(first, width, into, 3) | conv(trunk, width, width, 3)
    for index, part, k in np.ndindex(blocks, 3, 5):
        out = width if k == 4 else grow
        tensors |= conv(block.format(index, part + 1, k + 1), out, width + k * grow, 3)
    for up in (*ups, hr):
        tensors |= conv(up, width, width, 3)
    return tensors | conv(last, 3, width, 3)


def srgan(blocks: int = 2, width: int = 8) -> Arrays:
    tensors = conv("conv1.0", width, 3, 9) | slope("conv1.1", 1)
    for index in range(blocks):
        key = f"trunk.{index}.rcb"
        tensors |= (
            conv(f"{key}.0", width, width, 3, bias=False) | norm(f"{key}.1", width) | slope(f"{key}.2", 1)
        )
        tensors |= conv(f"{key}.3", width, width, 3, bias=False) | norm(f"{key}.4", width)
    tensors |= conv("conv2.0", width, width, 3, bias=False) | norm("conv2.1", width)
    for index in range(2):
        key = f"upsampling.{index}.upsample_block"
        tensors |= conv(f"{key}.0", 4 * width, width, 3) | slope(f"{key}.2", 1)
    return tensors | conv("conv3", 3, width, 9)


def leftthomas(width: int = 8) -> Arrays:
    tensors = conv("block1.0", width, 3, 9) | slope("block1.1", 1)
    for index in (2, 3):
        key = f"block{index}"
        tensors |= (
            conv(f"{key}.conv1", width, width, 3) | norm(f"{key}.bn1", width) | slope(f"{key}.prelu", 1)
        )
        tensors |= conv(f"{key}.conv2", width, width, 3) | norm(f"{key}.bn2", width)
    tensors |= conv("block4.0", width, width, 3) | norm("block4.1", width)
    for index in range(2):
        tensors |= conv(f"block5.{index}.conv", 4 * width, width, 3) | slope(f"block5.{index}.prelu", 1)
    return tensors | conv("block5.2", 3, width, 9)


def msrresnet() -> Arrays:
    tensors = conv("conv_first", 8, 3, 3) | conv("body.0.conv1", 8, 8, 3) | conv("body.0.conv2", 8, 8, 3)
    tensors |= conv("upconv1", 32, 8, 3) | conv("upconv2", 32, 8, 3)
    return tensors | conv("conv_hr", 8, 8, 3) | conv("conv_last", 3, 8, 3)


def vdsr() -> Arrays:
    tensors = conv("input", 64, 1, 3, bias=False) | conv("output", 1, 64, 3, bias=False)
    for index in range(18):
        tensors |= conv(f"residual_layer.{index}.conv", 64, 64, 3, bias=False)
    return tensors


def renamed(tensors: Arrays, *names: tuple[str, str]) -> Arrays:
    """The same weights under the keys of another port: each name's beginning, in order."""
    result = {}
    for key, value in tensors.items():
        for old, new in names:
            if key.startswith(old):
                key = new + key.removeprefix(old)
                break
        result[key] = value
    return result


def fsrcnn_port() -> Arrays:
    names = [("first_part", "feature_extraction"), ("mid_part.10", "expand.0"), ("mid_part.11", "expand.1")]
    names += [(f"mid_part.{n}.", f"shrink.{n}.") for n in (0, 1)]
    names += [(f"mid_part.{n}.", f"map.{n - 2}.") for n in range(2, 10)]
    return renamed(fsrcnn(), *names, ("last_part", "deconv"))


def srcnn() -> Arrays:
    return conv("conv1", 64, 1, 9) | conv("conv2", 32, 64, 1) | conv("conv3", 1, 32, 5)


def vdsr_port() -> Arrays:
    return renamed(vdsr(), ("input", "conv1.0"), ("residual_layer", "trunk"), ("output", "conv2"))


def espcn_four() -> Arrays:
    tensors = conv("conv1", 64, 1, 5) | conv("conv2", 64, 64, 3) | conv("conv3", 32, 64, 3)
    return tensors | conv("conv4", 9, 32, 3)


def compact_without_slopes() -> Arrays:
    return {key: value for key, value in compact(8, 2, 2).items() if value.ndim != 1 or key.endswith("bias")}


def old_rrdb(enlarging: int) -> Arrays:
    """The old keys with any number of enlarging layers: each takes three places."""
    tensors = {key: value for key, value in rrdb("old").items() if key[:8] not in ("model.3.", "model.6.")}
    tensors = renamed(
        tensors, ("model.8", f"model.{3 * enlarging + 2}"), ("model.10", f"model.{3 * enlarging + 4}")
    )
    for index in range(enlarging):
        tensors |= conv(f"model.{3 * index + 3}", 8, 8, 3)
    return tensors


def enhancenet() -> Arrays:
    tensors = conv("conv_in", 64, 3, 3) | conv("up.0", 64, 64, 3) | conv("up.1", 64, 64, 3)
    for index in range(10):
        tensors |= conv(f"blocks.{index}.0", 64, 64, 3) | conv(f"blocks.{index}.1", 64, 64, 3)
    return tensors | conv("conv_hr", 64, 64, 3) | conv("conv_out", 3, 64, 3)
