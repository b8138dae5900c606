"""Encoding a picture once for several receivers: packets as bytes, and a header that says what they are."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av

from vsr.color import ColorSpec
from vsr.errors import EncodeError
from vsr.frame import Frame, PictureSpec
from vsr.media._av import detailed, writing
from vsr.media.encoders import Encoding
from vsr.media.picture_stream import add_picture, tagged
from vsr.media.pixels import FramePool
from vsr.media.sound_codec import SoundCodec
from vsr.media.source import StreamInfo, VideoInfo
from vsr.timing import rescale

TIME_BASE = Fraction(1, 90_000)
"""Of the picture: that of MPEG-TS and RTP, which holds all usual rates exactly."""
_HEADER_FORMAT = "nut"
_MOST_IN_ENCODER = 256


@dataclass(frozen=True, slots=True)
class Header:
    """What muxers need to know before the first packet."""

    content: bytes
    """A file of NUT without packets, whose streams are those that follow."""
    display_matrix: tuple[int, ...] | None = None
    """How players are to turn the picture, row by row; NUT cannot say it."""


@dataclass(frozen=True, slots=True)
class EncodedPacket:
    """A packet on its way to muxers, of no library."""

    stream: int
    """0 is the picture, then the copied streams in the order they were given."""
    pts: int
    dts: int
    duration: int
    time_base: Fraction
    is_keyframe: bool
    content: bytes
    arrival: float = 0.0
    """When the source's packet arrived, by time.monotonic; 0 where that is not known."""
    codec: SoundCodec | None = None
    """Of a stream of the source's sound, for who decodes it."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """The frame before, once more. Times are in TIME_BASE."""

    pts: int
    duration: int


class LiveEncoder:
    """An encoder that gives each frame's packet at once, and what muxers need to know of it.

    `header` states the parameters of the picture and of `copied`, in this order. Thread-safety: one thread;
    `pool` may be used by any. Ownership: `encode` gives frames back to it, each once the next has come.
    """

    def __init__(
        self,
        video: VideoInfo,
        picture: PictureSpec,
        encoding: Encoding,
        copied: Sequence[StreamInfo],
        *,
        sample_aspect_ratio: Fraction,
        tags: ColorSpec,
    ) -> None:
        """Open the encoder. Raises OptionError for settings that it refuses."""
        self.pool = FramePool(picture.width, picture.height, picture.format, picture.color)
        self._encoding, self._tags = encoding, tags
        self._arrivals: OrderedDict[int, float] = OrderedDict()
        self._last_pts: int | None = None
        self._last: Frame | None = None
        place = io.BytesIO()
        with writing(encoding.encoder), detailed():
            self._container: Any = av.open(place, "w", format=_HEADER_FORMAT)
            self._video: Any = add_picture(
                self._container,
                video,
                picture,
                encoding,
                time_base=TIME_BASE,
                sample_aspect_ratio=sample_aspect_ratio,
                tags=tags,
                at_once=True,
            )
            for stream in copied:
                copy = self._container.add_stream_from_template(stream.handle)
                copy.time_base = stream.time_base
            self._container.mux_one(self._stand_in())
            self._container.close()
        self.header = Header(place.getvalue(), video.display_matrix)

    def _stand_in(self) -> Any:
        """Return a packet of nothing: a NUT file without any is damaged."""
        packet: Any = av.Packet(b"\0")
        packet.pts = packet.dts = 0
        packet.time_base, packet.is_keyframe, packet.stream = TIME_BASE, True, self._video
        return packet

    def encode(self, frame: Frame, *, keyframe: bool = False) -> Iterator[EncodedPacket]:
        """Encode a frame, which comes after those before; `keyframe` lets a receiver begin here."""
        if self._last is not None:
            self.pool.give(self._last)
        self._last = frame
        pts = rescale(frame.pts, frame.time_base, TIME_BASE)
        yield from self._encode(
            pts, rescale(frame.duration, frame.time_base, TIME_BASE), keyframe, frame.arrival
        )

    def repeat(self, repeat: Repeat, *, keyframe: bool = False) -> Iterator[EncodedPacket]:
        """Encode the last frame once more, if there is one. Its packet knows no arrival."""
        if self._last is not None:
            yield from self._encode(repeat.pts, repeat.duration, keyframe, 0.0)

    def _encode(self, pts: int, duration: int, keyframe: bool, arrival: float) -> Iterator[EncodedPacket]:
        assert self._last is not None
        if self._last_pts is not None:
            pts = max(pts, self._last_pts + 1)
        self._last_pts = pts
        picture = tagged(self.pool.picture(self._last), self._encoding, self._tags)
        picture.pts, picture.time_base = pts, TIME_BASE
        picture.duration = duration
        picture.pict_type = av.video.frame.PictureType.I if keyframe else av.video.frame.PictureType.NONE
        self._arrivals[pts] = arrival
        if len(self._arrivals) > _MOST_IN_ENCODER:
            self._arrivals.popitem(last=False)
        with writing(self._encoding.encoder):
            packets = self._video.encode(picture)
        yield from map(self._packet, packets)

    def flush(self) -> Iterator[EncodedPacket]:
        """Yield what is left. Nothing can be encoded afterwards."""
        with writing(self._encoding.encoder):
            packets = self._video.encode(None)
        yield from map(self._packet, packets)

    def _packet(self, packet: Any) -> EncodedPacket:
        if packet.pts is None:
            raise EncodeError(f"{self._encoding.encoder} gives packets without time; use --encoder libx264")
        return EncodedPacket(
            0,
            packet.pts,
            packet.pts if packet.dts is None else packet.dts,
            packet.duration or 0,
            Fraction(packet.time_base),
            bool(packet.is_keyframe),
            bytes(packet),
            self._arrivals.pop(packet.pts, 0.0),
        )

    def close(self) -> None:
        """Let go of the encoder and its frames. Idempotent."""
        self._video = self._container = self._last = None
        self.pool.clear()
