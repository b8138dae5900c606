"""The timeline: whatever a source's times do, what comes out only goes forward, and stays together."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from fractions import Fraction

import pytest

from vsr.streaming.timeline import BACK_SECONDS, JOIN_SECONDS, WRAPS_SECONDS, Timeline

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

    def place(self, track: str | int, moment: Fraction) -> Fraction:
        moved = self.timeline.place(track, moment, self.now)
        assert moved is not None
        return moved

    def play(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            moved = self.timeline.place("picture", self.picture, self.now)
            if moved is not None:  # else a stand-in has its place
                self.frames.append(self.picture + moved)
            self.picture += FRAME
            while self.sound < self.picture:
                also = self.place(1, self.sound)
                self.sounds.append(self.sound + also)
                if moved is not None:
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
    feed = Feed()
    assert 500 + feed.place("picture", Fraction(500)) == JOIN_SECONDS
    early = Fraction(500) - BACK_SECONDS
    assert early + feed.place(1, early) == JOIN_SECONDS - BACK_SECONDS
    assert feed.timeline.jumps == 0


@pytest.mark.parametrize("distance", [HOUR, -HOUR, Fraction(20), Fraction(-3), Fraction(-1, 2)])
def test_a_jump_is_closed_and_sound_jumps_with_it(distance: Fraction) -> None:
    feed = started(HOUR)
    feed.play(2)
    feed.jump(distance)
    feed.play(2)
    assert feed.timeline.jumps == 1
    assert max(feed.steps()) < Fraction(1, 5)
    assert min(feed.steps()) > 0
    assert set(feed.skews) == {0}


@pytest.mark.parametrize("phase", [0.0, 0.2, 0.4])
def test_a_jump_inserts_no_more_where_sound_comes_in_bursts_ahead_of_the_picture(phase: float) -> None:
    feed = started()
    feed.place(1, Fraction(0))

    def play(seconds: float) -> None:
        until = feed.now + seconds
        while feed.now < until:
            feed.frames.append(feed.picture + feed.place("picture", feed.picture))
            feed.picture += FRAME
            if feed.sound < feed.picture:  # half a second of it at once
                for _ in range(24):
                    feed.sound += SOUND
                    feed.sounds.append(feed.sound + feed.place(1, feed.sound))
            feed.now += float(FRAME)

    play(3 + phase)
    feed.jump(HOUR)
    play(2)
    assert feed.timeline.jumps == 1
    assert max(feed.steps()) < Fraction(1, 6)
    assert all(a < b for a, b in itertools.pairwise(feed.sounds))


def test_sound_that_comes_late_from_before_a_jump_stays_where_it_belongs() -> None:
    feed = started()
    feed.play(1)
    before = feed.sound
    feed.jump(HOUR)
    feed.place("picture", feed.picture)
    late = before + feed.place(1, before)
    assert late == before
    again = feed.place(1, before + HOUR + SOUND)
    assert feed.timeline.jumps == 1
    assert 0 < before + HOUR + SOUND + again - late < Fraction(1, 5)


def test_sound_from_before_the_picture_after_a_jump_does_not_overlap_what_was_before() -> None:
    feed = started()
    feed.play(1)
    feed.jump(HOUR)
    moved = feed.place("picture", feed.picture)
    before = feed.sounds[-1]
    early = feed.picture - Fraction(1, 5)
    assert feed.timeline.place(1, early, feed.now) is None
    assert feed.place(1, feed.picture) == moved
    assert feed.picture + moved > before


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
    feed.place("picture", feed.picture)
    assert old + feed.place(1, old) == old - (wrap - 1)
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


def freeze(feed: Feed, seconds: float) -> list[Fraction]:
    """Let nothing come, and ask for stand-ins every 5 ms; return where they are placed."""
    places, until = [], feed.now + seconds
    while feed.now < until:
        feed.now += 0.005
        place = feed.timeline.stand_in("picture", FRAME, 0.5, feed.now)
        if place is not None:
            places.append(place)
    return places


def test_stand_ins_come_at_the_rate_once_nothing_came_for_a_while() -> None:
    feed = started()
    assert feed.timeline.stand_in("picture", FRAME, 0.5, feed.now + 9) is None  # for nothing
    feed.play(1)
    assert freeze(feed, 0.4) == []
    places = freeze(feed, 3)
    assert float(places[0] - feed.frames[-1]) == pytest.approx(0.25, abs=0.05)
    assert {b - a for a, b in itertools.pairwise(places)} == {FRAME}
    assert float(places[-1] - feed.frames[-1]) == pytest.approx(3.15, abs=0.05)


def test_nothing_stands_in_between_segments() -> None:
    """Four seconds of frames at once, each four seconds: so comes HLS."""
    feed = started()
    for _ in range(5):
        for _ in range(120):
            feed.frames.append(feed.picture + feed.place("picture", feed.picture))
            feed.picture += FRAME
        assert freeze(feed, 4.0) == []
    assert set(feed.steps()) == {FRAME}
    assert freeze(feed, 0.4) == []
    assert freeze(feed, 0.2) != []


@pytest.mark.parametrize("first", [Fraction(0), HOUR, -HOUR, Fraction(1)])
def test_a_source_opened_again_goes_on_after_its_stand_ins(first: Fraction) -> None:
    feed = started()
    feed.play(2)
    last = freeze(feed, 5)[-1]
    feed.picture = feed.sound = first
    feed.timeline.begin(first, feed.now)
    feed.play(2)
    after = next(place for place in feed.frames if place > 3)
    assert FRAME <= after - last < Fraction(1, 3)
    assert set(feed.skews) == {0}
    assert feed.timeline.jumps == 0


def test_a_stall_whose_times_went_on_goes_on_after_its_stand_ins() -> None:
    feed = started()
    feed.play(1)
    last = freeze(feed, 30)[-1]
    feed.jump(Fraction(30))
    feed.play(1)
    assert 0 < feed.frames[31] - last < Fraction(1, 3)
    assert set(feed.skews) == {0}
    assert feed.timeline.jumps == 0


def test_a_source_opened_again_whose_beginning_was_guessed_wrong_is_moved_at_once() -> None:
    feed = started()
    feed.play(2)
    last = freeze(feed, 5)[-1]
    feed.picture = feed.sound = HOUR
    feed.timeline.begin(HOUR + 1, feed.now)  # a second later than it is
    feed.play(2)
    after = next(place for place in feed.frames if place > 3)
    assert FRAME <= after - last < Fraction(1, 3)
    assert set(feed.skews) == {0}
    assert feed.timeline.jumps == 0


@pytest.mark.parametrize("freezes", [False, True])
@pytest.mark.parametrize("epoch", [Fraction(0), WRAPS_SECONDS[0] - 5])
def test_a_source_that_is_opened_again_and_catches_up_does_not_get_ahead_of_the_clock(
    freezes: bool, epoch: Fraction
) -> None:
    """A publisher that stood still for ten seconds, while the connection to it was given up."""
    feed = started(epoch)
    feed.play(2)
    if freezes:
        freeze(feed, 10)
    else:
        feed.now += 10
    ahead = feed.frames[-1] - Fraction(feed.now) + 10
    if feed.picture + 5 > WRAPS_SECONDS[0]:
        feed.jump(-WRAPS_SECONDS[0])
    feed.timeline.begin(feed.picture + 1, feed.now)  # what came while it was being opened is let go
    feed.jump(Fraction(1))
    for _ in range(270):  # all at once
        moved = feed.timeline.place("picture", feed.picture, feed.now)
        if moved is not None:
            feed.frames.append(feed.picture + moved)
        feed.picture += FRAME
        feed.now += 0.002
    feed.sound = feed.picture
    feed.play(2)
    assert float(feed.frames[-1] - Fraction(feed.now) - ahead) == pytest.approx(0, abs=0.6)
    assert min(feed.steps()) > 0
    assert set(feed.skews) == {0}
    assert feed.timeline.jumps == 0


def test_a_source_opened_again_whose_clock_stood_still_too_goes_on_after_its_stand_ins() -> None:
    feed = started()
    feed.play(2)
    last = freeze(feed, 10)[-1]
    feed.timeline.begin(feed.picture, feed.now)
    for _ in range(120):
        moved = feed.timeline.place("picture", feed.picture, feed.now)
        if moved is not None:
            feed.frames.append(feed.picture + moved)
        feed.picture += FRAME
        feed.now += float(FRAME)
    assert sum(place > last for place in feed.frames) == pytest.approx(120 - 30, abs=2)
    assert max(feed.frames) - last < 5
    assert min(feed.steps()) > 0


def test_what_comes_late_is_let_go_and_its_sound_kept() -> None:
    """A network that stood still, and then gives all at once."""
    feed = started()
    feed.play(1)
    last = freeze(feed, 3)[-1]
    late = 0
    while feed.timeline.place("picture", feed.picture, feed.now) is None:
        assert feed.sound + feed.place(1, feed.sound) == feed.sound
        feed.jump(FRAME)
        feed.now += 0.002
        late += 1
    assert late == pytest.approx(83, abs=5)
    feed.jump(FRAME)
    feed.play(1)
    assert min(feed.frames[31:]) > last
    assert set(feed.skews) == {0}
    assert feed.timeline.jumps == 0


def test_a_source_that_stood_still_itself_is_moved_with_its_sound() -> None:
    """Its times go on as if no time had passed."""
    feed = started()
    feed.play(1)
    sound = feed.sounds[-1]
    freeze(feed, 30)
    late = 0
    while feed.timeline.place("picture", feed.picture, feed.now) is None:
        feed.place(1, feed.sound)
        feed.jump(FRAME)
        feed.now += float(FRAME)
        assert freeze(feed, 0) == []
        late += 1
    assert late == pytest.approx(30, abs=2)
    feed.jump(FRAME)
    feed.play(1)
    assert set(feed.skews) == {0}
    assert feed.timeline.jumps == 1
    assert sound + 28 < feed.sounds[-1] < sound + 35


def test_sums_of_times_do_not_grow() -> None:
    """A source that breaks off for days, each time after another fraction of a second."""
    feed = started()
    for number in range(200):
        feed.play(0.1)
        feed.now += 0.6 + 0.0137 * (number % 71)
        freeze(feed, 0.1)
        feed.picture = feed.sound = Fraction(number, 7)
        feed.timeline.begin(Fraction(number, 7), feed.now)
    assert max(place.denominator for place in feed.frames) < 90_000 * 48_000 * 7
    assert all(a < b for a, b in itertools.pairwise(feed.frames))
