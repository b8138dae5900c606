"""`WarpPass` on a GPU."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vsr.device.cuda.launch import PLANE, Launch, Memory, View, blocks_over
from vsr.ops.cuda.banks import WAY, bank_record
from vsr.ops.shader_filters.warp import WarpPass, places

PLACES = np.dtype([("whole", "u8"), ("part", "u8")], align=True)
WARP_JOB = np.dtype(
    [
        ("steers", PLANE, 2),
        ("sources", PLANE, 3),
        ("targets", PLANE, 3),
        ("way", WAY),
        ("in_steer", PLACES, 2),
        ("in_picture", PLACES, 2),
        ("strength", "f4"),
        ("iterations", "i4"),
    ],
    align=True,
)


class CudaWarp:
    """The launch of a `WarpPass` on pictures of `size`, (width, height). The tables lie in `memory`."""

    def __init__(self, warp: WarpPass, size: tuple[int, int], memory: Memory) -> None:
        self._warp = warp
        self._job = np.zeros((), WARP_JOB)
        self._job["strength"], self._job["iterations"] = warp.strength, warp.iterations
        steer = warp.steers[0]  # the other is read by the same banks
        for axis, (name, bank) in enumerate((("columns", steer.columns), ("rows", steer.rows))):
            self._job["way"][name] = bank_record(bank, memory)
            for field, size_in in (("in_steer", bank.size_in), ("in_picture", size[axis])):
                tables = (values.astype(np.float32) for values in places(size_in, bank.size_out))
                self._job[field][axis] = tuple(memory.table(table) for table in tables)

    def launches(self, textures: Mapping[str, View]) -> tuple[Launch, ...]:
        """Return what fills those of `textures` that this writes."""
        job, warp = self._job.copy(), self._warp
        names = ("steers", [read.texture for read in warp.steers]), ("sources", warp.pictures)
        for field, textures_of in (*names, ("targets", warp.writes)):
            for index, name in enumerate(textures_of):
                job[field][index] = textures[name].record
        return (Launch("filters_warp", "warp", blocks_over(*warp.size), job),)
