"""Frames of two videos brought together by their times."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.make_media import Clip, Picture, make, remux
from vsr.errors import DecodeError, OptionError
from vsr.quality.matching import Span, Videos


def clip(path: Path, **picture: Any) -> Path:
    """A lossless clip, whose frames can be told apart."""
    return make(path, Clip(picture=Picture(codec="ffv1", options={"g": "1"}, **picture)))


def trimmed(source: Path, begin: int) -> Path:
    """Write the frames of a video from one on, as they are coded."""
    result = source.with_name(f"trimmed-{source.name}")
    return remux(source, result, packets=lambda packets: packets[begin:])


def pairs(*paths: Path, first_index: int = 0, **options: Any) -> tuple[list[tuple[int, ...]], list[int]]:
    """For each frame of the first its place and its partners', -1 where there is none; and counts."""
    known: list[np.ndarray[Any, Any]] = []
    found = []
    with Videos([str(path) for path in paths], Span(**options)) as videos:
        for moment in videos:
            first = moment.frames[0]
            assert first is not None
            known.append(np.array(first.planes[0]))
            found.append(moment.frames[1:])
            assert moment.index == first_index + len(known) - 1
        numbers = [
            (index, *(_number(frame.planes[0], known) if frame else -1 for frame in frames))
            for index, frames in enumerate(found)
        ]
        return numbers, videos.counts


def _number(plane: Any, known: list[Any]) -> int:
    return next((n for n, other in enumerate(known) if np.array_equal(plane, other)), -2)


def straight(count: int) -> list[tuple[int, ...]]:
    return [(index, index) for index in range(count)]


def test_other_containers_and_time_bases(tmp_path: Path) -> None:
    rate = Fraction(30000, 1001)
    exact = clip(tmp_path / "a.avi", rate=rate)
    rounded = clip(tmp_path / "b.mkv", rate=rate)
    assert pairs(exact, rounded) == (straight(12), [12])
    assert pairs(rounded, exact) == (straight(12), [12])


def test_a_later_start_does_not_matter(tmp_path: Path) -> None:
    late = clip(tmp_path / "late.mkv", times=range(50, 62))
    assert pairs(clip(tmp_path / "a.mkv"), late) == (straight(12), [12])


def test_variable_rates_are_matched_frame_by_frame(tmp_path: Path) -> None:
    times = [0, 1, 2, 7, 8, 9, 20, 21, 22, 23, 40, 41]
    settings: dict[str, Any] = {"times": times, "time_base": Fraction(1, 100), "rate": Fraction(25)}
    pair = clip(tmp_path / "a.mkv", **settings), clip(tmp_path / "b.mkv", **settings)
    assert pairs(*pair) == (straight(12), [12])


def test_frames_that_are_missing_stay_without_partner(tmp_path: Path) -> None:
    whole = clip(tmp_path / "a.mkv", frames=6)
    gapped = clip(tmp_path / "b.mkv", frames=6, times=[0, 1, 3, 4, 5, 6])
    # The second clip's third picture is shown where the first has its fourth.
    assert pairs(whole, gapped) == ([(0, 0), (1, 1), (2, -1), (3, 2), (4, 3), (5, 4)], [6])
    assert pairs(gapped, whole)[0] == [(0, 0), (1, 1), (2, 3), (3, 4), (4, 5), (5, -1)]


def test_twice_the_rate_meets_at_every_other_frame(tmp_path: Path) -> None:
    slow = clip(tmp_path / "a.mkv", frames=5)
    fast = clip(tmp_path / "b.mkv", frames=10, rate=Fraction(50))
    assert pairs(slow, fast)[0] == [(0, 0), (1, 2), (2, 4), (3, -2), (4, -2)]
    assert [partner for _, partner in pairs(fast, slow)[0]][1::2] == [-1] * 5


def test_three_videos(tmp_path: Path) -> None:
    paths = [clip(tmp_path / f"{name}.mkv", frames=count) for name, count in (("r", 5), ("a", 5), ("b", 3))]
    assert pairs(*paths) == ([(0, 0, 0), (1, 1, 1), (2, 2, 2), (3, 3, -1), (4, 4, -1)], [5, 3])


def test_a_duration_ends_all(tmp_path: Path) -> None:
    paths = [clip(tmp_path / f"{name}.mkv") for name in "ab"]
    assert pairs(*paths, duration=Fraction(1, 5)) == (straight(5), [5])


@pytest.mark.parametrize(
    ("offset", "rate"),
    [
        (5, Fraction(25)),
        (Fraction(1, 5), Fraction(25)),
        (5, Fraction(24000, 1001)),
        (Fraction(21, 100), Fraction(24000, 1001)),
    ],
)
def test_a_trimmed_video_begins_at_its_offset(tmp_path: Path, offset: Fraction | int, rate: Fraction) -> None:
    """Rounded seconds mean the frame nearest to them: 5 frames of 24000/1001 fps are 0.2085 s."""
    whole = clip(tmp_path / "whole.mkv", rate=rate)
    rest = trimmed(whole, 5)
    assert pairs(whole, rest, offset=offset, first_index=5) == (straight(7), [7])
    assert pairs(rest, whole, offset=-offset) == (straight(7), [7])


def test_a_start_leaves_out_what_is_before_in_all(tmp_path: Path) -> None:
    whole, other = (clip(tmp_path / f"{name}.mkv") for name in ("whole", "other"))
    assert pairs(whole, other, start=Fraction(3, 10), first_index=8) == (straight(4), [4])
    rest = trimmed(whole, 5)
    span: dict[str, Any] = {"start": Fraction(3, 10), "duration": Fraction(2, 25)}
    assert pairs(whole, rest, offset=5, first_index=8, **span) == (straight(2), [2])
    assert pairs(whole, rest, offset=5, first_index=5, duration=Fraction(2, 25)) == (straight(2), [2])
    assert pairs(whole, other, start=Fraction(9)) == ([], [12])


def test_an_offset_beyond_the_end_is_refused(tmp_path: Path) -> None:
    paths = clip(tmp_path / "a.mkv"), clip(tmp_path / "b.mkv")
    for offset, name in ((12, "a"), (Fraction(9), "a"), (-12, "b"), (Fraction(-9), "b")):
        with pytest.raises(OptionError, match=rf"{name}\.mkv, whose last frame is number 11 at 0.440 s"):
            pairs(*paths, offset=offset)


def test_sizes_must_be_equal(tmp_path: Path) -> None:
    paths = clip(tmp_path / "a.mkv"), clip(tmp_path / "b.mkv", width=32)
    with pytest.raises(OptionError, match=r"a\.mkv is 64x48, .*b\.mkv is 32x48: .* --size 64x48"):
        pairs(*paths)
    with pytest.raises(DecodeError, match="no such file"):
        pairs(paths[0], tmp_path / "none.mkv")
