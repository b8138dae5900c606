"""What a source is: its streams, its tags, and the facts of its picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntFlag
from fractions import Fraction
from typing import Any, Literal

from vsr.frame import PictureSpec
from vsr.media.sidedata import HdrMetadata

StreamKind = Literal["video", "audio", "subtitle", "data", "attachment", "cover", "unknown"]


class Disposition(IntFlag):
    """What a stream is for; FFmpeg's AV_DISPOSITION values."""

    DEFAULT = 1 << 0
    DUB = 1 << 1
    ORIGINAL = 1 << 2
    COMMENT = 1 << 3
    LYRICS = 1 << 4
    KARAOKE = 1 << 5
    FORCED = 1 << 6
    HEARING_IMPAIRED = 1 << 7
    VISUAL_IMPAIRED = 1 << 8
    CLEAN_EFFECTS = 1 << 9
    ATTACHED_PIC = 1 << 10
    TIMED_THUMBNAILS = 1 << 11
    CAPTIONS = 1 << 16
    DESCRIPTIONS = 1 << 17
    METADATA = 1 << 18
    DEPENDENT = 1 << 19
    STILL_IMAGE = 1 << 20

    @property
    def words(self) -> str:
        """The flags as lower-case words joined by commas."""
        return ", ".join(flag.name.lower() for flag in Disposition if flag in self and flag.name) or "none"


@dataclass(frozen=True, kw_only=True)
class VideoInfo(PictureSpec):
    """The picture stream of a source, as its frames come out of the reader.

    `color` is as tagged; parts may be unspecified. See ColorSpec.guessed.
    """

    index: int
    codec: str
    time_base: Fraction
    frame_rate: Fraction | None
    """Average rate by the container; None where it does not say. Never used to make timestamps up
    where the source has them."""
    sample_aspect_ratio: Fraction
    """Width over height of a sample; 1 where the source does not say."""
    display_matrix: tuple[int, ...] | None
    """The 3x3 transform that the player applies, 16.16 fixed point (2.30 in the last column), or None."""
    interlaced: bool
    """True when the codec or the first frame says so and the reader deinterlaces."""
    captioned: bool
    """True when closed captions came with what was read for the first frame."""
    hdr: HdrMetadata
    num_frames_from_header: int | None
    transparent: bool
    """True when the first frame has alpha that is not opaque everywhere. Many decoders always give alpha."""
    unpacked_from: str | None
    """The decoder's pixel format where it is not planar; unpacking loses nothing."""
    decoder: str
    metadata: dict[str, str] = field(default_factory=dict)
    disposition: Disposition = field(default_factory=lambda: Disposition(0))
    side_data: frozenset[str] = frozenset()
    """Kinds of side data that the first frame has; FFmpeg's names."""
    other_side_data: frozenset[str] = frozenset()
    """Kinds of frame side data present that no writer here can carry."""


@dataclass(frozen=True, kw_only=True)
class StreamInfo:
    """A stream that is not the picture."""

    index: int
    kind: StreamKind
    codec: str
    time_base: Fraction
    metadata: dict[str, str]
    disposition: Disposition
    data: bytes = b""
    """The content of an attachment or a cover picture."""
    handle: Any = field(default=None, repr=False, compare=False)
    """PyAV's stream. Gone when the source is closed: even printing it would then crash the interpreter."""

    @property
    def label(self) -> str:
        """A short name for messages, e.g. "stream 2 (audio, ac3, jpn)"."""
        language = self.metadata.get("language", "und")
        words = [self.kind, self.codec] + ([language] if language != "und" else [])
        return f"stream {self.index} ({', '.join(words)})"

    @property
    def filename(self) -> str:
        """The attachment's file name, or one made up from its kind."""
        name = self.metadata.get("filename")
        return name or f"attachment-{self.index}"


@dataclass(frozen=True)
class Chapter:
    """A chapter; times are exact seconds."""

    start: Fraction
    end: Fraction
    metadata: tuple[tuple[str, str], ...]

    @property
    def title(self) -> str:
        """Its title, or an empty string."""
        return dict(self.metadata).get("title", "")


def trimmed(chapters: tuple[Chapter, ...], begin: Fraction, end: Fraction | None) -> tuple[Chapter, ...]:
    """Return what lies between two moments of the source, with times counted from the first."""
    if not begin and end is None:
        return chapters
    kept = [c for c in chapters if (c.end > begin or c.start >= begin) and (end is None or c.start < end)]
    return tuple(
        Chapter(
            max(Fraction(0), c.start - begin),
            (c.end if end is None else min(c.end, end)) - begin,
            c.metadata,
        )
        for c in kept
    )


@dataclass(frozen=True, kw_only=True)
class SourceInfo:
    """Everything about a source that a result must still have."""

    name: str
    container: str
    video: VideoInfo
    streams: tuple[StreamInfo, ...]
    """All streams but the picture, in order; attachments and covers with their content."""
    chapters: tuple[Chapter, ...]
    metadata: dict[str, str]
    start_seconds: Fraction
    duration_seconds: Fraction | None
    duration_is_stated: bool
    """True when the header states the duration, so that an earlier end means a damaged file."""
    notes: tuple[str, ...] = ()
    """What is to be said of how it is read."""
