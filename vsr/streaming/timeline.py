"""From the times of a source, which jump, wrap and begin anew, to one timeline that only goes forward."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from fractions import Fraction

WRAPS_SECONDS = (Fraction(1 << 33, 90_000), Fraction(1 << 32, 1000))
"""After how long the times of MPEG-TS and of FLV begin at zero again."""
BACK_SECONDS = Fraction(1, 4)
"""How far a stream may step back without it being a jump."""
JOIN_SECONDS = Fraction(1)
"""Where the first item of a source is placed that is joined: the sound that comes with it may lie before."""
LATE_SECONDS = 1.0
"""How long a source that was silent may take to catch up with what stood in for it."""
_FORGETTING = 0.01
"""How fast a source may come earlier than it did: seconds a second. Clocks differ by far less."""
_BEHIND_SECONDS = 0.25
"""How far stand-ins stay behind the clock: what comes again in time, or nearly so, has its place free."""
_GRID = 90_000
"""Parts of a second that clocks are rounded to: sums of finer fractions would grow with each addition."""
_ROOM_SECONDS = Fraction(1, 8)
"""What a jump leaves free: the sound that follows may begin before the picture, and must not overlap."""
AHEAD_SECONDS = Fraction(5)
"""How far a stream may run ahead of the clock without it being a jump: receivers buffer."""
_SAME_CLOCK_SECONDS = Fraction(1)
"""How far before the clock a source may begin that is opened again, for its times to be those from before."""


@dataclass(slots=True)
class _Track:
    last: Fraction
    """Where its last item was placed, in seconds."""
    seen: float
    """When that was."""
    step: Fraction
    """From the item before to that one."""
    end: Fraction
    """Where its last item or stand-in was placed."""
    end_at: float
    """When that is due: by as much later than it came as other items came too early."""
    lag: float
    """From where items are placed to when they are due: as the latest of them came, lately."""
    offset: Fraction
    """By how much its last item was moved."""
    late_since: float | None = None
    """Since when its items lie where stand-ins are."""


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
        self._is_new = False
        """True until the first item of a source that was opened again meets what stood in for it."""

    def begin(self, start: Fraction, now: float) -> None:
        """Say that a source was opened, or opened again, whose earliest time is `start`.

        Without that, the first item is the beginning: of a source that is joined where it is. Where its clock
        went on meanwhile all stays where it was, also while it catches up with what stalled.
        """
        self._is_new = False
        if not self._goes_on(start, now):
            self._offsets = [self._resume(now) - start]
            self._is_new = any(track.end > track.last for track in self._tracks.values())

    def _goes_on(self, start: Fraction, now: float) -> bool:
        """True where `start` lies between what came last and the clock, as times were moved so far."""
        if not (self._tracks and self._offsets):
            return False
        last = max(each.last for each in self._tracks.values())
        latest = self._resume(now) + _SAME_CLOCK_SECONDS
        offset = next((each for each in self._candidates() if last < start + each <= latest), None)
        if offset is not None and offset not in self._offsets:
            self._offsets = [offset, *self._offsets[:1]]
        return offset is not None

    def place(self, track: Hashable, moment: Fraction, now: float) -> Fraction | None:
        """Return what has to be added to the times of an item that is shown, or decoded, at `moment`.

        The moments of one track, with this added, never go back. None says that the item has no place: it
        lies before the beginning of a source that was joined or jumped, or a stand-in has its place.
        """
        if not self._offsets:
            self._offsets = [JOIN_SECONDS - moment]
        if track not in self._tracks and -AHEAD_SECONDS < moment + self._offsets[0] < -BACK_SECONDS:
            return None
        offset = self._fitting(track, moment, now)
        if offset is None:
            self.jumps += 1
            offset = self._after_jump(track, now) - moment
        known = self._tracks.get(track)
        if known is not None and known.end > known.last:
            if moment + offset <= known.end:
                if not (self._is_new or self._is_behind(known, moment + offset, now)):
                    return None
                self.jumps += not self._is_new
                offset = self._moved_on(moment, offset, now)
            self._is_new = False
        if offset not in self._offsets:
            self._offsets = [offset, *self._offsets[:1]]
        if known is None:
            placed = moment + offset
            self._tracks[track] = _Track(placed, now, Fraction(0), placed, now, now - float(placed), offset)
            return offset
        if offset != known.offset and moment + offset <= known.last:
            return None
        known.offset = offset
        return self._append(known, moment + offset, now) - moment

    def _append(self, track: _Track, placed: Fraction, now: float) -> Fraction:
        """Return where an item really goes, which is placed there."""
        if placed <= track.last:  # by less than BACK_SECONDS: squeezed in after the item before
            placed = track.last + min(track.step, Fraction(1, 1000))
        else:
            track.step = placed - track.last
        forgotten = _FORGETTING * (now - track.seen)
        track.lag = max(track.lag - forgotten, now - float(placed))
        track.last = track.end = placed
        track.seen, track.end_at = now, float(placed) + track.lag
        track.late_since = None
        return placed

    def _is_behind(self, track: _Track, placed: Fraction, now: float) -> bool:
        """Take an item that comes late. True where the source does not catch up."""
        track.last, track.seen = max(track.last, placed), now
        if track.late_since is None:
            track.late_since = now
        return now - track.late_since > LATE_SECONDS

    def _moved_on(self, moment: Fraction, offset: Fraction, now: float) -> Fraction:
        """Return by how much all streams are moved where a source goes on as if no time had passed."""
        later = self._resume(now)
        self._offsets = [later - moment]
        for track in self._tracks.values():  # as if none had been seen for so long, which is where it goes
            track.seen -= float(later - (moment + offset))
        return later - moment

    def stand_in(self, track: Hashable, step: Fraction, after: float, now: float) -> Fraction | None:
        """Return the place of an item that stands in for one that did not come, and count it as placed.

        None where there is none to stand in for: it comes first once nothing was due for `after` seconds, and
        then each `step` seconds, for as long as nothing comes. Segments, which come at once, are due in time.
        """
        known = self._tracks.get(track)
        if known is None:
            return None
        is_first = known.end == known.last
        silent = now - known.end_at
        if silent < (after if is_first else step + _BEHIND_SECONDS):
            return None
        if is_first or silent > 2 * step + _BEHIND_SECONDS:  # or this machine stood still, too
            step = max(step, _on_grid(silent - _BEHIND_SECONDS))
        known.end += step
        known.end_at += float(step)
        return known.end

    def _fitting(self, track: Hashable, moment: Fraction, now: float) -> Fraction | None:
        for offset in self._candidates():
            if self._fits(track, moment + offset, now):
                return offset
        return None

    def _candidates(self) -> list[Fraction]:
        wrapped = [self._offsets[0] + wrap for wrap in WRAPS_SECONDS]
        return [*self._offsets, *wrapped]

    def _fits(self, track: Hashable, placed: Fraction, now: float) -> bool:
        """True where an item can be the next of its track; of a new one, where it lies beside the others."""
        known = self._tracks.get(track)
        if known is None:
            near = [each.last + Fraction(max(0.0, now - each.seen)) for each in self._tracks.values()]
            return -BACK_SECONDS <= placed <= AHEAD_SECONDS + max(near, default=Fraction(0))
        return -BACK_SECONDS <= placed - known.last <= AHEAD_SECONDS + Fraction(max(0.0, now - known.seen))

    def _after_jump(self, track: Hashable, now: float) -> Fraction:
        """Return where a stream goes on whose times jumped: others, which may be ahead, jump as far."""
        known = self._tracks.get(track)
        if known is None:
            return self._resume(now)
        return _on_grid(known.end + max(known.step, _ROOM_SECONDS, _on_grid(now - known.end_at)))

    def _resume(self, now: float) -> Fraction:
        """Return where all goes on: after the latest item, as much later as nothing was due of any stream."""
        if not self._tracks:
            return Fraction(0)
        last = max(self._tracks.values(), key=lambda each: each.end)
        silent = now - max(each.end_at for each in self._tracks.values())
        return _on_grid(last.end + max(last.step, _on_grid(silent)))


def _on_grid(seconds: Fraction | float) -> Fraction:
    return Fraction(round(seconds * _GRID), _GRID)
