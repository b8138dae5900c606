"""Networks with the shapes of well-known ones and weights of noise: for speed, weights do not matter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from vsr.nets.builder import Builder
from vsr.nets.graph import Graph
from vsr.nets.ops import Add, Concat, CRelu, PixelShuffle, Resize, Tanh


def _weights(seed: int, *shape: int) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 0.7 / np.sqrt(np.prod(shape[1:])), shape).astype(np.float32)


def anime4k(width: int, layers: int, out: int, *, dense: bool, name: str) -> Graph:
    """Upscale_CNN_x2 of Anime4K: 3x3 layers of `width` channels with CReLU, 4 or 12 channels to 2x2 pixels.

    `dense`: the last layer is 1x1 and reads all others; else 3x3, and reads the one before.
    """
    b = Builder(3)
    x, features = b.input, []
    for layer in range(layers):
        into = 3 if layer == 0 else 2 * width
        x = b.add(CRelu(), b.conv(x, _weights(layer, width, into, 3, 3), border="replicate"))
        features.append(x)
    if dense:
        x = b.conv(b.add(Concat(), *features), _weights(99, out, 2 * width * layers, 1, 1))
    else:
        x = b.conv(x, _weights(99, out, 2 * width, 3, 3), border="replicate")
    x = b.add(PixelShuffle(2), x)
    b.add(Add(), x, b.add(Resize("bilinear", 2), b.input))
    return b.build(name)


SHAPES: dict[str, Callable[[], Graph]] = {
    "S": lambda: anime4k(4, 3, 4, dense=False, name="S"),
    "M": lambda: anime4k(4, 7, 4, dense=True, name="M"),
    "L": lambda: anime4k(8, 3, 12, dense=False, name="L"),
    "VL": lambda: anime4k(8, 7, 12, dense=True, name="VL"),
}


def espcn() -> Graph:
    """ESPCN x2 on luma, 1-64-32-4."""
    b = Builder(1)
    x = b.add(Tanh(), b.conv(b.input, _weights(0, 64, 1, 5, 5)))
    x = b.add(Tanh(), b.conv(x, _weights(1, 32, 64, 3, 3)))
    b.add(PixelShuffle(2), b.conv(x, _weights(2, 4, 32, 3, 3)))
    return b.build("ESPCN x2")
