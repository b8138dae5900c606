"""The clip that peers enlarge: halved exactly, spread over the source, read again and again."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.bench.small_clips import video
from vsr.bench.peers import clip
from vsr.frame import Frame, empty_frame, pixel_format
from vsr.media.reader import Reader
from vsr.upscaler import Upscaler


def test_the_small_frames_are_the_bicubic_halves_of_the_originals(tmp_path: Path) -> None:
    source = video(tmp_path / "video.mkv", frames=3)
    made = clip.make(str(source), tmp_path, 3)
    assert (made.width, made.height, made.frames) == (64, 48, 3)
    small = clip.SmallFrames(made)
    with Reader(str(source)) as reader:
        shrink = Upscaler("bicubic", source=reader.video, size=(64, 48))
        for frame, original in zip(reader, made.originals(), strict=True):
            assert np.array_equal(frame.planes[0], original)
            for wanted, plane in zip(shrink(frame).planes, small.next(), strict=True):
                assert np.array_equal(wanted, plane)


def test_any_reader_of_y4m_gets_the_same_frames(tmp_path: Path) -> None:
    made = clip.make(str(video(tmp_path / "video.mkv", frames=3)), tmp_path, 3)
    small = clip.SmallFrames(made)
    with Reader(str(made.small)) as reader:
        frames = list(reader)
        assert reader.video.format is clip.FORMAT
    assert len(frames) == made.frames
    for frame in frames:
        for read, plane in zip(frame.planes, small.next(), strict=True):
            assert np.array_equal(read, plane)


def test_after_the_last_frame_comes_the_first(tmp_path: Path) -> None:
    made = clip.make(str(video(tmp_path / "video.mkv", frames=2)), tmp_path, 2)
    small = clip.SmallFrames(made)
    seen = [small.next()[0].copy() for _ in range(5)]
    assert np.array_equal(seen[0], seen[2]) and np.array_equal(seen[1], seen[3])
    assert not np.array_equal(seen[0], seen[1])


@pytest.mark.parametrize(("width", "height", "halves"), [(131, 99, (64, 48)), (102, 70, (50, 34))])
def test_odd_sides_are_cut(tmp_path: Path, width: int, height: int, halves: tuple[int, int]) -> None:
    source = video(tmp_path / "v.mkv", width=width, height=height, frames=1, pix_fmt="yuv444p")
    made = clip.make(str(source), tmp_path, 1)
    assert (made.width, made.height) == halves
    assert next(made.originals()).shape == (2 * halves[1], 2 * halves[0])
    assert clip.Clip.load(tmp_path) == made


def test_ten_bits_and_full_range_become_what_every_peer_reads(tmp_path: Path) -> None:
    source = video(tmp_path / "v.mkv", frames=1, pix_fmt="yuv420p10le", color=(1, 1, 1, 2))
    made = clip.make(str(source), tmp_path, 1)
    luma = next(made.originals())
    with Reader(str(source)) as reader:
        deep = next(iter(reader)).planes[0]
    assert np.abs(luma - (16 + deep / 1023 * 219)).max() <= 1


@pytest.mark.parametrize(("there", "wanted"), [(3, 5), (5, 5), (10, 5), (11, 5), (1000, 7), (719, 24)])
def test_frames_are_spread_evenly(there: int, wanted: int) -> None:
    frames = (_numbered(number) for number in range(there))
    numbers = [frame.pts for frame in clip.spread(frames, wanted)]
    assert len(numbers) == min(there, wanted)
    steps = np.diff(numbers)
    assert numbers[0] == 0 and steps.min() >= 1
    assert steps.max() <= 2 * steps.min()
    assert numbers[-1] >= there - 2 * steps.max() - 1


def _numbered(number: int) -> Frame:
    return empty_frame(2, 2, pixel_format("gray"), pts=number, time_base=Fraction(1, 25))


def test_without_a_video_there_is_a_drawing_that_moves(tmp_path: Path) -> None:
    made = clip.make(None, tmp_path, 2)
    first, second = made.originals()
    assert (made.width, made.height) == (640, 360)
    assert not np.array_equal(first, second) and first.std() > 10
