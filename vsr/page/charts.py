"""Charts as inline SVG: lines over time, points by two numbers, columns of a histogram."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from vsr.page.axes import Axis, exact, linear, logarithmic
from vsr.page.html import SERIES_COLORS

_WIDTH, _HEIGHT = 560, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 28, 22, 34
_LABEL_HEIGHT, _LETTER_WIDTH = 13, 7
_MARK_RADIUS = 4

Line = tuple[str, Sequence[tuple[float, float | None]]]
"""A name, and points (x, y); a y of None breaks the line."""


def lines(
    series: Sequence[Line], across: str, along: Axis | str, marks: Sequence[tuple[str, float, float]] = ()
) -> str:
    """Return a chart of lines; nothing where there is no point.

    along: the label, or the axis where it is not to follow from the values. marks: (name, x, y) of points
    that stand out.
    """
    xs = [x for _, points in series for x, _ in points]
    ys = [y for _, points in series for _, y in points if y is not None]
    if not ys:
        return ""
    x_axis = exact(across, min(xs), max(xs))
    y_axis = linear(along, ys) if isinstance(along, str) else along
    plots = [
        f'<path class="plot" stroke="var(--s{index % SERIES_COLORS})" d="{_path(points, x_axis, y_axis)}">'
        f"<title>{escape(name)}</title></path>"
        for index, (name, points) in enumerate(series)
    ]
    found = [
        f'<circle class="mark" cx="{_left(x_axis, x):.1f}" cy="{_height(y_axis, y):.1f}" r="{_MARK_RADIUS}">'
        f"<title>{escape(name)}</title></circle>"
        for name, x, y in marks
    ]
    legend = _legend([name for name, _ in series])
    return chart(f"{y_axis.label} over {across}", x_axis, y_axis, [*plots, *found, legend])


def points(
    found: Sequence[tuple[str, float, float]], across: Axis, along: Axis, bounds: Sequence[Line] = ()
) -> str:
    """Return a chart of (name, x, y) as points with their names, and of bounds as dashed lines."""
    drawn = []
    for name, bound in bounds:
        drawn.append(
            f'<path class="bound" d="{_path(bound, across, along)}"><title>{escape(name)}</title></path>'
        )
        at, height = bound[-1]
        if height is not None:
            drawn.append(
                f'<text x="{_left(across, at):.1f}" y="{_height(along, height) - 6:.1f}" text-anchor="end">'
                f"{escape(name)}</text>"
            )
    # What labels must not cover: (begin, end, base line), of the points first.
    taken = [(_left(across, x) - 6, _left(across, x) + 6, _height(along, y) + 4) for _, x, y in found]
    placed = sorted(
        ((_height(along, y), _left(across, x), name, number) for number, (name, x, y) in enumerate(found))
    )
    for top, left, name, number in placed:
        color = f"var(--s{number % SERIES_COLORS})"
        is_right = left > _WIDTH * 0.6
        width = len(name) * _LETTER_WIDTH
        begin = left - 9 - width if is_right else left + 9
        line = _free_line(taken, begin, begin + width, top + 4)
        taken.append((begin, begin + width, line))
        at, anchor = (left - 9, "end") if is_right else (left + 9, "start")
        drawn.append(
            f'<circle cx="{left:.1f}" cy="{top:.1f}" r="5" fill="{color}"/>'
            f'<text x="{at:.1f}" y="{line:.1f}" text-anchor="{anchor}" style="fill:{color}">'
            f"{escape(name)}</text>"
        )
    return chart(f"{along.label} and {across.label}", across, along, drawn)


def columns(edges: Sequence[float], counts: Sequence[int], across: str, along: str) -> str:
    """Return a histogram: `edges`, one more than `counts` and above 0, on a logarithmic axis."""
    x_axis, y_axis = logarithmic(across, edges), linear(along, [0, *counts])
    drawn = []
    for begin, end, count in zip(edges, edges[1:], counts, strict=False):
        left, right, top = _left(x_axis, begin), _left(x_axis, end), _height(y_axis, count)
        drawn.append(
            f'<rect class="column" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
            f'height="{_HEIGHT - _BOTTOM - top:.1f}"/>'
        )
    return chart(f"{along} by {across}", x_axis, y_axis, drawn)


def chart(title: str, x_axis: Axis, y_axis: Axis, content: Sequence[str]) -> str:
    """Return axes with that SVG drawn on them; `title` stands for it where it cannot be seen."""
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    parts = [f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{right}"/>']
    for tick in y_axis.ticks:
        top = _height(y_axis, tick)
        parts.append(f'<path class="axis" d="M{_LEFT} {top:.1f}H{right}"/>')
        parts.append(_tick(_LEFT - 6, top + 4, "end", y_axis.text(tick)))
    for tick in x_axis.ticks:
        parts.append(_tick(_left(x_axis, tick), bottom + 15, "middle", x_axis.text(tick)))
    parts.append(f'<text x="{right}" y="{_HEIGHT - 4}" text-anchor="end">{escape(x_axis.label)}</text>')
    parts.append(f'<text x="4" y="{_TOP - 9}">{escape(y_axis.label)}</text>')
    return drawing(title, _WIDTH, _HEIGHT, [*parts, *content])


def drawing(title: str, width: float, height: float, content: Sequence[str]) -> str:
    """Return SVG of that size, as wide as the page has room for; `title` stands for it."""
    return (
        f'<div class="wide"><svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}">'
        f"{''.join(content)}</svg></div>"
    )


def _free_line(taken: Sequence[tuple[float, float, float]], begin: float, end: float, line: float) -> float:
    """Return the nearest line in the chart on which a label covers none of those that are `taken`.

    Where there is none the label stays at its point.
    """
    near = [other for other_begin, other_end, other in taken if begin < other_end and other_begin < end]
    lines = [line, *(other + side * _LABEL_HEIGHT for other in near for side in (-1, 1))]
    free = [
        each
        for each in lines
        if _TOP + _LABEL_HEIGHT <= each < _HEIGHT - _BOTTOM
        and all(abs(each - other) > _LABEL_HEIGHT - 1e-6 for other in near)
    ]
    return min(free, key=lambda each: abs(each - line), default=line)


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
    return f'<text x="{_WIDTH - _RIGHT}" y="{_TOP - 9}" text-anchor="end">{"".join(spans)}</text>'


def _tick(left: float, top: float, anchor: str, text: str) -> str:
    return f'<text class="tick" x="{left:.1f}" y="{top:.1f}" text-anchor="{anchor}">{text}</text>'
