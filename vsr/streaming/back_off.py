"""How long to wait before what broke off is tried again."""

from __future__ import annotations

from collections.abc import Iterator

_FIRST_SECONDS, _LONGEST_SECONDS = 0.5, 8.0


def back_off() -> Iterator[float]:
    """Yield the seconds before each attempt: 0.5, 1, 2, 4, and 8 from then on."""
    pause = _FIRST_SECONDS
    while True:
        yield pause
        pause = min(2 * pause, _LONGEST_SECONDS)
