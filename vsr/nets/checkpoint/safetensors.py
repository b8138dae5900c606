"""The safetensors format: 8 bytes of length, a JSON table, raw little-endian data. Nothing can run."""

from __future__ import annotations

import json
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from vsr.nets.errors import CheckpointError

_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?",
}  # fmt: skip


def bfloat16_to_float32(bits: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """Return the values of bfloat16 bit patterns: the upper halves of float32."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def read_safetensors(data: bytes, name: str) -> dict[str, npt.NDArray[np.float32]]:
    """Return the tensors by name. Raises CheckpointError for a file that is cut or contradicts itself."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > len(data) - 8:
        raise CheckpointError(f"{name} is cut, or no safetensors file: its table has {length} bytes")
    try:
        table = json.loads(data[8 : 8 + length])
    except ValueError as error:
        raise CheckpointError(f"{name} is damaged: its table is no JSON ({error})") from None
    if not isinstance(table, dict):
        raise CheckpointError(f"{name} is damaged: its table is no JSON object")
    body = memoryview(data)[8 + length :]
    return {key: _tensor(name, key, entry, body) for key, entry in table.items() if key != "__metadata__"}


def _tensor(name: str, key: str, entry: Any, body: memoryview) -> npt.NDArray[np.float32]:
    try:
        kind, shape = entry["dtype"], tuple(int(n) for n in entry["shape"])
        start, end = (int(n) for n in entry["data_offsets"])
    except (KeyError, TypeError, ValueError):
        raise CheckpointError(f"{name} is damaged: the entry of {key!r} is incomplete") from None
    if kind not in _TYPES:
        raise CheckpointError(f"{name}: {key!r} has type {kind}; known are {', '.join(_TYPES)}")
    dtype = np.dtype(_TYPES[kind])
    if (
        not 0 <= start <= end <= len(body)
        or end - start != prod(shape) * dtype.itemsize
        or min(shape, default=1) < 0
    ):
        raise CheckpointError(
            f"{name} is cut or damaged: {key!r} {shape} lies at {start}..{end} of {len(body)}"
        )
    array = np.frombuffer(body[start:end], dtype).reshape(shape)
    return bfloat16_to_float32(array) if kind == "BF16" else array.astype(np.float32)
