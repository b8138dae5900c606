"""Runs from and into images and pipes, which hold pictures only."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import vsr
from tests.make_media import HDR10, Clip, Picture, Sound, make, test_card
from tests.pipeline.runs import (
    LIMIT_SECONDS,
    upscale,
)


def stills(folder: Path, suffix: str, count: int, pix_fmt: str = "rgb24") -> list[Any]:
    """Write numbered pictures from 7 on, and return their samples."""
    codec_name = {"png": "png", "jpg": "mjpeg", "bmp": "bmp"}[suffix]
    arrays = []
    for number in range(count):
        frame = test_card(Picture(width=34, height=22, pix_fmt="gbrp", color=(0, 13, 1, 2)), number)
        frame = frame.reformat(format=pix_fmt, threads=1)
        codec: Any = av.CodecContext.create(codec_name, "w")
        codec.width, codec.height, codec.pix_fmt, codec.time_base = 34, 22, pix_fmt, Fraction(1, 25)
        (folder / f"{number + 7:04}.{suffix}").write_bytes(b"".join(map(bytes, codec.encode(frame))))
        arrays.append(frame.to_ndarray(format="rgb24"))
    return arrays


def test_a_sequence_goes_in_and_out(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    wanted = stills(tmp_path / "in", "png", 5)
    report = upscale(tmp_path / "in" / "%04d.png", tmp_path / "out" / "%03d.png", scale=1, model="bilinear")
    assert report.exit_code == 0, report.lines()
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == [f"{n:03}.png" for n in range(1, 6)]
    for name, array in zip(names, wanted, strict=True):
        with vsr.open(tmp_path / "out" / name) as reader:
            np.testing.assert_array_equal(next(iter(reader)).to_numpy(), array)


def test_only_a_sequence_has_a_rate_that_is_assumed(tmp_path: Path) -> None:
    stills(tmp_path, "jpg", 2, "yuvj420p")
    for source, assumed in (("%04d.jpg", True), ("0007.jpg", False)):
        report = upscale(tmp_path / source, tmp_path / "out.mkv", overwrite=True)
        assert any("no rate" in note for note in report.plan.notes) == assumed


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "jpg", "webp"])
def test_one_picture_into_every_kind(tmp_path: Path, suffix: str) -> None:
    wanted = stills(tmp_path, "png", 1)[0]
    report = upscale(tmp_path / "0007.png", tmp_path / f"out.{suffix}", scale=1, model="bilinear")
    assert report.statistics.frames_done == 1
    assert [f.subject for f in report.lost] == (["chroma"] if suffix == "webp" else []), report.lines()
    with av.open(str(tmp_path / f"out.{suffix}")) as container:
        found = next(container.decode(video=0)).to_ndarray(format="rgb24")
    difference = np.abs(found.astype(int) - wanted)
    if suffix in ("png", "bmp", "tiff"):
        assert difference.max() == 0
    else:
        assert difference.mean() < 6


def test_a_picture_with_alpha_keeps_it(tmp_path: Path) -> None:
    picture = Picture(codec="ffv1", pix_fmt="gbrap", frames=1, color=(0, 13, 1, 2))
    source = make(tmp_path / "in.mkv", Clip(picture=replace(picture, pix_fmt="yuva444p", color=(2, 2, 2, 2))))
    with vsr.open(source) as reader:
        alpha = next(iter(reader)).planes[3].copy()
    for suffix in ("png", "tiff", "webp"):
        upscale(source, tmp_path / f"out.{suffix}", scale=1, model="bilinear")
        with vsr.open(tmp_path / f"out.{suffix}") as reader:
            np.testing.assert_array_equal(next(iter(reader)).planes[-1], alpha, err_msg=suffix)


@pytest.mark.parametrize("tagged", [0, 1, 2])
@pytest.mark.parametrize("suffix", ["jpg", "webp", "png"])
def test_the_range_is_changed_once(tmp_path: Path, tagged: int, suffix: str) -> None:
    """A gray ramp comes out as the same light in a JPEG, whatever its tags say."""
    path = tmp_path / "ramp.mkv"
    out: Any
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 256, 32, "yuv420p"
        stream.codec_context.color_range = tagged
        frame = av.VideoFrame(256, 32, "yuv420p")
        for plane in frame.planes:
            np.frombuffer(memoryview(plane), np.uint8)[:] = 128
        luma = np.ndarray((32, 256), np.uint8, memoryview(frame.planes[0]), 0, (frame.planes[0].line_size, 1))
        luma[:] = np.arange(256, dtype=np.uint8).clip(16, 235)
        frame.pts = 0
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    upscale(path, tmp_path / f"out.{suffix}", scale=1)
    with av.open(str(tmp_path / f"out.{suffix}")) as container:
        found = next(container.decode(video=0)).to_ndarray(format="rgb24")[16, :, 1].astype(int)
    codes = np.arange(256).clip(16, 235)
    wanted = codes if tagged == 2 else (codes - 16) * 255 / 219
    assert np.abs(found - wanted)[20:230].max() <= 5


# -- outputs that cannot be read back

PLAIN = Picture(frames=1, color=(1, 1, 1, 1))
PQ = replace(PLAIN, codec="libx265", pix_fmt="yuv420p10le", color=(9, 16, 9, 1))
HDR = replace(PQ, options={"x265-params": f"log-level=none:{HDR10}"})


@pytest.mark.parametrize(
    ("picture", "name", "options", "lost"),
    [
        (replace(PLAIN, rotation=90), "out.png", {}, ["rotation"]),
        (replace(PLAIN, rotation=90), "out.y4m", {}, ["rotation"]),
        (replace(PLAIN, codec="ffv1", pix_fmt="yuva420p"), "out.jpg", {}, ["alpha"]),
        (replace(PLAIN, codec="ffv1", pix_fmt="yuva420p"), "out.png", {}, []),
        (replace(PLAIN, codec="ffv1", pix_fmt="yuv420p10le"), "out.jpg", {}, ["bit depth"]),
        (replace(PLAIN, codec="ffv1", pix_fmt="yuv420p10le"), "out.png", {}, []),
        (replace(PLAIN, codec="ffv1", pix_fmt="yuv444p"), "out.webp", {"scale": 1}, ["chroma"]),
        (replace(PLAIN, sample_aspect_ratio=Fraction(4, 3)), "out.png", {}, []),
        (replace(PLAIN, sample_aspect_ratio=Fraction(4, 3)), "out.png", {"size": "128x96"}, ["aspect ratio"]),
        (HDR, "out.png", {}, ["HDR mastering display", "HDR content light level"]),
        (HDR, "out.y4m", {}, ["colour", "HDR mastering display", "HDR content light level"]),
        (PQ, "out.y4m", {}, ["colour"]),
        (PLAIN, "out.png", {}, []),
        (PLAIN, "out.jpg", {}, []),
        (PLAIN, "out.y4m", {}, []),
        (replace(PLAIN, color=(2, 2, 2, 0)), "out.jpg", {}, []),
        (HDR, "out.md5", {"format": "md5"}, []),
    ],
)
def test_what_pictures_alone_cannot_hold_is_said(
    tmp_path: Path, picture: Picture, name: str, options: dict[str, Any], lost: list[str]
) -> None:
    source = make(tmp_path / "in.mkv", Clip(picture=picture, sounds=[Sound(seconds=0.1)]))
    report = upscale(source, tmp_path / name, **options)
    assert [f.subject for f in report.lost] == lost, report.lines()
    assert report.exit_code == (3 if lost else 0)


def test_a_pipe_loses_what_its_encoder_cannot_say(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", Clip(picture=replace(HDR, rotation=90)))
    code = """
        import sys, vsr
        report = vsr.upscale(sys.argv[1], "-", model="lanczos3", format="matroska", encoder=sys.argv[2])
        print(report.exit_code, *[f.subject for f in report.lost], sep=",", file=sys.stderr)
    """
    for encoder, told in (
        ("libx265", "0"),
        ("ffv1", "3,HDR mastering display,HDR content light level"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), str(source), encoder],
            capture_output=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
        assert done.stderr.decode().splitlines()[-1:] == [told]
