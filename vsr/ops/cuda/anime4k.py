"""`Anime4k` on a GPU: components brought to the target's size, refined in one kernel, chroma brought back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vsr.device.cuda.launch import PLANE, Launch, Memory, Record, View, blocks_over
from vsr.ops.anime4k import Anime4k
from vsr.ops.cuda.banks import bank_record, way_record
from vsr.ops.cuda.convert import CudaAlpha
from vsr.ops.cuda.resize import fill, resample
from vsr.ops.matrices import components, padded

ANIME4K_JOB = np.dtype(
    [
        ("sources", PLANE, 3),
        ("targets", PLANE, 3),
        ("bias", "f4", 3),
        ("luma", "f4", 4),
        ("color", "f4", 2),
        ("gradient", "f4", 2),
        ("top", "f4"),
        ("direct", "i4", 3),
        ("inputs", "i4"),
        ("outputs", "i4"),
        ("width", "i4"),
        ("height", "i4"),
    ],
    align=True,
)
_TILE = (32, 16)


class CudaAnime4k:
    """The launches of an `Anime4k`. The samples are, bit for bit, those that its CPU kernels give.

    Ownership: tables and the planes between launches lie in `memory`. Those planes make it one frame at a
    time: launches for two frames must not overlap.
    """

    def __init__(self, operation: Anime4k, memory: Memory) -> None:
        self._operation = operation
        width, height = operation.output.width, operation.output.height
        self._ways = tuple(way_record(way, memory) for way in operation.grid.inputs)
        self._grid = tuple(memory.plane(width, height, "f32") for _ in self._ways)
        self._banks = tuple(
            None
            if columns.is_identity and rows.is_identity
            else (bank_record(columns, memory), bank_record(rows, memory))
            for columns, rows, _, _ in operation.outputs
        )
        self._refined = tuple(
            None if banks is None else memory.plane(width, height, "f32") for banks in self._banks
        )
        self._alpha = CudaAlpha(operation.grid, memory)
        self._job = self._prepared()

    def _prepared(self) -> Record:
        operation, job = self._operation, np.zeros((), ANIME4K_JOB)
        a, b = operation.strength_color, operation.strength_gradient
        for index, plane in enumerate(self._grid):
            job["sources"][index] = plane.record
        for index, refined in enumerate(self._refined):
            job["bias"][index] = operation.outputs[index][2]
            job["direct"][index] = refined is None
            if refined is not None:
                job["targets"][index] = refined.record
        job["luma"] = padded(operation.luma)[0]
        job["color"], job["gradient"] = (1 - a, a / 3), (1 - b, b / 3)
        job["top"] = operation.output.format.max_value
        job["inputs"], job["outputs"] = len(self._grid), len(self._refined)
        job["width"], job["height"] = operation.output.width, operation.output.height
        return job

    def launches(self, planes: Sequence[View], into: Sequence[View]) -> tuple[Launch, ...]:
        """Return what writes the enlarged `planes` into `into`, one after another."""
        fmt, size = (
            self._operation.output.format,
            (self._operation.output.width, self._operation.output.height),
        )
        launches = [
            resample(plane, grid, way["columns"], way["rows"], 0.0, 0.0)
            for plane, grid, way in zip(planes, self._grid, self._ways, strict=False)
        ]
        job, top = self._job.copy(), float(fmt.max_value)
        for index, refined in enumerate(self._refined):
            if refined is None:
                job["targets"][index] = into[index].record
        launches.append(Launch("anime4k", f"anime4k_{into[0].kind}", blocks_over(*size, _TILE), job))
        for target, refined, banks, (_, _, bias, _) in zip(
            into, self._refined, self._banks, self._operation.outputs, strict=False
        ):
            if refined is not None and banks is not None:
                launches.append(resample(refined, target, *banks, bias, top))
        neutral = 1 << (fmt.depth - 1)
        launches += [fill(plane, neutral, top) for plane in into[len(self._refined) : components(fmt)]]
        return *launches, *self._alpha.launches(planes, into)
