"""How long frames take through vsr: a histogram of bounded size, over the last minute and over all."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RECENT_SECONDS = 60
"""How far back the recent figures go, in slices of a second."""
_FLOOR_SECONDS = 0.000125
_PER_OCTAVE = 32
_OCTAVES = 20
_NUM_BUCKETS = _OCTAVES * _PER_OCTAVE
"""Each bucket ends 2.2 % above where it begins, the last one at 131 s; longer ones are counted there."""
_BAR_BUCKETS = _PER_OCTAVE // 2
_FIRST_BAR = 3 * _PER_OCTAVE
_LAST_BAR = 17 * _PER_OCTAVE
EDGES_SECONDS = tuple(
    _FLOOR_SECONDS * 2 ** (index / _PER_OCTAVE) for index in range(_FIRST_BAR, _LAST_BAR + 1, _BAR_BUCKETS)
)
"""Upper ends of the bars that are shown: 1 ms to 16.384 s, two to each doubling."""


@dataclass(frozen=True, slots=True)
class Percentiles:
    """In seconds, at most 2.2 % too long; the maximum is exact. All are 0 where nothing was counted."""

    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    max: float = 0.0
    count: int = 0


@dataclass(frozen=True, slots=True)
class Latency:
    """What a histogram holds at one moment."""

    recent: Percentiles = Percentiles()
    """Of the last minute."""
    whole: Percentiles = Percentiles()
    recent_bars: tuple[int, ...] = (0,) * (len(EDGES_SECONDS) + 1)
    """How many of the last minute lie up to each of EDGES_SECONDS and above the one before; then the rest."""
    whole_bars: tuple[int, ...] = (0,) * (len(EDGES_SECONDS) + 1)
    sum_seconds: float = 0.0
    """Of all that was counted."""


class LatencyHistogram:
    """Counts latencies. `now` is any clock that does not go back, in seconds, the same for all calls.

    Thread-safety: safe. Memory: the same however long it counts.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # -- protected by _lock
        self._slices = np.zeros((RECENT_SECONDS, _NUM_BUCKETS), np.uint32)
        self._slice_max = np.zeros(RECENT_SECONDS)
        self._slice_second = [-RECENT_SECONDS - 1] * RECENT_SECONDS
        self._whole = np.zeros(_NUM_BUCKETS, np.uint64)
        self._max = 0.0
        self._sum = 0.0

    def add(self, seconds: float, now: float) -> None:
        """Count one frame's latency."""
        bucket, second = _bucket_of(seconds), math.floor(now)
        place = second % RECENT_SECONDS
        with self._lock:
            if self._slice_second[place] != second:
                self._slices[place], self._slice_max[place] = 0, 0.0
                self._slice_second[place] = second
            self._slices[place, bucket] += 1
            self._slice_max[place] = max(self._slice_max[place], seconds)
            self._whole[bucket] += 1
            self._max = max(self._max, seconds)
            self._sum += seconds

    def percentiles(self, now: float) -> Percentiles:
        """Return those of the last minute."""
        return self.read(now).recent

    def read(self, now: float) -> Latency:
        """Return all figures, of one moment."""
        first = math.floor(now) - RECENT_SECONDS + 1
        with self._lock:
            fresh = [place for place, second in enumerate(self._slice_second) if second >= first]
            recent = self._slices[fresh].sum(axis=0, dtype=np.uint64)
            recent_max = float(self._slice_max[fresh].max(initial=0.0))
            whole, longest, total = self._whole.copy(), self._max, self._sum
        return Latency(
            recent=_percentiles(recent, recent_max),
            whole=_percentiles(whole, longest),
            recent_bars=_bars(recent),
            whole_bars=_bars(whole),
            sum_seconds=total,
        )


def _bucket_of(seconds: float) -> int:
    """Return the bucket whose upper end is the first that is not below; a clock's jump back counts as 0."""
    if seconds <= _FLOOR_SECONDS:
        return 0
    # The tolerance keeps an edge, which is no exact binary number, in the bucket that it ends.
    bucket = math.ceil(math.log2(seconds / _FLOOR_SECONDS) * _PER_OCTAVE - 1e-9) - 1
    return min(bucket, _NUM_BUCKETS - 1)


def _percentiles(counts: npt.NDArray[np.uint64], longest: float) -> Percentiles:
    """Each is the smallest upper end that has so many of the frames at or below it."""
    running = np.cumsum(counts)
    total = int(running[-1])
    if total == 0:
        return Percentiles()

    def end(percent: int) -> float:
        bucket = int(np.searchsorted(running, math.ceil(total * percent / 100)))
        return min(longest, _FLOOR_SECONDS * 2 ** ((bucket + 1) / _PER_OCTAVE))

    return Percentiles(p50=end(50), p95=end(95), p99=end(99), max=longest, count=total)


def _bars(counts: npt.NDArray[np.uint64]) -> tuple[int, ...]:
    starts = [0, *range(_FIRST_BAR, _LAST_BAR + 1, _BAR_BUCKETS)]
    return tuple(int(count) for count in np.add.reduceat(counts, starts))
