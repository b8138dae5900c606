"""The kernels of kernels/cuda as host code: built once, run on NumPy arrays."""

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vsr._resources import tree
from vsr.device.cuda.launch import DTYPES, Generated, Kind, Launch, Source, View, view

HERE = Path(__file__).parent
_COMPILER = os.environ.get("CXX") or next(name for name in ("c++", "g++", "clang++") if shutil.which(name))
FLAGS = (
    *("-std=c++17", "-shared", "-fPIC", "-ffp-contract=off", "-fvisibility=hidden", "-fno-strict-aliasing"),
    *("-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas"),
    "-Wno-subobject-linkage",  # sources are headers of host.cpp, and have namespaces without a name
    *(("-fno-ivopts",) if "clang" not in _COMPILER else ()),  # GCC's bug, below
)
"""g++ 12's ivopts addresses arrays from a base of 0 (as in GCC bug 110702), and later passes take that for a
dereference of null and drop calls of the function: some instances of kernels/cuda/net.cuh, which is sound."""


def build() -> ctypes.CDLL:
    """Return the library of kernels/cuda, from the temporary folder where an equal one was built before."""
    kernels = tree("kernels")
    sources = sorted([*kernels.glob("cuda/*"), *kernels.glob("common/*"), *HERE.glob("*.?pp")])
    return _built((HERE / "host.cpp").read_text(), "-O2", b"\0".join(path.read_bytes() for path in sources))


def build_generated(source: Generated) -> ctypes.CDLL:
    """Return a generated source as a library, as `build` does."""
    return _built(source.text, "-O1", _headers())


@cache
def _headers() -> bytes:
    kernels = tree("kernels")
    paths = sorted([*kernels.glob("cuda/*.cuh"), *kernels.glob("common/*"), *HERE.glob("shim*.hpp")])
    return b"\0".join(path.read_bytes() for path in paths)


def _built(text: str, speed: str, included: bytes) -> ctypes.CDLL:
    parts = [_COMPILER.encode(), repr((FLAGS, speed)).encode(), text.encode(), included]
    name = hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"vsr-cuda-on-host-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    library = folder / f"{name}.so"
    if not library.exists():
        own = library.with_suffix(f".{os.getpid()}")
        include = [f"-I{path}" for path in (tree("kernels"), tree("kernels") / "cuda", HERE)]
        command = [_COMPILER, *FLAGS, speed, *include, "-x", "c++", "-", "-o", str(own)]
        subprocess.run(command, check=True, timeout=120, input=text.encode())
        own.replace(library)
    return ctypes.CDLL(str(library))


class HostMemory:
    """Tables and planes in NumPy arrays, kept as long as this lives."""

    def __init__(self) -> None:
        self._kept: list[npt.NDArray[Any]] = []

    def table(self, values: npt.NDArray[Any]) -> int:
        self._kept.append(values.copy())
        return self._kept[-1].ctypes.data

    def plane(self, width: int, height: int, kind: Kind) -> View:
        self._kept.append(np.zeros((height, width + 5), DTYPES[kind]))
        self._kept[-1].view(np.uint8)[...] = 0xFF  # NaN: what is read before it is written shows
        return host_view(self._kept[-1][:, :width])


def host_view(array: npt.NDArray[Any], *, shift: int = 0) -> View:
    return view(array, array.ctypes.data, shift=shift)


def host_views(planes: Sequence[npt.NDArray[Any]], *, shift: int = 0) -> tuple[View, ...]:
    return tuple(host_view(plane, shift=shift) for plane in planes)


def library_of(library: ctypes.CDLL, source: Source) -> ctypes.CDLL:
    """Return what has the kernels of a source: `library` those of kernels/cuda, another those generated."""
    return library if isinstance(source, str) else _generated(source)


_generated = cache(build_generated)


def execute(library: ctypes.CDLL, launches: Sequence[Launch], *, reverse: bool = False) -> None:
    """Run them in order; `reverse` runs blocks and threads from the last to the first."""
    for launch in launches:
        assert launch.job.nbytes == ctypes.c_int.in_dll(library, f"{launch.kernel}_job_bytes").value
        getattr(library, launch.kernel)(ctypes.c_void_p(launch.job.ctypes.data), *launch.blocks, int(reverse))
