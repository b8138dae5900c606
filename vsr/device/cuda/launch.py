"""What a launch is made of: views of planes in device memory, and the arguments of kernels.

The structured types mirror the structs of kernels/common and kernels/cuda field by field; tests/cuda compares
their sizes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

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


@dataclass(frozen=True, slots=True)
class Generated:
    """A CUDA source that is written at run time. It may include what lies in kernels/ and kernels/cuda."""

    name: str
    """What files and messages call it; sources of one name may differ."""
    text: str


Source: TypeAlias = str | Generated
"""A file in kernels/cuda, without .cu, or a source of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Launch:
    """One kernel over `blocks` (x, y), THREADS in each. Launches of one operation run in order."""

    source: Source
    kernel: str
    blocks: tuple[int, int]
    job: Record
    """The kernel's only argument, by value."""


def blocks_over(width: int, height: int, tile: tuple[int, int] = TILE) -> tuple[int, int]:
    """Return how many tiles cover that many samples."""
    return -(-width // tile[0]), -(-height // tile[1])
