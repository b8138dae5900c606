"""Reading at the speed of the source's own times: a file as if it happened now, and what comes in bursts."""

from __future__ import annotations

import time
from fractions import Fraction

from vsr.pipeline.stages import StopToken

_SLICE_SECONDS = 0.05
_JUMP_SECONDS = 10
"""Times further off than this are none to wait for."""
_LATE_SECONDS = 0.1
"""How far a source that comes in bursts may fall behind before its clock is set back."""


class Pacer:
    """Lets packets through at the speed of their times. Thread-safety: one thread."""

    def __init__(self, speed: float, token: StopToken) -> None:
        self._speed = speed
        self._token = token
        self._begin: tuple[Fraction, float] | None = None
        self._furthest = Fraction(0)
        self.catches_up = True
        """What comes late goes through at once; else all that follows is as late, and comes in no burst."""

    def restart(self) -> None:
        """Let the next packet through at once, and those after it by its time."""
        self._begin = None

    def wait(self, moment: Fraction | None) -> float:
        """Return now, once it is the turn of what is at `moment` in the source, or the run ends."""
        now = time.monotonic()
        if moment is None:
            return now
        if self._begin is None or abs(self._late(moment, now)) > _JUMP_SECONDS or self._stalled(moment, now):
            self._begin, self._furthest = (moment, now), moment
        self._furthest = max(self._furthest, moment)
        while (early := -self._late(moment, now)) > 0 and not self._token.requested:
            time.sleep(min(early, _SLICE_SECONDS))
            now = time.monotonic()
        return now

    def _stalled(self, moment: Fraction, now: float) -> bool:
        """True where the clock is to be set back. A stream that lies behind the others says nothing of it."""
        return not self.catches_up and moment > self._furthest and self._late(moment, now) > _LATE_SECONDS

    def _late(self, moment: Fraction, now: float) -> float:
        assert self._begin is not None
        first, begin = self._begin
        return (now - begin) - float(moment - first) / self._speed
