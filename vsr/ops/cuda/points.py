"""`PointPass` on a GPU: what reads far is resampled, then one kernel does the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vsr.device.cuda.launch import PLANE, Launch, Memory, Record, View, blocks_over
from vsr.ops.cuda.banks import WAY, bank_record
from vsr.ops.cuda.resize import resample
from vsr.ops.shader_filters.passes import PointPass, Read

MAX_GATHERED = 9
"""Samples of a texture that a point reads at a pixel. Longer banks are applied before, an axis at a time."""
FACTORS = 5
"""In every job of a point."""
INPUT = np.dtype([("plane", PLANE), ("way", WAY)], align=True)


class CudaPoint:
    """The launches of a `PointPass`. Ownership: tables, and planes that are resampled, lie in `memory`."""

    def __init__(self, point: PointPass, memory: Memory) -> None:
        self._point = point
        self._banks = tuple(
            (bank_record(read.columns, memory), bank_record(read.rows, memory)) for read in point.reads
        )
        self._resampled = tuple(
            memory.plane(*point.size, "f32") if point.point != "copy" and _reads_far(read) else None
            for read in point.reads
        )

    def launches(self, textures: Mapping[str, View]) -> tuple[Launch, ...]:
        """Return what fills those of `textures` that this writes, one after another."""
        point, launches = self._point, []
        sources = [textures[read.texture] for read in point.reads]
        targets = [textures[name] for name in point.writes]
        ways: list[tuple[Record, Record] | None] = list(self._banks)
        if point.point == "copy":
            return (resample(sources[0], targets[0], *self._banks[0], 0.0, 0.0),)
        for index, (plane, banks) in enumerate(zip(self._resampled, self._banks, strict=True)):
            if plane is not None:
                launches.append(resample(sources[index], plane, *banks, 0.0, 0.0))
                sources[index], ways[index] = plane, None
        return *launches, point_launch(point.point, sources, targets, ways=ways, factors=point.factors)


def point_launch(
    point: str,
    sources: Sequence[View],
    targets: Sequence[View],
    *,
    ways: Sequence[tuple[Record, Record] | None] | None = None,
    factors: Sequence[float] = (),
) -> Launch:
    """Return what computes a point of POINTS; inputs without a way have the targets' size."""
    fields = [("sources", INPUT, (len(sources),)), ("targets", PLANE, (len(targets),))]
    job = np.zeros((), np.dtype([*fields, ("factors", "f4", (FACTORS,))], align=True))
    job["factors"][: len(factors)] = factors
    for index, source in enumerate(sources):
        job["sources"][index]["plane"] = source.record
        way = None if ways is None else ways[index]
        if way is not None:
            job["sources"][index]["way"] = way
    for index, target in enumerate(targets):
        job["targets"][index] = target.record
    return Launch("filters", f"point_{point}", blocks_over(targets[0].width, targets[0].height), job)


def _reads_far(read: Read) -> bool:
    return read.columns.taps * read.rows.taps > MAX_GATHERED
