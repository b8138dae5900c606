"""What a GPU is to the rest of vsr: memory, streams, events. `NvidiaGpu` is one; tests use a CPU as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from vsr.device.cuda.launch import DTYPES, Kind, Launch, View, view
from vsr.errors import DeviceError
from vsr.frame import Plane


class OutOfMemoryError(DeviceError):
    """The GPU has less free memory than is needed."""


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """Work that is no kernel of ours: an engine's run, or a captured graph."""

    enqueue: Callable[[int], None]
    """Puts it on the stream whose handle is given, and returns at once."""


Work: TypeAlias = Launch | Call
"""What a stream runs, in order."""


class Event(Protocol):
    """A moment on a stream."""

    def wait(self) -> None:
        """Return when all that was put on the stream before it is done; without the interpreter's lock."""


class Stream(Protocol):
    """Work in order. Nothing here waits. Thread-safety: one thread at a time, any thread."""

    @property
    def pointer(self) -> int:
        """The handle that CUDA knows."""

    def run(self, work: Sequence[Work]) -> None:
        """Put work on the stream."""

    def upload(self, host: Plane, target: View) -> None:
        """Copy samples of `host`, in page-locked memory, to the device."""

    def download(self, source: View, host: Plane) -> None:
        """Copy samples to `host`, in page-locked memory."""

    def record(self) -> Event:
        """Return the moment when all that was put here so far is done."""

    def follow(self, event: Event) -> None:
        """Let what is put here from now on begin after `event`, of any stream of the GPU."""

    def captured(self, work: Sequence[Work]) -> Work:
        """Return one piece of work that does all of `work`, at the same addresses, with less for the CPU."""


class Gpu(Protocol):
    """A GPU. Thread-safety: safe. Ownership: memory lives as long as its arrays do."""

    name: str
    """E.g. "NVIDIA H200"."""
    device: str
    """As users name it: cuda:0."""
    index: int
    """Its number among the GPUs that this process sees."""
    architecture: str
    """E.g. "sm_90"."""
    driver: str
    """The CUDA version that the driver knows, e.g. "13.0"."""
    moved: Moved
    """What crossed the bus."""
    notes: list[str]
    """What people should know of it, one sentence each; it only grows."""

    def stream(self) -> Stream:
        """Return a new stream that does not wait for the default one."""

    def array(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> Plane:
        """Return an uninitialised array in the GPU's memory. Raises OutOfMemoryError."""

    def table(self, values: npt.NDArray[Any]) -> Plane:
        """Return a copy of a constant table in the GPU's memory, complete on return."""

    def pointer(self, array: Plane) -> int:
        """Return where the samples of an array of this GPU begin."""

    def current(self) -> AbstractContextManager[None]:
        """Make its context the calling thread's own inside the block, for libraries that ask for that."""

    def adopted(self, capsule: Any) -> Plane:
        """Return an array over memory of this GPU that another library gave as a DLPack capsule.

        It keeps that memory alive.
        """

    def arrived(self) -> Event:
        """Return the moment when all that the default stream was given so far is done."""

    def trim(self) -> None:
        """Give memory that was freed back, for other libraries to take. It may wait for the GPU."""

    def host_array(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> Plane:
        """Return an uninitialised array in page-locked memory, which the GPU reads and writes by itself."""


class Moved:
    """Bytes that crossed the bus since the GPU was opened, counted at each copy. Thread-safety: safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.uploaded_bytes = 0
        self.downloaded_bytes = 0

    def add(self, *, uploaded: int = 0, downloaded: int = 0) -> None:
        """Count a copy."""
        with self._lock:
            self.uploaded_bytes += uploaded
            self.downloaded_bytes += downloaded


class Store:
    """Memory for tables and planes, kept as long as this lives: a `Memory` for the operations of a chain."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._kept: list[Plane] = []

    def table(self, values: npt.NDArray[Any]) -> int:
        """Copy a constant table to the GPU and return its address."""
        self._kept.append(self._gpu.table(np.ascontiguousarray(values)))
        return self._gpu.pointer(self._kept[-1])

    def plane(self, width: int, height: int, kind: Kind) -> View:
        """Return an uninitialised plane; its rows begin at multiples of 256 bytes."""
        array = plane_array(self._gpu, width, height, DTYPES[kind])
        self._kept.append(array)
        return view(array, self._gpu.pointer(array))


def plane_array(gpu: Gpu, width: int, height: int, dtype: np.dtype[Any]) -> Plane:
    """Return a (height, width) array whose rows begin at multiples of 256 bytes."""
    pitch = -(-width * dtype.itemsize // 256) * 256 // dtype.itemsize
    return gpu.array((height, pitch), dtype)[:, :width]
