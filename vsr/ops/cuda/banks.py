"""Filter banks in device memory. The structured types mirror the structs of kernels/common/banks.hpp."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from vsr.device.cuda.launch import Memory, Record
from vsr.ops.grid import Way
from vsr.ops.scalers import FilterBank

BANK = np.dtype([("start", "u8"), ("weights", "u8"), ("taps", "i4"), ("size", "i4")], align=True)
WAY = np.dtype([("columns", BANK), ("rows", BANK)], align=True)


def bank_record(bank: FilterBank, memory: Memory) -> Record:
    """Upload a bank in float32, weights transposed; one that changes nothing needs no tables."""
    if bank.is_identity:
        return np.array((0, 0, 1, bank.size_out), BANK)
    return tables_record(bank.start, bank.weights.astype(np.float32), memory)


def tables_record(start: npt.NDArray[np.int32], weights: npt.NDArray[Any], memory: Memory) -> Record:
    """Upload window starts and (size, taps) weights."""
    size, taps = weights.shape
    transposed = np.ascontiguousarray(weights.T)
    return np.array((memory.table(start), memory.table(transposed), taps, size), BANK)


def way_record(way: Way, memory: Memory) -> Record:
    """Upload both banks of a way."""
    record = np.zeros((), WAY)
    record["columns"] = bank_record(way.columns, memory)
    record["rows"] = bank_record(way.rows, memory)
    return record
