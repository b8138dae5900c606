"""NVIDIA's run-time compiler, NVRTC, through ctypes: CUDA C++ to machine code. It needs no GPU."""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from vsr.errors import DeviceError

MAJOR = 13
"""The major version that is used: its machine code runs with drivers from 580 on."""
_LIBRARY = f"libnvrtc.so.{MAJOR}"


class CompileError(DeviceError):
    """A kernel that does not compile: a defect of vsr, or of the installed NVRTC."""


@cache
def find() -> ctypes.CDLL | None:
    """Return the library, from the package nvidia-cuda-nvrtc or else the system; None where there is none."""
    for folder in _packaged():
        try:
            for part in folder.glob(f"libnvrtc-builtins.so.{MAJOR}.*"):
                ctypes.CDLL(str(part))  # NVRTC asks for it by name alone, and finds what is loaded
            return ctypes.CDLL(str(folder / _LIBRARY))
        except OSError:
            continue
    try:
        return ctypes.CDLL(_LIBRARY)
    except OSError:
        return None


def _packaged() -> list[Path]:
    """Return the folders in which the package nvidia-cuda-nvrtc may have put it."""
    spec = importlib.util.find_spec("nvidia")
    folders = spec.submodule_search_locations if spec is not None else None
    return [Path(folder) / f"cu{MAJOR}" / "lib" for folder in folders or ()]


def version() -> tuple[int, int]:
    """Return NVRTC's version, e.g. (13, 0). Raises DeviceError where there is none."""
    major, minor = ctypes.c_int(), ctypes.c_int()
    _check(_library().nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)), "nvrtcVersion")
    return major.value, minor.value


@cache
def architectures() -> tuple[int, ...]:
    """Return the compute capabilities that it compiles for, ascending, e.g. 90 for 9.0."""
    count = ctypes.c_int()
    _check(_library().nvrtcGetNumSupportedArchs(ctypes.byref(count)), "nvrtcGetNumSupportedArchs")
    numbers = (ctypes.c_int * count.value)()
    _check(_library().nvrtcGetSupportedArchs(numbers), "nvrtcGetSupportedArchs")
    return tuple(sorted(numbers))


def target(architecture: str) -> str:
    """Return what to compile for to run on e.g. "sm_90": that, or the newest before it of its generation.

    Machine code runs on later chips of the same major number. Raises DeviceError for another generation.
    """
    wanted = int(architecture.removeprefix("sm_"))
    fitting = [each for each in architectures() if each // 10 == wanted // 10 and each <= wanted]
    if not fitting:
        number, known = ".".join(map(str, version())), [f"{each / 10:.1f}" for each in architectures()]
        raise DeviceError(
            f"NVRTC {number} compiles for GPUs of compute capability {known[0]} to {known[-1]}, not "
            f"{wanted / 10:.1f}; a newer vsr may"
        )
    return f"sm_{fitting[-1]}"


def compile_cubin(source: str, name: str, options: Sequence[str]) -> tuple[bytes, str]:
    """Return the cubin that `options` ask for by a real architecture, and the log.

    `name` is what messages call the source. Raises CompileError with the compiler's own words.
    Thread-safety: safe. Takes 0.1 to 1 s, without the interpreter's lock.
    """
    nvrtc, program = _library(), ctypes.c_void_p()
    created = nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), name.encode(), 0, None, None)
    _check(created, "nvrtcCreateProgram")
    try:
        flags = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        status = nvrtc.nvrtcCompileProgram(program, len(options), flags)
        log = _text(nvrtc, program, "ProgramLog").rstrip(b"\0").decode(errors="replace").strip()
        if status:
            number = ".".join(map(str, version()))
            raise CompileError(f"{name} does not compile with NVRTC {number}: {log or status}")
        return _text(nvrtc, program, "CUBIN"), log
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


def _text(nvrtc: ctypes.CDLL, program: ctypes.c_void_p, what: str) -> bytes:
    size = ctypes.c_size_t()
    _check(nvrtc[f"nvrtcGet{what}Size"](program, ctypes.byref(size)), what)
    buffer = ctypes.create_string_buffer(size.value)
    _check(nvrtc[f"nvrtcGet{what}"](program, buffer), what)
    return buffer.raw


def _library() -> ctypes.CDLL:
    library = find()
    if library is None:
        raise DeviceError(f"NVRTC ({_LIBRARY}) is not installed; pip install 'vsr-realtime[cuda]'")
    return library


def _check(status: int, call: str) -> None:
    if status:
        raise DeviceError(f"NVRTC's {call} fails with status {status}")
