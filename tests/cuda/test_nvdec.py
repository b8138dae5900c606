"""Decoding into a GPU's memory, with stand-ins for the GPU and for what PyAV gives where NVDEC decodes."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.cuda.host_gpu import HostArray, HostGpu
from tests.cuda.surfaces import ABLE, WITHOUT_DRIVER, Surface, stand_in
from tests.make_media import Clip, Picture, make
from vsr.color import ChromaLocation
from vsr.device.cuda import nvcuvid
from vsr.device.cuda.gpu import Gpu, OutOfMemoryError
from vsr.errors import DecodeError, DeviceError, OptionError
from vsr.frame import Frame
from vsr.media import nvdec
from vsr.media.decoders import decoder_for
from vsr.media.pixels import color_of, planes_of
from vsr.media.reader import Reader

CODECS = [
    ("libx264", "yuv420p"),
    ("libx264", "yuv420p10le"),
    ("libx265", "yuv420p12le"),
    ("libvpx-vp9", "yuv420p"),
    ("libsvtav1", "yuv420p10le"),
]
QUIET = {"libx265": {"x265-params": "log-level=none"}}


@pytest.fixture
def gpu(no_gpu: Gpu) -> Gpu:
    return no_gpu


def clip(path: Path, codec: str = "libx264", name: str = "yuv420p", **picture: Any) -> Path:
    options = QUIET.get(codec, {})
    return make(path, Clip(picture=Picture(codec=codec, pix_fmt=name, options=options, **picture)))


def facts(frame: Frame) -> tuple[Any, ...]:
    return frame.format, frame.color, frame.pts, frame.time_base, frame.duration


@pytest.mark.parametrize(("codec", "name"), CODECS)
def test_frames_are_those_of_the_cpu(
    codec: str, name: str, gpu: Gpu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in(monkeypatch)
    source = clip(tmp_path / "in.mkv", codec, name, color=(1, 1, 1, 2))
    with Reader(source) as reader:
        wanted = list(reader)
    with Reader(source, gpu=gpu) as reader:
        assert reader.video.decoder == "nvdec"
        assert reader.info.notes == ()
        got = list(reader)
    assert [facts(frame) for frame in got] == [facts(frame) for frame in wanted]
    for one, want in zip(got, wanted, strict=True):
        assert one.device == "cuda:0" and all(isinstance(plane, HostArray) for plane in one.planes)
        for plane, other in zip(one.host_planes(), want.planes, strict=True):
            np.testing.assert_array_equal(plane, other)
    assert gpu.moved.downloaded_bytes == gpu.moved.uploaded_bytes == 0


def test_samples_are_there_when_the_event_is(
    host: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in(monkeypatch)
    with Reader(clip(tmp_path / "in.mkv"), gpu=HostGpu(host)) as reader:
        frame = reader.first_frame
    assert frame.planes[0].min() == 0xEE
    frame.ready.wait()
    assert frame.planes[0].min() < 0xEE


def test_a_cut_begins_with_the_same_frame(gpu: Gpu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(monkeypatch)
    source = clip(tmp_path / "in.mkv", frames=50)
    times = []
    for device in (None, gpu):
        with Reader(source, start_seconds=Fraction(1), duration_seconds=Fraction(1, 2), gpu=device) as reader:
            times.append([frame.pts for frame in reader])
    assert times[0] == times[1] and len(times[0]) in (12, 13)


@pytest.mark.parametrize(
    ("picture", "says"),
    [
        (Picture(codec="mpeg2video"), "mpeg2video is not one of the codecs that any decoder decodes alike"),
        (Picture(pix_fmt="yuv444p"), "yuv444p does not come out of it"),
        (Picture(codec="libvpx-vp9", pix_fmt="yuva420p"), "yuva420p does not come out of it"),
        (Picture(codec="libvpx-vp9", width=63, height=47), "63x47 has an odd side"),
    ],
    ids=lambda value: value.codec if isinstance(value, Picture) else "",
)
def test_what_it_cannot_is_decoded_on_the_cpu(
    picture: Picture, says: str, gpu: Gpu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in(monkeypatch)
    source = make(tmp_path / "in.mkv", Clip(picture=picture))
    with Reader(source, gpu=gpu) as reader:
        assert reader.info.notes[0].startswith("decoded on the CPU, not by NVDEC: ")
        assert says in reader.info.notes[0]
        assert {frame.device for frame in reader} == {"cpu"}
    with pytest.raises(DecodeError, match=r"--decoder nvdec: .*use --decoder auto"):
        Reader(source, gpu=gpu, decoder="nvdec")


def test_what_the_chip_lacks_is_said(gpu: Gpu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = clip(tmp_path / "in.mkv")
    for able, says in ((None, "decodes no h264 of 8 bits"), (replace(ABLE, max_size=(48, 48)), "48x48")):
        stand_in(monkeypatch, able=able)
        with Reader(source, gpu=gpu) as reader:
            assert says in reader.info.notes[0] and reader.video.decoder == "h264"


def test_interlaced_sources_stay_on_the_cpu(
    gpu: Gpu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in(monkeypatch)
    with Reader(clip(tmp_path / "in.mkv"), gpu=gpu, deinterlace="on") as reader:
        assert "deinterlacing is done on the CPU" in reader.info.notes[0]


class _Interlaced(Surface):
    """A surface that says so."""

    interlaced_frame = True

    def __init__(self, surface: Surface) -> None:
        vars(self).update(vars(surface))


def test_frames_that_are_interlaced_later_come_down(
    gpu: Gpu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in(monkeypatch, lambda number, surface: surface if number < 6 else _Interlaced(surface))
    with Reader(clip(tmp_path / "in.mkv"), gpu=gpu) as reader:
        frames = list(reader)
    assert [frame.device for frame in frames] == ["cuda:0"] * 6 + ["cpu"] * 6
    assert [frame.pts for frame in frames] == sorted(frame.pts for frame in frames)
    assert "6 frames went through the CPU" in reader.faults.repairs()[0]
    assert gpu.moved.downloaded_bytes == 6 * 64 * 48 * 3 // 2


def test_frames_that_it_refuses_later_are_decoded_on_the_cpu(
    gpu: Gpu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in(monkeypatch, lambda number, surface: surface if number < 6 else surface.picture)
    with Reader(clip(tmp_path / "in.mkv"), gpu=gpu) as reader:
        assert [frame.device for frame in reader] == ["cuda:0"] * 6 + ["cpu"] * 6
    assert reader.faults.host_frames == 6


def test_a_failure_in_mid_run_is_a_fault_as_on_the_cpu(
    gpu: Gpu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def look(number: int, surface: Surface) -> Surface:
        if number == 6:
            raise av.error.ExternalError(-1, "the decoder fails")
        return surface

    stand_in(monkeypatch, look)
    with Reader(clip(tmp_path / "in.mkv"), gpu=gpu) as reader:
        frames = list(reader)
    assert len(frames) < 12
    assert reader.faults.undecodable_packets
    assert "could not be decoded" in " ".join(reader.faults.damage())


@pytest.mark.parametrize("number", [6, 11], ids=["in mid-run", "at the end"])
def test_no_memory_for_a_picture_ends_the_run(
    number: int, gpu: Gpu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def look(here: int, surface: Surface) -> Surface:
        if here == number:
            raise av.error.MemoryError(12, "Cannot allocate memory")
        return surface

    stand_in(monkeypatch, look)
    with (
        Reader(clip(tmp_path / "in.mkv"), gpu=gpu) as reader,
        pytest.raises(OutOfMemoryError, match=r"NVDEC's pictures; use --decoder cpu"),
    ):
        list(reader)


def test_no_memory_for_the_first_picture_brings_the_cpu(
    gpu: Gpu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def look(number: int, surface: Surface) -> Surface:
        raise av.error.MemoryError(12, "Cannot allocate memory")

    stand_in(monkeypatch, look)
    with Reader(clip(tmp_path / "in.mkv"), gpu=gpu) as reader:
        assert "nvdec gives no frame" in reader.info.notes[0]
        assert len(list(reader)) == 12


@pytest.mark.parametrize(
    ("look", "says"),
    [
        (lambda number, surface: surface.picture, "it refuses the stream"),
        (lambda number, surface: Surface(surface.picture.reformat(72, 48), HostGpu(None)), "gives 72x48"),  # type: ignore[arg-type]
    ],
    ids=["host frames", "another size"],
)
def test_a_first_frame_that_does_not_fit_brings_the_cpu_back(
    look: Any, says: str, gpu: Gpu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in(monkeypatch, look)
    source = clip(tmp_path / "in.mkv")
    with Reader(source) as reader:
        wanted = [facts(frame) for frame in reader]
    with Reader(source, gpu=gpu) as reader:
        assert says in reader.info.notes[0]
        assert [facts(frame) for frame in reader] == wanted
        assert reader.faults.damage() == reader.faults.repairs() == []


def test_a_decoder_that_gives_nothing_does_not_read_on_for_ever(
    gpu: Gpu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def look(number: int, surface: Surface) -> Surface:
        raise av.error.ExternalError(-1, "the decoder fails")

    stand_in(monkeypatch, look)
    monkeypatch.setattr("vsr.media.packets.MOST_KEPT", 20)
    with Reader(clip(tmp_path / "in.mkv", frames=60), gpu=gpu) as reader:
        assert "nvdec gives no frame" in reader.info.notes[0]
        assert len(reader._source._kept) == 0
        assert len(list(reader)) == 60
    assert reader.faults.damage() == []


@WITHOUT_DRIVER
def test_without_a_driver_ffmpeg_says_so(gpu: Gpu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """PyAV's real acceleration, on a machine that has none."""
    monkeypatch.setattr(nvdec, "abilities", lambda *kind: ABLE)
    with Reader(clip(tmp_path / "in.mkv"), gpu=gpu) as reader:
        note = reader.info.notes[0]
        assert "does not get to the GPU (Could not dynamically load CUDA)" in note
        assert len(list(reader)) == 12


def test_pyav_has_what_the_stand_in_has(gpu: Gpu) -> None:
    surface = Surface(av.VideoFrame(64, 48, "yuv420p"), gpu)
    names = vars(surface).keys() - {"picture"}
    assert names >= {"format", "sw_format", "planes", "pts"}
    assert [name for name in names if not hasattr(av.VideoFrame, name)] == []
    assert av.VideoFrame(64, 48, "nv12").sw_format is None  # only what lies on a device has one


# -- decoders by name


@pytest.mark.parametrize(
    ("codec", "name", "bframes"),
    [
        ("libx264", "h264", 3),
        ("libx265", "hevc", 4),
        ("libsvtav1", "libdav1d", 0),
        ("libvpx", "vp8", 0),
        ("ffv1", "ffv1", 0),  # whose colour only the container states
        ("mpeg2video", "mpeg2video", 2),
    ],
)
def test_a_decoder_of_our_own_gives_what_the_containers_does(
    codec: str, name: str, bframes: int, tmp_path: Path
) -> None:
    """Pictures in their order and with all tags, though it was told of the stream by PyAV's properties."""
    options = QUIET.get(codec, {}) | ({"bf": str(bframes)} if bframes else {})
    picture = Picture(codec=codec, frames=30, color=(1, 1, 1, 1), options=options)
    source = make(tmp_path / "in.mkv", Clip(picture=picture))
    with Reader(source) as reader:
        wanted = list(reader)
    with av.open(str(source)) as container:
        stream = container.streams.video[0]
        decoder = decoder_for(stream, name)
        raw = [frame for packet in container.demux(stream) if packet.size for frame in decoder.decode(packet)]
        raw += decoder.decode(None)
    assert [frame.pts for frame in raw] == [frame.pts for frame in wanted]
    for one, want in zip(raw, wanted, strict=True):
        assert color_of(one, ChromaLocation.UNSPECIFIED) == replace(
            want.color, chroma_location=ChromaLocation.UNSPECIFIED
        )
        for plane, other in zip(planes_of(one, want.format), want.planes, strict=True):
            np.testing.assert_array_equal(plane, other)


def test_ffmpegs_decoders_can_be_named(tmp_path: Path) -> None:
    source = clip(tmp_path / "in.mkv", "libvpx-vp9")
    with Reader(source) as reader:
        wanted = [facts(frame) for frame in reader]
    with Reader(source, decoder="libvpx-vp9") as reader:
        assert reader.video.decoder == "libvpx-vp9"
        assert [facts(frame) for frame in reader] == wanted
    with Reader(source, decoder="vp9") as reader:
        assert reader.video.decoder == "vp9"


def test_a_decoder_that_does_not_do_is_said(tmp_path: Path) -> None:
    source = clip(tmp_path / "in.mkv", "libsvtav1")
    with pytest.raises(OptionError, match=r"--decoder h264: the source is av1; available: auto, cpu, nvdec"):
        Reader(source, decoder="h264")
    with pytest.raises(OptionError, match="Did you mean 'libdav1d'"):
        Reader(source, decoder="libdav1")
    with pytest.raises(DecodeError, match=r"--decoder av1: .*: av1 gives no frame; use --decoder auto"):
        Reader(source, decoder="av1")  # FFmpeg's own needs hardware
    with pytest.raises(OptionError, match=r"--decoder nvdec decodes on a GPU: add --device cuda"):
        Reader(source, decoder="nvdec")


# -- what the driver says


def test_the_question_has_the_layout_of_the_sdk() -> None:
    question = nvcuvid.Question
    assert ctypes.sizeof(question) == 88
    offsets = {name: getattr(question, name).offset for name, *_ in question._fields_}
    assert (offsets["is_supported"], offsets["max_width"], offsets["min_width"], offsets["max_bins"]) == (
        24,
        28,
        40,
        46,
    )


def test_the_driver_is_asked(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Library:
        def cuvidGetDecoderCaps(self, pointer: Any) -> int:  # noqa: N802
            question = pointer._obj
            asked.append((question.codec, question.chroma, question.bits_above_8))
            question.is_supported = question.codec == 8
            question.num_decoders, question.max_width, question.max_height = 7, 8192, 8192
            question.min_width, question.min_height, question.max_macroblocks = 144, 144, 262144
            return 999 if question.codec == 11 else 0

    monkeypatch.setattr(nvcuvid, "_library", Library)
    able = nvcuvid.abilities(gpu, "hevc", "420", 10)
    assert able is not None and able.num_decoders == 7
    assert able.fits(1920, 1080) and not able.fits(64, 48) and not able.fits(8194, 100)
    assert not replace(able, max_macroblocks=100).fits(1920, 1080)
    assert nvcuvid.abilities(gpu, "h264", "444", 8) is None
    assert nvcuvid.abilities(gpu, "vc1", "420", 8) is None
    assert asked == [(8, 1, 2), (4, 3, 0)]
    with pytest.raises(DeviceError, match="gives 999"):
        nvcuvid.abilities(gpu, "av1", "420", 8)


@WITHOUT_DRIVER
def test_a_driver_without_video_is_said(gpu: Gpu) -> None:
    with pytest.raises(DeviceError, match=r"libnvcuvid.so.1.*NVIDIA_DRIVER_CAPABILITIES"):
        nvcuvid.abilities(gpu, "h264", "420", 8)
