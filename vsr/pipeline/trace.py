"""What a run did when: the moments of each frame, how full the queue was, who worked and who waited.

A `Recorder` is given to `run_stages` or to a `Job` and asked for its `Trace` afterwards. Of a run of any
length it keeps little: sums over bins of time that grow wider as the run goes on, a histogram of latencies,
and the moments themselves of one stretch of frames from the midst of the run. All times are seconds of
`time.perf_counter`, counted from the run's beginning.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from vsr.pipeline.core_times import CoreTimes, Stage
from vsr.pipeline.queues import Fill, Moments

MOST_BINS = 200
"""Of a timeline; one that would need more has its bins merged in pairs."""
WINDOW_FRAMES = 128
"""Of how many frames in a row the moments are kept."""
_FIRST_BIN_SECONDS = 0.05
_BINS_PER_OCTAVE = 16
"""Of the histogram of latencies: neighbouring edges differ by 4 %."""
_SHORTEST_SECONDS = 1e-4
"""The lowest edge of the histogram; what is shorter falls into its first bin."""


class Timeline:
    """How many seconds were spent in each of some states, bin by bin of a run's time.

    Thread-safety: one thread at a time.
    """

    def __init__(self, *states: str) -> None:
        self.bin_seconds = _FIRST_BIN_SECONDS
        self._sums: dict[str, list[float]] = {state: [0.0] for state in states}

    def add(self, state: str, begin: float, end: float, weight: float = 1.0) -> None:
        """Count `weight` times the seconds from `begin` to `end` for a state."""
        self.reach(end)
        sums, width = self._sums[state], self.bin_seconds
        first, last = int(begin / width), int(end / width)
        if first == last:
            sums[first] += (end - begin) * weight
            return
        sums[first] += ((first + 1) * width - begin) * weight
        for index in range(first + 1, last):
            sums[index] += width * weight
        sums[last] += (end - last * width) * weight

    def reach(self, end: float) -> None:
        """Make bins up to that moment, and of those there are wider ones where they become too many."""
        while end >= MOST_BINS * self.bin_seconds:
            self.bin_seconds *= 2
            for state, sums in self._sums.items():
                self._sums[state] = [sum(sums[i : i + 2]) for i in range(0, len(sums), 2)]
        missing = int(end / self.bin_seconds) + 1 - len(next(iter(self._sums.values())))
        if missing > 0:
            for sums in self._sums.values():
                sums.extend([0.0] * missing)

    def shares(self, state: str, run_seconds: float, of: int = 1) -> tuple[float, ...]:
        """Return the share (0 to 1) of each bin's time in a state, `of` threads together; the last is cut."""
        width = self.bin_seconds
        lengths = (min(width, run_seconds - i * width) for i in range(len(self._sums[state])))
        return tuple(
            sum_ / (length * of) if length > 0 else 0.0
            for sum_, length in zip(self._sums[state], lengths, strict=True)
        )


class Histogram:
    """How often each latency was seen, in bins of equal ratio; memory is bounded. One thread at a time."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self.longest_seconds = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        index = int(_BINS_PER_OCTAVE * math.log2(max(seconds / _SHORTEST_SECONDS, 1.0)))
        self._counts[index] = self._counts.get(index, 0) + 1
        self.longest_seconds = max(self.longest_seconds, seconds)

    def bins(self) -> tuple[tuple[float, ...], tuple[int, ...]]:
        """Return the edges in seconds, one more than bins, and the counts, from first to last seen."""
        if not self._counts:
            return (), ()
        indices = range(min(self._counts), max(self._counts) + 1)
        edges = tuple(_edge(index) for index in (*indices, indices.stop))
        return edges, tuple(self._counts.get(index, 0) for index in indices)

    def quantile(self, share: float) -> float:
        """Return the seconds that this share (0 to 1) of all stays within, to 4 %; NaN of nothing."""
        wanted, seen = share * sum(self._counts.values()), 0
        for index, count in sorted(self._counts.items()):
            seen += count
            if seen >= wanted:
                return min(_edge(index + 1), self.longest_seconds)
        return math.nan


def _edge(index: int) -> float:
    return float(_SHORTEST_SECONDS * 2 ** (index / _BINS_PER_OCTAVE))


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What a recorder saw. Shares are 0 to 1, one for each bin of `bin_seconds`."""

    seconds: float
    """How long the run took."""
    frames: int
    workers: int
    bin_seconds: float
    shares: dict[str, tuple[float, ...]]
    """Of the time: read, room (the reader waits for room), work (of all workers' time), write, and fill: how
    full the queue was, by frames or bytes, whichever was nearer to its bound."""
    latency_edges_seconds: tuple[float, ...]
    latency_counts: tuple[int, ...]
    """Frames between each two edges, from having been read to having been handed to the encoder."""
    latency_seconds: dict[str, float]
    """p50, p95, p99 (to 4 %) and the longest."""
    window_first: int
    """The number of the first frame of the window, counted from 0."""
    window: tuple[Moments, ...]
    """Frames in a row, from the midst of the run; all of one that is shorter."""

    def to_json(self) -> dict[str, Any]:
        """Return it compactly: times in milliseconds, the window as columns."""
        columns = ("read_begin", "read_end", "put", "work_begin", "work_end", "write_begin", "write_end")
        return {
            "seconds": self.seconds,
            "frames": self.frames,
            "workers": self.workers,
            "bin_seconds": self.bin_seconds,
            "shares": {name: [round(share, 4) for share in row] for name, row in self.shares.items()},
            "latency": {
                "edges_ms": _milliseconds(self.latency_edges_seconds),
                "counts": list(self.latency_counts),
                **{f"{name}_ms": 1e3 * value for name, value in self.latency_seconds.items()},
            },
            "window": {
                "first": self.window_first,
                "worker": [frame.worker for frame in self.window],
                **{f"{name}_ms": _milliseconds([getattr(f, name) for f in self.window]) for name in columns},
            },
        }


def _milliseconds(seconds: Sequence[float]) -> list[float]:
    return [round(1e3 * each, 3) for each in seconds]


@dataclass(eq=False)
class Recorder:
    """Sees a run of the stages. Make one for each run.

    Thread-safety: each method says which thread calls it; `trace` is for after the run.
    """

    cores: CoreTimes = field(default_factory=CoreTimes)
    """Which stage took how much processor time."""

    def __post_init__(self) -> None:
        self._frames = 0
        self._latencies = Histogram()
        self._window: list[Moments] = []
        self._next: list[Moments] = []
        self._stages = Timeline("read", "room", "work", "write")
        # -- protected by the queue's lock
        self._fill = Timeline("fill")
        self._fill_since, self._fill_share = 0.0, 0.0

    def opened(self, stage: Stage) -> None:
        """Note that the threads which appeared since the last call belong to a stage. Before the run."""
        self.cores.claim(stage)

    def start(self, workers: int, max_items: int, max_bytes: int) -> None:
        """Begin the run; on the calling thread, before there is any of the stages'."""
        self._workers, self._bounds = workers, (max_items, max_bytes)
        self._begin = self.cores.start()

    def filled(self, fill: Fill) -> None:
        """Note a change of the queue's fill; on any thread, with the queue's lock held."""
        now = time.perf_counter() - self._begin
        self._fill.add("fill", self._fill_since, now, self._fill_share)
        self._fill_since, self._fill_share = now, fill.share(*self._bounds)

    def add(self, moments: Moments) -> None:
        """Take the moments of a frame that has been written, in order; on the writer's thread."""
        moments.shift(-self._begin)
        add = self._stages.add
        add("read", moments.read_begin, moments.read_end)
        add("room", moments.read_end, moments.put)
        add("work", moments.work_begin, moments.work_end)
        add("write", moments.write_begin, moments.write_end)
        self._latencies.add(moments.write_end - moments.read_end)
        self._keep(moments)
        self._frames += 1

    def _keep(self, moments: Moments) -> None:
        """Keep the window, which begins anew whenever the run has become twice as long."""
        number = self._frames
        if number >= WINDOW_FRAMES and not number & (number - 1):
            self._next = []
        if len(self._next) < WINDOW_FRAMES:
            self._next.append(moments)
            if len(self._next) == WINDOW_FRAMES or number < WINDOW_FRAMES:
                self._window, self._window_first = self._next, number + 1 - len(self._next)

    def flushed(self, begin: float, end: float) -> None:
        """Note when the sink was flushed; on the writer's thread."""
        self._stages.add("write", begin - self._begin, end - self._begin)

    def end(self) -> None:
        """End the run; on the thread that began it, after all others have ended."""
        self.cores.end()

    def trace(self) -> Trace:
        """Return what was seen, after the run."""
        run_seconds = self.cores.seconds
        for timeline in (self._stages, self._fill):
            timeline.reach(run_seconds)
        edges, counts = self._latencies.bins()
        named = {f"p{percent}": self._latencies.quantile(percent / 100) for percent in (50, 95, 99)}
        return Trace(
            seconds=run_seconds,
            frames=self._frames,
            workers=self._workers,
            bin_seconds=self._stages.bin_seconds,
            shares={
                "read": self._stages.shares("read", run_seconds),
                "room": self._stages.shares("room", run_seconds),
                "work": self._stages.shares("work", run_seconds, self._workers),
                "write": self._stages.shares("write", run_seconds),
                "fill": self._fill.shares("fill", run_seconds),
            },
            latency_edges_seconds=edges,
            latency_counts=counts,
            latency_seconds={**named, "longest": self._latencies.longest_seconds},
            window_first=self._window_first if self._window else 0,
            window=tuple(self._window),
        )
