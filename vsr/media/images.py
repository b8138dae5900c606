"""Opening inputs and outputs by name: files, pipes, images and image sequences."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import av

from vsr.errors import DecodeError, OptionError

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}
_PATTERN = re.compile(r"%0?\d*d")


def is_sequence(name: str) -> bool:
    """True for a pattern like frames/%05d.png."""
    return bool(_PATTERN.search(name)) and Path(name).suffix.lower() in IMAGE_SUFFIXES


def is_image(name: str) -> bool:
    """True for a single still image by its suffix."""
    return Path(name).suffix.lower() in IMAGE_SUFFIXES


def open_input(name: str) -> Any:
    """Open a file, URL, image sequence pattern, or `-` for standard input."""
    if name == "-":
        return av.open("pipe:0", "r")
    if is_sequence(name):
        return av.open(name, "r", format="image2", options={"start_number": str(_first_number(name))})
    if "://" not in name and Path(name).is_dir():
        raise DecodeError(
            f"{name}: it is a folder; name a file in it, or an image sequence like {name}/%05d.png"
        )
    return av.open(name, "r", metadata_errors="replace")


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
