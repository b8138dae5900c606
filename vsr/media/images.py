"""Opening inputs and outputs by name: files, pipes, images and image sequences."""

from __future__ import annotations

import os
import re
import select
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from vsr.errors import DecodeError, OptionError
from vsr.media.arrival import LiveInput
from vsr.media.interrupt import interrupted_when

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}
_PIPE_BUFFER_BYTES = 1 << 20
_LIVE_BUFFER_BYTES = 1 << 16
_NETWORK_TIMEOUT_SECONDS = 30.0
_TOKEN = re.compile(r"%%|%(\d*)d")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_SCHEMES = (
    "concat:",
    "concatf:",
    "data:",
    "pipe:",
    "fd:",
    "cache:",
    "async:",
    "crypto:",
    "bluray:",
    "subfile,",
)
"""FFmpeg's own, which need no slashes."""


@dataclass(frozen=True)
class _Pattern:
    """A name like %05d.png, taken apart; head and tail are meant literally."""

    head: str
    digits: int
    tail: str

    def number_in(self, name: str) -> int | None:
        """Return the number if FFmpeg would make this very name from it."""
        match = re.fullmatch(re.escape(self.head) + r"(\d+)" + re.escape(self.tail), name)
        if match is None or match[1] != f"{int(match[1]):0{self.digits or 1}d}":
            return None
        return int(match[1])


def as_path(name: str) -> str:
    """Return the path for FFmpeg's file:name and for file:///name, and any other name as it is."""
    if not name.startswith("file:"):
        return name
    rest = name.removeprefix("file:")
    return rest[2:] if rest.startswith("//") else rest


def is_url(name: str) -> bool:
    """True for what FFmpeg opens by a scheme. A file of that name comes first."""
    if name.startswith("file:"):
        return False
    return bool(_URL.match(name) or name.startswith(_SCHEMES)) and not Path(name).exists()


def ffmpeg_url(name: str) -> str:
    """Return what FFmpeg is to open: paths may hold a colon and look like a scheme."""
    name = as_path(name)
    return name if is_url(name) else f"file:{name}"


def sequence_url(name: str) -> str:
    """Return FFmpeg's pattern for a sequence; in folders and around the number, % stands for itself."""
    pattern = _pattern(name)
    if is_url(name) or pattern is None:
        return name
    folder = name[: len(name) - len(Path(name).name)]
    head, tail = (text.replace("%", "%%") for text in (folder + pattern.head, pattern.tail))
    digits = f"0{pattern.digits}" if pattern.digits else ""
    return f"file:{head}%{digits}d{tail}"


def is_sequence(name: str) -> bool:
    """True for a pattern like frames/%05d.png. A file of that very name comes first."""
    return _pattern(name) is not None and is_image(name) and not Path(name).is_file()


def files_of(name: str) -> list[Path]:
    """Return the existing files that a name stands for: those that match a pattern, or the one."""
    path = Path(name)
    pattern = _pattern(name) if is_sequence(name) else None
    if pattern is None:
        return [path] if path.exists() else []
    names = path.parent.iterdir() if path.parent.is_dir() else iter(())
    return [p for p in names if pattern.number_in(p.name) is not None]


def same_files(one: str, other: str) -> bool:
    """True when two names stand for a file in common, also for one that does not exist yet."""
    if Path(one).resolve() == Path(other).resolve() or _makes(one, other) or _makes(other, one):
        return True
    identities = [{(s.st_dev, s.st_ino) for p in files_of(n) if (s := p.stat())} for n in (one, other)]
    return bool(identities[0] & identities[1])


def _makes(sequence: str, name: str) -> bool:
    pattern = _pattern(sequence) if is_sequence(sequence) else None
    same_folder = Path(sequence).parent.resolve() == Path(name).parent.resolve()
    return pattern is not None and same_folder and pattern.number_in(Path(name).name) is not None


def _pattern(name: str) -> _Pattern | None:
    base = Path(name).name
    tokens = [match for match in _TOKEN.finditer(base) if match[1] is not None]
    if not tokens:
        return None
    last = tokens[-1]
    head, tail = (text.replace("%%", "%") for text in (base[: last.start()], base[last.end() :]))
    return _Pattern(head, int(last[1] or 0), tail)


def is_image(name: str) -> bool:
    """True for a single still image by its suffix."""
    return Path(name).suffix.lower() in IMAGE_SUFFIXES


class StandardInput:
    """Standard input as FFmpeg reads it, but a read that waits for data can be ended.

    Thread-safety: `interrupt` may be called from any thread.
    """

    _POLL_SECONDS = 0.1

    def __init__(self, stopped: Callable[[], bool] | None = None) -> None:
        """`stopped` is asked, too, whether the input is to end."""
        self._interrupted = False
        self._stopped = stopped
        if sys.stdin is None:
            raise DecodeError("standard input: it is closed; name a file, or pipe a video in")
        self._fd = sys.stdin.fileno()

    def interrupt(self) -> None:
        """Make the present and every later read return the end of the file."""
        self._interrupted = True

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes as soon as there are some, or none at the end."""
        while not (self._interrupted or (self._stopped is not None and self._stopped())):
            ready, _, _ = select.select([self._fd], [], [], self._POLL_SECONDS)
            if ready:
                return os.read(self._fd, size)
        return b""


def open_input(name: str, standard_input: StandardInput | None = None, live: LiveInput | None = None) -> Any:
    """Open a file, URL or image sequence pattern; or standard input where that is given."""
    if live is not None:
        return _open_live(name, standard_input, live)
    if standard_input is not None:
        return av.open(standard_input, "r", buffer_size=_PIPE_BUFFER_BYTES)
    name = as_path(name)
    if not name:
        raise DecodeError("the name of the source is empty; name a file, or - for standard input")
    if is_sequence(name):
        options = {"start_number": str(_first_number(name)), "pattern_type": "sequence"}
        return av.open(sequence_url(name), "r", format="image2", options=options)
    if is_url(name):
        return av.open(name, "r", metadata_errors="replace", timeout=_NETWORK_TIMEOUT_SECONDS)
    if Path(name).is_dir():
        raise DecodeError(
            f"{name}: it is a folder; name a file in it, or an image sequence like {name}/%05d.png"
        )
    if is_image(name) and "%" in name:
        return av.open(ffmpeg_url(name), "r", format="image2", options={"pattern_type": "none"})
    return av.open(ffmpeg_url(name), "r", metadata_errors="replace")


def _open_live(name: str, standard_input: StandardInput | None, live: LiveInput) -> Any:
    """Open a source that does not wait: by name, as a device, or standard input. Not on the main thread."""
    if live.format is not None:
        _check_format(live.format)
    place: str | StandardInput = standard_input or (name if live.format or is_url(name) else ffmpeg_url(name))
    begin = time.monotonic()
    # Each of the two parts of opening, which are connecting and finding the streams, has PyAV's limit.
    with interrupted_when(lambda: time.monotonic() - begin > live.timeout_seconds):
        return av.open(
            place,
            "r",
            format=live.format,
            options=dict(live.options),
            metadata_errors="replace",
            buffer_size=_LIVE_BUFFER_BYTES,
            timeout=live.timeout_seconds,
        )


def _check_format(name: str) -> None:
    try:
        av.format.ContainerFormat(name, "r")
    except ValueError:
        raise OptionError(
            f"-F {name}: this FFmpeg reads no such format; names are FFmpeg's: lavfi, x11grab, v4l2, mpegts"
        ) from None


def _first_number(name: str) -> int:
    pattern = _pattern(name)
    assert pattern is not None
    numbers = [number for p in files_of(name) if (number := pattern.number_in(p.name)) is not None]
    if not numbers:
        raise DecodeError(f"{name}: no file matches this pattern")
    return min(numbers)
