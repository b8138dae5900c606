"""From the times of a source, which jump, wrap and begin anew, to one timeline that only goes forward."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from fractions import Fraction

WRAPS_SECONDS = (Fraction(1 << 33, 90_000), Fraction(1 << 32, 1000))
"""After how long the times of MPEG-TS and of FLV begin at zero again."""
BACK_SECONDS = Fraction(1, 4)
"""How far a stream may step back without it being a jump."""
JOIN_SECONDS = Fraction(1, 2)
"""Where the first item of a source is placed that is joined: what comes with it may lie before."""
AHEAD_SECONDS = Fraction(5)
"""How far a stream may run ahead of the clock without it being a jump: receivers buffer."""


@dataclass(slots=True)
class _Track:
    last: Fraction
    """Where its last item was placed, in seconds."""
    seen: float
    """When that was."""
    step: Fraction
    """From the item before to that one."""


class Timeline:
    """Places the items of a source, one after another. Pure logic: all clocks are arguments.

    All streams of a source are moved by the same amount, so that picture and sound stay together. Where a
    stream's time is not one that can follow its last one, a new amount is found: all goes on where the
    latest stream ended, after as long as nothing came. Streams change over one after another, so an item may
    still fit the amount before.

    Thread-safety: one thread. Times are exact seconds, `now` is any clock that does not go back.
    """

    def __init__(self) -> None:
        self.jumps = 0
        """How often times did not go on as they were, wraps not counted."""
        self._tracks: dict[Hashable, _Track] = {}
        self._offsets: list[Fraction] = []
        """The newest first, two at most; none before `begin`."""

    def begin(self, start: Fraction, now: float) -> None:
        """Say that a source was opened, or opened again, whose earliest time is `start`.

        Without that, the first item is the beginning: of a source that is joined where it is.
        """
        self._offsets = [self._resume(now) - start]

    def place(self, track: Hashable, moment: Fraction, now: float) -> Fraction:
        """Return what has to be added to the times of an item that is shown, or decoded, at `moment`.

        The moments of one track, with this added, never go back.
        """
        if not self._offsets:
            self._offsets = [JOIN_SECONDS - moment]
        offset = self._fitting(track, moment, now)
        if offset is None:
            self.jumps += 1
            offset = self._resume(now) - moment
        if offset not in self._offsets:
            self._offsets = [offset, *self._offsets[:1]]
        known = self._tracks.get(track)
        placed = moment + offset
        if known is None:
            self._tracks[track] = _Track(placed, now, Fraction(0))
            return offset
        if placed <= known.last:  # by less than BACK_SECONDS: squeezed in after the item before
            placed = known.last + min(known.step, Fraction(1, 1000))
            offset = placed - moment
        else:
            known.step = placed - known.last
        known.last, known.seen = placed, now
        return offset

    def advance(self, track: Hashable, now: float) -> Fraction:
        """Return the place of an item that stands in for one that did not come, and count it as placed."""
        known = self._tracks[track]
        known.last += max(known.step, Fraction(1, 1000), Fraction(now - known.seen))
        known.seen = now
        return known.last

    def _fitting(self, track: Hashable, moment: Fraction, now: float) -> Fraction | None:
        for offset in self._candidates():
            if self._fits(track, moment + offset, now):
                return offset
        return None

    def _candidates(self) -> list[Fraction]:
        wrapped = [self._offsets[0] + wrap for wrap in WRAPS_SECONDS]
        return [*self._offsets, *wrapped]

    def _fits(self, track: Hashable, placed: Fraction, now: float) -> bool:
        """True where an item can be the next of its track; of a new one, the next of any."""
        tracks = [self._tracks[track]] if track in self._tracks else list(self._tracks.values())
        if not tracks:
            return -BACK_SECONDS <= placed <= AHEAD_SECONDS  # the priming of sound lies before zero
        last = max(tracks, key=lambda each: each.last)
        return -BACK_SECONDS <= placed - last.last <= AHEAD_SECONDS + Fraction(max(0.0, now - last.seen))

    def _resume(self, now: float) -> Fraction:
        """Return where all goes on: after the latest item, as much later as nothing came."""
        if not self._tracks:
            return Fraction(0)
        last = max(self._tracks.values(), key=lambda each: each.last)
        return last.last + max(last.step, Fraction(now - last.seen).limit_denominator(90_000))
