"""Upscalers on a GPU, whole: the frames are those that the CPU gives."""

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from tests.cuda.host_gpu import HostGpu, HostStream
from tests.ops.pictures import drawing, spec
from vsr.color import Matrix, Range
from vsr.device.cuda.gpu import Gpu, OutOfMemoryError
from vsr.engine.cuda_step import Place
from vsr.engine.lanes import Lanes
from vsr.errors import DeviceError
from vsr.frame import Frame, PictureSpec, empty_frame, pixel_format
from vsr.ops.cuda.resize import fill
from vsr.ops.cuda.step import CudaStep
from vsr.upscaler import Upscaler


def frame_of(source: PictureSpec, seed: int = 0) -> Frame:
    frame = empty_frame(source.width, source.height, source.format, color=source.color, pts=7, duration=2)
    if not source.format.is_float:
        for plane, samples in zip(frame.planes, drawing(source), strict=True):
            plane[...] = np.roll(samples, 5 * seed, axis=1)
    return frame


def on_gpu(gpu: Gpu, frame: Frame, *, shift: int = 0) -> Frame:
    """The same frame in the GPU's memory."""
    planes = tuple(gpu.table(plane << shift) for plane in frame.planes)
    return Frame(
        planes=planes, format=frame.format, color=frame.color, pts=frame.pts, device=gpu.device, shift=shift
    )


def moved(gpu: Gpu) -> tuple[int, int]:
    return gpu.moved.uploaded_bytes, gpu.moved.downloaded_bytes


def assert_equal(one: Frame, other: Frame) -> None:
    for a, b in zip(one.host_planes(), other.host_planes(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("model", ["lanczos3", "bilinear", "area", "anime4k-classic"])
@pytest.mark.parametrize(
    ("name", "target"),
    [("yuv420p", None), ("yuv420p10le", None), ("gbrap", None), ("yuv444p", "gbrp"), ("yuva420p", "yuv420p")],
)
def test_frames_are_those_of_the_cpu(gpu: Gpu, model: str, name: str, target: str | None) -> None:
    source = spec(37, 23, name)
    options: dict[str, Any] = {"source": source, "size": (75, 46)}
    if target:
        color = spec(8, 8, target).color
        options |= {"target_format": pixel_format(target), "target_color": color}
    wanted, given = Upscaler(model, **options), Upscaler(model, device=gpu, calls=2, **options)
    assert given.steps() == wanted.steps()
    for seed in range(3):  # the third runs what the second captured
        frame = frame_of(source, seed)
        result = given(frame)
        assert (result.pts, result.duration, result.color) == (7, 2, wanted.output.color)
        assert_equal(result, wanted(frame))


@pytest.mark.parametrize(("name", "shift"), [("yuv420p", 0), ("yuv420p10le", 6)])
def test_frames_stay_on_the_gpu(gpu: Gpu, name: str, shift: int) -> None:
    source = spec(32, 24, name)
    upscaler = Upscaler("lanczos3", source=source, device=gpu)
    frame = frame_of(source)
    before = moved(gpu)
    into = on_gpu(gpu, empty_frame(64, 48, source.format))
    upscaler(on_gpu(gpu, frame, shift=shift), into)
    assert_equal(into, Upscaler("lanczos3", source=source)(frame))
    assert gpu.moved.uploaded_bytes == before[0]
    assert gpu.moved.downloaded_bytes == before[1] + 8, "what the check found, and no pixels"


def test_only_what_is_in_host_memory_crosses_the_bus(gpu: Gpu) -> None:
    source = spec(32, 24, "yuv420p")
    before = moved(gpu)
    Upscaler("bicubic", source=source, device=gpu)(frame_of(source))
    assert gpu.moved.uploaded_bytes == before[0] + 32 * 24 * 3 // 2
    assert gpu.moved.downloaded_bytes == before[1] + 64 * 48 * 3 // 2 + 8


def test_a_frame_of_another_size_is_brought_to_the_same_output(gpu: Gpu) -> None:
    source, other = spec(32, 24, "yuv420p"), spec(20, 30, "yuv444p", matrix=Matrix.SMPTE170M)
    options: dict[str, Any] = {"source": source, "size": (64, 48)}
    assert_equal(
        Upscaler("spline36", device=gpu, **options)(frame_of(other)),
        Upscaler("spline36", **options)(frame_of(other)),
    )


def test_too_little_memory_for_all_frames_at_once_is_said(host: ctypes.CDLL) -> None:
    source = spec(64, 64, "yuv420p")
    one = HostGpu(host)
    Upscaler("anime4k-classic", source=source, device=one)
    small = HostGpu(host, limit_bytes=one.taken_bytes * 3 // 2)
    upscaler = Upscaler("anime4k-classic", source=source, device=small, calls=4)
    [note] = upscaler.notes
    assert note == "cuda:0 has memory for 1 frames at once, not 4"
    assert_equal(upscaler(frame_of(source)), Upscaler("anime4k-classic", source=source)(frame_of(source)))
    with pytest.raises(OutOfMemoryError):
        Upscaler("anime4k-classic", source=source, device=HostGpu(host, limit_bytes=one.taken_bytes // 2))


def faulty(value: float, safe_value: float) -> Callable[[Place, bool], Sequence[CudaStep]]:
    """Lay a step that fills its output with one value in float16, and with another in float32."""
    picture = spec(16, 8, "grayf32le")

    def lay(place: Place, safe: bool) -> Sequence[CudaStep]:
        def work(planes: object, into: Sequence[Any]) -> Sequence[Any]:
            return (fill(into[0], safe_value if safe else value, 1.0),)

        return [CudaStep(source=picture, output=picture, sentence="", work=work, in_half=True)]

    return lay


@pytest.mark.parametrize(
    ("value", "safe_value", "redone"),
    [(0.5, 0.25, 0), (float("nan"), 0.25, 1), (float("inf"), 0.25, 1), (0.0, 0.25, 1), (0.0, 0.0, 0)],
    ids=["right", "nan", "infinite", "black", "really black"],
)
def test_what_float16_does_not_hold_is_computed_again(
    gpu: Gpu, value: float, safe_value: float, redone: int
) -> None:
    picture = spec(16, 8, "grayf32le")
    calls: list[None] = []
    lanes = Lanes(gpu, picture, picture, faulty(value, safe_value), 1, lambda: calls.append(None))
    frame, into = frame_of(picture), empty_frame(16, 8, picture.format)
    frame.planes[0][:] = 0.5
    for count in range(1, 4):
        lanes(frame, into)
        assert (into.planes[0] == (safe_value if redone else value)).all()
        assert len(calls) == redone * count


@pytest.mark.parametrize(("sample", "redone"), [(16, 0), (17, 1)])
def test_black_is_what_the_range_says(gpu: Gpu, sample: int, redone: int) -> None:
    picture = spec(16, 8, "yuv420p")
    assert picture.color.range is Range.LIMITED
    calls: list[None] = []

    def lay(place: Place, safe: bool) -> Sequence[CudaStep]:
        def work(planes: object, into: Sequence[Any]) -> Sequence[Any]:
            return [fill(plane, 30 if safe else 16, 255) for plane in into]

        return [CudaStep(source=picture, output=picture, sentence="", work=work, in_half=True)]

    lanes = Lanes(gpu, picture, picture, lay, 1, lambda: calls.append(None))
    frame, into = empty_frame(16, 8, picture.format), empty_frame(16, 8, picture.format)
    frame.planes[0][:], frame.planes[0][-1, -1] = 16, sample
    lanes(frame, into)
    assert len(calls) == redone, "a black frame of a black source is right"
    assert (into.planes[0] == (30 if redone else 16)).all()


def test_other_steps_take_over_at_the_next_frame(gpu: Gpu) -> None:
    picture = spec(16, 8, "grayf32le")
    value = 0.5
    lanes = Lanes(gpu, picture, picture, lambda place, safe: faulty(value, value)(place, safe), 2)
    frame, into = frame_of(picture), empty_frame(16, 8, picture.format)
    lanes(frame, into)
    value = 0.75
    for _ in range(2):
        lanes(frame, into)
        assert (into.planes[0] == 0.5).all()
    lanes.relay()
    for _ in range(3):
        lanes(frame, into)
        assert (into.planes[0] == 0.75).all()
    if isinstance(gpu, HostGpu):
        assert gpu.trims == 2, "what the old lanes had is given back"


def test_no_memory_for_other_steps_is_no_end(host: ctypes.CDLL) -> None:
    picture, said = spec(16, 8, "grayf32le"), list[str]()
    gpu = HostGpu(host)
    lanes = Lanes(gpu, picture, picture, faulty(0.5, 0.5), 1, say=said.append)
    frame, into = frame_of(picture), empty_frame(16, 8, picture.format)
    gpu.limit_bytes = gpu.taken_bytes
    lanes.relay()
    for _ in range(2):
        lanes(frame, into)
        assert (into.planes[0] == 0.5).all()
    assert said == ["frames go on as before: cuda:0 is out of memory"]


def test_work_that_cannot_be_captured_is_launched(host: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(stream: HostStream, work: object) -> Any:
        raise DeviceError("it depends on the picture")

    monkeypatch.setattr(HostStream, "captured", fails)
    picture, said = spec(16, 8, "grayf32le"), list[str]()
    lanes = Lanes(HostGpu(host), picture, picture, faulty(0.5, 0.5), 1, say=said.append)
    frame, into = frame_of(picture), empty_frame(16, 8, picture.format)
    for _ in range(3):
        lanes(frame, into)
        assert (into.planes[0] == 0.5).all()
    assert said == [
        "each frame's work is put on the GPU piece by piece, not as one CUDA graph: it depends on the picture"
    ]
