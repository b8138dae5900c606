"""The kernels of kernels/cuda as host code: built once, run on NumPy arrays."""

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vsr._resources import tree
from vsr.device.cuda.launch import DTYPES, Kind, Launch, View, view

HERE = Path(__file__).parent
FLAGS = (
    *("-std=c++17", "-O2", "-shared", "-fPIC", "-ffp-contract=off", "-fvisibility=hidden"),
    *("-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas"),
    "-Wno-subobject-linkage",  # sources are headers of host.cpp, and have namespaces without a name
)


def build() -> ctypes.CDLL:
    """Return the library, from the temporary folder where an equal one was built before."""
    compiler = os.environ.get("CXX") or next(name for name in ("c++", "g++", "clang++") if shutil.which(name))
    kernels = tree("kernels")
    sources = sorted([*kernels.glob("cuda/*"), *kernels.glob("common/*"), *HERE.glob("*.?pp")])
    parts = [compiler.encode(), repr(FLAGS).encode(), *(path.read_bytes() for path in sources)]
    name = hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
    library = Path(tempfile.gettempdir()) / f"vsr-cuda-on-host-{os.getuid()}-{name}.so"
    if not library.exists():
        own = library.with_suffix(f".{os.getpid()}")
        include = [f"-I{folder}" for folder in (kernels, kernels / "cuda", HERE)]
        command = [compiler, *FLAGS, *include, str(HERE / "host.cpp"), "-o", str(own)]
        subprocess.run(command, check=True, timeout=120)
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
        return host_view(self._kept[-1][:, :width])


def host_view(array: npt.NDArray[Any], *, shift: int = 0) -> View:
    return view(array, array.ctypes.data, shift=shift)


def host_views(planes: Sequence[npt.NDArray[Any]], *, shift: int = 0) -> tuple[View, ...]:
    return tuple(host_view(plane, shift=shift) for plane in planes)


def execute(library: ctypes.CDLL, launches: Sequence[Launch], *, reverse: bool = False) -> None:
    """Run them in order; `reverse` runs blocks and threads from the last to the first."""
    for launch in launches:
        assert launch.job.nbytes == ctypes.c_int.in_dll(library, f"{launch.kernel}_job_bytes").value
        getattr(library, launch.kernel)(ctypes.c_void_p(launch.job.ctypes.data), *launch.blocks, int(reverse))
