"""The ladder against a simulated machine: what it takes, what lies in the queue, what the clock says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vsr.errors import OptionError
from vsr.streaming.ladder import Ladder, LadderRule

INTERVAL = 1 / 30
COSTS = (0.020, 0.008, 0.003, 0.001)
CAPACITY = 8


class Machine:
    """A worker with a bounded queue before it that drops what does not fit, in simulated time."""

    def __init__(self, costs: Sequence[float], load: Callable[[float], float]) -> None:
        self.ladder = Ladder(costs)
        self.steps: list[tuple[float, int]] = []
        """(time, step) of each frame."""
        self.dropped = 0
        self._costs, self._load = costs, load

    def run(self, seconds: float, interval: float = INTERVAL) -> Machine:
        now, taken = 0.0, 0
        while now < seconds:
            arrived = int(now / interval + 1e-6) + 1
            if arrived <= taken:
                now = taken * interval
                continue
            self.dropped += max(0, arrived - taken - CAPACITY)
            taken = max(taken, arrived - CAPACITY) + 1
            self.steps.append((now, self.ladder.step))
            took = self._costs[self.ladder.step] * self._load(now)
            now += took
            waiting = min(CAPACITY, int(now / interval + 1e-6) + 1 - taken)
            self.ladder.observe(took, interval, waiting / CAPACITY, now)
        return self

    def changes(self) -> list[tuple[float, int]]:
        """Return (time, new step) of each change."""
        return [
            (when, step)
            for (_, before), (when, step) in zip(self.steps, self.steps[1:], strict=False)
            if step != before
        ]


def test_a_machine_with_room_stays_at_the_best() -> None:
    machine = Machine(COSTS, lambda now: 1.0).run(60)
    assert machine.changes() == []
    assert machine.dropped == 0


@pytest.mark.parametrize("load", [1.8, 2.5, 4.0, 12.0])
def test_a_spike_steps_down_within_two_seconds_and_up_again(load: float) -> None:
    machine = Machine(COSTS, lambda now: load if 10 <= now < 30 else 1.0).run(60)
    down = machine.changes()[0]
    assert 10 < down[0] <= 12
    assert down[1] > 0
    assert machine.ladder.step == 0
    assert max(when for when, _ in machine.changes()) < 30 + 3 * 6
    assert machine.dropped <= 0.01 * len(machine.steps)


def test_it_goes_at_once_to_the_step_that_fits() -> None:
    machine = Machine(COSTS, lambda now: 12.0 if now >= 5 else 1.0).run(9)
    assert [step for _, step in machine.changes()] == [3]  # 0.008 and 0.003 times 12 leave no room


def test_a_load_at_the_edge_does_not_flap() -> None:
    """The best has no room, the estimate says that it had: each failure makes the next try rarer."""
    machine = Machine(COSTS, lambda now: 1.7).run(600)
    assert machine.ladder.steps_down <= 2

    class Liar(Machine):
        """The best step takes twice what its cost says, so that every estimate is too low."""

    liar = Liar((0.040, *COSTS[1:]), lambda now: 1.0)
    liar.ladder = Ladder(COSTS)
    liar.run(600)
    ups = [when for when, step in liar.changes() if step == 0]
    waits = [after - before for before, after in pairwise(ups)]
    assert 3 <= len(ups) <= 9
    assert all(later > 1.8 * earlier or later > 110 for earlier, later in pairwise(waits))


def test_a_success_makes_the_next_try_as_soon_as_the_first() -> None:
    spikes = [(10, 12), (100, 102), (200, 202)]
    machine = Machine(COSTS, lambda now: 3.0 if any(a <= now < b for a, b in spikes) else 1.0).run(260)
    for begin, end in spikes:
        back = min(when for when, step in machine.changes() if step == 0 and when > begin)
        assert back <= end + 2 * 5.5


def test_single_slow_frames_are_no_reason() -> None:
    slow = iter([0.080 if index % 60 == 30 else 0.020 for index in range(900)])
    ladder = Ladder(COSTS)
    steps = {ladder.observe(next(slow), INTERVAL, 0.1, index * INTERVAL) for index in range(900)}
    assert steps == {0}


def test_a_full_queue_steps_down_though_the_work_is_quick() -> None:
    """The encoder, not the upscaler, is what does not keep up: less work leaves it more."""
    ladder = Ladder(COSTS)
    steps = [ladder.observe(0.010, INTERVAL, 1.0, index * INTERVAL) for index in range(90)]
    assert steps[35] == 0
    assert steps[45] == 1
    assert steps[-1] == 3


def test_while_receivers_start_nothing_steps_down() -> None:
    """They take the processor for most of a second: full queues and slow frames, and then room."""
    ladder = Ladder(COSTS)
    for index in range(25):
        assert ladder.observe(0.060, INTERVAL, 1.0, 0.060 + index * INTERVAL) == 0
    for index in range(60):
        assert ladder.observe(0.020, INTERVAL, 0.1, 0.893 + index * INTERVAL) == 0
    assert ladder.steps_down == 0


def test_it_tells_what_a_frame_takes_on_average() -> None:
    ladder = Ladder(COSTS)
    assert ladder.mean_seconds is None
    for index in range(90):
        ladder.observe(0.010 + 0.004 * (index % 2), INTERVAL, 0.0, index * INTERVAL)
    assert ladder.mean_seconds == pytest.approx(0.012, abs=0.0005)


def test_a_queue_that_does_not_drain_forbids_to_step_up() -> None:
    ladder = Ladder(COSTS)
    ladder.begin(2)
    for index in range(900):
        assert ladder.observe(0.003, INTERVAL, 0.6, index * INTERVAL) == 2
    assert [ladder.observe(0.003, INTERVAL, 0.0, 30 + index * INTERVAL) for index in range(160)][-1] == 1


def test_time_slices_of_others_do_not_keep_a_machine_with_room_down() -> None:
    """They come on top of a frame, 10 ms on each tenth, whichever model is at work; they do not multiply."""
    ladder = Ladder((0.011, 0.0007, 0.0004))
    ladder.begin(2)
    costs = (0.011, 0.0007, 0.0004)
    steps = [
        ladder.observe(costs[ladder.step] + 0.010 * (index % 10 == 5), INTERVAL, 0.0, index * INTERVAL)
        for index in range(1800)
    ]
    assert steps.index(1) * INTERVAL == pytest.approx(5, abs=0.2)
    assert steps.index(0) * INTERVAL == pytest.approx(10, abs=0.4)
    assert ladder.steps_down == 0


@pytest.mark.parametrize("away", [3.0, 60.0])
def test_while_the_source_is_away_no_evidence_gathers(away: float) -> None:
    """Neither is a machine calm for a minute of which nothing was measured, nor pressed."""
    ladder = Ladder(COSTS)
    ladder.begin(1)
    for index in range(75):  # half of the time that a step up takes
        assert ladder.observe(0.004, INTERVAL, 0.0, index * INTERVAL) == 1
    back = 75 * INTERVAL + away
    steps = [ladder.observe(0.004, INTERVAL, 0.0, back + index * INTERVAL) for index in range(160)]
    assert steps.index(0) * INTERVAL == pytest.approx(5, abs=0.1)
    pressed = Ladder(COSTS)
    assert pressed.observe(0.060, INTERVAL, 0.0, 0.0) == 0
    assert [pressed.observe(0.060, INTERVAL, 0.0, away + index * 0.060) for index in range(3)] == [0, 0, 0]


def test_frames_that_take_longer_than_a_gap_still_step_down() -> None:
    machine = Machine((2.5, 0.5, 0.02), lambda now: 1.0).run(20)
    when, step = machine.changes()[0]
    assert (round(when), step) == (5, 2)


def test_a_step_by_hand_is_no_step_up_taken_back() -> None:
    ladder = Ladder(COSTS)
    ladder.begin(1)
    frames = iter(range(10_000))
    while ladder.observe(0.004, INTERVAL, 0.0, next(frames) * INTERVAL) == 1:
        pass
    ladder.begin(0)  # somebody's choice, given back at once
    while ladder.observe(0.060, INTERVAL, 0.0, next(frames) * INTERVAL) == 0:
        pass
    began = next(frames)
    while ladder.observe(0.001, INTERVAL, 0.0, (last := next(frames)) * INTERVAL) != 0:
        assert ladder.step == 1
    assert (last - began) * INTERVAL == pytest.approx(5, abs=0.5)


def test_what_takes_too_long_even_at_the_bottom_stays_there() -> None:
    machine = Machine(COSTS, lambda now: 100.0).run(60)
    assert machine.ladder.step == 3
    assert machine.ladder.steps_down == 1
    assert machine.dropped > 0


def test_a_ladder_of_one_step() -> None:
    machine = Machine((0.050,), lambda now: 1.0).run(10)
    assert (machine.ladder.step, machine.ladder.steps_down, machine.ladder.steps_up) == (0, 0, 0)


def test_slow_sources_step_down_as_soon() -> None:
    machine = Machine((0.4, 0.1), lambda now: 3.0 if now >= 10 else 1.0).run(20, interval=0.5)
    assert machine.changes()[0][0] <= 10 + 2 + 1.2  # a frame that takes 1.2 s is known when it is done


@pytest.mark.parametrize("costs", [(), (0.0,), (0.1, -1.0), (float("nan"),), (float("inf"),)])
def test_costs_are_positive(costs: tuple[float, ...]) -> None:
    with pytest.raises(OptionError, match="seconds above 0"):
        Ladder(costs)


@settings(max_examples=30, deadline=None)
@given(
    costs=st.lists(st.floats(1e-4, 0.5), min_size=1, max_size=6).map(lambda each: sorted(each, reverse=True)),
    loads=st.lists(st.floats(0.2, 20), min_size=1, max_size=8),
    rate=st.sampled_from([1.0, 15.0, 24.0, 30.0, 60.0]),
)
def test_whatever_happens_it_stays_on_its_steps_and_does_not_flap(
    costs: list[float], loads: list[float], rate: float
) -> None:
    machine = Machine(costs, lambda now: loads[int(now / 10) % len(loads)]).run(80, interval=1 / rate)
    assert all(0 <= step < len(costs) for _, step in machine.steps)
    ups = [
        when
        for (when, step), (_, before) in zip(machine.steps[1:], machine.steps, strict=False)
        if step < before
    ]
    assert all(after - before >= LadderRule().up_seconds for before, after in pairwise(ups))
    assert machine.ladder.steps_up == len(ups)
