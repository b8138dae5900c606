"""Decoding and encoding on a GPU, as a machine with one does it.

Skipped where there is no GPU; with VSR_REQUIRE_GPU=1 that is a failure. What a chip lacks is skipped all the
same: H100 and H200 have no encoder.
"""

from __future__ import annotations

import threading
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.cuda.conftest import real_gpu
from tests.make_media import Clip, Picture, Sound, make
from vsr.device.cuda.gpu import Gpu
from vsr.device.cuda.nvcuvid import abilities
from vsr.frame import pixel_format
from vsr.media.nvenc import LAYOUTS, TWINS, Nvenc
from vsr.media.reader import Reader
from vsr.options import UpscaleOptions
from vsr.pipeline.job import Job

pytestmark = pytest.mark.gpu
WIDTH, HEIGHT, FRAMES = 320, 240, 50
SOURCES = [
    ("libx264", "h264", "yuv420p"),
    ("libx265", "hevc", "yuv420p"),
    ("libx265", "hevc", "yuv420p10le"),
    ("libx265", "hevc", "yuv420p12le"),
    ("libvpx-vp9", "vp9", "yuv420p"),
    ("libsvtav1", "av1", "yuv420p"),
    ("libsvtav1", "av1", "yuv420p10le"),
]


@pytest.fixture
def gpu() -> Gpu:
    return real_gpu()


def clip(path: Path, encoder: str, name: str) -> Path:
    options = {"x265-params": "log-level=none"} if encoder == "libx265" else {}
    picture = Picture(
        codec=encoder,
        pix_fmt=name,
        width=WIDTH,
        height=HEIGHT,
        frames=FRAMES,
        options=options,
        color=(1, 1, 1, 1),
    )
    return make(path, Clip(picture=picture, sounds=[Sound(seconds=2)]))


@pytest.mark.parametrize(("encoder", "codec", "name"), SOURCES)
def test_nvdec_decodes_as_the_cpu_does(gpu: Gpu, encoder: str, codec: str, name: str, tmp_path: Path) -> None:
    if abilities(gpu, codec, "420", pixel_format(name).depth) is None:
        pytest.skip(f"{gpu.name} decodes no {codec} like that")
    source = clip(tmp_path / "in.mkv", encoder, name)
    with Reader(source) as on_cpu, Reader(source, decoder="nvdec", gpu=gpu) as on_gpu:
        assert on_gpu.video.decoder == "nvdec"
        pairs = list(zip(on_cpu, on_gpu, strict=True))
    assert len(pairs) == FRAMES
    for want, got in pairs:
        assert (got.pts, got.time_base, got.duration) == (want.pts, want.time_base, want.duration)
        assert (got.format, got.color, got.device) == (want.format, want.color, gpu.device)
        for plane, other in zip(got.host_planes(), want.planes, strict=True):
            np.testing.assert_array_equal(plane, other)


def test_a_thread_that_did_not_open_it_decodes(gpu: Gpu, tmp_path: Path) -> None:
    reader = Reader(clip(tmp_path / "in.mkv", "libx264", "yuv420p"), decoder="nvdec", gpu=gpu)
    frames: list[int] = []
    thread = threading.Thread(target=lambda: frames.extend(frame.pts for frame in reader))
    thread.start()
    thread.join(60)
    reader.close()
    assert len(frames) == FRAMES


@pytest.mark.parametrize("name", LAYOUTS)
def test_no_picture_leaves_the_gpu(gpu: Gpu, name: str, tmp_path: Path) -> None:
    encoder = "libx264" if name == "yuv420p" else "libx265"
    source = clip(tmp_path / "in.mkv", encoder, name)
    with Job(
        str(source), str(tmp_path / "x"), UpscaleOptions(device="cuda", format="null", model="lanczos3")
    ) as job:
        assert (job.plan.source.video.decoder, job.plan.encoding.on_gpu) == ("nvdec", True)
        report = job.run()
    assert report.exit_code == 0 and report.statistics.frames_done == FRAMES
    assert report.gpu is not None
    assert report.gpu.uploaded_bytes == 0 and report.gpu.downloaded_bytes <= 16 * FRAMES


@pytest.mark.parametrize("encoder", TWINS.values())
@pytest.mark.parametrize(("name", "layout"), LAYOUTS.items())
def test_what_nvenc_writes_is_verified(
    gpu: Gpu, encoder: str, name: str, layout: str, tmp_path: Path
) -> None:
    refused = Nvenc(gpu, 2 * WIDTH, 2 * HEIGHT).refusal(encoder, layout)
    if refused:
        pytest.skip(f"{gpu.name}: {refused}")
    source = clip(tmp_path / "in.mkv", "libx264" if name == "yuv420p" else "libx265", name)
    files = {encoder: tmp_path / "nvenc.mkv", "ffv1": tmp_path / "ffv1.mkv"}
    for each, file in files.items():
        with Job(
            str(source), str(file), UpscaleOptions(device="cuda", encoder=each, model="lanczos3")
        ) as job:
            report = job.run()
        assert report.exit_code == 0, report.lines()
        assert report.gpu is not None
        assert (report.gpu.downloaded_bytes <= 16 * FRAMES) == (each != "ffv1")
    with Reader(files[encoder], decoder="cpu") as got, Reader(files["ffv1"]) as want:
        errors = [
            np.mean((one.planes[plane].astype(float) - other.planes[plane]) ** 2)
            for one, other in zip(got, want, strict=True)
            for plane in range(3)
        ]
    peak = pixel_format(name).max_value
    assert 10 * np.log10(peak**2 / max(errors)) > 35  # planes in their places, not merely pictures


def test_pycuda_and_cupy_share_a_context(gpu: Gpu) -> None:
    if find_spec("pycuda") is None:
        pytest.skip("pycuda is not installed")
    driver = import_module("pycuda.driver")
    driver.init()
    context = driver.Device(0).retain_primary_context()
    with gpu.current():
        assert driver.Context.get_current() == context
