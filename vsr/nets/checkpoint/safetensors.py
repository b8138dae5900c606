"""The safetensors format: 8 bytes of length, a JSON table, raw little-endian data. Nothing can run."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from vsr.nets.errors import CheckpointError

_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?",
}  # fmt: skip

_MAX_TABLE = 100_000_000
"""The format's own limit, in bytes."""


def bfloat16_to_float32(bits: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """Return the values of bfloat16 bit patterns: the upper halves of float32."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def read_metadata(path: Path) -> dict[str, str]:
    """Return what a file says about itself; nothing where it is damaged, which its tensors will say."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 0 < length <= _MAX_TABLE:
            return {}
        try:
            said = json.loads(file.read(length)).get("__metadata__", {})
        except (ValueError, RecursionError, AttributeError):
            return {}
    return {str(key): str(value) for key, value in said.items()} if isinstance(said, dict) else {}


def read_safetensors(data: memoryview, file: BinaryIO, name: str) -> dict[str, npt.NDArray[np.float32]]:
    """Return the tensors by name. Raises CheckpointError for a file that is cut or contradicts itself.

    `data` is the whole of `file`, mapped.
    """
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > min(len(data) - 8, _MAX_TABLE):
        raise CheckpointError(
            f"{name} is cut, or no safetensors file: its table has {length:,} bytes, the file {len(data):,}"
        )
    try:
        table = json.loads(bytes(data[8 : 8 + length]))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{name} is damaged: its table is no JSON ({error})") from None
    if not isinstance(table, dict):
        raise CheckpointError(f"{name} is damaged: its table is no JSON object")
    body = data[8 + length :]
    found: dict[str, npt.NDArray[np.float32]] = {}
    claimed = 0
    for key, entry in table.items():
        if key == "__metadata__":
            continue
        array, size_bytes = _tensor(name, key, entry, body)
        claimed += size_bytes
        if claimed > len(body):
            raise CheckpointError(f"{name} is damaged: its tensors overlap")
        found[key] = array
    return found


def _tensor(name: str, key: str, entry: Any, body: memoryview) -> tuple[npt.NDArray[np.float32], int]:
    """Return a tensor, copied out of the file, and how many bytes it has there."""
    try:
        kind, shape = entry["dtype"], tuple(int(n) for n in entry["shape"])
        start, end = (int(n) for n in entry["data_offsets"])
    except (KeyError, TypeError, ValueError):
        raise CheckpointError(f"{name} is damaged: the entry of {key!r} is incomplete") from None
    if not isinstance(kind, str) or kind not in _TYPES:
        raise CheckpointError(f"{name}: {key!r} has type {str(kind)[:20]}; known are {', '.join(_TYPES)}")
    dtype = np.dtype(_TYPES[kind])
    if (
        not 0 <= start <= end <= len(body)
        or end - start != prod(shape) * dtype.itemsize
        or not all(0 <= side < 1 << 40 for side in shape)
        or len(shape) > 8
    ):
        raise CheckpointError(
            f"{name} is cut or damaged: {key!r} lies at {start}..{end} of {len(body):,}, "
            "which is no place for its shape"
        )
    array = np.frombuffer(body[start:end], dtype).reshape(shape)
    return bfloat16_to_float32(array) if kind == "BF16" else array.astype(np.float32), end - start


def write_safetensors(
    path: Path, tensors: Mapping[str, npt.NDArray[np.floating[Any]]], metadata: Mapping[str, str]
) -> None:
    """Write tensors of float32 or float16, and what is said of them, whole or not at all. Raises OSError."""
    table: dict[str, Any] = {"__metadata__": dict(metadata)}
    offset = 0
    arrays = {key: np.ascontiguousarray(value) for key, value in tensors.items()}
    for key, array in arrays.items():
        kind = {"float32": "F32", "float16": "F16"}[array.dtype.name]
        table[key] = {
            "dtype": kind, "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]
        }  # fmt: skip
        offset += array.nbytes
    head = json.dumps(table, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(len(head).to_bytes(8, "little") + head)
            for array in arrays.values():
                file.write(array.tobytes())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
