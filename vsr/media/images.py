"""Opening inputs and outputs by name: files, pipes, images and image sequences."""

from __future__ import annotations

import os
import re
import select
import sys
from pathlib import Path
from typing import Any

import av

from vsr.errors import DecodeError, OptionError

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}
_PIPE_BUFFER_BYTES = 1 << 20
_NETWORK_TIMEOUT_SECONDS = 30.0
_PATTERN = re.compile(r"%0?\d*d")


def is_sequence(name: str) -> bool:
    """True for a pattern like frames/%05d.png."""
    return bool(_PATTERN.search(name)) and Path(name).suffix.lower() in IMAGE_SUFFIXES


def is_image(name: str) -> bool:
    """True for a single still image by its suffix."""
    return Path(name).suffix.lower() in IMAGE_SUFFIXES


class StandardInput:
    """Standard input as FFmpeg reads it, but a read that waits for data can be ended.

    Thread-safety: `interrupt` may be called from any thread.
    """

    _POLL_SECONDS = 0.1

    def __init__(self) -> None:
        self._interrupted = False
        self._fd = sys.stdin.fileno()

    def interrupt(self) -> None:
        """Make the present and every later read return the end of the file."""
        self._interrupted = True

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes as soon as there are some, or none at the end."""
        while not self._interrupted:
            ready, _, _ = select.select([self._fd], [], [], self._POLL_SECONDS)
            if ready:
                return os.read(self._fd, size)
        return b""


def open_input(name: str, standard_input: StandardInput | None = None) -> Any:
    """Open a file, URL or image sequence pattern; or standard input where that is given."""
    if standard_input is not None:
        return av.open(standard_input, "r", buffer_size=_PIPE_BUFFER_BYTES)
    if is_sequence(name):
        return av.open(name, "r", format="image2", options={"start_number": str(_first_number(name))})
    if "://" not in name and Path(name).is_dir():
        raise DecodeError(
            f"{name}: it is a folder; name a file in it, or an image sequence like {name}/%05d.png"
        )
    timeout = _NETWORK_TIMEOUT_SECONDS if "://" in name else None
    return av.open(name, "r", metadata_errors="replace", timeout=timeout)


def _first_number(pattern: str) -> int:
    path = Path(pattern)
    token = _PATTERN.search(path.name)
    if token is None:
        raise OptionError(f"{pattern}: the number pattern must be in the file's name, not in its folder's")
    head, tail = path.name[: token.start()], path.name[token.end() :]
    expression = re.compile(re.escape(head) + r"(\d+)" + re.escape(tail))
    folder = path.parent
    names = folder.iterdir() if folder.is_dir() else []
    numbers = [int(m[1]) for p in names if (m := expression.fullmatch(p.name))]
    if not numbers:
        raise DecodeError(f"{pattern}: no file matches this pattern")
    return min(numbers)
