"""The names of CuPy that are used, over host memory: what NvidiaGpu says to CuPy is done at once."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from threading import Lock
from types import SimpleNamespace
from typing import Any

import numpy as np

from tests.cuda.host import library_of
from tests.cuda.host_gpu import CURRENT, Exporter, HostArray
from vsr.device.cuda.launch import Source
from vsr.device.cuda.surface import Cupy

CAPABILITY = "90"


class FakeCupyError(Exception):
    """CUDARuntimeError, CUDADriverError."""


class _Stream:
    def __init__(self, *, non_blocking: bool) -> None:
        assert non_blocking
        self.ptr = id(self)

    def synchronize(self) -> None:
        pass

    def wait_event(self, event: _Event) -> None:
        assert event.recorded

    def begin_capture(self, mode: int) -> None:
        assert mode == 1
        _CAPTURING[self.ptr] = []

    def end_capture(self) -> SimpleNamespace:
        calls = _CAPTURING.pop(self.ptr)
        assert calls

        def launch(stream: _Stream) -> None:
            for call in calls:
                call()

        return SimpleNamespace(launch=launch)


_CAPTURING: dict[int, list[Callable[[], None]]] = {}
"""By the stream that is capturing."""


def on_stream(stream: int, call: Callable[[], None]) -> None:
    """Do it, or keep it where the stream is capturing."""
    if stream in _CAPTURING:
        _CAPTURING[stream].append(call)
    else:
        call()


class _Event:
    def __init__(self, *, block: bool, disable_timing: bool) -> None:
        assert block and disable_timing
        self.recorded = False

    def record(self, stream: _Stream) -> None:
        self.recorded = True

    def synchronize(self) -> None:
        assert self.recorded


_SOURCES: dict[bytes, Source] = {}


def fake_compiled(source: Source, architecture: str, say: Callable[[str], None]) -> bytes:
    """Take the place of vsr.device.cuda.kernels.compiled."""
    cubin = f"cubin {len(_SOURCES)} for {architecture}".encode()
    _SOURCES[cubin] = source
    return cubin


class _Module:
    library: ctypes.CDLL

    def load(self, cubin: bytes) -> None:
        self.library = library_of(self.library, _SOURCES[cubin])

    def get_function(self, name: str) -> SimpleNamespace:
        size = ctypes.c_int.in_dll(self.library, f"{name}_job_bytes").value
        _FUNCTIONS.append((getattr(self.library, name), size))
        return SimpleNamespace(ptr=len(_FUNCTIONS) - 1)


_ONE_AT_A_TIME = Lock()
_FUNCTIONS: list[tuple[Any, int]] = []


def _run(function: int, job: bytes, wide: int, high: int) -> None:
    aligned = np.frombuffer(job, np.uint64)
    with _ONE_AT_A_TIME:  # kernels of the host keep their shared memory in one place
        _FUNCTIONS[function][0](ctypes.c_void_p(aligned.ctypes.data), wide, high, 0)


def _launch(*arguments: int) -> None:
    function, wide, high, deep, threads, *one, shared, stream, parameters, extra = arguments
    assert (deep, threads, one, shared, extra) == (1, 256, [1, 1], 0, 0)
    job = ctypes.cast(parameters, ctypes.POINTER(ctypes.c_void_p))[0]
    assert job is not None
    kept = ctypes.string_at(job, _FUNCTIONS[function][1])
    on_stream(stream, lambda: _run(function, kept, wide, high))


def _copy(to: int, to_pitch: int, of: int, of_pitch: int, width: int, height: int, kind: int, _: int) -> None:
    assert kind in (1, 2) and to_pitch >= width <= of_pitch
    for row in range(height):
        ctypes.memmove(to + row * to_pitch, of + row * of_pitch, width)


def fake_cupy(library: ctypes.CDLL) -> Cupy:
    """Return the module. Kernels are those of `library`."""
    stream = type("Stream", (_Stream,), {"null": _Stream(non_blocking=True)})
    device = SimpleNamespace(compute_capability=CAPABILITY, mem_info=(1 << 30, 2 << 30))
    device.use = lambda: setattr(CURRENT, "gpu", device)
    runtime = SimpleNamespace(
        CUDARuntimeError=FakeCupyError,
        memcpyHostToDevice=1,
        memcpyDeviceToHost=2,
        streamCaptureModeThreadLocal=1,
        driverGetVersion=lambda: 13000,
        free=lambda address: None,
        getDeviceCount=lambda: 1,
        getDeviceProperties=lambda index: {"name": b"Fake H1"},
        memcpy2DAsync=_copy,
    )
    module = type("Module", (_Module,), {"library": library})
    cuda = SimpleNamespace(
        Device=lambda index: device,
        Event=_Event,
        Stream=stream,
        alloc_pinned_memory=lambda size: bytearray(size),
        driver=SimpleNamespace(CUDADriverError=FakeCupyError, launchKernel=_launch),
        function=SimpleNamespace(Module=module),
        memory=SimpleNamespace(OutOfMemoryError=MemoryError),
        runtime=runtime,
    )

    def empty(shape: tuple[int, int], dtype: Any) -> Any:
        return np.zeros(shape, dtype).view(HostArray)

    def asarray(values: Any) -> Any:
        return np.array(values).view(HostArray)

    def from_dlpack(capsule: Any) -> Any:
        return np.from_dlpack(Exporter(capsule)).view(HostArray)

    pool = SimpleNamespace(free_all_blocks=lambda: None)
    return SimpleNamespace(
        cuda=cuda,
        asarray=asarray,
        empty=empty,
        from_dlpack=from_dlpack,
        get_default_memory_pool=lambda: pool,
    )
