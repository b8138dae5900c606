"""FFmpeg's errors as sentences, and its log kept off the user's terminal."""

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

import av
import av.sidedata.sidedata

from vsr.errors import DecodeError, EncodeError, MediaError, OptionError
from vsr.media.images import is_url
from vsr.media.network import network_reason

logging.getLogger("libav").addHandler(logging.NullHandler())
logging.getLogger("libav").propagate = False


def _kind_unknown_to_pyav(kinds: type[Enum], value: object) -> Enum:
    kind = object.__new__(kinds)
    kind._name_, kind._value_ = f"KIND_{value}", value
    return kind


# FFmpeg knows more kinds of side data than PyAV, Exif among them. Without this, one such item in a
# picture makes all of its side data unreadable.
av.sidedata.sidedata.Type._missing_ = classmethod(_kind_unknown_to_pyav)  # type: ignore[assignment]

_REMEDIES: dict[type[BaseException], str] = {
    av.error.FileNotFoundError: "no such file; check the name",
    av.error.PermissionError: "permission denied; check the rights of the file and its folder",
    av.error.IsADirectoryError: "it is a folder; name a file in it",
    av.error.ProtocolNotFoundError: "this FFmpeg lacks the protocol; fetch the file, or pipe it in as -",
    av.error.DemuxerNotFoundError: "this FFmpeg cannot read that container",
    av.error.MuxerNotFoundError: "this FFmpeg cannot write that container; name it out.mkv",
    av.error.DecoderNotFoundError: "this FFmpeg lacks the decoder; pipe it in as - from one that has",
    av.error.EncoderNotFoundError: "this FFmpeg lacks the encoder; `vsr doctor` lists what it has",
    av.error.ExitError: "nothing comes within the time limit; check that something is being sent",
    av.error.InvalidDataError: "it is not media, or it is damaged at its beginning",
}

os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 writes to the terminal past FFmpeg: errors only


def explain(error: BaseException, name: str) -> str:
    """Return a sentence about what went wrong with `name`, with what to do next."""
    number = getattr(error, "errno", None)
    if number in (errno.ENOSPC, errno.EDQUOT):
        return f"{name}: the disk is full; free some space or write elsewhere"
    if number == errno.EFBIG:
        return f"{name}: the file may not grow further (file-size limit); raise the limit or write elsewhere"
    reason = network_reason(error, name) if is_url(name) else None
    if reason is not None:
        return f"{name}: {reason}"
    if number == errno.EPIPE:
        return f"{name}: the reader of the pipe is gone"
    for kind, remedy in _REMEDIES.items():
        if isinstance(error, kind):
            return f"{name}: {remedy}"
    text = getattr(error, "strerror", None) or str(error)
    last = getattr(error, "log", None)
    last = None if last is None or last[1] in av.codecs_available else last  # some decoder's, of before
    return f"{name}: {text}{f' ({last[2].strip()})' if last else ''}"


def reason_of(error: BaseException) -> str:
    """Return FFmpeg's own words for an error, which `detailed` lets it keep, or else the error's."""
    log = getattr(error, "log", None)
    return str(log[2]).strip() if log else str(getattr(error, "strerror", None) or error)


@contextmanager
def detailed(level: int = av.logging.PANIC) -> Iterator[None]:
    """Let FFmpeg's log into Python inside the block: its errors then come with the exceptions.

    Only for opening things. FFmpeg's own threads would need the interpreter's lock for each message,
    and a decoder that is closed waits for its threads while it holds that lock.
    """
    try:
        av.logging.set_level(level)
        yield
    finally:
        av.logging.set_level(None)


@contextmanager
def translated(name: str, kind: type[MediaError]) -> Iterator[None]:
    """Turn FFmpeg's and the system's errors inside the block into `kind` with a sentence."""
    try:
        yield
    except MediaError:
        raise
    except (av.error.FFmpegError, OSError) as error:
        raise kind(explain(error, name)) from error


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Errors inside the block become DecodeError."""
    with translated(name, DecodeError):
        yield


@contextmanager
def writing(name: str) -> Iterator[None]:
    """Errors inside the block become EncodeError; a bad encoder option an OptionError."""
    try:
        with translated(name, EncodeError):
            yield
    except av.error.OptionNotFoundError as error:
        raise OptionError(explain(error, name)) from error
