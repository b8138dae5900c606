"""`BilateralPass` on a GPU."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vsr.device.cuda.launch import PLANE, Launch, Memory, View, blocks_over
from vsr.ops.cuda.points import point_launch
from vsr.ops.shader_filters.bilateral import BilateralPass
from vsr.ops.shader_filters.passes import RGB

BILATERAL_JOB = np.dtype(
    [
        ("sources", PLANE, 3),
        ("targets", PLANE, 3),
        ("luma", PLANE),
        ("spatial", "u8"),
        ("radius", "i4"),
        ("tile", "i4", 2),
        ("sigma", "f4"),
        ("curve", "f4"),
        ("regularization", "f4"),
    ],
    align=True,
)
_MEAN_TILE = (32, 8)
_WEIGHTS = 2704
"""How many weights a block's shared memory holds: kWeights of kernels/cuda/filters_bilateral.cu."""
_SIDE = 16
"""The most pixels of a tile along an axis, where all neighbours are weighed at once."""


class CudaBilateral:
    """The launches of a `BilateralPass`. Ownership: the table of places and the luma lie in `memory`."""

    def __init__(self, bilateral: BilateralPass, memory: Memory) -> None:
        self._bilateral = bilateral
        self._tile = _MEAN_TILE if bilateral.kind == "mean" else tile(bilateral.radius)
        self._luma = None if bilateral.kind == "mean" else memory.plane(*bilateral.size, "f32")
        self._job = np.zeros((), BILATERAL_JOB)
        self._job["spatial"] = memory.table(bilateral.spatial)
        self._job["radius"], self._job["tile"] = bilateral.radius, self._tile
        self._job["sigma"], self._job["curve"] = bilateral.sigma, bilateral.curve
        self._job["regularization"] = bilateral.regularization

    def launches(self, textures: Mapping[str, View]) -> tuple[Launch, ...]:
        """Return what fills those of `textures` that this writes, one after another."""
        job, sources = self._job.copy(), [textures[name] for name in RGB]
        for index, (source, name) in enumerate(zip(sources, self._bilateral.writes, strict=True)):
            job["sources"][index] = source.record
            job["targets"][index] = textures[name].record
        before: tuple[Launch, ...] = ()
        if self._luma is not None:
            job["luma"] = self._luma.record
            before = (point_launch("luma", sources, [self._luma]),)
        kernel = f"bilateral_{self._bilateral.kind}"
        blocks = blocks_over(*self._bilateral.size, self._tile)
        return *before, Launch("filters_bilateral", kernel, blocks, job)


def tile(radius: int) -> tuple[int, int]:
    """Return how many pixels, across and down, a block can weigh all neighbours of."""
    pixels = _WEIGHTS // (2 * radius + 1) ** 2
    wide = min(_SIDE, pixels)
    return wide, min(_SIDE, pixels // wide)
