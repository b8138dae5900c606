"""The clip that all contenders enlarge: frames of a video halved, kept uncompressed, and what they were."""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from vsr.bench.models import drawing
from vsr.color import ChromaLocation, ColorSpec, Matrix, Range
from vsr.errors import OptionError
from vsr.frame import Frame, PictureSpec, Plane, pixel_format
from vsr.media.images import as_path
from vsr.media.reader import Reader
from vsr.upscaler import Upscaler

SCALE = 2
SHRINKER = "bicubic"
"""The papers' way to make small pictures of large ones."""
FORMAT = pixel_format("yuv420p")
_MARK = b"FRAME\n"
_BLOCK = 4
"""Sides of the original are cut to a multiple of this, so that those of the small chroma are whole."""
_LEAST_SIDE, _MOST_SECONDS = 64, 60.0
_DRAWN = PictureSpec(
    width=1280,
    height=720,
    format=FORMAT,
    color=ColorSpec(matrix=Matrix.BT709, range=Range.LIMITED, chroma_location=ChromaLocation.LEFT),
)


@dataclass(frozen=True, kw_only=True)
class Clip:
    """Small frames in `small.y4m` and the luma that they were in `original.luma`, both in `folder`.

    Frames are 8-bit 4:2:0 of limited range, chroma sited left. Thread-safety: safe, immutable.
    """

    name: str
    width: int
    """Of the small frames, in luma samples, as is `height`."""
    height: int
    frames: int
    folder: Path = field(default_factory=Path)

    @property
    def source(self) -> PictureSpec:
        """A small frame."""
        return self._picture(1)

    @property
    def target(self) -> PictureSpec:
        """An enlarged frame."""
        return self._picture(SCALE)

    @property
    def small(self) -> Path:
        """The small frames, as YUV4MPEG2."""
        return self.folder / "small.y4m"

    @property
    def header(self) -> bytes:
        """What the file of small frames begins with."""
        size = f"W{self.width} H{self.height}"
        return f"YUV4MPEG2 {size} F25:1 Ip A1:1 C420mpeg2 XCOLORRANGE=LIMITED\n".encode()

    @property
    def frame_bytes(self) -> int:
        """What each small frame takes in the file, its mark too."""
        return len(_MARK) + FORMAT.frame_bytes(self.width, self.height)

    def save(self) -> None:
        """Write what `load` reads."""
        content = {name: value for name, value in asdict(self).items() if name != "folder"}
        (self.folder / "clip.json").write_text(json.dumps(content), encoding="utf-8")

    @staticmethod
    def load(folder: Path) -> Clip:
        """Return the clip that was saved in a folder."""
        return Clip(**json.loads((folder / "clip.json").read_text(encoding="utf-8")), folder=folder)

    def originals(self) -> Iterator[Plane]:
        """Yield the luma that each frame was, (2 height, 2 width)."""
        width, height = self.width * SCALE, self.height * SCALE
        with (self.folder / "original.luma").open("rb") as file:
            for _ in range(self.frames):
                yield np.frombuffer(file.read(width * height), np.uint8).reshape(height, width)

    def _picture(self, factor: int) -> PictureSpec:
        # The matrix is that of the small frames, before and after: y4m does not say it, so all guess it.
        color, _ = ColorSpec(range=Range.LIMITED, chroma_location=ChromaLocation.LEFT).guessed(self.height)
        return PictureSpec(width=self.width * factor, height=self.height * factor, format=FORMAT, color=color)


class SmallFrames:
    """Reads a clip's small frames from its file, one after the other, from the first again after the last.

    Ownership: a frame's planes are overwritten by the next one. Thread-safety: one thread.
    """

    def __init__(self, clip: Clip) -> None:
        self._clip = clip
        self._file = os.open(clip.small, os.O_RDONLY)
        weakref.finalize(self, os.close, self._file)
        self._buffer = bytearray(clip.frame_bytes)
        self._planes = planes_in(memoryview(self._buffer)[len(_MARK) :], clip.width, clip.height)
        self._number = 0

    def next(self) -> tuple[Plane, ...]:
        """Return the planes of the next frame."""
        self.next_bytes()
        return self._planes

    def next_bytes(self) -> bytearray:
        """Return the next frame as it lies in the file, with its mark."""
        place = len(self._clip.header) + self._number * self._clip.frame_bytes
        os.preadv(self._file, [self._buffer], place)
        self._number = (self._number + 1) % self._clip.frames
        return self._buffer


def planes_in(buffer: memoryview | bytes, width: int, height: int) -> tuple[Plane, ...]:
    """Return views of the planes of an 8-bit 4:2:0 frame whose samples lie in `buffer` without gaps."""
    planes, start = [], 0
    for plane in range(FORMAT.num_planes):
        rows, columns = FORMAT.plane_shape(plane, width, height)
        samples = np.frombuffer(buffer, np.uint8, rows * columns, start)
        planes.append(samples.reshape(rows, columns))
        start += rows * columns
    return tuple(planes)


def make(source: str | None, folder: Path, count: int) -> Clip:
    """Make the clip of `count` frames, or all where there are fewer, spread over the first minute.

    Without `source` it is a moving drawing of 1280x720. Raises OptionError for pictures that are too small,
    and what Reader raises.
    """
    if source is None:
        return _write(f"drawing {_DRAWN.width}x{_DRAWN.height}", _DRAWN, _drawn(count), folder)
    with Reader(as_path(source)) as reader:
        frames = spread(_first_minute(reader), count)
        return _write(Path(source).name, reader.video, frames, folder)


def spread(frames: Iterable[Frame], count: int) -> list[Frame]:
    """Return `count` of the frames at even distances; all where there are fewer. Keeps at most twice that."""
    kept: list[Frame] = []
    stride = 1
    for index, frame in enumerate(frames):
        if index % stride:
            continue
        kept.append(frame)
        if len(kept) == 2 * count:
            del kept[1::2]
            stride *= 2
    if len(kept) <= count:
        return kept
    return [kept[index * len(kept) // count] for index in range(count)]


def _first_minute(frames: Iterable[Frame]) -> Iterator[Frame]:
    first = None
    for frame in frames:
        first = frame.pts_seconds if first is None else first
        if frame.pts_seconds - first > _MOST_SECONDS:
            return
        yield frame


def _drawn(count: int) -> list[Frame]:
    picture = drawing(_DRAWN)
    moved = []
    for index in range(count):
        planes = tuple(np.roll(plane, 3 * index, axis=1) for plane in picture.planes)
        moved.append(replace(picture, planes=planes))
    return moved


def _write(name: str, spec: PictureSpec, frames: Iterable[Frame], folder: Path) -> Clip:
    """Write the frames, cut to whole blocks, small and as they were."""
    width, height = (side // _BLOCK * _BLOCK for side in (spec.width, spec.height))
    if min(width, height) < _LEAST_SIDE:
        raise OptionError(
            f"{name} is {spec.width}x{spec.height}; peers are compared on clips of "
            f"{_LEAST_SIDE}x{_LEAST_SIDE} or more: name a larger one"
        )
    whole = PictureSpec(width=spec.width, height=spec.height, format=spec.format, color=spec.color)
    matrix = Matrix.BT709 if spec.format.family == "rgb" else spec.color.guessed(spec.height)[0].matrix
    color = replace(spec.color, matrix=matrix, range=Range.LIMITED, chroma_location=ChromaLocation.LEFT)
    plain = Upscaler(
        "bicubic", source=whole, size=(spec.width, spec.height), target_format=FORMAT, target_color=color
    )
    cut = replace(plain.output, width=width, height=height)
    shrink = Upscaler(SHRINKER, source=cut, size=(width // SCALE, height // SCALE))
    written = 0
    with (folder / "small.y4m").open("wb") as small, (folder / "original.luma").open("wb") as original:
        clip = Clip(name=name, width=width // SCALE, height=height // SCALE, frames=0, folder=folder)
        small.write(clip.header)
        for frame in frames:
            large = _cut(plain(frame), width, height)
            original.write(large.planes[0].tobytes())
            small.write(_MARK + b"".join(plane.tobytes() for plane in shrink(large).planes))
            written += 1
    clip = replace(clip, frames=written)
    clip.save()
    return clip


def _cut(frame: Frame, width: int, height: int) -> Frame:
    shapes = (FORMAT.plane_shape(plane, width, height) for plane in range(FORMAT.num_planes))
    cut = tuple(
        np.ascontiguousarray(plane[:rows, :columns])
        for plane, (rows, columns) in zip(frame.planes, shapes, strict=True)
    )
    return replace(frame, planes=cut)
