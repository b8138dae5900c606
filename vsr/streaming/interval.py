"""The time from one frame of a source to the next: what the container says, corrected by what comes."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from statistics import median

SLOWEST, FASTEST = Fraction(1), Fraction(1, 120)
"""Seconds from frame to frame; rates beyond are none that a container meant."""
_QUICKEST = Fraction(1, 1000)
"""Of frames that really come."""
_USUAL = Fraction(1, 25)
_RECENT = 15
"""Frames, of which more than half decide: a change of rate is known after a quarter of a second."""
_LIKE = Fraction(1, 10)
"""By how much what comes may differ from what is said, which is exact: containers round times."""


class FrameInterval:
    """Measures by the times that are on the frames.

    Thread-safety: one thread calls `begin` and `count`, any reads `seconds`.
    """

    seconds: Fraction
    """From one frame to the next, lately."""

    def __init__(self) -> None:
        self.begin(None)

    def begin(self, rate: Fraction | None) -> None:
        """Say that a source was opened, of so many frames a second as it says; None where it does not."""
        said = _USUAL if not rate or rate < 0 else 1 / rate
        self.seconds = self._said = min(SLOWEST, max(FASTEST, said))
        self._last: Fraction | None = None
        self._steps: deque[Fraction] = deque(maxlen=_RECENT)

    def count(self, moment: Fraction) -> None:
        """Take in a frame, in the order of display, at `moment` seconds in the source. Jumps are let go."""
        step = None if self._last is None else moment - self._last
        self._last = moment
        if step is None or not _QUICKEST <= step <= SLOWEST:
            return
        self._steps.append(step)
        if len(self._steps) < _RECENT // 2:
            return
        usual = median(self._steps)
        self.seconds = self._said if abs(usual - self._said) <= _LIKE * self._said else usual
