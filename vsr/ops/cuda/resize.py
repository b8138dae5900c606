"""`Resize` on a GPU: a tile of rows filtered along into shared memory, then across into samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vsr.device.cuda.launch import PLANE, Launch, Memory, Record, View, blocks_over
from vsr.ops.cuda.banks import BANK, bank_record, tables_record
from vsr.ops.resize import PlanePlan, Resize
from vsr.ops.scalers import FilterBank

FILL_JOB = np.dtype([("target", PLANE), ("value", "f4"), ("top", "f4")], align=True)
TILE = (64, 32)
"""Samples, across and down, that a block covers."""


def fill(target: View, value: float, top: float) -> Launch:
    """Return what sets a whole plane to one code value."""
    job = np.array((target.record, value, top), FILL_JOB)
    return Launch("fill", f"fill_{target.kind}", blocks_over(target.width, target.height), job)


def resample(source: View, target: View, columns: Record, rows: Record, bias: float, top: float) -> Launch:
    """Return what filters one plane in float32 by uploaded banks, adds `bias` and clamps codes to `top`."""
    kernel = f"resize_{source.kind}_{target.kind}"
    job = _job([source], [target], (columns, rows), bias, top)
    return Launch(f"resize_{source.kind}", kernel, blocks_over(target.width, target.height, TILE), job)


def _job(
    sources: Sequence[View], targets: Sequence[View], banks: tuple[Record, Record], bias: float, top: float
) -> Record:
    planes = (PLANE, (len(sources),))
    fields = [("sources", *planes), ("targets", *planes), ("columns", BANK), ("rows", BANK)]
    job = np.zeros((), np.dtype([*fields, ("bias", "f4"), ("top", "f4")], align=True))
    for index, (source, target) in enumerate(zip(sources, targets, strict=True)):
        job["sources"][index], job["targets"][index] = source.record, target.record
    job["columns"], job["rows"] = banks
    job["bias"], job["top"] = bias, top
    return job


class CudaResize:
    """The launches of a `Resize`. The samples are, bit for bit, those that its CPU kernels give.

    Planes of float16 are converted when read and written, and filtered in float32. Both planes of chroma
    are resized at once: where they lie interleaved, each access is of both.
    Thread-safety: safe, immutable after construction. Ownership: the tables lie in `memory`.
    """

    def __init__(self, resize: Resize, memory: Memory) -> None:
        self._resize = resize
        self._banks = tuple(_upload(plan, memory) for plan in resize.plans)

    def launches(self, planes: Sequence[View], into: Sequence[View]) -> tuple[Launch, ...]:
        """Return what writes the resized `planes` into `into`, one after another."""
        written = set(self._resize.written)
        groups = [[1, 2]] if self._resizes_chroma(planes, into) else []
        groups += [[index] for index in sorted(written.difference(*groups))]
        return tuple(self._launch(group, planes, into) for group in groups)

    def _resizes_chroma(self, planes: Sequence[View], into: Sequence[View]) -> bool:
        """True where planes 1 and 2 are chroma of integers that is resized, and so alike."""
        resize = self._resize
        if not ({1, 2} <= resize.written and resize.output.format.is_chroma(1)):
            return False
        source = resize.plans[1].source
        return source is not None and {planes[source].kind, into[1].kind} <= {"u8", "u16"}

    def _launch(self, group: Sequence[int], planes: Sequence[View], into: Sequence[View]) -> Launch:
        plan, banks = self._resize.plans[group[0]], self._banks[group[0]]
        targets, top = [into[index] for index in group], float(self._resize.output.format.max_value)
        if plan.source is None or banks is None:
            return fill(targets[0], plan.bias, top)
        origins = [self._resize.plans[index].source for index in group]
        sources = [planes[origin] for origin in origins if origin is not None]
        name = "resize_chroma" if len(group) == 2 else "resize"
        file, kernel = f"{name}_{sources[0].kind}", f"{name}_{sources[0].kind}_{targets[0].kind}"
        if plan.in_integers:
            file, kernel = "resize_integer", f"{name}_integer"
        blocks = blocks_over(targets[0].width, targets[0].height, TILE)
        return Launch(file, kernel, blocks, _job(sources, targets, banks, plan.bias, top))


def _upload(plan: PlanePlan, memory: Memory) -> tuple[Record, Record] | None:
    if plan.columns is None or plan.rows is None:
        return None
    put = _integer_record if plan.in_integers else bank_record
    return put(plan.columns, memory), put(plan.rows, memory)


def _integer_record(bank: FilterBank, memory: Memory) -> Record:
    return tables_record(bank.start, bank.integers.weights, memory)
