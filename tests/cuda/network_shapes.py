"""Networks with the shapes of well-known ones, small enough to run on the host."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from bench.shapes import SHAPES, espcn
from vsr.nets.builder import Builder
from vsr.nets.graph import Graph
from vsr.nets.ops import Add, Clamp, PixelShuffle, PRelu, Relu


def _weights(seed: int, *shape: int) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 0.7 / np.sqrt(np.prod(shape[1:])), shape).astype(np.float32)


def fsrcnnx(width: int = 8) -> Graph:
    """FSRCNNX x2 of `width` channels: 5x5, four 3x3 with slopes, 1x1 onto the first, 3x3 to 2x2 pixels."""
    b = Builder(1)
    first = x = b.conv(b.input, _weights(0, width, 1, 5, 5), border="replicate")
    for layer in range(4):
        x = b.conv(x, _weights(1 + layer, width, width, 3, 3), border="replicate")
        x = b.add(PRelu(np.linspace(-0.2, 0.4, width, dtype=np.float32)), x)
    x = b.add(Add(), b.conv(x, _weights(6, width, width, 1, 1)), first)
    x = b.conv(
        b.add(PRelu(np.full(width, 0.1, np.float32)), x), _weights(7, 4, width, 3, 3), border="replicate"
    )
    b.add(PixelShuffle(2, "xy"), x)
    return b.build(f"FSRCNNX {width}-0-4-1")


def artcnn(width: int = 16) -> Graph:
    """ArtCNN C4F16 or C4F32: 3x3 layers with relu around a sum, 3x3 to 2x2 pixels, clamped."""
    b = Builder(1)
    first = x = b.conv(b.input, _weights(0, width, 1, 3, 3))
    for layer in range(4):
        x = b.add(Relu(), b.conv(x, _weights(1 + layer, width, width, 3, 3)))
    x = b.add(Add(), b.conv(x, _weights(6, width, width, 3, 3)), first)
    x = b.add(PixelShuffle(2), b.conv(x, _weights(7, 4, width, 3, 3)))
    b.add(Clamp(0, 1), x)
    return b.build(f"ArtCNN C4F{width}")


def narrow_compact() -> Graph:
    """SRVGGNetCompact of 24 channels, x3: three slabs, and depth-to-space of another factor than 2."""
    b, slope = Builder(3), PRelu(np.full(24, 0.1, np.float32))
    x = b.add(slope, b.conv(b.input, _weights(0, 24, 3, 3, 3)))
    for layer in range(3):
        x = b.add(slope, b.conv(x, _weights(1 + layer, 24, 24, 3, 3)))
    b.add(PixelShuffle(3), b.conv(x, _weights(9, 27, 24, 3, 3)))
    return b.build("SRVGGNetCompact 24x3 x3")


NETWORKS: dict[str, Callable[[], Graph]] = {
    **{name: SHAPES[name] for name in ("S", "M", "VL")},
    "ESPCN": espcn,
    "FSRCNNX": fsrcnnx,
    "ArtCNN": artcnn,
    "ArtCNN32": lambda: artcnn(32),
    "compact": narrow_compact,
}
