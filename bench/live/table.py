"""What a scenario found: rows of what, bound, seen and whether it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "MISSED", ""]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure."""

    what: str
    bound: str
    """Nothing where it is only told."""
    seen: str
    verdict: Verdict


def told(what: str, seen: str) -> Row:
    """Return a row that has no bound."""
    return Row(what=what, bound="", seen=seen, verdict="")


def judged(what: str, bound: str, seen: str, holds: bool) -> Row:
    """Return a row that holds or does not."""
    return Row(what=what, bound=bound, seen=seen, verdict="ok" if holds else "MISSED")


def at_most(what: str, value: float, bound: float, unit: str) -> Row:
    """Return a row that holds where a figure is not above its bound; what is not a number does not hold."""
    return judged(what, f"<= {bound:g} {unit}", f"{value:.4g} {unit}", value <= bound)


def missed(rows: list[Row]) -> bool:
    """True where something does not hold."""
    return any(row.verdict == "MISSED" for row in rows)


def text(rows: list[Row]) -> str:
    """Return the table as lines."""
    cells = [("what", "bound", "seen", ""), *((r.what, r.bound, r.seen, r.verdict) for r in rows)]
    widths = [max(len(cell[column]) for cell in cells) for column in range(4)]
    return "\n".join(
        "  ".join(part.ljust(width) for part, width in zip(cell, widths, strict=True)).rstrip()
        for cell in cells
    )
