"""The timeline: whatever a source's times do, what comes out only goes forward, and stays together."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from fractions import Fraction

import pytest

from vsr.live.timeline import BACK_SECONDS, JOIN_SECONDS, WRAPS_SECONDS, Timeline

FRAME = Fraction(1, 30)
SOUND = Fraction(1024, 48_000)
HOUR = Fraction(3600)


@dataclass
class Feed:
    """Plays a source into a timeline: 30 frames a second, with sound beside them."""

    timeline: Timeline = field(default_factory=Timeline)
    now: float = 100.0
    picture: Fraction = Fraction(0)
    sound: Fraction = Fraction(0)
    frames: list[Fraction] = field(default_factory=list)
    """Where frames were placed."""
    sounds: list[Fraction] = field(default_factory=list)
    skews: list[Fraction] = field(default_factory=list)
    """How much more the sound was moved than the picture, each time."""

    def play(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            moved = self.timeline.place("picture", self.picture, self.now)
            self.frames.append(self.picture + moved)
            self.picture += FRAME
            while self.sound < self.picture:
                also = self.timeline.place(1, self.sound, self.now)
                self.sounds.append(self.sound + also)
                self.skews.append(also - moved)
                self.sound += SOUND
            self.now += float(FRAME)

    def jump(self, seconds: Fraction) -> None:
        self.picture += seconds
        self.sound += seconds

    def steps(self) -> list[Fraction]:
        return [b - a for a, b in itertools.pairwise(self.frames)]


def started(first: Fraction = Fraction(0)) -> Feed:
    feed = Feed(picture=first, sound=first)
    feed.timeline.begin(first, feed.now)
    return feed


@pytest.mark.parametrize("first", [Fraction(0), Fraction(14, 10), HOUR * 20, -HOUR])
def test_it_begins_at_zero_and_keeps_every_distance(first: Fraction) -> None:
    feed = started(first)
    feed.play(3)
    assert feed.frames[0] == 0
    assert set(feed.steps()) == {FRAME}
    assert set(feed.skews) == {0}
    assert feed.timeline.jumps == 0


def test_a_source_that_is_joined_leaves_room_for_sound_that_lies_before() -> None:
    timeline = Timeline()
    assert 500 + timeline.place("picture", Fraction(500), 1.0) == JOIN_SECONDS
    early = Fraction(500) - BACK_SECONDS
    assert early + timeline.place(1, early, 1.0) == JOIN_SECONDS - BACK_SECONDS
    assert timeline.jumps == 0


@pytest.mark.parametrize("distance", [HOUR, -HOUR, Fraction(20), Fraction(-3), Fraction(-1, 2)])
def test_a_jump_is_closed_and_sound_jumps_with_it(distance: Fraction) -> None:
    feed = started(HOUR)
    feed.play(2)
    feed.jump(distance)
    feed.play(2)
    assert feed.timeline.jumps == 1
    assert max(feed.steps()) < Fraction(1, 10)
    assert min(feed.steps()) > 0
    assert set(feed.skews) == {0}


def test_sound_that_comes_late_from_before_a_jump_stays_where_it_belongs() -> None:
    feed = started()
    feed.play(1)
    before = feed.sound
    feed.jump(HOUR)
    feed.timeline.place("picture", feed.picture, feed.now)
    late = before + feed.timeline.place(1, before, feed.now)
    assert late == before
    again = feed.timeline.place(1, before + HOUR + SOUND, feed.now)
    assert feed.timeline.jumps == 1
    assert 0 < before + HOUR + SOUND + again - late < Fraction(1, 5)


@pytest.mark.parametrize("wrap", WRAPS_SECONDS)
def test_a_wrap_changes_nothing(wrap: Fraction) -> None:
    feed = started(wrap - 1)
    feed.play(1)
    feed.picture -= wrap
    feed.sound -= wrap
    feed.play(1)
    assert set(feed.steps()) == {FRAME}
    assert set(feed.skews) == {0}
    assert feed.timeline.jumps == 0


def test_sound_wraps_a_little_after_the_picture() -> None:
    wrap = WRAPS_SECONDS[0]
    feed = started(wrap - 1)
    feed.play(1)
    old = feed.sound
    feed.picture -= wrap
    feed.timeline.place("picture", feed.picture, feed.now)
    assert old + feed.timeline.place(1, old, feed.now) == old - (wrap - 1)
    assert feed.timeline.jumps == 0


@pytest.mark.parametrize("away", [0.2, 7.0, 600.0])
def test_a_source_that_comes_back_leaves_a_gap_as_long_as_it_was_away(away: float) -> None:
    feed = started()
    feed.play(2)
    feed.now += away
    feed.picture = feed.sound = HOUR
    feed.timeline.begin(HOUR, feed.now)
    feed.play(2)
    gap = max(feed.steps())
    assert abs(float(gap) - away) < 0.1
    assert feed.timeline.jumps == 0
    assert set(feed.skews) == {0}


def test_a_stall_whose_times_went_on_is_a_gap_and_no_jump() -> None:
    feed = started()
    feed.play(1)
    feed.now += 30
    feed.jump(Fraction(30))
    feed.play(1)
    assert feed.timeline.jumps == 0
    assert abs(max(feed.steps()) - 30) < Fraction(1, 10)


def test_small_steps_back_are_squeezed() -> None:
    feed = started()
    feed.play(1)
    feed.jump(Fraction(-1, 10))
    feed.play(1)
    assert min(feed.steps()) > 0
    assert feed.timeline.jumps == 0


def test_many_jumps_never_go_back() -> None:
    feed = started()
    for number in range(40):
        feed.play(0.3)
        feed.jump(HOUR * (-1 if number % 3 else 2))
    for placed in (feed.frames, feed.sounds):
        assert all(a < b for a, b in itertools.pairwise(placed))
