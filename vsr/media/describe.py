"""From PyAV's streams and a first picture to what vsr says of a source."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, get_args

import av

from vsr.frame import Frame
from vsr.media.pixels import is_transparent
from vsr.media.sidedata import DYNAMIC_SIDE_DATA, hdr_metadata, parse_display_matrix
from vsr.media.source import Chapter, Disposition, StreamInfo, StreamKind, VideoInfo


def stream_info(stream: Any) -> StreamInfo:
    """Return what is said of a stream that is not the picture."""
    disposition = Disposition(int(stream.disposition))
    kind: StreamKind = stream.type if stream.type in get_args(StreamKind) else "unknown"
    if kind == "video" and Disposition.ATTACHED_PIC in disposition:
        kind = "cover"
    context = stream.codec_context
    codec = context.codec.canonical_name if context is not None and context.codec else ""
    return StreamInfo(
        index=stream.index,
        kind=kind,
        codec=codec or str(stream.metadata.get("mimetype", "")) or stream.codec_tag or "unknown",
        time_base=time_base_of(stream),
        metadata=dict(stream.metadata),
        disposition=disposition,
        data=stream.data if kind == "attachment" else b"",
        handle=stream,
    )


def time_base_of(stream: Any) -> Fraction:
    """Return the unit of a stream's times; milliseconds where it has none."""
    return Fraction(stream.time_base or Fraction(1, 1000))


def video_info(
    stream: Any,
    raw: av.VideoFrame,
    first: Frame,
    side_data: dict[str, bytes],
    *,
    interlaced: bool,
    captioned: bool,
    decoder: str,
) -> VideoInfo:
    """Return what is said of the picture. `raw` is its first one as decoded, with `side_data`."""
    matrix = side_data.get("DISPLAYMATRIX")
    rate = stream.average_rate or stream.guessed_rate
    unpacked = raw.format.name.replace("yuvj", "yuv") != first.format.name
    return VideoInfo(
        width=first.width,
        height=first.height,
        format=first.format,
        color=first.color,
        index=stream.index,
        codec=stream.codec_context.codec.canonical_name,
        time_base=time_base_of(stream),
        frame_rate=Fraction(rate) if rate else None,
        sample_aspect_ratio=Fraction(stream.sample_aspect_ratio or 1) or Fraction(1),
        display_matrix=parse_display_matrix(matrix) if matrix else None,
        interlaced=interlaced,
        captioned=captioned,
        hdr=hdr_metadata(side_data),
        num_frames_from_header=stream.frames or None,
        transparent=is_transparent(first),
        unpacked_from=raw.format.name if unpacked else None,
        decoder=decoder,
        metadata=dict(stream.metadata),
        disposition=Disposition(int(stream.disposition)),
        side_data=frozenset(side_data),
        other_side_data=frozenset(DYNAMIC_SIDE_DATA.keys() & side_data.keys()),
    )


def chapter_of(chapter: Any) -> Chapter:
    """Return one of PyAV's chapters."""
    base = Fraction(chapter["time_base"] or Fraction(1, 1000))
    return Chapter(chapter["start"] * base, chapter["end"] * base, tuple(chapter["metadata"].items()))
