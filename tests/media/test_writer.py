"""What a container can carry comes back from it, whatever it came from."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import vsr
from tests.make_media import COVER, Clip, Picture, Sound, Text, everything, make, png, test_card
from vsr.errors import EncodeError, OptionError
from vsr.media.reader import CopiedPacket, Reader

TICKS = (0, 1, 2, 30, 31, 40, 77, 100, 101, 180, 200, 250)
ODD = Picture(
    frames=12,
    time_base=Fraction(1, 600),
    times=[t * 20 for t in TICKS],
    sample_aspect_ratio=Fraction(4, 3),
    color=(6, 6, 6, 1),
    rotation=90,
    metadata={"language": "fre"},
)
FULL = everything()

# Container: the clip that it can carry whole, and what it may lose all the same.
CLIPS: dict[str, Clip] = {
    "mkv": replace(FULL, picture=replace(ODD, metadata={"title": "main", "language": "fre"})),
    "mp4": replace(FULL, picture=ODD, attachments=[(*COVER, png())]),
    "mov": Clip(
        picture=replace(ODD, metadata={"language": "eng"}),
        sounds=[Sound(), Sound(codec="ac3", hertz=200)],
        texts=[Text()],
        metadata={"title": "A"},
    ),
    "webm": Clip(
        picture=replace(ODD, sample_aspect_ratio=Fraction(1), rotation=0),
        sounds=[Sound(codec="libopus", metadata={"language": "eng"})],
        texts=[Text()],
        chapters=[(0, 100, "One"), (100, 300, "Two")],
        metadata={"title": "A"},
    ),
    "ts": Clip(
        picture=replace(ODD, rotation=0, metadata={}),
        sounds=[Sound(metadata={"language": "eng"}), Sound(codec="ac3", metadata={"language": "fre"})],
    ),
    "avi": Clip(picture=Picture(frames=12), sounds=[Sound(codec="ac3", seconds=0.4)]),
    "nut": Clip(
        picture=replace(ODD, rotation=0, metadata={}), sounds=[Sound(codec="flac")], metadata={"title": "A"}
    ),
    "y4m": Clip(picture=replace(ODD, times=None, time_base=None, rotation=0, metadata={})),
}


@pytest.mark.parametrize("container", CLIPS)
def test_nothing_that_a_container_can_carry_is_lost(tmp_path: Path, container: str) -> None:
    source = make(tmp_path / "in.mkv", CLIPS[container])
    report = vsr.upscale(source, tmp_path / f"out.{container}", threads=1, model="lanczos3")
    assert [f"{f.subject}: {f.text}" for f in report.lost] == []
    assert (report.exit_code, report.verified) == (0, True)
    second = vsr.verify(source, tmp_path / f"out.{container}")
    if container != "y4m":
        assert [f"{f.subject}: {f.text}" for f in second.lost] == []


@pytest.mark.parametrize("container", ["mkv", "mp4", "mov", "webm", "ts", "nut"])
def test_times_come_back_to_the_tick(tmp_path: Path, container: str) -> None:
    """No rate is assumed: uneven times stay uneven, in the container's own ticks."""
    source = make(tmp_path / "in.nut", Clip(picture=replace(ODD, rotation=0, metadata={})))
    result = tmp_path / f"out.{container}"
    assert vsr.upscale(source, result, threads=1, model="lanczos3").exit_code == 0
    with Reader(source) as before, Reader(result) as after:
        wanted = [f.pts * f.time_base for f in before]
        frames = list(after)
    found = [f.pts * f.time_base for f in frames]
    shift = found[0] - wanted[0]
    tick = frames[0].time_base
    assert max(abs(f - shift - w) for f, w in zip(found, wanted, strict=True)) <= (
        tick if shift else tick / 2
    )


@pytest.mark.parametrize("container", ["mkv", "mp4", "mov", "nut"])
@pytest.mark.parametrize("delay", [-0.3, 0.0, 0.7])
def test_the_offset_of_sound_is_kept(tmp_path: Path, container: str, delay: float) -> None:
    start = max(0.0, delay)
    late = round(max(0.0, -delay) * 1000)
    picture = Picture(time_base=Fraction(1, 1000), times=[late + 40 * n for n in range(12)])
    sound = Sound(codec="ac3", start_seconds=start)
    source = make(tmp_path / "in.mkv", Clip(picture=picture, sounds=[sound]))
    result = tmp_path / f"out.{container}"
    assert vsr.upscale(source, result, threads=1, model="lanczos3").exit_code == 0
    offsets = []
    for path in (source, result):
        with Reader(path) as reader:
            items = list(reader.items())
        sounds = [i.packet.pts * i.packet.time_base for i in items if isinstance(i, CopiedPacket)]
        pictures = [i.pts * i.time_base for i in items if not isinstance(i, CopiedPacket)]
        offsets.append(min(sounds) - min(pictures))
    assert abs(offsets[0] - offsets[1]) <= Fraction(1, 1000)
    assert abs(float(offsets[0]) - delay) < 0.03


LOSSLESS = ["yuv420p", "yuv422p", "yuv444p", "yuv411p", "yuv420p10le", "yuv444p12le", "yuva420p", "gray"]
LOSSLESS += ["gray16le", "gbrp", "gbrap", "gbrp12le", "gbrap16le"]


@pytest.mark.parametrize("pix_fmt", LOSSLESS)
def test_lossless_all_the_way(tmp_path: Path, pix_fmt: str) -> None:
    """FFV1 in, same size, FFV1 out: every sample is the source's."""
    color = (0, 13, 1, 2) if "gbr" in pix_fmt else (1, 1, 1, 1)
    picture = Picture(codec="ffv1", pix_fmt=pix_fmt, frames=3, color=color, width=48, height=30)
    if pix_fmt in ("gbrp", "gbrap"):  # FFV1 takes 8-bit RGB interleaved only
        picture = replace(picture, codec="rawvideo")
    source = make(tmp_path / "in.nut", Clip(picture=picture))
    report = vsr.upscale(source, tmp_path / "out.mkv", encoder="ffv1", scale=1, model="bilinear", threads=1)
    assert report.exit_code == 0, report.lines()
    with Reader(tmp_path / "out.mkv") as reader:
        frames = list(reader)
    for number, frame in enumerate(frames):
        assert frame.format.name == pix_fmt
        card = test_card(picture, number)
        for index, plane in enumerate(frame.planes):
            rows = np.frombuffer(memoryview(card.planes[index]), plane.dtype).reshape(plane.shape[0], -1)
            np.testing.assert_array_equal(plane, rows[:, : plane.shape[1]], err_msg=f"plane {index}")


def test_a_pipe_gets_a_whole_film(tmp_path: Path) -> None:
    """Fragmented MP4 and Matroska through standard output are read again."""
    import subprocess
    import sys

    source = make(tmp_path / "in.mkv", Clip(sounds=[Sound()]))
    code = "import sys, vsr; vsr.upscale(sys.argv[1], '-', model='lanczos3', format=sys.argv[2])"
    for name in ("mp4", "matroska", "yuv4mpegpipe"):
        command = [sys.executable, "-c", code, str(source), name]
        done = subprocess.run(command, capture_output=True, check=True, timeout=60)
        (tmp_path / "out").write_bytes(done.stdout)
        with Reader(tmp_path / "out") as reader:
            assert sum(1 for _ in reader) == 12
            assert reader.video.width == 128


def test_statistics_and_old_brands_are_left_behind(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mp4", Clip(metadata={"title": "A", "comment": "c"}))
    vsr.upscale(source, tmp_path / "out.mkv", threads=1, model="lanczos3")
    with av.open(str(tmp_path / "out.mkv")) as container:
        tags = {k.lower(): v for k, v in container.metadata.items()}
        stream = dict(container.streams.video[0].metadata)
    assert (tags["title"], tags["comment"]) == ("A", "c")
    assert "major_brand" not in tags
    assert not any(k.lower() == "handler_name" for k in stream)


@pytest.mark.parametrize(
    ("result", "error", "words"),
    [
        ("nowhere/out.mkv", OptionError, "does not exist"),
        (".", OptionError, "folder"),
        ("out.xyz", OptionError, "names no container"),
        ("out", OptionError, "the name has no suffix; use .mkv"),
        ("out.gif", OptionError, "GIF"),
    ],
)
def test_places_that_cannot_be_written(tmp_path: Path, result: str, error: Any, words: str) -> None:
    source = make(tmp_path / "in.mkv", Clip(picture=Picture(frames=2)))
    with pytest.raises(error, match=words):
        vsr.upscale(source, tmp_path / result, model="lanczos3")


def test_an_unknown_container_is_said(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", Clip(picture=Picture(frames=2)))
    with pytest.raises(OptionError, match="cannot write the container 'mp5'"):
        vsr.upscale(source, tmp_path / "out", format="mp5", model="lanczos3")


def test_a_device_that_is_full(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    source = make(tmp_path / "in.mkv", Clip(sounds=[Sound()]))
    with pytest.raises(EncodeError, match="disk is full"):
        vsr.upscale(source, "/dev/full", format="matroska", overwrite=True, model="lanczos3")
