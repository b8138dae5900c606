"""What a turn counts, and what counting costs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from threading import Thread

import pytest

from vsr.bench import worker


class Frames:
    """Calls of a known length, which note how long they really took."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.taken: list[float] = []

    def __call__(self) -> None:
        began = time.perf_counter()
        while time.perf_counter() < began + self.seconds:
            pass
        self.taken.append(time.perf_counter() - began)


def test_the_first_half_warms_up() -> None:
    began = time.perf_counter()
    starts: list[float] = []

    def once() -> None:
        starts.append(time.perf_counter() - began)
        time.sleep(0.01)

    answer = worker.turn(once, 0.4)
    assert answer["frames_run"] == len(starts)
    counted = [start for start in starts if start >= 0.2]
    assert abs(len(answer["frames"]) - len(counted)) <= 1 and starts[0] < 0.1
    assert min(answer["frames"]) >= 0.01


def test_a_frame_longer_than_a_turn_counts_once() -> None:
    frames = Frames(0.05)
    answer = worker.turn(frames, 0.02)
    assert len(answer["frames"]) == 1 and answer["frames_run"] == 2 == len(frames.taken)


def test_short_calls_are_timed_many_at_once() -> None:
    frames = Frames(20e-6)
    answer = worker.turn(frames, 0.1)
    assert len(frames.taken) > 20 * len(answer["frames"])
    assert answer["frames_run"] == len(frames.taken)


@pytest.mark.parametrize(("seconds", "repeats"), [(100e-6, 10), (2e-3, 1)])
def test_measuring_costs_less_than_one_percent(
    seconds: float, repeats: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the whole turn what is not inside of calls; and of a frame's time what is not the call's own.

    The smallest of three: others may take the processor just between two calls.
    """

    def first(once: Callable[[], object]) -> int:
        once()
        return repeats

    monkeypatch.setattr(worker, "_repeats", first)
    costs, errors = [], []
    for _ in range(3):
        frames = Frames(seconds)
        began = time.perf_counter()
        answer = worker.turn(frames, 0.3)
        whole = time.perf_counter() - began
        costs.append(1 - sum(frames.taken) / whole)
        counted = frames.taken[-repeats * len(answer["frames"]) :]
        true = [statistics.fmean(counted[i : i + repeats]) for i in range(0, len(counted), repeats)]
        errors.append(
            statistics.median(seen / own - 1 for seen, own in zip(answer["frames"], true, strict=True))
        )
    assert min(costs) < 0.01 and 0 <= min(errors) < 0.01


def test_processor_time_counts_all_threads() -> None:
    def once() -> None:
        threads = [Thread(target=Frames(0.02)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    answer = worker.turn(once, 0.1)
    assert 0.005 < answer["cpu_seconds"] / answer["frames_run"] < 0.1
