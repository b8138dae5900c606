"""How many a second, over the last moments."""

from __future__ import annotations

from collections import deque

_WINDOW_SECONDS = 3.0
_MOST = 1024


class Rate:
    """Counts events. `now` is any clock that does not go back.

    Thread-safety: one thread counts, any reads. Memory: bounded.
    """

    def __init__(self) -> None:
        self._moments: deque[float] = deque(maxlen=_MOST)

    def count(self, now: float) -> None:
        """Count one."""
        self._moments.append(now)

    def read(self, now: float) -> float:
        """Return events a second over the last moments; it falls from when the next one is overdue."""
        recent = [moment for moment in tuple(self._moments) if now - moment <= _WINDOW_SECONDS]
        if len(recent) < 2:
            return 0.0
        intervals, first, last = len(recent) - 1, recent[0], recent[-1]
        usual = (last - first) / intervals
        return intervals / max(last - first, now - usual - first, 1e-9)
