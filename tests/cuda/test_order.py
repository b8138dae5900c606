"""What is said to CuPy and PyAV, in which order: on a GPU, a wrong stream shows now and then only."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.cuda.fake_cupy import fake_compiled, fake_cupy
from tests.cuda.host_gpu import CURRENT, HostGpu
from vsr.color import ColorSpec
from vsr.device.cuda import nvidia
from vsr.device.cuda.gpu import Store
from vsr.device.cuda.launch import View
from vsr.device.cuda.nvidia import NvidiaGpu, NvidiaStream
from vsr.media import nvdec, nvenc
from vsr.ops.cuda.resize import fill

Calls = list[tuple[Any, ...]]


@pytest.fixture
def calls() -> Calls:
    return []


@pytest.fixture
def gpu(host: ctypes.CDLL, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> NvidiaGpu:
    """Our GPU over a CuPy that tells `calls` what it is asked, with numbers for streams."""
    cupy: Any = fake_cupy(host)

    class Stream(type(cupy.cuda.Stream.null)):  # type: ignore[misc]
        def synchronize(self) -> None:
            calls.append(("synchronize", self.ptr))

        def wait_event(self, event: Any) -> None:
            calls.append(("wait", self.ptr, event))

        def begin_capture(self, mode: int) -> None:
            calls.append(("begin", self.ptr, mode))
            super().begin_capture(mode)

        def end_capture(self) -> Any:
            calls.append(("end", self.ptr))
            return super().end_capture()

    class Event(cupy.cuda.Event):  # type: ignore[misc]
        def record(self, stream: Any) -> None:
            calls.append(("record", stream.ptr, self))
            super().record(stream)

    def told(name: str, function: Any) -> Any:
        def call(*arguments: Any) -> Any:
            calls.append((name, *arguments))
            return function(*arguments)

        return call

    cupy.cuda.Stream, cupy.cuda.Event = Stream, Event
    Stream.null = Stream(non_blocking=True)
    Stream.null.ptr = 0
    cupy.asarray = told("asarray", cupy.asarray)
    cupy.cuda.driver.launchKernel = told("launch", cupy.cuda.driver.launchKernel)
    cupy.cuda.runtime.memcpy2DAsync = told("copy", cupy.cuda.runtime.memcpy2DAsync)
    monkeypatch.setattr(nvidia, "compiled", told("compile", fake_compiled))
    return NvidiaGpu(cupy, 0)


@pytest.fixture
def plane(gpu: NvidiaGpu) -> Iterator[View]:
    """One of 12x8."""
    store = Store(gpu)
    yield store.plane(12, 8, "u8")


def names(calls: Calls) -> list[str]:
    return [str(call[0]) for call in calls]


def test_copies_go_where_they_say_on_their_own_stream(gpu: NvidiaGpu, plane: View, calls: Calls) -> None:
    stream = gpu.stream()
    host = gpu.host_array((8, 12), np.dtype(np.uint8))
    stream.upload(host, plane)
    stream.download(plane, host)
    there, here = (plane.pointer, 256), (host.ctypes.data, 12)
    up, down = 1, 2  # cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost
    assert calls == [
        ("copy", *there, *here, 12, 8, up, stream.pointer),
        ("copy", *here, *there, 12, 8, down, stream.pointer),
    ]


def test_a_table_is_there_on_return(gpu: NvidiaGpu, calls: Calls) -> None:
    gpu.table(np.arange(4))
    assert names(calls) == ["asarray", "synchronize"]
    assert calls[1] == ("synchronize", 0), "CuPy copies on the default stream, which others do not wait for"


def test_events_are_of_the_stream_that_they_are_asked_of(gpu: NvidiaGpu, calls: Calls) -> None:
    one, other = gpu.stream(), gpu.stream()
    event = one.record()
    other.follow(event)
    decoded = gpu.arrived()
    assert calls == [
        ("record", one.pointer, event.event),
        ("wait", other.pointer, event.event),
        ("record", 0, decoded.event),
    ]
    assert len({one.pointer, other.pointer, 0}) == 3


def test_kernels_are_loaded_before_a_capture(gpu: NvidiaGpu, plane: View, calls: Calls) -> None:
    stream = gpu.stream()
    work = stream.captured([fill(plane, 7, 255)])
    assert names(calls) == ["compile", "begin", "launch", "end"]
    assert calls[1][1] == calls[2][9] == stream.pointer
    stream.run([work])
    host = gpu.host_array((8, 12), np.dtype(np.uint8))
    stream.download(plane, host)
    assert (host == 7).all()


def test_a_capture_that_fails_is_ended(
    gpu: NvidiaGpu, plane: View, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(stream: NvidiaStream, work: object) -> None:
        raise RuntimeError

    stream = gpu.stream()
    monkeypatch.setattr(NvidiaStream, "run", fails)
    with pytest.raises((RuntimeError, AssertionError)):
        stream.captured([fill(plane, 7, 255)])
    assert names(calls)[-1] == "end"


def test_ffmpeg_decodes_in_the_context_of_cupy(host: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def accelerated(kind: str, **options: Any) -> str:
        asked.update(options, kind=kind)
        return "accelerated"

    def decoder(stream: object, name: str, hwaccel: str) -> SimpleNamespace:
        assert (name, hwaccel) == ("av1", "accelerated")
        assert CURRENT.gpu is gpu, "it takes the context that is current"
        return SimpleNamespace(thread_count=0)

    monkeypatch.setattr(nvdec, "HWAccel", accelerated)
    monkeypatch.setattr(nvdec, "decoder_for", decoder)
    gpu = HostGpu(host)
    gpu.index = 2
    codec = SimpleNamespace(canonical_name="av1")
    context = nvdec.nvdec_decoder(SimpleNamespace(codec_context=SimpleNamespace(codec=codec)), gpu)
    assert context.thread_count == 1
    assert asked == {
        "kind": "cuda",
        "device": "2",
        "allow_software_fallback": True,
        "is_hw_owned": True,
        "options": {"primary_ctx": "0", "current_ctx": "1"},
    }


@pytest.mark.parametrize("index", [0, 1])
def test_an_encoder_gets_all_its_pictures_in_one_context(
    host: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch, index: int
) -> None:
    contexts: list[Any] = []

    def context(**options: Any) -> SimpleNamespace:
        return SimpleNamespace(**options)

    def from_dlpack(planes: object, *, format: str, cuda_context: Any) -> object:
        assert CURRENT.gpu is gpu
        contexts.append(cuda_context)
        return nullcontext()

    monkeypatch.setattr(nvenc, "CudaContext", context)
    frames = SimpleNamespace(VideoFrame=SimpleNamespace(from_dlpack=from_dlpack))
    monkeypatch.setattr(nvenc, "av", frames)
    gpu = HostGpu(host)
    gpu.index = index
    pool = nvenc.SurfacePool(gpu, 64, 48, "nv12", ColorSpec())
    for _ in range(2):
        pool.picture(pool.take())
    assert contexts[0] is contexts[1]
    made = contexts[0]
    assert (made.device_id, made.primary_ctx, made.current_ctx) == (index, False, True)
    assert (made.cuda_stream is None) == (index != 0), "PyAV takes a stream on GPU 0 alone"
