"""PyTorch's .pth and .pt files, read without PyTorch and without executing anything.

Such a file is a pickle, and a pickle can name any function and have it called. Here a name is looked up in a
short table of harmless stand-ins and nowhere else: a file that names anything else is refused.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from vsr.nets.checkpoint.safetensors import bfloat16_to_float32
from vsr.nets.errors import CheckpointError

_STORAGES = {
    "FloatStorage": "<f4", "HalfStorage": "<f2", "DoubleStorage": "<f8", "BFloat16Storage": "bf16",
    "LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "i1",
    "ByteStorage": "u1", "BoolStorage": "?",
}  # fmt: skip
_WRAPPERS = ("params_ema", "params", "state_dict", "model_state_dict", "model", "generator", "net_g")
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_MAX_DEPTH = 4


@dataclass(frozen=True)
class _Storage:
    """Stands for the memory of tensors: what it is called and what it holds."""

    key: str
    kind: str
    count: int


@dataclass(frozen=True)
class _Tensor:
    """Stands for a view of a storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_torch(data: bytes, name: str) -> dict[str, npt.NDArray[np.float32]]:
    """Return the tensors of a state dict by name; wrappers like {"params_ema": ...} are opened.

    Raises CheckpointError for a file that is cut, that holds no state dict, or that names anything but
    tensors and plain containers.
    """
    if zipfile.is_zipfile(io.BytesIO(data)):
        tree, memory = _read_zip(data, name)
    else:
        tree, memory = _read_legacy(data, name)
    found = {key: value for key, value in _state_dict(tree, name).items() if isinstance(value, _Tensor)}
    return {key: _array(value, memory, f"{name}: {key!r}") for key, value in found.items()}


def _rebuild(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> _Tensor:
    return _Tensor(storage, int(offset), tuple(shape), tuple(strides))


def _rebuild_parameter(tensor: Any, *_: Any) -> Any:
    return tensor


_ALLOWED: dict[tuple[str, str], Callable[..., Any] | str] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("torch", "Size"): tuple,
    **{("torch", storage): storage for storage in _STORAGES},
}


class _Unpickler(pickle.Unpickler):
    """A pickle machine that knows no names but those of _ALLOWED."""

    def __init__(self, file: io.BytesIO, name: str) -> None:
        super().__init__(file, encoding="utf-8")
        self._name = name

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise CheckpointError(
                f"{self._name} is refused: it names {module}.{name}, which is neither a tensor nor a plain "
                "container, and could run code. Nothing was run. "
                "Save the state dict alone, or as .safetensors"
            ) from None

    def persistent_load(self, pid: Any) -> _Storage:
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage" or pid[1] not in _STORAGES:
            raise CheckpointError(f"{self._name} is damaged: a storage is described by {str(pid)[:80]}")
        return _Storage(str(pid[2]), str(pid[1]), int(pid[4]))


def _load(file: io.BytesIO, name: str) -> Any:
    try:
        return _Unpickler(file, name).load()
    except CheckpointError:
        raise
    except Exception as error:  # a damaged pickle fails in any way at all
        raise CheckpointError(f"{name} is cut or damaged: its pickle cannot be read ({error})") from None


def _read_zip(data: bytes, name: str) -> tuple[Any, Callable[[_Storage], bytes]]:
    archive = zipfile.ZipFile(io.BytesIO(data))
    pickles = [entry for entry in archive.namelist() if entry.endswith("/data.pkl") or entry == "data.pkl"]
    if len(pickles) != 1:
        raise CheckpointError(f"{name} is a zip file without data.pkl: no PyTorch checkpoint")
    root = pickles[0].removesuffix("data.pkl")

    def read(entry: str) -> bytes:
        try:
            if archive.getinfo(entry).file_size > len(data):  # PyTorch stores, it does not compress
                raise CheckpointError(f"{name} is damaged: {entry} claims to be larger than the file")
            return archive.read(entry)
        except (KeyError, zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
            raise CheckpointError(f"{name} is cut or damaged at {entry}: {error}") from None

    if f"{root}byteorder" in archive.namelist() and read(f"{root}byteorder") != b"little":
        raise CheckpointError(f"{name} was written on a big-endian machine, which is not supported")
    tree = _load(io.BytesIO(read(pickles[0])), name)
    return tree, lambda storage: read(f"{root}data/{storage.key}")


def _read_legacy(data: bytes, name: str) -> tuple[Any, Callable[[_Storage], bytes]]:
    """Read the format before PyTorch 1.6: five pickles, then for each storage a count and its values."""
    file = io.BytesIO(data)
    if _load(file, name) != _LEGACY_MAGIC:
        raise CheckpointError(f"{name} is a pickle, but no PyTorch checkpoint")
    _load(file, name), _load(file, name)  # protocol version, machine
    tree, keys = _load(file, name), _load(file, name)
    if not isinstance(keys, list):
        raise CheckpointError(f"{name} is damaged: it does not list its storages")
    kinds = {tensor.storage.key: tensor.storage.kind for tensor in _tensors(tree)}
    memory: dict[str, bytes] = {}
    for key in map(str, keys):
        count = int.from_bytes(file.read(8), "little")
        memory[key] = file.read(count * _item_bytes(kinds.get(key, "FloatStorage")))

    def read(storage: _Storage) -> bytes:
        if storage.key not in memory:
            raise CheckpointError(f"{name} is cut: storage {storage.key} is missing")
        return memory[storage.key]

    return tree, read


def _tensors(tree: Any, depth: int = 0) -> list[_Tensor]:
    if isinstance(tree, _Tensor):
        return [tree]
    if isinstance(tree, dict) and depth < _MAX_DEPTH:
        return [tensor for value in tree.values() for tensor in _tensors(value, depth + 1)]
    return []


def _item_bytes(kind: str) -> int:
    return 2 if _STORAGES[kind] == "bf16" else int(np.dtype(_STORAGES[kind]).itemsize)


def _state_dict(tree: Any, name: str, depth: int = 0) -> dict[str, Any]:
    if not isinstance(tree, dict):
        refuse(name, f"it holds a {type(tree).__name__}")
    for wrapper in _WRAPPERS:
        if depth < _MAX_DEPTH and isinstance(tree.get(wrapper), dict):
            return _state_dict(tree[wrapper], name, depth + 1)
    if not any(isinstance(value, _Tensor) for value in tree.values()):
        refuse(name, f"its keys are {', '.join(map(str, list(tree)[:5])) or 'none'}")
    return {str(key): value for key, value in tree.items()}


def refuse(name: str, reason: str) -> NoReturn:
    """Raise the error for a file without a state dict."""
    raise CheckpointError(f"{name} holds no state dict (tensors by name): {reason}")


def _array(tensor: _Tensor, memory: Callable[[_Storage], bytes], what: str) -> npt.NDArray[np.float32]:
    storage = tensor.storage
    if not isinstance(storage, _Storage) or len(tensor.shape) != len(tensor.strides):
        raise CheckpointError(f"{what} is damaged: it has no storage")
    item = _item_bytes(storage.kind)
    raw = memory(storage)
    numbers = (tensor.offset, *tensor.shape, *tensor.strides)
    sane = all(isinstance(number, int) and number >= 0 for number in numbers)
    if not sane:
        raise CheckpointError(f"{what} is damaged: its shape is {tensor.shape}")
    last = tensor.offset + sum((n - 1) * s for n, s in zip(tensor.shape, tensor.strides, strict=True))
    size = 1
    for side in tensor.shape:
        size *= side
    if size > storage.count or (size and (last + 1) * item > len(raw)):
        raise CheckpointError(f"{what} is cut or damaged: shape {tensor.shape} in {len(raw)} bytes")
    if size == 0:
        return np.zeros(tensor.shape, np.float32)
    kind = _STORAGES[storage.kind]
    flat = np.frombuffer(raw, "<u2" if kind == "bf16" else kind, offset=tensor.offset * item)
    view = np.lib.stride_tricks.as_strided(flat, tensor.shape, [s * item for s in tensor.strides])
    return bfloat16_to_float32(view) if kind == "bf16" else view.astype(np.float32)
