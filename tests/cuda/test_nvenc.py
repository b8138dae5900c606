"""Encoding from a GPU's memory, with a CPU in the GPU's place: PyAV takes its frames as it takes CuPy's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.cuda.surfaces import WITHOUT_DRIVER, stand_in
from tests.make_media import HDR10, Clip, Picture, Sound, make, test_card
from vsr.cli.main import main
from vsr.color import ColorSpec
from vsr.device.cuda import nvidia
from vsr.device.cuda.gpu import Gpu
from vsr.errors import DeviceError, OptionError
from vsr.frame import PictureSpec, pixel_format
from vsr.media.nvenc import LAYOUTS, TWINS, Nvenc, SurfacePool
from vsr.media.pixels import planes_of, repack
from vsr.media.sidedata import HdrMetadata
from vsr.media.writer import Writer
from vsr.options import UpscaleOptions
from vsr.pipeline.job import Job

SIZES = [(64, 48), (322, 34), (256, 256), (258, 130)]


@pytest.fixture
def gpu(no_gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> Gpu:
    monkeypatch.setattr(nvidia, "open_gpu", lambda index: no_gpu)
    return no_gpu


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> str:
    """libx264 in NVENC's place: it takes NV12 from memory that is not FFmpeg's, too."""
    monkeypatch.setitem(TWINS, "libx264", "libx264")
    return "libx264"


# -- frames


@pytest.mark.parametrize(("name", "layout"), LAYOUTS.items())
@pytest.mark.parametrize("size", SIZES)
def test_chroma_begins_where_luma_ends(gpu: Gpu, name: str, layout: str, size: tuple[int, int]) -> None:
    pool = SurfacePool(gpu, *size, layout, ColorSpec())
    frame = pool.take()
    assert (frame.format.name, frame.width, frame.height, frame.device) == (name, *size, "cuda:0")
    luma, chroma = pool.picture(frame).planes
    assert luma.line_size == chroma.line_size and luma.line_size % 512 == 0
    assert chroma.buffer_ptr == luma.buffer_ptr + luma.line_size * frame.height
    assert luma.buffer_ptr == gpu.pointer(frame.planes[0])


@pytest.mark.parametrize(("name", "layout"), LAYOUTS.items())
@pytest.mark.parametrize("size", SIZES)
def test_what_is_written_is_what_the_encoder_sees(
    gpu: Gpu, name: str, layout: str, size: tuple[int, int]
) -> None:
    fmt = pixel_format(name)
    card = planes_of(test_card(Picture(pix_fmt=name, width=size[0], height=size[1]), 3), fmt)
    pool = SurfacePool(gpu, *size, layout, ColorSpec())
    frame = pool.take()
    for plane, samples in zip(frame.planes, card, strict=True):
        plane[...] = samples << frame.shift
    seen = repack(pool.picture(frame), name)
    for plane, samples in zip(planes_of(seen, fmt), card, strict=True):
        np.testing.assert_array_equal(plane, samples)


def test_a_frame_lives_as_long_as_its_picture(gpu: Gpu) -> None:
    pool = SurfacePool(gpu, 64, 48, "nv12", ColorSpec())
    frame = pool.take()
    frame.planes[0][...] = 77
    picture = pool.picture(frame)
    pool.give(frame)
    pool.clear()
    del frame, pool
    junk = [gpu.array((72, 512), np.dtype(np.uint8)) for _ in range(8)]
    assert planes_of(repack(picture, "yuv420p"), pixel_format("yuv420p"))[0].min() == 77
    assert len(junk) == 8


# -- whole runs


def packets(path: Path) -> list[tuple[Any, ...]]:
    with av.open(str(path)) as container:
        found = [(p.stream_index, p.pts, p.dts, p.duration, bytes(p)) for p in container.demux() if p.size]
    return sorted(found, key=lambda each: int(each[0]))  # their order is the muxer's, by time


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
def test_an_encoder_opened_by_its_first_frame_writes_the_same_file(
    suffix: str, gpu: Gpu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = make(tmp_path / "in.mkv", Clip(picture=Picture(color=(1, 1, 1, 1)), sounds=[Sound()]))
    files = [tmp_path / f"{name}.{suffix}" for name in ("ordinary", "late")]
    for file in files:
        assert (
            main(
                [
                    "upscale",
                    str(source),
                    str(file),
                    "-m",
                    "lanczos3",
                    "--device",
                    "cuda",
                    "--encoder",
                    "libx264",
                ]
            )
            == 0
        )
        monkeypatch.setitem(TWINS, "libx264", "libx264")
    assert packets(files[0]) == packets(files[1])
    tags = []
    for file in files:
        with av.open(str(file)) as container:
            context = container.streams.video[0].codec_context
            tags.append((context.colorspace, context.color_range, context.sample_aspect_ratio))
    assert tags[0] == tags[1]


def test_between_decoder_and_encoder_no_picture_leaves_the_gpu(
    gpu: Gpu, encoder: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in(monkeypatch)
    source, report = make(tmp_path / "in.mkv", Clip()), tmp_path / "report.json"
    result = tmp_path / "out.mkv"
    command = [
        "upscale",
        str(source),
        str(result),
        "-m",
        "lanczos3",
        "--device",
        "cuda",
        "--report",
        str(report),
    ]
    assert main(command) == 0
    facts = json.loads(report.read_text())
    assert facts["plan"]["source"]["decoder"] == "nvdec"
    assert facts["plan"]["result"]["encoded_on_gpu"] is True
    assert facts["gpu"]["uploaded_bytes"] == 0
    assert facts["gpu"]["downloaded_bytes"] <= 16 * facts["frames"]
    stand_in(monkeypatch, able=None)
    plain = tmp_path / "plain.mkv"
    assert main(["upscale", str(source), str(plain), "-m", "lanczos3", "--device", "cuda"]) == 0
    assert packets(result) == packets(plain)


def test_the_header_is_written_when_a_frame_has_opened_the_encoder(
    gpu: Gpu, encoder: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """NVENC learns from a frame in which context, and as what, its frames come."""
    begun = []
    start = Writer._start

    def seen(writer: Writer) -> None:
        begun.append((writer._video.codec_context.is_open, writer.opened))
        start(writer)

    monkeypatch.setattr(Writer, "_start", seen)
    source = make(tmp_path / "in.mkv", Clip())
    with Job(str(source), str(tmp_path / "out.mkv"), UpscaleOptions(device="cuda", model="lanczos3")) as job:
        assert not job.writer._video.codec_context.is_open
        job.run()
    assert begun[:2] == [(True, False), (True, True)]


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_sink_that_drops_them_takes_frames_on_the_gpu(
    name: str, gpu: Gpu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the way is worth without an encoder can be measured on chips that have none."""
    stand_in(monkeypatch)
    source = make(tmp_path / "in.mkv", Clip(picture=Picture(pix_fmt=name)))
    with Job(
        str(source), str(tmp_path / "x"), UpscaleOptions(device="cuda", format="null", model="lanczos3")
    ) as job:
        assert (job.plan.encoding.encoder, job.plan.encoding.on_gpu) == ("wrapped_avframe", True)
        outcome = job.run()
    assert outcome.gpu is not None and outcome.exit_code == 0
    assert outcome.gpu.uploaded_bytes == 0 and outcome.gpu.downloaded_bytes <= 16 * 12


def test_a_sink_that_refuses_them_gets_frames_of_the_host(
    gpu: Gpu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Nvenc, "refusal", lambda self, encoder, layout: "no")
    source = make(tmp_path / "in.mkv", Clip())
    with Job(
        str(source), str(tmp_path / "x"), UpscaleOptions(device="cuda", format="null", model="lanczos3")
    ) as job:
        assert not job.plan.encoding.on_gpu
        report = job.run()
    assert report.exit_code == 0
    assert "each frame is copied to host memory for wrapped_avframe: no" in report.notes


def test_odd_sides_go_through_host_memory(gpu: Gpu, tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", Clip())
    with Job(
        str(source),
        str(tmp_path / "x"),
        UpscaleOptions(device="cuda", format="null", size="65x49", model="lanczos3"),
    ) as job:
        assert not job.plan.encoding.on_gpu and job.plan.encoding.encoder_format == "yuv420p"
        report = job.run()
    assert report.exit_code == 0
    assert any(note.startswith("each frame is copied to host memory") for note in report.notes)


def test_a_format_that_has_no_layout_on_the_gpu_is_said_of_a_sink(gpu: Gpu, tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", Clip(picture=Picture(pix_fmt="yuv444p")))
    with Job(str(source), str(tmp_path / "x"), UpscaleOptions(device="cuda", format="null")) as job:
        notes = job.plan.notes
    assert "each frame is copied to host memory for wrapped_avframe: a GPU's memory has no yuv444p" in notes


# -- which encoder

REFUSED = [
    ({}, {"pix_fmt": "yuv444p"}, "takes no yuv444p from a GPU's memory"),
    ({"preset": "veryfast"}, {}, "--preset veryfast is libx264's; it has p1 to p7"),
    ({"encoder_options": ("tune=animation",)}, {}, "--encoder-option is taken for libx264's"),
    ({}, {"codec": "libx265", "pix_fmt": "yuv420p10le", "options": {"x265-params": HDR10}}, "HDR metadata"),
]


@pytest.mark.parametrize(("options", "picture", "says"), REFUSED, ids=lambda value: str(value)[:24])
def test_what_only_the_cpus_encoder_has_stays_there(
    options: dict[str, Any],
    picture: dict[str, Any],
    says: str,
    gpu: Gpu,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(Nvenc, "refusal", lambda self, encoder, layout: None)
    source = make(tmp_path / "in.mkv", Clip(picture=Picture(**picture)))
    with Job(
        str(source), str(tmp_path / "out.mkv"), UpscaleOptions(device="cuda", model="lanczos3", **options)
    ) as job:
        note = next(note for note in job.plan.notes if note.startswith("encoded on the CPU, not by "))
        assert says in note
        assert job.plan.encoding.encoder in ("libx264", "libx265")


def test_captions_stay_on_the_cpu(gpu: Gpu) -> None:
    chosen = Nvenc(gpu, 64, 48).instead_of(
        "libx264",
        _spec("yuv420p"),
        HdrMetadata(),
        True,
        UpscaleOptions(),
    )
    assert chosen[0] == "libx264" and "closed captions" in chosen[1][0]


def _spec(name: str) -> PictureSpec:
    return PictureSpec(width=64, height=48, format=pixel_format(name))


@WITHOUT_DRIVER
@pytest.mark.parametrize(("cpu", "twin"), TWINS.items())
def test_without_a_driver_the_cpus_encoder_is_used_and_the_reason_said(cpu: str, twin: str, gpu: Gpu) -> None:
    name, notes = Nvenc(gpu, 64, 48).instead_of(cpu, _spec("yuv420p"), HdrMetadata(), False, UpscaleOptions())
    assert name == cpu
    assert notes == (f"encoded on the CPU, not by {twin}: Cannot load libcuda.so.1",)


@WITHOUT_DRIVER
@pytest.mark.parametrize("twin", TWINS.values())
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_an_encoder_that_is_not_there_is_one_sentence(
    twin: str, device: str, gpu: Gpu, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, result = make(tmp_path / "in.mkv", Clip()), tmp_path / "out.mkv"
    assert (
        main(["upscale", str(source), str(result), "-m", "lanczos3", "--encoder", twin, "--device", device])
        == 1
    )
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert "Cannot load libcuda.so.1" in error
    assert "use --encoder lib" in error
    assert not result.exists()


def test_wrong_settings_are_found_before_the_run(gpu: Gpu, encoder: str, tmp_path: Path) -> None:
    """Though the encoder is opened by a frame: an existing file is not touched."""
    source, result = make(tmp_path / "in.mkv", Clip()), tmp_path / "out.mkv"
    result.write_text("old")
    for option, kind in (("nonsense=1", OptionError), ("tune=nonsense", (OptionError, DeviceError, OSError))):
        options = UpscaleOptions(
            device="cuda", encoder="libx264", encoder_options=(option,), overwrite=True, model="lanczos3"
        )
        with pytest.raises(kind):
            Job(str(source), str(result), options)
    assert result.read_text() == "old"
