"""Decoding sound from packets of no library, whatever its stream turns into on the way."""

from __future__ import annotations

from typing import Any

import av

from vsr.media.live_encoder import EncodedPacket
from vsr.media.sound_codec import SoundCodec

_SKIP_MANUAL = int(av.codec.context.Flags2.skip_manual)
"""An encoder's priming is given, too: the time of a packet is then that of its first sample."""


class SoundDecoder:
    """Turns packets into frames of samples. Damaged packets give none, and are counted.

    Thread-safety: one thread; `errors` may be read by any.
    """

    def __init__(self) -> None:
        self.errors = 0
        """Packets that could not be decoded."""
        self._codec: SoundCodec | None = None
        self._context: Any = None

    def decode(self, packet: EncodedPacket) -> list[av.AudioFrame]:
        """Return the frames of a packet that says its codec. One without a time follows that before it."""
        raw: Any = av.Packet(packet.content)
        raw.pts, raw.dts, raw.duration = packet.pts, packet.dts, packet.duration
        raw.time_base = packet.time_base
        try:
            if packet.codec is not self._codec:
                self._open(packet.codec)
            return list(self._context.decode(raw))
        except (av.error.FFmpegError, ValueError):
            self.errors += 1
            return []

    def _open(self, codec: SoundCodec | None) -> None:
        assert codec is not None  # the source says it for each stream that is decoded
        context: Any = av.CodecContext.create(codec.name, "r")
        if codec.extradata:
            context.extradata = codec.extradata
        if codec.sample_rate:
            context.sample_rate = codec.sample_rate
        if codec.layout:
            context.layout = codec.layout
        context.flags2 |= _SKIP_MANUAL
        context.thread_count = 1
        self._context, self._codec = context, codec
