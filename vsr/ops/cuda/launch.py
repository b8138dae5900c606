"""What a launch is made of: views of planes in device memory, tables, and the arguments of kernels.

The structured types mirror the structs of kernels/common and kernels/cuda field by field; tests/cuda compares
their sizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from vsr.ops.grid import Way
from vsr.ops.scalers import FilterBank

Kind = Literal["u8", "u16", "f16", "f32"]
"""The type of a plane's samples, as it appears in kernels' names."""
Record: TypeAlias = npt.NDArray[Any]
"""A structured array of no dimension: a struct by value."""

THREADS = 256
"""In every block, along x."""
TILE = (64, 16)
"""Samples, across and down, that a block covers."""
DTYPES: dict[Kind, np.dtype[Any]] = {
    "u8": np.dtype(np.uint8),
    "u16": np.dtype(np.uint16),
    "f16": np.dtype(np.float16),
    "f32": np.dtype(np.float32),
}

PLANE = np.dtype(
    [("data", "u8"), ("stride", "i8"), ("width", "i4"), ("height", "i4"), ("step", "i4"), ("shift", "i4")],
    align=True,
)
BANK = np.dtype([("start", "u8"), ("weights", "u8"), ("taps", "i4"), ("size", "i4")], align=True)
WAY = np.dtype([("columns", BANK), ("rows", BANK)], align=True)


class Strided(Protocol):
    """A NumPy or CuPy array."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Samples along each axis."""

    @property
    def strides(self) -> tuple[int, ...]:
        """Bytes between neighbours along each axis."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the samples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The samples of one component in device memory. Owns nothing."""

    pointer: int
    stride_bytes: int
    width: int
    height: int
    kind: Kind
    step: int = 1
    """Samples between neighbours in a row: 2 for the chroma of NV12 and P010."""
    shift: int = 0
    """How far a code value lies above bit 0: 6 in P010, 4 in P012."""

    @property
    def record(self) -> Record:
        """As kernels take it."""
        fields = (self.pointer, self.stride_bytes, self.width, self.height, self.step, self.shift)
        return np.array(fields, PLANE)


def view(array: Strided, pointer: int, *, shift: int = 0) -> View:
    """Return the view of a (height, width) array that begins at `pointer`."""
    kind = next(kind for kind, dtype in DTYPES.items() if dtype == array.dtype)
    height, width = array.shape
    return View(
        pointer=pointer,
        stride_bytes=array.strides[0],
        width=width,
        height=height,
        kind=kind,
        step=array.strides[1] // array.dtype.itemsize,
        shift=shift,
    )


class Memory(Protocol):
    """Device memory that an operation keeps for as long as it lives. Owned by the implementation."""

    def table(self, values: npt.NDArray[Any]) -> int:
        """Copy a constant table to the device and return its address."""

    def plane(self, width: int, height: int, kind: Kind) -> View:
        """Return an uninitialised plane."""


@dataclass(frozen=True, slots=True, eq=False)
class Launch:
    """One kernel over `blocks` (x, y), THREADS in each. Launches of one operation run in order."""

    source: str
    """The file in kernels/cuda, without .cu."""
    kernel: str
    blocks: tuple[int, int]
    job: Record
    """The kernel's only argument, by value."""


def blocks_over(width: int, height: int, tile: tuple[int, int] = TILE) -> tuple[int, int]:
    """Return how many tiles cover that many samples."""
    return -(-width // tile[0]), -(-height // tile[1])


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
