"""A running account of a stream's packets: how many, when, and a digest of what is in them."""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

_NO_PTS = -(1 << 63)
_START_CODE = re.compile(b"\x00\x00\x01")
_MARKUP = re.compile(rb"\{[^}]*\}|<[^>]*>|\\[Nnh]|\s")

# Parameter sets, access unit delimiters and filler: muxers add, move and drop them as the container needs.
_H264_FRAMING = frozenset({7, 8, 9, 12, 13, 15})
_HEVC_FRAMING = frozenset({32, 33, 34, 35, 38})


@dataclass(slots=True, kw_only=True)
class StreamDigest:
    """Grows by one packet at a time; two streams with equal digests carry the same bits in the same order.

    What belongs to the container and not to the content is left out, so that a stream compares equal
    across containers: ADTS headers of AAC, empty subtitle samples, and in H.264 and HEVC start codes,
    lengths, parameter sets, delimiters and filler.
    """

    codec: str
    time_base: Fraction
    times: array[int] = field(default_factory=lambda: array("q"))
    """Presentation times in units of `time_base`."""
    num_bytes: int = 0
    blank: set[int] = field(default_factory=set)
    """Which packets, by number, are subtitles without any text; conversion leaves them out."""
    _hash: Any = field(default_factory=lambda: hashlib.blake2b(digest_size=16))

    def add(self, packet: Any) -> None:
        """Account for one of PyAV's packets."""
        data = memoryview(packet)
        if not len(data) or (self.codec == "mov_text" and len(data) <= 2):
            return  # the gap between two subtitles
        if self.codec in ("h264", "hevc"):
            for unit in _content_units(self.codec, bytes(data)):
                self._update(len(unit).to_bytes(4) + unit)
        else:
            self._update(_without_adts(data) if self.codec == "aac" else data)
        if _is_blank(self.codec, data):
            self.blank.add(len(self.times))
        self.times.append(_NO_PTS if packet.pts is None else packet.pts)

    def add_missing(self, packet: Any) -> None:
        """Account for a packet of the source that could not be converted: the result lacks it."""
        self._hash.update(b"missing")
        self.times.append(_NO_PTS if packet.pts is None else packet.pts)

    def _update(self, content: bytes | memoryview) -> None:
        self._hash.update(content)
        self.num_bytes += len(content)

    @property
    def hexdigest(self) -> str:
        """Digest of all packets so far."""
        return str(self._hash.hexdigest())

    @property
    def num_packets(self) -> int:
        """Packets so far."""
        return len(self.times)

    @property
    def text_times(self) -> array[int]:
        """The times of the packets that are not blank."""
        return array("q", (time for number, time in enumerate(self.times) if number not in self.blank))


def _without_adts(data: memoryview) -> memoryview:
    if len(data) < 7 or data[0] != 0xFF or data[1] & 0xF6 != 0xF0:
        return data
    return data[7 if data[1] & 1 else 9 :]


def _is_blank(codec: str, data: memoryview) -> bool:
    """True for a subtitle of which nothing is left once styles and spaces are taken away."""
    if codec not in ("subrip", "ass", "ssa", "mov_text", "webvtt", "text"):
        return False
    text = bytes(data)
    if codec in ("ass", "ssa"):
        text = text.split(b",", 8)[-1]
    elif codec == "mov_text":
        text = text[2 : 2 + int.from_bytes(text[:2])]
    return not _MARKUP.sub(b"", text).strip(b"\x00")


# -- H.264 and HEVC


def _content_units(codec: str, data: bytes) -> Iterator[bytes]:
    for unit in _nal_units(data):
        content = unit.rstrip(b"\x00")
        if content and not _is_framing(codec, content):
            yield content


def _is_framing(codec: str, unit: bytes) -> bool:
    if codec == "h264":
        return unit[0] & 31 in _H264_FRAMING
    kind = unit[0] >> 1 & 63
    # The note of its settings that x265 leaves: where it stands among the headers, muxers repeat it.
    return kind in _HEVC_FRAMING or (kind == 39 and unit[2:3] == b"\x05")


def _nal_units(data: bytes) -> Iterator[bytes]:
    """Yield the units of a packet, whether start codes separate them (MPEG-TS) or lengths (MP4, Matroska)."""
    if not data.startswith(b"\x00\x00\x00\x01"):
        for size in (4, 3, 2, 1):
            units = _by_length(data, size)
            if units:
                yield from units
                return
    starts = [match.end() for match in _START_CODE.finditer(data)]
    if not starts:
        yield data
        return
    for begin, end in zip(starts, [start - 3 for start in starts[1:]] + [len(data)], strict=True):
        yield data[begin:end]


def _by_length(data: bytes, size: int) -> list[bytes]:
    """Return the units after lengths of `size` bytes, or none where the lengths do not add up."""
    units, at = [], 0
    while at + size <= len(data):
        length = int.from_bytes(data[at : at + size])
        at += size + length
        if not length or at > len(data):
            return []
        units.append(data[at - length : at])
    return units if at == len(data) else []
