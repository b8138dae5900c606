"""An NVIDIA GPU through CuPy: its memory pool, streams and events; kernels through the driver.

CuPy is imported when a GPU is opened, not before.
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from vsr.device.cuda import nvrtc, unavailable
from vsr.device.cuda.gpu import Call, Event, Moved, OutOfMemoryError, Work
from vsr.device.cuda.kernels import compiled
from vsr.device.cuda.launch import DTYPES, THREADS, Launch, View
from vsr.device.cuda.surface import Cupy, CupyEvent, CupyFunction, CupyStream
from vsr.errors import DeviceError
from vsr.frame import Plane

LEAST_CAPABILITY = (7, 5)
"""The oldest GPUs that CUDA 13 compiles for: Turing."""


@cache
def open_gpu(index: int) -> NvidiaGpu:
    """Return the GPU of that number. Raises DeviceError with what is missing and how to get it."""
    missing = unavailable()
    if missing is not None:
        raise DeviceError(missing)
    try:
        cupy: Cupy = importlib.import_module("cupy")
        count = cupy.cuda.runtime.getDeviceCount()
    except ImportError as error:
        raise DeviceError(f"CuPy does not load ({error}); pip install 'vsr-realtime[cuda]'") from error
    except RuntimeError as error:
        raise DeviceError(
            f"CuPy cannot use the GPU ({error}); it must be the one for CUDA 13: "
            "pip uninstall other cupy packages, then pip install 'vsr-realtime[cuda]'"
        ) from error
    if index >= count:
        known = ", ".join(f"cuda:{number}" for number in range(count))
        raise DeviceError(f"there is no GPU cuda:{index}; available: {known}")
    gpu = NvidiaGpu(cupy, index)
    nvrtc.target(gpu.architecture)  # raises now, not at the first frame
    return gpu


class NvidiaGpu:
    """A `Gpu`. Thread-safety: safe; every call makes the GPU the calling thread's own."""

    def __init__(self, cupy: Cupy, index: int) -> None:
        self._cupy = cupy
        self._lock = Lock()
        self._functions: dict[tuple[object, str], CupyFunction] = {}
        self._modules: dict[object, Any] = {}
        self.index = index
        self.device = f"cuda:{index}"
        self.moved = Moved()
        self.notes: list[str] = []
        with _faults(cupy, self.device):
            self._device = cupy.cuda.Device(index)
            self._device.use()
            cupy.cuda.runtime.free(0)  # the context exists from here on, as FFmpeg wants to find it
            name = cupy.cuda.runtime.getDeviceProperties(index)["name"]
            capability = self._device.compute_capability
            known = cupy.cuda.runtime.driverGetVersion()
        self.name = name.decode() if isinstance(name, bytes) else str(name)
        self.architecture = f"sm_{capability}"
        self.driver = f"{known // 1000}.{known % 1000 // 10}"
        if (int(capability[:-1]), int(capability[-1])) < LEAST_CAPABILITY:
            raise DeviceError(
                f"{self.device} is a {self.name} of compute capability {capability[:-1]}.{capability[-1]}; "
                "CUDA 13 needs 7.5 or newer (Turing)"
            )

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def stream(self) -> NvidiaStream:
        """Return a new stream that does not wait for the default one."""
        with self.current():
            return NvidiaStream(self, self._cupy, self._cupy.cuda.Stream(non_blocking=True))

    def array(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> Plane:
        """Return an uninitialised array from CuPy's memory pool. Raises OutOfMemoryError."""
        with self.current():
            array: Plane = self._cupy.empty(shape, dtype)
        return array

    def table(self, values: npt.NDArray[Any]) -> Plane:
        """Return a copy in the GPU's memory, complete on return."""
        with self.current():
            array: Plane = self._cupy.asarray(values)
            self._cupy.cuda.Stream.null.synchronize()
        return array

    def pointer(self, array: Plane) -> int:
        """Return where the samples of an array begin."""
        address: int = array.data.ptr  # type: ignore[attr-defined]
        return address

    def adopted(self, capsule: Any) -> Plane:
        """Return an array over the memory that a DLPack capsule stands for, which it keeps alive."""
        with self.current():
            array: Plane = self._cupy.from_dlpack(capsule)
        return array

    def arrived(self) -> NvidiaEvent:
        """Return the moment when all that the default stream was given so far is done."""
        return self.recorded(self._cupy.cuda.Stream.null)

    def recorded(self, stream: CupyStream) -> NvidiaEvent:
        """Return the moment when all that a stream was given so far is done."""
        with self.current():
            event = self._cupy.cuda.Event(block=True, disable_timing=True)
            event.record(stream)
        return NvidiaEvent(self, event)

    def host_array(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> Plane:
        """Return an array in page-locked memory; it keeps the memory alive."""
        size = shape[0] * shape[1] * dtype.itemsize
        with self.current():
            try:
                memory = self._cupy.cuda.alloc_pinned_memory(size)
            except self._cupy.cuda.runtime.CUDARuntimeError as error:
                if not _is_out_of_memory(error):
                    raise
                raise DeviceError(
                    f"the machine, not {self.device}, is out of memory: it has no {size / 1e6:.1f} MB that "
                    "the GPU may read and write (page-locked); lower --threads (frames at once), end other "
                    "programs, or raise the limit of the container"
                ) from error
        return np.frombuffer(memory, dtype, shape[0] * shape[1]).reshape(shape)

    def trim(self) -> None:
        """Give memory that nothing of ours uses back, for FFmpeg and TensorRT to take."""
        with self.current():
            self._cupy.get_default_memory_pool().free_all_blocks()

    def memory_bytes(self) -> tuple[int, int]:
        """Return (free, total) bytes of the GPU's memory."""
        with self.current():
            free, total = self._device.mem_info
        return int(free), int(total)

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make the GPU the calling thread's own; CuPy's errors become ours."""
        with _faults(self._cupy, self.device):
            self._device.use()
            yield

    def function(self, launch: Launch) -> CupyFunction:
        """Return the kernel of a launch, compiled and loaded when it is first asked for."""
        key = (launch.source, launch.kernel)
        with self._lock:
            if key not in self._functions:
                if launch.source not in self._modules:
                    module = self._cupy.cuda.function.Module()
                    module.load(compiled(launch.source, self.architecture, self._note))
                    self._modules[launch.source] = module
                self._functions[key] = self._modules[launch.source].get_function(launch.kernel)
            return self._functions[key]


class NvidiaEvent:
    """An `Event`."""

    def __init__(self, gpu: NvidiaGpu, event: CupyEvent) -> None:
        self._gpu = gpu
        self.event = event

    def wait(self) -> None:
        """Return when all before it is done."""
        with self._gpu.current():
            self.event.synchronize()


class NvidiaStream:
    """A `Stream`, without order towards the default stream."""

    def __init__(self, gpu: NvidiaGpu, cupy: Cupy, stream: CupyStream) -> None:
        self._gpu = gpu
        self._cupy = cupy
        self._stream = stream

    @property
    def pointer(self) -> int:
        """The cudaStream_t."""
        return self._stream.ptr

    def run(self, work: Sequence[Work]) -> None:
        """Put work on the stream."""
        with self._gpu.current():
            for each in work:
                if isinstance(each, Call):
                    each.enqueue(self.pointer)
                else:
                    self._launch(each)

    def _launch(self, launch: Launch) -> None:
        arguments = (ctypes.c_void_p * 1)(launch.job.ctypes.data)  # copied by the driver before it returns
        self._cupy.cuda.driver.launchKernel(
            self._gpu.function(launch).ptr,
            *(*launch.blocks, 1),
            *(THREADS, 1, 1),
            0,
            self.pointer,
            ctypes.addressof(arguments),
            0,
        )

    def upload(self, host: Plane, target: View) -> None:
        """Copy `host` to the device."""
        pitches = (target.stride_bytes, host.strides[0])
        kind = self._cupy.cuda.runtime.memcpyHostToDevice
        self._copy(target.pointer, host.ctypes.data, pitches, target, kind)
        self._gpu.moved.add(uploaded=host.nbytes)

    def download(self, source: View, host: Plane) -> None:
        """Copy to `host`."""
        pitches = (host.strides[0], source.stride_bytes)
        kind = self._cupy.cuda.runtime.memcpyDeviceToHost
        self._copy(host.ctypes.data, source.pointer, pitches, source, kind)
        self._gpu.moved.add(downloaded=host.nbytes)

    def _copy(self, to: int, of: int, pitches: tuple[int, int], plane: View, kind: int) -> None:
        width_bytes = plane.width * DTYPES[plane.kind].itemsize
        with self._gpu.current():
            self._cupy.cuda.runtime.memcpy2DAsync(
                to, pitches[0], of, pitches[1], width_bytes, plane.height, kind, self.pointer
            )

    def record(self) -> NvidiaEvent:
        """Return the moment when all that was put here so far is done."""
        return self._gpu.recorded(self._stream)

    def follow(self, event: Event) -> None:
        """Let what is put here from now on begin after `event`."""
        assert isinstance(event, NvidiaEvent)
        with self._gpu.current():
            self._stream.wait_event(event.event)

    def captured(self, work: Sequence[Work]) -> Work:
        """Return a CUDA graph of `work`; kernels are compiled and loaded before."""
        with self._gpu.current():
            for each in work:
                if isinstance(each, Launch):
                    self._gpu.function(each)
            self._stream.begin_capture(self._cupy.cuda.runtime.streamCaptureModeThreadLocal)
            try:
                self.run(work)
            finally:
                graph = self._stream.end_capture()
        return Call(lambda pointer: graph.launch(self._stream))


_REMEDY = "lower --threads (frames at once), choose a smaller --size, or end other programs that use the GPU"


@contextmanager
def _faults(cupy: Cupy, device: str) -> Iterator[None]:
    """Turn CuPy's errors into sentences."""
    try:
        yield
    except cupy.cuda.memory.OutOfMemoryError as error:
        raise OutOfMemoryError(f"{device} is out of memory: {error}; {_REMEDY}") from error
    except (cupy.cuda.runtime.CUDARuntimeError, cupy.cuda.driver.CUDADriverError) as error:
        if _is_out_of_memory(error):
            raise OutOfMemoryError(f"{device} is out of memory; {_REMEDY}") from error
        raise DeviceError(f"{device} failed: {error}; `nvidia-smi` says more") from error


def _is_out_of_memory(error: Exception) -> bool:
    return "MemoryAllocation" in str(error) or "OUT_OF_MEMORY" in str(error)
