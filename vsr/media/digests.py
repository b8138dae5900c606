"""A running account of a stream's packets: how many, when, and a digest of what is in them."""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

_NO_PTS = -(1 << 63)


@dataclass(slots=True, kw_only=True)
class StreamDigest:
    """Grows by one packet at a time; two streams with equal digests carry the same bits in the same order.

    ADTS headers of AAC and empty subtitle samples belong to the container, not to the content: they
    are left out, so that a stream compares equal across containers.
    """

    codec: str
    time_base: Fraction
    times: array[int] = field(default_factory=lambda: array("q"))
    """Presentation times in units of `time_base`."""
    num_bytes: int = 0
    _hash: Any = field(default_factory=lambda: hashlib.blake2b(digest_size=16))

    def add(self, packet: Any) -> None:
        """Account for one of PyAV's packets."""
        data = memoryview(packet)
        if self.codec == "mov_text" and len(data) <= 2:
            return  # the gap between two subtitles
        if self.codec == "aac":
            data = _without_adts(data)
        self._hash.update(data)
        self.num_bytes += len(data)
        self.times.append(_NO_PTS if packet.pts is None else packet.pts)

    @property
    def hexdigest(self) -> str:
        """Digest of all packets so far."""
        return str(self._hash.hexdigest())

    @property
    def num_packets(self) -> int:
        """Packets so far."""
        return len(self.times)


def _without_adts(data: memoryview) -> memoryview:
    if len(data) < 7 or data[0] != 0xFF or data[1] & 0xF6 != 0xF0:
        return data
    return data[7 if data[1] & 1 else 9 :]
