"""How a live source is opened, and when each of its packets arrived."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av

_MOST_IN_DECODER = 256
"""Packets whose arrival is remembered: no decoder holds back more."""
_ERRORS_A_FRAME = 4
"""Packets that may be damaged for each frame that comes out."""


@dataclass(frozen=True, kw_only=True)
class LiveInput:
    """How a source is read that does not wait."""

    timeout_seconds: float
    """How long each read may take; and opening it, from connecting until its streams are found."""
    arrived: Callable[[Fraction | None], float]
    """Called with the time in the source of each packet that was read, in seconds; returns the moment of its
    arrival, by time.monotonic. It may wait: so is a file played at the speed of its times."""
    stopped: Callable[[], bool]
    """True once standard input is to end. Other sources end where `interrupted_when` is told so."""
    format: str | None = None
    """FFmpeg's name of the container; None lets it find out."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Of the demuxer and the protocol."""


class Arrivals:
    """The moments at which packets of the picture arrived, by the time that is on them.

    Thread-safety: one thread. Memory: bounded.
    """

    def __init__(self, arrived: Callable[[Fraction | None], float]) -> None:
        self._arrived = arrived
        self._moments: OrderedDict[int | None, float] = OrderedDict()
        self.latest = 0.0
        """Of the last packet of any stream."""
        self._without_frame = self._wrong = 0

    def note(self, packet: Any, *, is_picture: bool) -> None:
        """Take the next packet of the source."""
        ticks = packet.dts if packet.dts is not None else packet.pts
        self.latest = self._arrived(None if ticks is None else ticks * Fraction(packet.time_base))
        if is_picture:
            self._without_frame += 1
            self._moments[packet.pts] = self.latest
            if len(self._moments) > _MOST_IN_DECODER:
                self._moments.popitem(last=False)

    def note_error(self) -> None:
        """Say that the decoder refused the last packet."""
        self._wrong += 1

    @property
    def is_decoded(self) -> bool:
        """True where frames come of the packets. A decoder of another codec refuses most, or ignores them."""
        return not (self._without_frame or self._wrong)

    def of(self, raw: av.VideoFrame) -> float:
        """Return when the packet arrived that the picture came in."""
        self._without_frame = 0
        self._wrong = max(0, self._wrong - _ERRORS_A_FRAME)
        return self._moments.pop(raw.pts, self.latest)
