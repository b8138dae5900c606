"""What a file holds, in a form that two files can be compared by."""

from __future__ import annotations

import contextlib
import hashlib
from array import array
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from vsr.media import images
from vsr.media._av import reading
from vsr.media.digests import StreamDigest
from vsr.media.faults import ReadFaults
from vsr.media.passthrough import EditList
from vsr.media.pixels import has_captions, is_transparent
from vsr.media.reader import CopiedPacket, Reader
from vsr.media.sidedata import CAPTION_MARK
from vsr.media.source import SourceInfo, StreamInfo


@dataclass(frozen=True, kw_only=True)
class MediaFacts:
    """A file's content: what its picture is, when its frames are shown, what its other streams carry."""

    info: SourceInfo
    frame_times: array[int]
    """Presentation times in units of `time_base`, in order."""
    time_base: Fraction
    digests: dict[int, StreamDigest]
    """By stream index; for the streams that are neither picture, cover nor attachment."""
    attachments: tuple[tuple[str, str], ...] = ()
    """(file name, digest of the content), in order; two may have the same name."""
    covers: tuple[str, ...] = ()
    """Digests of the cover pictures, whether the container keeps them as streams or attachments."""
    faults: ReadFaults = field(default_factory=ReadFaults)
    captioned_frames: int = 0
    """Frames with closed captions inside the coded picture."""
    transparent_frames: int = 0
    """Frames whose alpha plane is not opaque everywhere."""


def content_digest(data: bytes) -> str:
    """Return a digest of an attachment's content."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def attachment_facts(
    streams: tuple[StreamInfo, ...],
) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Return the names and digests of the attachments, and the digests of the covers."""
    files = tuple((s.filename, content_digest(s.data)) for s in streams if s.kind == "attachment")
    covers = tuple(sorted(content_digest(s.data) for s in streams if s.kind == "cover"))
    return files, covers


def facts_by_decoding(source: Reader, result_container: str) -> MediaFacts:
    """Return the facts of a source, its frame times as its decoder gives them. Reads all of it.

    `result_container` is where they are expected: one without edit lists does not get what they hide.
    """
    times = array("q")
    edits = EditList(result_container)
    transparent = captioned = 0
    digests = {
        s.index: StreamDigest(codec=s.codec, time_base=s.time_base)
        for s in source.info.streams
        if s.kind not in ("attachment", "cover")
    }
    for item in source.items():
        if not isinstance(item, CopiedPacket):
            times.append(item.pts)
            transparent += is_transparent(item)
            captioned += source.captions_seen and has_captions(item)
        elif item.stream.index in digests:
            for packet in edits.feed(item.stream.index, item.packet):
                digests[item.stream.index].add(packet)
    files, covers = attachment_facts(source.info.streams)
    return MediaFacts(
        info=source.info,
        frame_times=times,
        time_base=source.video.time_base,
        digests=digests,
        attachments=files,
        covers=covers,
        faults=source.faults,
        captioned_frames=captioned,
        transparent_frames=transparent,
    )


def facts_by_demuxing(result: str | Path) -> MediaFacts:
    """Return the facts of a result: its first frame decoded, everything else read as packets.

    A packet of the picture counts as one frame, which holds for whatever vsr's encoders write.
    """
    with Reader(result, deinterlace="off", threads=1) as reader:
        info, faults = reader.info, reader.faults
    times: array[int] = array("q")
    digests = {
        s.index: StreamDigest(codec=s.codec, time_base=s.time_base)
        for s in info.streams
        if s.kind not in ("attachment", "cover")
    }
    with reading(str(result)):
        captioned = _count_packets(str(result), info, times, digests)
    files, covers = attachment_facts(info.streams)
    return MediaFacts(
        info=info,
        frame_times=array("q", sorted(times)),
        time_base=info.video.time_base,
        digests=digests,
        attachments=files,
        covers=covers,
        faults=faults,
        captioned_frames=captioned,
    )


def seconds_left_in(result: str | Path) -> Fraction | None:
    """Return how long the picture of an unfinished file lasts, or None where the file cannot be opened."""
    begin: Fraction | None = None
    end = Fraction(0)
    container: Any
    with (
        contextlib.suppress(av.error.FFmpegError, OSError),  # at a torn end, what is before it counts
        av.open(images.ffmpeg_url(str(result)), "r", metadata_errors="replace") as container,
    ):
        for packet in container.demux(video=0):
            if packet.pts is not None:
                time = packet.pts * Fraction(packet.time_base)
                begin = time if begin is None else min(begin, time)
                end = max(end, time + packet.duration * Fraction(packet.time_base))
    return None if begin is None else end - begin


def _count_packets(name: str, info: SourceInfo, times: array[int], digests: dict[int, StreamDigest]) -> int:
    """Account for every packet; return how many of the picture carry captions."""
    captioned = 0
    container: Any
    with av.open(images.ffmpeg_url(name), "r", metadata_errors="replace") as container:
        for packet in container.demux():
            if not packet.size:
                continue
            if packet.stream_index == info.video.index:
                if packet.pts is not None and not packet.is_discard:
                    times.append(packet.pts)
                captioned += CAPTION_MARK in bytes(packet)
            elif packet.stream_index in digests:
                digests[packet.stream_index].add(packet)
    return captioned
