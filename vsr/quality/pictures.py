"""The pictures that upscalers are evaluated on: images, frames of a video, or tiles cut from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vsr.errors import OptionError
from vsr.frame import PictureSpec, empty_frame
from vsr.media.images import IMAGE_SUFFIXES, is_image
from vsr.media.reader import Reader
from vsr.media.rgb import RGB, RGB_COLOR, Array, frame_rgb, full_color, read_rgb, rgb_array
from vsr.ops.resize import Resize
from vsr.quality.metrics import Values, modulo_cropped, ycbcr

_TO_PLANES = (1, 2, 0)
"""Which of R G B each plane is."""
_VIDEO_FRAMES = 10
_LEAST_SPREAD = 4.0
"""Standard deviation of luma, in steps of 8 bits, below which there is nothing in a tile to enlarge."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A picture and its reduced version, (3, H, W) R G B in 0..1."""

    name: str
    high: Array
    low: Array


class Pictures:
    """Pictures read one after the other from a folder of images, one image, or a video.

    From a video, `limit` frames are taken at equal distances, 10 where nobody says. With `tile`, pictures are
    cut into squares of about that side, a multiple of the scale, in the order of the grid; what is left at
    the right and below is dropped, and so are tiles of next to one colour; `limit` is then of tiles.

    Reduced versions are made by bicubic interpolation as MATLAB's imresize makes them, neither rounded nor
    clamped; or read from the folder `low`, whose files have the same stems, with or without x2, x3, ... at
    the end. Transparent pictures are laid over white.

    Iterating reads the files; may be repeated. Raises OptionError for what holds no pictures, for sizes that
    do not fit, DecodeError for a file that cannot be read.
    """

    def __init__(
        self,
        data: str,
        *,
        scale: int,
        low: str | None = None,
        limit: int | None = None,
        tile: int | None = None,
    ) -> None:
        if limit is not None and limit < 1:
            raise OptionError(f"--limit is {limit}; give 1 or more")
        if tile is not None and tile < 2 * scale:
            raise OptionError(f"--tile is {tile}; give {2 * scale} pixels or more for scale {scale}")
        self.data = data
        self.scale = scale
        self.tile = None if tile is None else tile // scale * scale
        self._limit = limit
        self._images = _images(data)
        self._low = _low_files(low, self._images, scale) if low else None
        if low and (self._images is None or tile is not None):
            what = "a video has no" if self._images is None else "tiles are cut without a"
            raise OptionError(f"--lr {low}: {what} folder of reduced pictures; leave --lr out")

    @property
    def sentence(self) -> str:
        """What the pictures are, for people."""
        what = f"{self.tile}x{self.tile} tiles of " if self.tile else ""
        made = "reduced pictures as given" if self._low else "reduced by bicubic (MATLAB imresize)"
        return f"{what}{self.data}, {self.scale}x, {made}"

    def __iter__(self) -> Iterator[Picture]:
        if self.tile is not None:
            yield from self._tiles(self.tile)
            return
        for name, rgb, low in self._whole():
            high = modulo_cropped(rgb, self.scale)
            yield Picture(name=name, high=high, low=self._reduced(high) if low is None else low)

    def _reduced(self, high: Array) -> Array:
        height, width = (side // self.scale for side in high.shape[1:])
        if not height or not width:
            raise OptionError(
                f"a picture of {high.shape[2]}x{high.shape[1]} pixels is too small for scale {self.scale}; "
                "choose larger pictures or a smaller --scale"
            )
        return resized(high, width, height)

    def _tiles(self, side: int) -> Iterator[Picture]:
        found = [
            (f"{name} {left},{top}", np.ascontiguousarray(rgb[:, top : top + side, left : left + side]))
            for name, rgb, _ in self._whole()
            for top in range(0, rgb.shape[1] - side + 1, side)
            for left in range(0, rgb.shape[2] - side + 1, side)
            if float(ycbcr(rgb[:, top : top + side, left : left + side] * 255)[0].std()) >= _LEAST_SPREAD
        ]
        if not found:
            raise OptionError(
                f"{self.data} gives no tile of {side}x{side} pixels with anything in it; "
                "choose larger pictures or a smaller --tile"
            )
        for index in spread(len(found), self._limit):
            name, high = found[index]
            yield Picture(name=name, high=high, low=self._reduced(high))

    def _whole(self) -> Iterator[tuple[str, Array, Array | None]]:
        """Yield (name, picture, its reduced version where that is given)."""
        limit = None if self.tile else self._limit
        if self._images is None:
            yield from ((name, rgb, None) for name, rgb in _frames(self.data, limit or _VIDEO_FRAMES))
            return
        for index in spread(len(self._images), limit):
            path = self._images[index]
            rgb = read_rgb(path)
            low = None if self._low is None else _fitting(path, rgb, self._low[index], self.scale)
            yield path.stem, rgb, low


def spread(count: int, limit: int | None) -> list[int]:
    """Return up to `limit` of the indices below `count`, at equal distances."""
    if limit is None or limit >= count:
        return list(range(count))
    return [(2 * index + 1) * count // (2 * limit) for index in range(limit)]


def resized(rgb: Values, width: int, height: int) -> Array:
    """Return R G B (3, H, W) of another size, by bicubic as MATLAB's imresize; not rounded, not clamped."""
    source = PictureSpec(width=rgb.shape[2], height=rgb.shape[1], format=RGB, color=RGB_COLOR)
    result = empty_frame(width, height, RGB)
    Resize(source, width, height, scaler="bicubic")(planes_of(rgb), result.planes)
    return rgb_array(result)


def planes_of(rgb: Values) -> list[Array]:
    """Return the planes of R G B (3, H, W) in float32 and in the order of frames."""
    return [np.ascontiguousarray(rgb[index], np.float32) for index in _TO_PLANES]


def _frames(name: str, limit: int) -> Iterator[tuple[str, Array]]:
    """Yield frames of a video at equal distances. Decoded twice: headers do not tell how many it has."""
    with Reader(name) as reader:
        count = sum(1 for _ in reader)
    wanted = set(spread(count, limit))
    with Reader(name) as reader:
        color = full_color(reader)
        for index, frame in enumerate(reader):
            if index in wanted:
                yield f"frame {index}", frame_rgb(frame, color)
            if index == max(wanted):
                break


def _images(data: str) -> list[Path] | None:
    """Return the images that a name stands for, in order, or None for a video."""
    path = Path(data)
    if not path.is_dir():
        return [path] if is_image(data) and "%" not in data else None
    found = sorted(p for p in path.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
    if not found:
        raise OptionError(
            f"{data} holds no images ({' '.join(sorted(IMAGE_SUFFIXES))}); "
            "name a folder that does, or a video"
        )
    return found


def _low_files(folder: str, images: list[Path] | None, scale: int) -> list[Path]:
    """Return the reduced version's file for each image."""
    low = _images(folder)
    if low is None:
        raise OptionError(f"--lr {folder} is no folder of images; name one with the reduced pictures")
    by_stem = {path.stem: path for path in low}
    files = []
    for path in images or []:
        names = (path.stem, f"{path.stem}x{scale}")
        file = next((by_stem[name] for name in names if name in by_stem), None)
        if file is None:
            raise OptionError(
                f"--lr {folder} has no {names[0]} or {names[1]} for {path.name}; "
                "both folders need the same names"
            )
        files.append(file)
    return files


def _fitting(path: Path, rgb: Values, low_path: Path, scale: int) -> Array:
    low = read_rgb(low_path)
    wanted = tuple(side // scale for side in rgb.shape[1:])
    if low.shape[1:] != wanted:
        raise OptionError(
            f"{low_path} is {low.shape[2]}x{low.shape[1]}, {path} is {rgb.shape[2]}x{rgb.shape[1]}"
            f": for scale {scale} it must be {wanted[1]}x{wanted[0]}; check --scale and --lr"
        )
    return low
