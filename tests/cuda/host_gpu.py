"""A CPU in the place of a GPU: the kernels' host build, and streams that do nothing until somebody waits.

So what runs on a GPU runs here whole, but for CuPy and the driver; and who reads a result before its event
reads what was there before.
"""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from threading import RLock, local
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from tests.cuda.host import execute, library_of
from vsr.device.cuda.gpu import Call, Event, Moved, OutOfMemoryError, Work
from vsr.device.cuda.launch import DTYPES, Launch, View
from vsr.frame import Plane

CURRENT = local()
"""Of each thread: its `gpu` is the one whose `current` it is in."""


class HostArray(np.ndarray[Any, Any]):
    """An array of the stand-in's memory. As CuPy's, it is made over memory that another's `data` names.

    `get` copies to the host: in one piece, as CuPy does without compiling a kernel.
    """

    def __new__(cls, shape: tuple[int], dtype: np.dtype[Any], memory: Any) -> Self:
        size = shape[0] * dtype.itemsize
        samples = memoryview((ctypes.c_uint8 * size).from_address(memory.ptr))
        return np.frombuffer(samples, dtype).view(cls)

    @property
    def data(self) -> Any:
        return SimpleNamespace(ptr=self.ctypes.data)

    def get(self) -> npt.NDArray[Any]:
        assert self.flags.c_contiguous, "CuPy would compile a kernel"
        return np.array(self)


class HostGpu:
    """A `Gpu`. `limit_bytes` is how much memory it has in all."""

    def __init__(self, library: ctypes.CDLL, *, limit_bytes: int = 1 << 40) -> None:
        self.library = library
        self.name = "host"
        self.device = "cuda:0"
        self.index = 0
        self.architecture = "sm_80"
        self.driver = "13.0"
        self.moved = Moved()
        self.notes: list[str] = []
        self.taken_bytes = 0
        self.trims = 0
        self.limit_bytes = limit_bytes
        self.lock = RLock()
        self.default_stream = HostStream(self)
        """What a stand-in for FFmpeg decodes on."""

    @contextmanager
    def current(self) -> Iterator[None]:
        before, CURRENT.gpu = getattr(CURRENT, "gpu", None), self
        try:
            yield
        finally:
            CURRENT.gpu = before

    def execute(self, launch: Launch) -> None:
        execute(library_of(self.library, launch.source), [launch])

    def stream(self) -> HostStream:
        return HostStream(self)

    def array(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> Plane:
        size = shape[0] * shape[1] * dtype.itemsize
        if self.taken_bytes + size > self.limit_bytes:
            raise OutOfMemoryError(f"{self.device} is out of memory")
        self.taken_bytes += size
        return np.full(size, 0xA5, np.uint8).view(dtype).reshape(shape).view(HostArray)

    def table(self, values: npt.NDArray[Any]) -> Plane:
        return np.array(values).view(HostArray)

    def trim(self) -> None:
        self.trims += 1

    def pointer(self, array: Plane) -> int:
        assert isinstance(array, HostArray), "an array of the host's memory"
        return array.ctypes.data

    def adopted(self, capsule: Any) -> Plane:
        return np.from_dlpack(Exporter(capsule)).view(HostArray)

    def arrived(self) -> HostEvent:
        return self.default_stream.record()

    def host_array(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> Plane:
        return np.zeros(shape, dtype)


class Exporter:
    """A capsule as NumPy takes it."""

    def __init__(self, capsule: Any) -> None:
        self._capsule = capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0

    def __dlpack__(self, **options: Any) -> Any:
        return self._capsule


class HostEvent:
    """Runs what its stream was given before it."""

    def __init__(self, stream: HostStream, count: int) -> None:
        self._stream = stream
        self._count = count

    def wait(self) -> None:
        self._stream.catch_up(self._count)


class HostStream:
    """A `Stream` that keeps its work until an event of it is waited for."""

    pointer = 0

    def __init__(self, gpu: HostGpu) -> None:
        self._gpu = gpu
        self._waiting: deque[Callable[[], None]] = deque()
        self._put = self._done = 0

    def catch_up(self, count: int) -> None:
        with self._gpu.lock, self._gpu.current():
            while self._done < count:
                self._done += 1
                self._waiting.popleft()()

    def _later(self, action: Callable[[], None]) -> None:
        self._waiting.append(action)
        self._put += 1

    def run(self, work: Sequence[Work]) -> None:
        for each in work:
            if isinstance(each, Call):
                self._later(partial(each.enqueue, self.pointer))
            else:
                self._later(partial(self._gpu.execute, each))

    def upload(self, host: Plane, target: View) -> None:
        self._gpu.moved.add(uploaded=host.nbytes)
        self._later(lambda: np.copyto(_array(target), host))

    def download(self, source: View, host: Plane) -> None:
        self._gpu.moved.add(downloaded=host.nbytes)
        self._later(lambda: np.copyto(host, _array(source)))

    def record(self) -> HostEvent:
        return HostEvent(self, self._put)

    def follow(self, event: Event) -> None:
        self._later(event.wait)

    def captured(self, work: Sequence[Work]) -> Work:
        kept = tuple(work)

        def replay(pointer: int) -> None:
            for each in kept:
                if isinstance(each, Call):
                    each.enqueue(pointer)
                else:
                    self._gpu.execute(each)

        return Call(replay)


def _array(plane: View) -> npt.NDArray[Any]:
    dtype = DTYPES[plane.kind]
    strides = (plane.stride_bytes, plane.step * dtype.itemsize)
    length = (plane.height - 1) * strides[0] + (plane.width - 1) * strides[1] + dtype.itemsize
    memory = memoryview((ctypes.c_uint8 * length).from_address(plane.pointer))
    return np.ndarray((plane.height, plane.width), dtype, memory, strides=strides)
