"""Where chroma is sited: PyAV does not say, FFmpeg's trace of the stream headers does."""

from __future__ import annotations

import re
from typing import Any

import av

from vsr.color import ChromaLocation
from vsr.media._av import detailed

_CENTERED = ("mjpeg", "mpeg1video", "png", "webp")


class ChromaProbe:
    """Finds where chroma is sited, which PyAV does not expose, in FFmpeg's trace of the stream headers."""

    _FIELD = re.compile(r"(chroma_sample_loc_type_top_field|chroma_sample_position)\s.*=\s*(\d+)\s*$")
    _TRACEABLE = ("h264", "hevc", "av1")

    def __init__(self, stream: Any) -> None:
        codec = stream.codec_context.codec.canonical_name
        self.location = ChromaLocation.CENTER if codec in _CENTERED else ChromaLocation.UNSPECIFIED
        self._stream = stream if codec in self._TRACEABLE else None

    def look(self, packet: Any) -> None:
        """Look into the first key frame; later packets cost nothing."""
        if self._stream is None or not packet.is_keyframe:
            return
        stream, self._stream = self._stream, None
        try:
            with detailed(av.logging.INFO), av.logging.Capture() as lines:
                av.bitstream.BitStreamFilterContext("trace_headers", stream).filter(_copy_of(packet))
        except (av.error.FFmpegError, ValueError):
            return  # a damaged header; the decoder will say so
        for _, _, text in lines:
            match = self._FIELD.search(text)
            if match:
                self.location = self._location(match[1], int(match[2]))
                return

    @staticmethod
    def _location(field_name: str, value: int) -> ChromaLocation:
        if field_name == "chroma_sample_position":  # AV1: 1 vertical, 2 colocated
            return {1: ChromaLocation.LEFT, 2: ChromaLocation.TOPLEFT}.get(value, ChromaLocation.UNSPECIFIED)
        return ChromaLocation(value + 1) if value < 6 else ChromaLocation.UNSPECIFIED


def _copy_of(packet: Any) -> Any:
    # Filtering takes the packet's reference away; the decoder still needs it.
    copy: Any = av.Packet(bytes(packet))
    copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
    return copy
