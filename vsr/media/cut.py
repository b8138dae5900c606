"""The part of a source that is read: which frames and packets lie in it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from vsr.media.source import StreamInfo
from vsr.timing import rescale

_INTERLEAVING_SECONDS = 10


class Cut:
    """From a moment on, for a while; all of the source where neither is given.

    Thread-safety: safe, it does not change.
    """

    def __init__(
        self, time_base: Fraction, origin: Fraction, start: Fraction | None, duration: Fraction | None
    ) -> None:
        """`time_base` is that of the picture, `origin` when the source begins, in seconds."""
        self._time_base = time_base
        self.begin: int | None = None
        """The first tick of the picture that is wanted; None where none is too early."""
        self.end: int | None = None
        """The first tick that is too late; None where none is."""
        if start:
            self.begin = -int(-(origin + start) // time_base)
        if duration is not None:
            self.end = -int(-(origin + (start or 0) + duration) // time_base)

    def is_before(self, pts: int) -> bool:
        """Return whether a picture is too early."""
        return self.begin is not None and pts < self.begin

    def is_past(self, pts: int) -> bool:
        """Return whether a picture is too late."""
        return self.end is not None and pts >= self.end

    def is_far_past(self, dts: int | None) -> bool:
        """Return whether, after a packet of the picture, nothing from before the end can follow.

        Sound may lag behind.
        """
        if self.end is None or dts is None:
            return True
        return (dts - self.end) * self._time_base > _INTERLEAVING_SECONDS

    def wants(self, packet: Any, info: StreamInfo, *, past_end: bool) -> bool:
        """Return whether a packet of another stream lies in it. `past_end`: the picture has ended."""
        if info.kind in ("attachment", "cover"):
            return info.kind == "cover"
        if packet.pts is None:
            return not past_end
        here = packet.pts * info.time_base
        lasts = (packet.duration or 0) * info.time_base if info.kind == "subtitle" else 0
        return (
            self.begin is None
            or here >= self.begin * self._time_base
            or here + lasts > self.begin * self._time_base
        ) and (self.end is None or here < self.end * self._time_base)

    def clip(self, packet: Any, info: StreamInfo) -> None:
        """Let a subtitle that is already shown when the cut begins, begin with it."""
        if self.begin is None or packet.pts is None or info.kind != "subtitle":
            return
        late = rescale(self.begin, self._time_base, info.time_base) - packet.pts
        if late > 0:
            packet.pts = packet.dts = packet.pts + late
            packet.duration = max(1, packet.duration - late)
