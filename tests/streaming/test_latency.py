"""The histogram of latencies against the sorted list of them."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsr.streaming.latency import EDGES_SECONDS, RECENT_SECONDS, LatencyHistogram, Percentiles

BUCKET = 2 ** (1 / 32)


def exact(values: list[float], percent: int) -> float:
    """The smallest value that has so many of all at or below it."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


@given(st.lists(st.floats(0.0002, 100), min_size=1, max_size=300))
def test_percentiles_are_at_most_a_bucket_too_long(values: list[float]) -> None:
    histogram = LatencyHistogram()
    for value in values:
        histogram.add(value, 5.0)
    found = histogram.percentiles(5.0)
    for percent in (50, 95, 99):
        wanted = exact(values, percent)
        assert wanted * (1 - 1e-9) <= getattr(found, f"p{percent}") <= wanted * BUCKET * (1 + 1e-9)
    assert (found.max, found.count) == (max(values), len(values))


def test_of_nothing_all_is_zero() -> None:
    latency = LatencyHistogram().read(3.0)
    assert latency.recent == latency.whole == Percentiles()
    assert sum(latency.recent_bars) == sum(latency.whole_bars) == 0


def test_the_last_minute_forgets_and_the_whole_does_not() -> None:
    histogram = LatencyHistogram()
    for second in range(200):
        histogram.add(1.0 if second < 100 else 0.01, 1000.0 + second)
    latency = histogram.read(1199.5)
    assert (latency.recent.max, latency.recent.count) == (0.01, RECENT_SECONDS)
    assert (latency.whole.max, latency.whole.count) == (1.0, 200)
    assert latency.sum_seconds == pytest.approx(101)


def test_a_pause_longer_than_a_minute_leaves_nothing_recent() -> None:
    histogram = LatencyHistogram()
    histogram.add(0.5, 10.0)
    assert histogram.percentiles(69.9).count == 1
    assert histogram.percentiles(70.0) == Percentiles()
    histogram.add(0.25, 500.0)
    assert histogram.percentiles(500.0).max == 0.25


@pytest.mark.parametrize("index", range(len(EDGES_SECONDS)))
def test_bars_end_at_their_edges(index: int) -> None:
    """An edge belongs to the bar that it ends, what is longer by a thousandth to the next."""
    histogram = LatencyHistogram()
    histogram.add(EDGES_SECONDS[index], 0.0)
    histogram.add(EDGES_SECONDS[index] * 1.001, 0.0)
    bars = histogram.read(0.0).recent_bars
    assert len(bars) == len(EDGES_SECONDS) + 1
    assert [place for place, count in enumerate(bars) if count] == [index, index + 1]


@pytest.mark.parametrize(("seconds", "place"), [(-1.0, 0), (0.0, 0), (1e-9, 0), (1e6, len(EDGES_SECONDS))])
def test_what_is_out_of_range_is_counted_at_the_ends(seconds: float, place: int) -> None:
    histogram = LatencyHistogram()
    histogram.add(seconds, 0.0)
    assert histogram.read(0.0).whole_bars[place] == 1


def test_many_threads_lose_no_count() -> None:
    histogram = LatencyHistogram()

    def add() -> None:
        for index in range(2000):
            histogram.add(0.001 * (index % 50 + 1), index / 100)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    latency = histogram.read(20.0)
    assert latency.whole.count == sum(latency.whole_bars) == 8000
    assert latency.sum_seconds == pytest.approx(4 * 2000 * 0.0255)


def test_memory_does_not_grow() -> None:
    histogram = LatencyHistogram()
    arrays = {name: value.nbytes for name, value in vars(histogram).items() if isinstance(value, np.ndarray)}
    for index in range(5000):
        histogram.add(0.01 * index, index)
    after = {name: value.nbytes for name, value in vars(histogram).items() if isinstance(value, np.ndarray)}
    assert arrays == after
    assert sum(after.values()) < 200_000
