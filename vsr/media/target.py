"""Where a result goes: from a name and options to a container, checked before work begins."""

from __future__ import annotations

import io
import os
import sys
import uuid
from pathlib import Path
from typing import Any

import av

from vsr.errors import EncodeError, OptionError
from vsr.media.images import (
    ffmpeg_url,
    files_of,
    is_image,
    is_sequence,
    is_url,
    same_files,
    sequence_url,
)
from vsr.media.writer import Target

_NOT_SEEKABLE = {"movflags": "frag_keyframe+empty_moov+delay_moov+default_base_moof"}
_MP4_FAMILY = ("mp4", "mov", "ismv", "ipod")


def resolve(result: str, format: str | None, *, overwrite: bool, source: str) -> tuple[Target, set[str]]:
    """Return the target for a name, and the codecs and encoders that its container takes.

    Raises OptionError or EncodeError for a place that cannot be written.
    """
    if result == "-":
        if sys.__stdout__ is None:
            raise EncodeError("standard output: it is closed; name a file, or open a pipe")
        container = format or "yuv4mpegpipe"
        options = dict(_NOT_SEEKABLE) if container in _MP4_FAMILY else {}
        return _target("-", "pipe:1", container, options)
    if is_url(result):
        return _target(result, result, format or _guess(result), {})
    if is_image(result) and format in (None, "image2"):
        _check_place(result, overwrite=overwrite, source=source)
        if is_sequence(result):
            return _target(result, sequence_url(result), "image2", {})
        return _target(result, ffmpeg_url(result), "image2", {"update": "1"})
    if format not in ("null",):
        _check_place(result, overwrite=overwrite, source=source)
    return _target(result, ffmpeg_url(result), format or _guess(result), {})


def _guess(result: str) -> str:
    suffix = Path(result).suffix.lower()
    if suffix == ".gif":
        raise OptionError(f"{result}: GIF holds 256 colours and no sound; write to .mkv, .mp4 or %05d.png")
    probe: Any
    try:
        probe = av.open(str(Path(os.devnull).parent / f"{uuid.uuid4().hex}{suffix}"), "w")
    except (ValueError, av.error.FFmpegError):
        shown = f"the suffix {suffix!r} names no container" if suffix else "the name has no suffix"
        raise OptionError(f"{result}: {shown}; use .mkv, .mp4, .mov, .webm, or say -f NAME") from None
    name = str(probe.format.name)
    probe.close()
    return name


def _target(name: str, url: str, container: str, options: dict[str, str]) -> tuple[Target, set[str]]:
    probe: Any
    try:
        probe = av.open(io.BytesIO(), "w", format=container)
    except (ValueError, av.error.FFmpegError):
        raise OptionError(
            f"this FFmpeg cannot write the container {container!r}; names are FFmpeg's: matroska, mp4, nut"
        ) from None
    # FFmpeg knows only three of the codecs that its MPEG-TS muxer takes.
    supported = set() if container == "mpegts" else set(probe.supported_codecs)
    probe.close()
    if container in ("yuv4mpegpipe", "null", "md5", "framemd5", "image2", "rawvideo"):
        supported |= {"wrapped_avframe", "rawvideo"} | {codec for codec in _IMAGE_CODECS}
    if container == "yuv4mpegpipe":
        options = options | {"strict": "-1"}  # more than 8 bits: not in the first description, read by all
    return Target(name=name, container=container, url=url, options=options), supported


_IMAGE_CODECS = ("png", "mjpeg", "libwebp", "webp", "bmp", "tiff")


def _check_place(result: str, *, overwrite: bool, source: str) -> None:
    path = Path(result)
    folder = path.parent
    if not result:
        raise OptionError("the name of the result is empty; name a file, or - for standard output")
    if path.is_dir():
        raise OptionError(f"{result}: it is a folder; name a file in it, e.g. {path / 'out.mkv'}")
    if not folder.is_dir():
        raise OptionError(f"{result}: the folder {folder} does not exist; make it first")
    if source != "-" and same_files(result, source):
        raise OptionError(f"{result}: output and input are the same file; choose another name")
    there = [file for file in files_of(result) if file.is_file()]
    if there and not overwrite:
        what = f"{len(there)} files of this pattern exist" if is_sequence(result) else "it exists"
        raise OptionError(f"{result}: {what}; add -y to replace {'them' if is_sequence(result) else 'it'}")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise EncodeError(f"{result}: no permission to write here; choose another folder")
