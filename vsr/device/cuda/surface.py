"""The part of CuPy's Python API that is used: mypy allows no other name, a test looks each up in CuPy 14.

Each protocol stands for the class or module of CuPy named in its docstring.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class CupyEvent(Protocol):
    """cupy.cuda.Event."""

    def record(self, stream: CupyStream) -> None: ...
    def synchronize(self) -> None: ...


class CupyGraph(Protocol):
    """cupy.cuda.Graph."""

    def launch(self, stream: CupyStream) -> None: ...


class CupyStream(Protocol):
    """cupy.cuda.Stream.null, or any other stream."""

    @property
    def ptr(self) -> int: ...
    def synchronize(self) -> None: ...
    def wait_event(self, event: CupyEvent) -> None: ...
    def begin_capture(self, mode: int) -> None: ...
    def end_capture(self) -> CupyGraph: ...


class CupyStreams(Protocol):
    """cupy.cuda.Stream, the class."""

    null: CupyStream

    def __call__(self, *, non_blocking: bool) -> CupyStream: ...


class CupyFunction(Protocol):
    """cupy.cuda.function.Function."""

    @property
    def ptr(self) -> int: ...


class CupyModule(Protocol):
    """cupy.cuda.function.Module."""

    def load(self, cubin: bytes) -> None: ...
    def get_function(self, name: str) -> CupyFunction: ...


class CupyFunctions(Protocol):
    """cupy.cuda.function."""

    Module: Callable[[], CupyModule]


class CupyDevice(Protocol):
    """cupy.cuda.Device."""

    @property
    def compute_capability(self) -> str: ...
    @property
    def mem_info(self) -> tuple[int, int]: ...
    def use(self) -> None: ...


class CupyDriver(Protocol):
    """cupy.cuda.driver."""

    CUDADriverError: type[Exception]
    launchKernel: Callable[..., None]  # noqa: N815


class CupyRuntime(Protocol):
    """cupy.cuda.runtime."""

    CUDARuntimeError: type[Exception]
    memcpyHostToDevice: int  # noqa: N815
    memcpyDeviceToHost: int  # noqa: N815
    streamCaptureModeThreadLocal: int  # noqa: N815

    def driverGetVersion(self) -> int: ...  # noqa: N802
    def free(self, address: int) -> None: ...
    def getDeviceCount(self) -> int: ...  # noqa: N802
    def getDeviceProperties(self, device: int) -> dict[str, Any]: ...  # noqa: N802
    def memcpy2DAsync(  # noqa: N802
        self, to: int, to_pitch: int, of: int, of_pitch: int, width: int, height: int, kind: int, stream: int
    ) -> None: ...


class CupyMemory(Protocol):
    """cupy.cuda.memory."""

    OutOfMemoryError: type[Exception]


class CupyCuda(Protocol):
    """cupy.cuda."""

    Device: Callable[[int], CupyDevice]
    Event: Callable[..., CupyEvent]
    Stream: CupyStreams
    alloc_pinned_memory: Callable[[int], Any]
    driver: CupyDriver
    function: CupyFunctions
    memory: CupyMemory
    runtime: CupyRuntime


class CupyPool(Protocol):
    """cupy.cuda.MemoryPool."""

    def free_all_blocks(self) -> None: ...


class Cupy(Protocol):
    """cupy."""

    def get_default_memory_pool(self) -> CupyPool: ...

    cuda: CupyCuda
    asarray: Callable[..., Any]
    empty: Callable[..., Any]
    from_dlpack: Callable[..., Any]
