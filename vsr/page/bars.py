"""Bars: rows of a table, so that names wrap, numbers are text, and any width will do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from vsr.page.html import SERIES_COLORS, number, table


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One row."""

    name: str
    value: float
    """0 or more; a number of the JSON."""
    remark: str = ""
    """What stands small behind the name."""
    color: int = 0
    """Which of the colours of series."""
    limit: float | None = None
    """What it could be at most; drawn, not written."""
    spread: tuple[float, float] | None = None
    """The lowest and the highest value that was seen; drawn, not written."""


def bars(rows: Sequence[Bar], head: str, digits: int) -> str:
    """Return rows, one at least, with bars from 0 to the largest value; `head` says what is shown."""
    most = max(max((row.value, row.limit or 0.0, *(row.spread or ()))) for row in rows) or 1.0
    cells = [
        [
            escape(row.name) + (f' <span class="soft">{escape(row.remark)}</span>' if row.remark else ""),
            _track(row, most),
            number(row.value, digits),
        ]
        for row in rows
    ]
    return table(["", "", head], cells, kind="bars")


def _track(row: Bar, most: float) -> str:
    color = f"var(--s{row.color % SERIES_COLORS})"
    parts = [f'<div class="bar" style="width:{100 * row.value / most:.2f}%;background:{color}"></div>']
    if row.spread is not None:
        low, high = (100 * value / most for value in row.spread)
        parts.append(f'<div class="spread" style="left:{low:.2f}%;width:{high - low:.2f}%"></div>')
    if row.limit is not None:
        parts.append(f'<div class="limit" style="left:{100 * row.limit / most:.2f}%"></div>')
    return f'<div class="track" aria-hidden="true">{"".join(parts)}</div>'
