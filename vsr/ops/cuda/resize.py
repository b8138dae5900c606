"""`Resize` on a GPU: a tile of rows filtered along into shared memory, then across into samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vsr.device.cuda.launch import PLANE, Launch, Memory, Record, View, blocks_over
from vsr.ops.cuda.banks import BANK, bank_record, tables_record
from vsr.ops.resize import PlanePlan, Resize
from vsr.ops.scalers import FilterBank

RESIZE_JOB = np.dtype(
    [
        ("source", PLANE),
        ("target", PLANE),
        ("columns", BANK),
        ("rows", BANK),
        ("bias", "f4"),
        ("top", "f4"),
    ],
    align=True,
)
FILL_JOB = np.dtype([("target", PLANE), ("value", "f4"), ("top", "f4")], align=True)


def fill(target: View, value: float, top: float) -> Launch:
    """Return what sets a whole plane to one code value."""
    job = np.array((target.record, value, top), FILL_JOB)
    return Launch("resize", f"fill_{target.kind}", blocks_over(target.width, target.height), job)


def resample(source: View, target: View, columns: Record, rows: Record, bias: float, top: float) -> Launch:
    """Return what filters one plane in float32 by uploaded banks, adds `bias` and clamps codes to `top`."""
    job = np.array((source.record, target.record, columns, rows, bias, top), RESIZE_JOB)
    return Launch(
        "resize", f"resize_{source.kind}_{target.kind}", blocks_over(target.width, target.height), job
    )


class CudaResize:
    """The launches of a `Resize`. The samples are, bit for bit, those that its CPU kernels give.

    Planes of float16 are converted when read and written, and filtered in float32.
    Thread-safety: safe, immutable after construction. Ownership: the tables lie in `memory`.
    """

    def __init__(self, resize: Resize, memory: Memory) -> None:
        self._resize = resize
        self._banks = tuple(_upload(plan, memory) for plan in resize.plans)

    def launches(self, planes: Sequence[View], into: Sequence[View]) -> tuple[Launch, ...]:
        """Return what writes the resized `planes` into `into`, one after another."""
        written = sorted(self._resize.written)
        return tuple(self._launch(index, planes, into[index]) for index in written)

    def _launch(self, index: int, planes: Sequence[View], target: View) -> Launch:
        plan, banks, top = (
            self._resize.plans[index],
            self._banks[index],
            float(self._resize.output.format.max_value),
        )
        if plan.source is None or banks is None:
            return fill(target, plan.bias, top)
        source = planes[plan.source]
        if not plan.in_integers:
            return resample(source, target, *banks, plan.bias, top)
        job = np.array((source.record, target.record, *banks, 0.0, top), RESIZE_JOB)
        return Launch("resize", "resize_integer", blocks_over(target.width, target.height), job)


def _upload(plan: PlanePlan, memory: Memory) -> tuple[Record, Record] | None:
    if plan.columns is None or plan.rows is None:
        return None
    put = _integer_record if plan.in_integers else bank_record
    return put(plan.columns, memory), put(plan.rows, memory)


def _integer_record(bank: FilterBank, memory: Memory) -> Record:
    return tables_record(bank.start, bank.integers.weights, memory)
