"""Axes of charts: from the least to the largest value, with round numbers as ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_SPREAD_DECADES = 1.5
"""A logarithmic axis shorter than this has ticks at 2 and 5 as well."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """An axis; its ticks lie from `low` to `high`."""

    label: str
    low: float
    high: float
    ticks: tuple[float, ...]
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """Return where a value lies, 0 to 1."""
        low, high, at = (math.log10(v) if self.logarithmic else v for v in (self.low, self.high, value))
        return (at - low) / (high - low)

    def text(self, tick: float) -> str:
        """Return how a tick is written: with as many digits as tell the ticks apart."""
        if self.logarithmic or len(self.ticks) < 2:
            return f"{tick:,.0f}" if tick >= 1 else f"{tick:g}"
        digits = max(0, -math.floor(math.log10(self.ticks[1] - self.ticks[0]) + 1e-9))
        return f"{tick:,.{digits}f}"


def linear(label: str, values: Sequence[float]) -> Axis:
    """Return the axis for these values."""
    low, high = min(values), max(values)
    if high == low:
        room = 0.05 * abs(low) or 0.5
        low, high = low - room, high + room
    rough = (high - low) / 5
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    ticks = tuple(index * step for index in range(first, last + 1))
    return Axis(label=label, low=ticks[0], high=ticks[-1], ticks=ticks)


def logarithmic(label: str, values: Sequence[float]) -> Axis:
    """Return the axis for these values, all above 0: in decades, or by 1, 2, 5 where they are near."""
    low, high = min(values), max(values)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    last = max(last, first + 1)
    if math.log10(high / low) < _SPREAD_DECADES:
        steps = [factor * 10.0**power for power in range(first, last + 1) for factor in (1, 2, 5)]
        begin = max(index for index, step in enumerate(steps) if step <= low)
        end = min((index for index, step in enumerate(steps) if step >= high and index > begin))
        ticks = tuple(steps[begin : end + 1])
    else:
        ticks = tuple(10.0**power for power in range(first, last + 1))
    return Axis(label=label, low=ticks[0], high=ticks[-1], ticks=ticks, logarithmic=True)


def exact(label: str, low: float, high: float) -> Axis:
    """Return the axis from `low` to `high` (above it), with the round numbers between as ticks."""
    high = max(high, low + 1e-9)
    ticks = tuple(tick for tick in linear(label, (low, high)).ticks if low <= tick <= high)
    return Axis(label=label, low=low, high=high, ticks=ticks)
