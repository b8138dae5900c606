"""Tables and figures as text."""

from __future__ import annotations

from collections.abc import Sequence


def fps_digits(fps: float) -> int:
    """Return with how many decimals frames a second are shown: those of wide networks are below one."""
    return 1 if fps >= 1 else 2


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table: the first column flush left, the others flush right."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    ]
