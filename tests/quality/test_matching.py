"""Frames of two videos brought together by their times."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.make_media import Clip, Picture, make
from vsr.errors import DecodeError, OptionError
from vsr.quality.matching import Videos


def clip(path: Path, **picture: Any) -> Path:
    """A lossless clip, whose frames can be told apart."""
    return make(path, Clip(picture=Picture(codec="ffv1", **picture)))


def pairs(*paths: Path, **options: Any) -> tuple[list[tuple[int, ...]], list[int]]:
    """For each frame of the first its number and its partners', -1 where there is none; and counts."""
    known: list[np.ndarray[Any, Any]] = []
    found = []
    with Videos([str(path) for path in paths], **options) as videos:
        for moment in videos:
            first = moment.frames[0]
            assert first is not None
            known.append(np.array(first.planes[0]))
            found.append(moment.frames[1:])
            assert moment.index == len(known) - 1
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


def test_sizes_must_be_equal(tmp_path: Path) -> None:
    paths = clip(tmp_path / "a.mkv"), clip(tmp_path / "b.mkv", width=32)
    with pytest.raises(OptionError, match=r"a\.mkv is 64x48, .*b\.mkv is 32x48: .* --size 64x48"):
        pairs(*paths)
    with pytest.raises(DecodeError, match="no such file"):
        pairs(paths[0], tmp_path / "none.mkv")
