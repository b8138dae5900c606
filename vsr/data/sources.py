"""Pictures from folders of images and videos, one after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vsr.errors import DecodeError, OptionError
from vsr.frame import Frame
from vsr.media.images import is_image
from vsr.media.reader import Reader
from vsr.media.rgb import frame_rgb8, read_rgb8

VIDEO_SUFFIXES = (
    ".avi",
    ".gif",
    ".m2ts",
    ".m4v",
    ".mkv",
    ".mov",
    ".mp4",
    ".mpg",
    ".ogv",
    ".ts",
    ".webm",
    ".wmv",
)
_THUMBNAIL = 16
_CUT = 20.0
"""Of 255: how much the thumbnails of two frames differ at least, in the mean, where a scene ends. In drawn
videos it is 50 to 70, and 15 at most within scenes."""
_CUT_FACTOR = 3.0
"""And how many times as much as those of the frames before: a fast pan is no cut."""


@dataclass(frozen=True)
class Picture:
    """An image, or a frame of a video."""

    path: Path
    seconds: float | None
    """The frame's time in the video; None for an image."""
    scene: int
    """The number of its scene in the video; 0 for an image."""
    rgb: npt.NDArray[np.uint8]
    """(3, height, width)"""


def find_files(sources: Iterable[Path]) -> list[Path]:
    """Return the images and videos that are named or lie in folders, at any depth, in order of their names.

    Raises OptionError where a source does not exist, or has none.
    """
    found: dict[Path, None] = {}
    for source in sources:
        if not source.exists():
            raise OptionError(f"{source}: no such file or folder; check the name")
        inside = sorted(source.rglob("*")) if source.is_dir() else [source]
        files = [path for path in inside if path.is_file() and (is_image(path.name) or is_video(path))]
        if not files and source.is_dir():
            raise OptionError(f"{source} has no images and no videos; name a folder that has")
        if not files:
            raise OptionError(f"{source} is neither an image nor a video by its suffix; name one that is")
        found |= dict.fromkeys(files)
    return list(found)


def is_video(path: Path) -> bool:
    """True for a video by its suffix."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def pictures_of(path: Path, every_seconds: float) -> Iterator[Picture]:
    """Yield an image; or of a video the first frame of each scene, and one each `every_seconds` within it.

    With 0 seconds it is the first alone. What is transparent shows white. Raises DecodeError; where a video
    is only damaged, after its last frame.
    """
    if not is_video(path):
        yield Picture(path, None, 0, read_rgb8(path))
        return
    with Reader(path) as reader:
        cuts = CutFinder()
        scene, taken = 0, None
        for frame in reader:
            is_cut = cuts.is_cut(frame)
            scene += is_cut
            if taken is None or is_cut or 0 < every_seconds <= frame.pts_seconds - taken:
                taken = frame.pts_seconds
                yield Picture(path, round(taken, 3), scene, frame_rgb8(frame))
        if reader.faults.damage():
            raise DecodeError(f"{path}: {reader.faults.damage()[0]}")


class CutFinder:
    """Tells where scenes of a video begin. Thread-safety: one thread at a time."""

    def __init__(self) -> None:
        self._last: npt.NDArray[np.float32] | None = None
        self._usual = 0.0

    def is_cut(self, frame: Frame) -> bool:
        """True for the first frame of each scene but the first; all frames are shown in turn."""
        plane = frame.planes[0]
        rows, columns = (np.linspace(0, side - 1, _THUMBNAIL * 4).astype(int) for side in plane.shape)
        samples = plane[np.ix_(rows, columns)].astype(np.float32) * (255 / frame.format.max_value)
        small = samples.reshape(_THUMBNAIL, 4, _THUMBNAIL, 4).mean(axis=(1, 3))
        last, self._last = self._last, small
        if last is None:
            return False
        change = float(np.abs(small - last).mean())
        found = change > max(_CUT, _CUT_FACTOR * self._usual)
        if not found:
            self._usual = 0.8 * self._usual + 0.2 * change
        return found
