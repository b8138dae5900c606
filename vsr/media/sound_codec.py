"""What a decoder of sound has to know of a stream before its first packet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from vsr.media.source import StreamInfo


@dataclass(frozen=True, slots=True)
class SoundCodec:
    """A codec and what its container says of it. Free of the container, which may be closed."""

    name: str
    """FFmpeg's, of the decoder."""
    extradata: bytes
    sample_rate: int
    """0 where the container does not say; then the packets do."""
    layout: str
    """FFmpeg's name; empty where the container does not say."""

    @classmethod
    def of(cls, stream: StreamInfo) -> SoundCodec | None:
        """Return that of a stream whose container is open; None where this FFmpeg cannot decode it."""
        context = None if stream.handle is None else stream.handle.codec_context
        if stream.kind != "audio" or context is None:
            return None
        layout = context.layout
        return cls(
            name=context.codec.name,
            extradata=bytes(context.extradata or b""),
            sample_rate=int(context.sample_rate or 0),
            layout=layout.name if layout.nb_channels else "",
        )

    def after(self, packet: Any) -> SoundCodec:
        """Return what is true from an av.Packet on, which may carry new parameters; else the same object."""
        if not packet.has_sidedata("new_extradata"):
            return self
        # What rate and channels are now, the extradata says.
        extradata = bytes(packet.get_sidedata("new_extradata"))
        return replace(self, extradata=extradata, sample_rate=0, layout="")
