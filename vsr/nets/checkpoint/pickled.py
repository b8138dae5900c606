"""Read a pickle without the pickle module: data comes out, and nothing can be called, built or looked up.

A pickle is a program for a small stack machine (see Python's pickletools). This one knows the instructions
that make numbers, texts, tuples, lists and dicts; it knows the few names by which PyTorch writes tensors, and
stand-ins for them. Any other name or instruction refuses the file. Keys are texts and numbers only, because
hashing nested tuples can take for ever.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vsr.nets.errors import CheckpointError

STORAGES = {
    "FloatStorage": "<f4", "HalfStorage": "<f2", "DoubleStorage": "<f8", "BFloat16Storage": "bf16",
    "LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "i1",
    "ByteStorage": "u1", "BoolStorage": "?",
}  # fmt: skip
_MAX_NAME = 200
_MAX_COUNT = 1 << 48
_MAX_STEPS = 1 << 20
"""Instructions of one file; a state dict has about 40 for each tensor."""


@dataclass(frozen=True)
class Storage:
    """Stands for the memory of tensors: what it is called and what it holds."""

    key: str
    kind: str
    count: int


@dataclass(frozen=True)
class Tensor:
    """Stands for a view of a storage, in elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True)
class _Name:
    """Stands for a class or function that a pickle names."""

    module: str
    name: str


def _numbers(value: Any) -> tuple[int, ...] | None:
    is_plain = isinstance(value, (tuple, list)) and all(_is_count(part) for part in value)
    return tuple(value) if is_plain and len(value) <= 8 else None


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < _MAX_COUNT


def _rebuild(arguments: tuple[Any, ...]) -> Tensor:
    storage, offset, shape, strides = (*arguments, None, None, None, None)[:4]
    sides, steps = _numbers(shape), _numbers(strides)
    if not isinstance(storage, Storage) or not _is_count(offset):
        raise _DamagedError("a tensor has no storage")
    if sides is None or steps is None or len(sides) != len(steps):
        raise _DamagedError("a tensor has no shape")
    return Tensor(storage, offset, sides, steps)


def _ordered(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    """Return a dict of the pairs that Python 2 gives to OrderedDict; Python 3 gives none."""
    found: dict[Any, Any] = {}
    for pair in arguments[0] if arguments and isinstance(arguments[0], list) else ():
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise _DamagedError("a dict has no pairs")
        found[_key(pair[0])] = pair[1]
    return found


def _key(value: Any) -> Any:
    if not isinstance(value, (str, float)) and not (isinstance(value, int) and abs(value) < _MAX_COUNT):
        raise _DamagedError("a key is neither a text nor a number")
    return value


_CALLS: dict[_Name, Callable[[tuple[Any, ...]], Any]] = {
    _Name("collections", "OrderedDict"): _ordered,
    _Name("torch._utils", "_rebuild_tensor"): _rebuild,
    _Name("torch._utils", "_rebuild_tensor_v2"): _rebuild,
    _Name("torch._utils", "_rebuild_parameter"): lambda arguments: arguments[0] if arguments else None,
    _Name("torch", "Size"): lambda arguments: arguments[0] if arguments else (),
}
_KNOWN = {*_CALLS, *(_Name("torch", storage) for storage in STORAGES)}
_MARK = object()
_CONSTANTS: dict[int, Callable[[], Any]] = {
    ord("N"): lambda: None, 0x88: lambda: True, 0x89: lambda: False,
    ord(")"): tuple, ord("]"): list, ord("}"): dict, ord("("): lambda: _MARK,
}  # fmt: skip
_PACKED = {ord("J"): "<i", ord("K"): "<B", ord("M"): "<H", ord("G"): ">d"}
_SIZED = {
    ord("X"): ("<I", "text"), 0x8C: ("<B", "text"), 0x8D: ("<Q", "text"),
    ord("T"): ("<I", "text"), ord("U"): ("<B", "text"),
    ord("B"): ("<I", "bytes"), ord("C"): ("<B", "bytes"), 0x8E: ("<Q", "bytes"),
    0x8A: ("<B", "number"), 0x8B: ("<I", "number"),
}  # fmt: skip
"""What follows a length: its format, and what it is."""
_PUT = {ord("q"): "<B", ord("r"): "<I"}
_GET = {ord("h"): "<B", ord("j"): "<I"}
_CALLING = {ord("o"): "OBJ", ord("b"): "BUILD", ord("P"): "PERSID", 0x81: "NEWOBJ", 0x92: "NEWOBJ_EX"}


class _DamagedError(Exception):
    """A pickle that contradicts itself; says how."""


class PickleReader:
    """Reads the pickles that lie one after another in `data`. Thread-safety: one thread.

    `position` is where the next one begins, `storages` what kind of memory the ones read have named. Raises
    CheckpointError for what is damaged or refused; `name` is the file's, for its text.
    """

    def __init__(self, data: memoryview, name: str) -> None:
        self._data = data
        self._name = name
        self.position = 0
        self.storages: dict[str, str] = {}
        self._steps = 0
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def read(self) -> Any:
        """Return the next pickle's value: plain containers, numbers, texts, Tensor."""
        self._stack, self._memo = [], {}
        try:
            while (code := self._take(1)[0]) != ord("."):
                self._steps += 1
                if self._steps > _MAX_STEPS:
                    raise _DamagedError(f"it has more than {_MAX_STEPS:,} instructions; no state dict has")
                self._step(code)
            return self._pop()
        except (_DamagedError, struct.error, IndexError, KeyError, UnicodeDecodeError) as error:
            reason = str(error) if isinstance(error, _DamagedError) else "it ends or points nowhere"
            raise CheckpointError(
                f"{self._name} is cut or damaged: its pickle cannot be read ({reason})"
            ) from None

    def _step(self, code: int) -> None:
        push = self._stack.append
        if code in _CONSTANTS:
            push(_CONSTANTS[code]())
        elif code in _PACKED:
            push(self._unpack(_PACKED[code]))
        elif code in _SIZED:
            push(self._sized(*_SIZED[code]))
        elif code in _PUT:
            self._memo[self._unpack(_PUT[code])] = self._stack[-1]
        elif code in _GET:
            push(self._memo[self._unpack(_GET[code])])
        elif code == 0x94:  # MEMOIZE
            self._memo[len(self._memo)] = self._stack[-1]
        elif code in (0x80, 0x95):  # PROTO, FRAME
            self._take(1 if code == 0x80 else 8)
        elif code in (0x85, 0x86, 0x87):  # TUPLE1 to TUPLE3
            push(tuple([self._pop() for _ in range(code - 0x84)][::-1]))
        elif code == ord("t"):
            push(tuple(self._since_mark()))
        elif code in b"ae":
            self._append([self._pop()] if code == ord("a") else self._since_mark())
        elif code in b"su":
            self._set([self._pop(), self._pop()][::-1] if code == ord("s") else self._since_mark())
        elif code == ord("0"):
            self._pop()
        else:
            self._name_or_call(code)

    def _name_or_call(self, code: int) -> None:
        """Take the instructions that could run something, for the known names alone."""
        if code in b"ci":
            self._stack.append(self._known(self._line(), self._line()))
            if code == ord("i"):
                raise self._refused("it has the instruction INST")
        elif code == 0x93:  # STACK_GLOBAL
            name, module = self._pop(), self._pop()
            self._stack.append(self._known(module, name))
        elif code == ord("R"):
            arguments, name = self._pop(), self._pop()
            if not isinstance(name, _Name) or name not in _CALLS or not isinstance(arguments, tuple):
                raise self._refused("it calls what is no name of a tensor or container")
            self._stack.append(_CALLS[name](arguments))
        elif code == ord("b") and len(self._stack) > 1 and isinstance(self._stack[-2], dict):
            self._pop()  # the attributes of an OrderedDict: PyTorch keeps versions of modules there
        elif code == ord("Q"):
            self._stack.append(self._storage(self._pop()))
        elif code in _CALLING:
            raise self._refused(f"it has the instruction {_CALLING[code]}")
        else:
            raise self._refused(f"it has the instruction {code:#04x}")

    def _known(self, module: Any, name: Any) -> _Name:
        if not isinstance(module, str) or not isinstance(name, str):
            raise _DamagedError("a name is no text")
        found = _Name(module, name)
        if found not in _KNOWN:
            raise self._refused(f"it names {module[:_MAX_NAME]}.{name[:_MAX_NAME]}")
        return found

    def _refused(self, reason: str) -> CheckpointError:
        return CheckpointError(
            f"{self._name} is refused: {reason}, which is neither a tensor nor a plain container, and could "
            "run code. Nothing was run. Save the state dict alone, or as .safetensors"
        )

    def _storage(self, pid: Any) -> Storage:
        kind, key, count = (pid[1], pid[2], pid[4]) if isinstance(pid, tuple) and len(pid) >= 5 else (0, 0, 0)
        if not (isinstance(kind, _Name) and kind.name in STORAGES and pid[0] == "storage"):
            raise _DamagedError("a storage is not described")
        if not isinstance(key, str) or not _is_count(count):
            raise _DamagedError("a storage has no name or size")
        self.storages[key] = kind.name
        return Storage(key, kind.name, count)

    def _take(self, count: int) -> memoryview:
        part = self._data[self.position : self.position + count]
        if len(part) != count:
            raise _DamagedError("it ends early")
        self.position += count
        return part

    def _unpack(self, form: str) -> Any:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _sized(self, form: str, what: str) -> Any:
        part = self._take(self._unpack(form))
        if what == "number":
            return int.from_bytes(part, "little", signed=True)
        return bytes(part) if what == "bytes" else str(part, "utf-8", "surrogatepass")

    def _line(self) -> str:
        line, end, _ = bytes(self._data[self.position : self.position + _MAX_NAME]).partition(b"\n")
        if not end:
            raise _DamagedError("a name has no end")
        self.position += len(line) + 1
        return str(line, "utf-8")

    def _pop(self) -> Any:
        value = self._stack.pop()
        if value is _MARK:
            raise _DamagedError("a value is missing")
        return value

    def _since_mark(self) -> list[Any]:
        found: list[Any] = []
        while (value := self._stack.pop()) is not _MARK:
            found.append(value)
        return found[::-1]

    def _append(self, values: list[Any]) -> None:
        if not isinstance(self._stack[-1], list):
            raise _DamagedError("a list is none")
        self._stack[-1].extend(values)

    def _set(self, pairs: list[Any]) -> None:
        target = self._stack[-1]
        if not isinstance(target, dict) or len(pairs) % 2:
            raise _DamagedError("a dict is none")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            target[_key(key)] = value
