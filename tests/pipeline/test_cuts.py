"""Runs of a part of a source: sound, subtitles and chapters go with the picture."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

import vsr
from tests.make_media import Clip, Picture, Text, make, test_card
from tests.pipeline.runs import (
    sounding_clip,
    upscale,
)


def first_times(path: Path) -> dict[str, Fraction]:
    """Return the presentation time of the first packet of each kind."""
    found: dict[str, Fraction] = {}
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.pts is not None and packet.size:
                time = packet.pts * Fraction(packet.time_base)
                found[packet.stream.type] = min(time, found.get(packet.stream.type, time))
    return found


@pytest.mark.parametrize("container", ["mkv", "mp4"])
@pytest.mark.parametrize("start", ["0.48", "0.5", "1"])
def test_a_cut_keeps_sound_and_picture_together(tmp_path: Path, container: str, start: str) -> None:
    source = sounding_clip(tmp_path / "in.mkv")
    result = tmp_path / f"out.{container}"
    report = upscale(source, result, start=start, duration="0.8", preset="ultrafast")
    assert report.exit_code == 0, report.lines()
    assert report.statistics.frames_done == 20
    begin = -(-Fraction(start) // Fraction(1, 25)) * Fraction(1, 25)
    with av.open(str(source)) as inside:
        audio = [p.pts * Fraction(p.time_base) for p in inside.demux(audio=0) if p.pts is not None]
    found = first_times(result)
    expected = (
        min(time for time in audio if time >= begin - Fraction(1, 25) and time >= Fraction(start)) - begin
    )
    assert abs(found["audio"] - found["video"] - expected) <= Fraction(1, 900)


def test_frames_of_a_cut_are_those_of_the_source(tmp_path: Path) -> None:
    clip = Clip(picture=Picture(codec="ffv1", frames=30, options={"g": "10"}))
    source = make(tmp_path / "in.mkv", clip)
    upscale(
        source, tmp_path / "out.mkv", start="0.33", duration="0.5", encoder="ffv1", scale=1, model="bilinear"
    )
    with vsr.open(tmp_path / "out.mkv") as reader:
        frames = list(reader)
    assert [f.pts for f in frames] == [40 * n for n in range(12)]
    for number, frame in enumerate(frames):
        wanted = test_card(clip.picture, 9 + number).to_ndarray()[:48]
        np.testing.assert_array_equal(frame.planes[0], wanted)


def test_subtitles_and_chapters_move_with_a_cut(tmp_path: Path) -> None:
    lines = [(0, 100, "gone"), (600, 100, "here"), (1800, 100, "later")]
    clip = Clip(
        picture=Picture(frames=60),
        texts=[Text(lines=lines)],
        chapters=[(0, 400, "One"), (400, 800, "Two"), (800, 2400, "Three")],
    )
    source = make(tmp_path / "in.mkv", clip)
    result = tmp_path / "out.mkv"
    report = upscale(source, result, start="0.48", preset="ultrafast")
    assert report.exit_code == 0, report.lines()
    with vsr.open(result) as reader:
        chapters = [(c.title, round(c.start * 1000), round(c.end * 1000)) for c in reader.info.chapters]
    assert chapters == [("Two", 0, 320), ("Three", 320, 1920)]
    with av.open(str(result)) as container:
        shown = [(p.pts, bytes(p)) for p in container.demux(subtitles=0) if p.size]
    assert shown == [(120, b"here"), (1320, b"later")]


def test_chapters_after_the_end_of_a_cut_are_left_out(tmp_path: Path) -> None:
    clip = Clip(
        picture=Picture(frames=60), chapters=[(0, 400, "One"), (400, 800, "Two"), (800, 2400, "Three")]
    )
    result = tmp_path / "out.mkv"
    report = upscale(make(tmp_path / "in.mkv", clip), result, duration="0.6", preset="ultrafast")
    assert report.exit_code == 0, report.lines()
    with vsr.open(result) as reader:
        assert [c.title for c in reader.info.chapters] == ["One", "Two"]
        assert float(reader.info.chapters[1].end) == pytest.approx(0.6)
