"""What becomes of each stream that is not the picture: copied, converted, attached, or named as lost."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Literal

import av

from vsr.errors import OptionError
from vsr.media.source import SourceInfo, StreamInfo

Action = Literal["copy", "convert", "attach", "cover", "remade", "leave"]

PICTURE_ONLY = frozenset({"yuv4mpegpipe", "image2", "rawvideo", "null", "md5", "framemd5", "webp"})
"""Containers of pictures alone: choosing one is choosing to leave the rest behind."""

MKV = frozenset({"matroska"})
MP4 = frozenset({"mp4", "mov", "ipod", "psp", "3gp", "3g2", "ismv", "f4v"})
_COVERLESS = frozenset({"mov", "3gp", "3g2"})
_TEXT_SUBTITLES = frozenset({"subrip", "ass", "ssa", "mov_text", "webvtt", "text"})
_TS_EXTRAS = frozenset({"dvb_subtitle", "dvb_teletext", "scte_35", "klv", "timed_id3", "smpte_436m_anc"})
_COVER_SUFFIX = {"mjpeg": ("jpg", "image/jpeg"), "png": ("png", "image/png"), "bmp": ("bmp", "image/bmp")}


@dataclass(frozen=True)
class Route:
    """Where one stream goes."""

    stream: StreamInfo
    action: Action
    encoder: str = ""
    """The subtitle encoder where `action` is convert."""
    reason: str = ""
    """Why it is left behind or converted."""

    @property
    def line(self) -> str:
        """A sentence for the plan."""
        label = self.stream.label
        match self.action:
            case "copy":
                return f"{label}: copied"
            case "convert":
                return f"{label}: converted to {self.encoder}, {self.reason}"
            case "attach":
                return f"{label}: attached"
            case "cover":
                return f"{label}: kept as cover"
            case "remade":
                return f"{label}: {self.reason}"
            case "leave":
                return f"{label}: NOT KEPT, {self.reason}"


class EditList:
    """Applies to a copied stream what an edit list hides, where the new container has no edit lists.

    MP4 marks packets outside its edit list as discarded: seconds that were cut away, or the priming of
    an audio encoder. MP4 results keep them all, hidden as before. Elsewhere they would be heard, so only
    the last one stays, which the decoder needs to begin cleanly.
    """

    def __init__(self, container: str) -> None:
        self._keeps_all = bool(MP4 & set(container.split(",")))
        self._preroll: dict[int, Any] = {}

    def feed(self, index: int, packet: Any) -> tuple[Any, ...]:
        """Take the next packet of stream `index` and return those to write, in order."""
        if self._keeps_all:
            return (packet,)
        if packet.is_discard:
            self._preroll[index] = packet
            return ()
        held = self._preroll.pop(index, None)
        return (packet,) if held is None else (held, packet)


def plan_routes(source: SourceInfo, container: str) -> tuple[Route, ...]:
    """Decide for every stream of `source` what the container can do with it.

    Raises OptionError where the container cannot carry an audio stream: a film without its sound is
    not a result anybody asked for.
    """
    if container in PICTURE_ONLY:
        return tuple(Route(s, "leave", reason=f"{container} holds pictures only") for s in source.streams)
    return tuple(_route(stream, container) for stream in source.streams)


def _route(stream: StreamInfo, container: str) -> Route:
    match stream.kind:
        case "attachment":
            if container in MKV:
                return Route(stream, "attach")
            return Route(stream, "leave", reason=f"{container} holds no attachments; mkv does")
        case "cover":
            return _route_cover(stream, container)
        case "subtitle":
            return _route_subtitle(stream, container)
        case "data" | "unknown":
            return _route_data(stream, container)
        case _:
            if carries(container, stream):
                return Route(stream, "copy")
            if stream.kind == "audio" and not stream.handle.codec_context.sample_rate:
                return Route(stream, "leave", reason="the beginning of the source does not say what it is")
            remedy = (
                "leave it out with ffmpeg first" if container in MKV else "write to a name ending in .mkv"
            )
            raise OptionError(f"{container} cannot carry {stream.label}; {remedy}")


def _route_cover(stream: StreamInfo, container: str) -> Route:
    if container in MKV:
        return Route(stream, "attach")
    if container in MP4 - _COVERLESS and carries(container, stream):
        return Route(stream, "cover")
    return Route(stream, "leave", reason=f"{container} holds no cover picture; mkv and mp4 do")


def _route_subtitle(stream: StreamInfo, container: str) -> Route:
    if carries(container, stream):
        return Route(stream, "copy")
    if stream.codec in _TEXT_SUBTITLES:
        encoder = "subrip" if container in MKV else "mov_text" if container in MP4 else "webvtt"
        if container in MKV | MP4 | {"webm"}:
            return Route(stream, "convert", encoder, f"because {container} cannot carry {stream.codec}")
    return Route(stream, "leave", reason=f"{container} cannot carry {stream.codec}; mkv can")


def _route_data(stream: StreamInfo, container: str) -> Route:
    tag = stream.handle.codec_tag if stream.handle is not None else ""
    if tag == "tmcd":
        if container in MP4:
            return Route(stream, "remade", reason="the muxer makes the timecode track anew from its tag")
        return Route(stream, "remade", reason="kept as the tag `timecode`")
    if carries(container, stream):
        return Route(stream, "copy")
    return Route(stream, "leave", reason=f"{container} holds no such data track")


def carries(container: str, stream: StreamInfo) -> bool:
    """True if the muxer takes the stream as it is: its header is written to memory to find out."""
    if container == "mpegts" and stream.kind in ("subtitle", "data") and stream.codec not in _TS_EXTRAS:
        return False  # the muxer would take it as private data that nobody can read
    if container in MKV and stream.kind in ("data", "unknown"):
        return False
    if stream.handle is None or stream.handle.codec_context is None:
        return False
    out: Any = av.open(io.BytesIO(), "w", format=container)
    try:
        copy = out.add_stream_from_template(stream.handle)
        copy.time_base = stream.time_base
        out.start_encoding()
        out.close()
    except (av.error.FFmpegError, ValueError, OSError):
        return False
    return True


def cover_file(stream: StreamInfo) -> tuple[str, str]:
    """Return the (file name, MIME type) under which a cover is attached to a Matroska file."""
    suffix, mime = _COVER_SUFFIX.get(stream.codec, ("bin", "application/octet-stream"))
    return stream.metadata.get("filename", f"cover.{suffix}"), stream.metadata.get("mimetype", mime)
