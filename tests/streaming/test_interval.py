"""What is found out of a source's frame rate."""

from __future__ import annotations

from fractions import Fraction

import pytest

from vsr.streaming.interval import FrameInterval


def after(said: Fraction | None, steps: list[Fraction]) -> Fraction:
    interval, moment = FrameInterval(), Fraction(7)
    interval.begin(said)
    for step in steps:
        interval.count(moment)
        moment += step
    return interval.seconds


@pytest.mark.parametrize(
    ("said", "want"),
    [
        (Fraction(30000, 1001), Fraction(1001, 30000)),
        (None, Fraction(1, 25)),
        (Fraction(0), Fraction(1, 25)),
        (Fraction(-25), Fraction(1, 25)),
        (Fraction(90_000), Fraction(1, 120)),
        (Fraction(1, 50), Fraction(1)),
    ],
)
def test_before_frames_came_it_is_what_the_source_says(said: Fraction | None, want: Fraction) -> None:
    assert after(said, []) == want


@pytest.mark.parametrize("said", [Fraction(90_000), Fraction(1, 50), Fraction(30), None])
def test_frames_say_better_than_a_wrong_rate(said: Fraction | None) -> None:
    assert after(said, [Fraction(1, 60)] * 20) == Fraction(1, 60)


def test_times_that_are_rounded_leave_an_exact_rate() -> None:
    rounded = [Fraction(round(n * 1001 / 60) - round((n - 1) * 1001 / 60), 1000) for n in range(1, 60)]
    assert after(Fraction(60_000, 1001), rounded) == Fraction(1001, 60_000)


def test_a_change_of_rate_is_known_within_ten_frames_and_a_jump_is_none() -> None:
    slow, quick = [Fraction(1, 30)] * 30, [Fraction(1, 60)] * 10
    assert after(Fraction(30), [*slow, *quick]) == Fraction(1, 60)
    assert after(Fraction(30), [*slow, *([Fraction(3600), Fraction(-3600)] * 20)]) == Fraction(1, 30)


def test_frames_that_are_missing_change_nothing() -> None:
    assert after(Fraction(30), [Fraction(1 + (n % 3 == 0), 30) for n in range(60)]) == Fraction(1, 30)
