"""PyTorch's .pth and .pt files, read without PyTorch and without executing anything; see pickled.py.

Two formats: since PyTorch 1.6 a zip file with data.pkl and one entry for each storage; before, five pickles
and the storages after them. Storages are taken where they lie in the mapped file.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from math import prod
from typing import Any, BinaryIO, NoReturn

import numpy as np
import numpy.typing as npt

from vsr.nets.checkpoint.pickled import STORAGES, PickleReader, Storage, Tensor
from vsr.nets.checkpoint.safetensors import bfloat16_to_float32
from vsr.nets.errors import CheckpointError

_WRAPPERS = ("params_ema", "params", "state_dict", "model_state_dict", "model", "generator", "net_g")
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_MAX_DEPTH = 4
_ZIP = b"PK\3\4"
_LOCAL_HEADER_BYTES = 30
Memory = Callable[[Storage], "memoryview | bytes"]


def read_torch(data: memoryview, file: BinaryIO, name: str) -> dict[str, npt.NDArray[np.float32]]:
    """Return the tensors of a state dict by name; wrappers like {"params_ema": ...} are opened.

    `data` is the whole of `file`, mapped. Raises CheckpointError for a file that is cut, that holds no state
    dict, or that names anything but tensors and plain containers.
    """
    tree, memory = _read_zip(data, file, name) if data[:4] == _ZIP else _read_legacy(data, name)
    found = {key: value for key, value in _state_dict(tree, name).items() if isinstance(value, Tensor)}
    claimed = sum(prod(tensor.shape) * _item_bytes(tensor.storage.kind) for tensor in found.values())
    if claimed > 2 * len(data):  # shared weights are rare and small
        raise CheckpointError(
            f"{name} is damaged: its tensors claim {claimed:,} bytes, the file has {len(data):,}"
        )
    return {key: _array(value, memory, f"{name}: {key!r}") for key, value in found.items()}


def _read_zip(data: memoryview, file: BinaryIO, name: str) -> tuple[Any, Memory]:
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise CheckpointError(f"{name} is cut or damaged: {error}. Download or copy it again") from None
    entries = {entry.filename: entry for entry in archive.infolist()}
    pickles = [entry for entry in entries if entry.endswith("/data.pkl") or entry == "data.pkl"]
    if len(pickles) != 1:
        raise CheckpointError(f"{name} is a zip file without data.pkl: no PyTorch checkpoint")
    root = pickles[0].removesuffix("data.pkl")

    def read(entry: str) -> memoryview | bytes:
        if entry not in entries:
            raise CheckpointError(f"{name} is cut or damaged: {entry[:80]} is missing")
        return _entry(data, archive, entries[entry], name)

    if f"{root}byteorder" in entries and bytes(read(f"{root}byteorder")) != b"little":
        raise CheckpointError(f"{name} was written on a big-endian machine, which is not supported")
    tree = PickleReader(memoryview(read(pickles[0])), name).read()
    return tree, lambda storage: read(f"{root}data/{storage.key}")


def _entry(
    data: memoryview, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str
) -> memoryview | bytes:
    """Return an entry's bytes; PyTorch stores them, so that they lie in the file as they are."""
    if entry.file_size > len(data):
        raise CheckpointError(
            f"{name} is damaged: {entry.filename[:80]} claims {entry.file_size:,} bytes, "
            f"the file has {len(data):,}"
        )
    try:
        if entry.compress_type != zipfile.ZIP_STORED:
            return archive.read(entry)
        archive.open(entry).close()  # compares the two headers of the entry
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise CheckpointError(f"{name} is cut or damaged at {entry.filename[:80]}: {error}") from None
    header = bytes(data[entry.header_offset : entry.header_offset + _LOCAL_HEADER_BYTES])
    names = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    start = entry.header_offset + _LOCAL_HEADER_BYTES + names
    found = data[start : start + entry.file_size]
    if len(found) != entry.file_size or (entry.CRC and zlib.crc32(found) != entry.CRC):
        raise CheckpointError(f"{name} is cut or damaged at {entry.filename[:80]}. Download or copy it again")
    return found


def _read_legacy(data: memoryview, name: str) -> tuple[Any, Memory]:
    """Read five pickles (a magic number, the version, the machine, the tree, the storages' names)."""
    reader = PickleReader(data, name)
    if reader.read() != _LEGACY_MAGIC:
        raise CheckpointError(f"{name} is a pickle, but no PyTorch checkpoint")
    reader.read(), reader.read()
    tree, keys = reader.read(), reader.read()
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise CheckpointError(f"{name} is damaged: it does not list its storages")
    position = reader.position
    memory: dict[str, memoryview] = {}
    for key in keys:
        count = int.from_bytes(data[position : position + 8], "little")
        start = position + 8
        position = start + count * _item_bytes(reader.storages.get(key, "FloatStorage"))
        if position > len(data):
            raise CheckpointError(f"{name} is cut or damaged: storage {key[:80]!r} ends after the file's end")
        memory[key] = data[start:position]

    def read(storage: Storage) -> memoryview:
        if storage.key not in memory:
            raise CheckpointError(f"{name} is cut or damaged: storage {storage.key[:80]!r} is missing")
        return memory[storage.key]

    return tree, read


def _item_bytes(kind: str) -> int:
    return 2 if STORAGES[kind] == "bf16" else int(np.dtype(STORAGES[kind]).itemsize)


def _state_dict(tree: Any, name: str, depth: int = 0) -> dict[str, Any]:
    if not isinstance(tree, dict):
        refuse(name, f"it holds a {type(tree).__name__}")
    for wrapper in _WRAPPERS:
        if depth < _MAX_DEPTH and isinstance(tree.get(wrapper), dict):
            return _state_dict(tree[wrapper], name, depth + 1)
    if not any(isinstance(value, Tensor) for value in tree.values()):
        refuse(name, f"its keys are {', '.join(str(key)[:40] for key in list(tree)[:5]) or 'none'}")
    return {str(key): value for key, value in tree.items()}


def refuse(name: str, reason: str) -> NoReturn:
    """Raise the error for a file without a state dict."""
    raise CheckpointError(
        f"{name} holds no state dict (tensors by name): {reason}. Save the state dict alone"
    )


def _array(tensor: Tensor, memory: Memory, what: str) -> npt.NDArray[np.float32]:
    """Return a tensor's values, copied out of the file."""
    storage = tensor.storage
    item = _item_bytes(storage.kind)
    raw = memory(storage)
    last = tensor.offset + sum((n - 1) * s for n, s in zip(tensor.shape, tensor.strides, strict=True))
    size = prod(tensor.shape)
    if size > storage.count or (size and (last + 1) * item > len(raw)):
        raise CheckpointError(f"{what} is cut or damaged: {size:,} values in {len(raw):,} bytes")
    if size == 0:
        return np.zeros([min(side, 1) for side in tensor.shape], np.float32)
    kind = STORAGES[storage.kind]
    flat = np.frombuffer(raw, "<u2" if kind == "bf16" else kind, offset=tensor.offset * item)
    view = np.lib.stride_tricks.as_strided(flat, tensor.shape, [s * item for s in tensor.strides])
    return bfloat16_to_float32(view) if kind == "bf16" else view.astype(np.float32)
