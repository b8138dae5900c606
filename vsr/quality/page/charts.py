"""Charts as inline SVG: lines over time, and points by two numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from vsr.quality.page.html import SERIES_COLORS

_WIDTH, _HEIGHT = 720, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 26, 20, 34
_LABEL_HEIGHT, _LETTER_WIDTH = 13, 7


@dataclass(frozen=True, kw_only=True)
class Axis:
    """An axis from the least to the largest value, with round numbers as ticks."""

    label: str
    low: float
    high: float
    ticks: tuple[float, ...]
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """Return where a value lies, 0 to 1."""
        low, high, at = (math.log10(v) if self.logarithmic else v for v in (self.low, self.high, value))
        return (at - low) / (high - low)


def linear(label: str, values: Sequence[float]) -> Axis:
    """Return the axis for these values."""
    low, high = min(values), max(values)
    if high == low:
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / 5
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    ticks = tuple(index * step for index in range(first, last + 1))
    return Axis(label=label, low=ticks[0], high=ticks[-1], ticks=ticks)


def logarithmic(label: str, values: Sequence[float]) -> Axis:
    """Return the axis for these values, all above 0, in decades."""
    first, last = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    ticks = tuple(10.0**power for power in range(first, max(last, first + 1) + 1))
    return Axis(label=label, low=ticks[0], high=ticks[-1], ticks=ticks, logarithmic=True)


def lines(series: Sequence[tuple[str, Sequence[tuple[float, float | None]]]], across: str, along: str) -> str:
    """Return a chart of (name, points (x, y)) as lines; a y of None breaks the line."""
    xs = [x for _, points in series for x, _ in points]
    ys = [y for _, points in series for _, y in points if y is not None]
    if not ys:
        return ""
    x_axis, y_axis = linear(across, xs), linear(along, ys)
    x_axis = Axis(
        label=across, low=min(xs), high=max(max(xs), min(xs) + 1e-9), ticks=_inside(x_axis, min(xs), max(xs))
    )
    plots = [
        f'<path class="plot" stroke="var(--s{index % SERIES_COLORS})" d="{_path(points, x_axis, y_axis)}">'
        f"<title>{escape(name)}</title></path>"
        for index, (name, points) in enumerate(series)
    ]
    legend = _legend([name for name, _ in series])
    return _chart(f"{along} over {across}", x_axis, y_axis, [*plots, legend])


def points(found: Sequence[tuple[str, float, float]], across: Axis, along: Axis) -> str:
    """Return a chart of (name, x, y) as points, each with its name beside it."""
    marks = []
    taken: list[tuple[float, float, float]] = []
    placed = sorted(
        ((_height(along, y), _left(across, x), name, number) for number, (name, x, y) in enumerate(found))
    )
    for top, left, name, number in placed:
        color = f"var(--s{number % SERIES_COLORS})"
        is_right = left > _WIDTH * 0.7
        width = len(name) * _LETTER_WIDTH
        begin = left - 9 - width if is_right else left + 9
        line = _free_line(taken, begin, begin + width, top + 4)
        taken.append((begin, begin + width, line))
        at, anchor = (left - 9, "end") if is_right else (left + 9, "start")
        marks.append(
            f'<circle cx="{left:.1f}" cy="{top:.1f}" r="5" fill="{color}"/>'
            f'<text x="{at:.1f}" y="{line:.1f}" text-anchor="{anchor}" style="fill:{color}">'
            f"{escape(name)}</text>"
        )
    return _chart(f"{along.label} and {across.label}", across, along, marks)


def _free_line(taken: Sequence[tuple[float, float, float]], begin: float, end: float, line: float) -> float:
    """Return the first line from `line` down on which a label covers none of those that are `taken`."""
    for other_begin, other_end, other in sorted(taken, key=lambda label: label[2]):
        if begin < other_end and other_begin < end and abs(line - other) < _LABEL_HEIGHT:
            line = other + _LABEL_HEIGHT
    return line


def _inside(axis: Axis, low: float, high: float) -> tuple[float, ...]:
    return tuple(tick for tick in axis.ticks if low <= tick <= high)


def _left(axis: Axis, value: float) -> float:
    return _LEFT + axis.place(value) * (_WIDTH - _LEFT - _RIGHT)


def _height(axis: Axis, value: float) -> float:
    return _HEIGHT - _BOTTOM - axis.place(value) * (_HEIGHT - _TOP - _BOTTOM)


def _path(points: Sequence[tuple[float, float | None]], x_axis: Axis, y_axis: Axis) -> str:
    parts, pen = [], "M"
    for x, y in points:
        if y is None:
            pen = "M"
            continue
        parts.append(f"{pen}{_left(x_axis, x):.1f} {_height(y_axis, y):.1f}")
        pen = "L"
    return "".join(parts)


def _legend(names: Sequence[str]) -> str:
    if len(names) < 2:
        return ""
    spans = (
        f'<tspan dx="12" style="fill:var(--s{index % SERIES_COLORS})">{escape(name)}</tspan>'
        for index, name in enumerate(names)
    )
    return f'<text x="{_WIDTH - _RIGHT}" y="{_TOP - 6}" text-anchor="end">{"".join(spans)}</text>'


def _chart(title: str, x_axis: Axis, y_axis: Axis, content: Sequence[str]) -> str:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    parts = [f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{right}"/>']
    for tick in y_axis.ticks:
        top = _height(y_axis, tick)
        parts.append(f'<path class="axis" d="M{_LEFT} {top:.1f}H{right}"/>')
        parts.append(_tick(_LEFT - 6, top + 4, "end", _text(y_axis)(tick)))
    for tick in x_axis.ticks:
        parts.append(_tick(_left(x_axis, tick), bottom + 15, "middle", _text(x_axis)(tick)))
    parts.append(f'<text x="{right}" y="{_HEIGHT - 4}" text-anchor="end">{escape(x_axis.label)}</text>')
    parts.append(f'<text x="{_LEFT}" y="{_TOP - 6}">{escape(y_axis.label)}</text>')
    return (
        f'<div class="wide"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{''.join([*parts, *content])}</svg></div>"
    )


def _tick(left: float, top: float, anchor: str, text: str) -> str:
    return f'<text class="tick" x="{left:.1f}" y="{top:.1f}" text-anchor="{anchor}">{text}</text>'


def _text(axis: Axis) -> Callable[[float], str]:
    """Return how ticks are written: with as many digits as tell them apart."""
    if axis.logarithmic or len(axis.ticks) < 2:
        return lambda value: f"{value:g}"
    digits = max(0, -math.floor(math.log10(axis.ticks[1] - axis.ticks[0]) + 1e-9))
    return lambda value: f"{value:.{digits}f}"
