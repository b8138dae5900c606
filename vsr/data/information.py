"""How much a tile can teach: the clusters of its colours, and its edges."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Tiles = npt.NDArray[np.uint8]
"""(tiles, 3, side, side) of R, G, B."""
_LEVELS = 16
"""Of each component in the histogram: a bin is 16 values wide."""


def largest_cluster(tiles: Tiles) -> npt.NDArray[np.float64]:
    """Return (tiles,): the share of a tile's pixels that lie in the densest cluster of its colours, 0..1.

    A cluster is 3x3x3 bins of the histogram of 16x16x16, so that a flat colour with grain is one wherever
    it lies; the densest is sought over all places.
    """
    words = (tiles >> 4).astype(np.int64)
    bins = (words[:, 0] * _LEVELS + words[:, 1]) * _LEVELS + words[:, 2]
    pixels = tiles.shape[-1] ** 2
    return np.array([_densest(each.reshape(-1)) / pixels for each in bins])


def _densest(bins: npt.NDArray[np.int64]) -> int:
    total = np.bincount(bins, minlength=_LEVELS**3).reshape(_LEVELS, _LEVELS, _LEVELS)
    for axis in range(3):
        lines = np.moveaxis(total, axis, 0)
        sums = lines.copy()
        sums[1:] += lines[:-1]
        sums[:-1] += lines[1:]
        total = np.moveaxis(sums, 0, axis)
    return int(total.max())


def gradient(tiles: Tiles) -> npt.NDArray[np.float64]:
    """Return (tiles,): how much a pixel differs from its neighbours to the right and below, in 1/255.

    The root of the mean square over all pixels and components: one sharp edge through a tile of flat colours
    counts for more than the faint texture of a blur.
    """
    samples = tiles.astype(np.float32)
    across = np.square(np.diff(samples, axis=3)).mean(axis=(1, 2, 3), dtype=np.float64)
    down = np.square(np.diff(samples, axis=2)).mean(axis=(1, 2, 3), dtype=np.float64)
    result: npt.NDArray[np.float64] = np.sqrt(across + down)
    return result
