"""Figures from what was seen: skew from markers, gaps from times, growth from samples. Pure arithmetic."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_PAIR_SECONDS = 1.0
"""A flash and a beep further apart are not of one marker."""
_MEDIAN_OF = 8
"""Samples that tell together where the clock is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """Where no frame came for longer than usual."""

    begins: float
    """In seconds, the time of the last frame before."""
    seconds: float

    @property
    def ends(self) -> float:
        """The time of the first frame after it."""
        return self.begins + self.seconds


class Clock:
    """When what has a time was written, on the samples' clock: times may run ahead of it, or stand still."""

    def __init__(self, times: Sequence[float], counts: Sequence[tuple[float, int]]) -> None:
        """`times` are of all frames, `counts` are (seconds on the clock, frames written until then)."""
        self._points = [
            (times[count - 1], at)
            for (_, before), (at, count) in itertools.pairwise([(0.0, 0), *counts])
            if before < count <= len(times)
        ]

    def at(self, time: float) -> float:
        """Return when the frame of a time was written."""
        times, moments = zip(*self._points, strict=True)
        return float(np.interp(time, times, moments))

    @property
    def ahead_seconds(self) -> float:
        """By how much the times ran ahead of the clock from begin to end; below 0 they fell behind."""
        behind = [at - time for time, at in self._points]
        return statistics.median(behind[:_MEDIAN_OF]) - statistics.median(behind[-_MEDIAN_OF:])


def gaps(times: Sequence[float], longer_than: float) -> list[Gap]:
    """Return the gaps between frames' times, in seconds and rising."""
    return [
        Gap(begins=before, seconds=after - before)
        for before, after in itertools.pairwise(times)
        if after - before > longer_than
    ]


def skews(flashes: Sequence[float], beeps: Sequence[float]) -> list[float]:
    """Return for each flash that has a beep near it how much later the beep is, in seconds."""
    found = []
    for flash in flashes:
        nearest = min(beeps, key=lambda beep: abs(beep - flash), default=math.inf)
        if abs(nearest - flash) <= _PAIR_SECONDS:
            found.append(nearest - flash)
    return found


def largest_change(values: Sequence[float]) -> float:
    """Return by how much any differs from the first, at most; not a number where there are fewer than two."""
    if len(values) < 2:
        return math.nan
    return max(abs(value - values[0]) for value in values)


def slope(seconds: Sequence[float], values: Sequence[float]) -> float:
    """Return by how much values grow a second, by the line with the least squares; nan below three."""
    if len(values) < 3:
        return math.nan
    return float(np.polyfit(seconds, values, 1)[0])


def quantile_of_bars(counts: Sequence[int], edges: Sequence[float], share: float) -> float:
    """Return a histogram's quantile, between the ends of its bar as if the bar's were spread evenly.

    `edges` are the bars' upper ends; inf for a quantile in the open last bar, nan where nothing was counted.
    """
    total, running = sum(counts), 0
    if not total:
        return math.nan
    lower = 0.0
    for count, edge in zip(counts, [*edges, math.inf], strict=True):
        if running + count >= share * total:
            inside = (share * total - running) / max(1, count)
            return lower + inside * (edge - lower)
        running, lower = running + count, edge
    return math.inf
