"""Drawings from a seed, each with an exact smaller version, as files."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vsr.data.drawing.raster import render, shrunk
from vsr.data.drawing.scenes import draw_scene
from vsr.data.folder import new_folder
from vsr.errors import OptionError
from vsr.media.png import png_bytes

MANIFEST = "lineart.csv"
_MAX_SIDE = 8192
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class LineArtOptions:
    """Which drawings are made. Raises OptionError for what cannot be."""

    count: int
    width: int = 512
    height: int = 512
    """Of the large picture, in pixels."""
    scale: int = 2
    """How many times smaller the small picture is."""
    seed: int = 1
    """Drawing n of a seed is always the same, however many are made."""

    def __post_init__(self) -> None:
        if not 1 <= self.count <= 1_000_000:
            raise OptionError(f"--count {self.count}: give 1 to 1,000,000 drawings")
        if self.seed < 0:
            raise OptionError(f"--seed {self.seed}: give a number that is not negative")
        if not 2 <= self.scale <= 8:
            raise OptionError(f"--scale {self.scale}: the small picture is 2 to 8 times smaller")
        for side in (self.width, self.height):
            if not 16 <= side <= _MAX_SIDE or side % self.scale:
                raise OptionError(
                    f"--size {self.width}x{self.height}: each side has 16 to {_MAX_SIDE} pixels and is a "
                    f"multiple of --scale {self.scale}"
                )


def draw_pair(options: LineArtOptions, number: int) -> tuple[Bytes, Bytes]:
    """Return drawing `number`, from 0, large and small: (3, height, width) of R, G, B.

    Every sample of both is the mean of the drawing over its pixel's area, in gamma, rounded once.
    """
    rng = np.random.default_rng((options.seed, number))
    scene = draw_scene(rng, options.width, options.height)
    large = render(scene.shapes, scene.background, options.width, options.height)
    return _samples(large), _samples(shrunk(large, options.scale))


def draw_all(
    out: Path, options: LineArtOptions, tell: Callable[[int, int], None] = lambda done, count: None
) -> None:
    """Write drawings 000000.png and on into the new folder `out`, the small ones into its folder x2 or so.

    lineart.csv has a row for each. `tell` is called after each with those done and all. Raises OptionError
    where `out` is not empty, OSError where it cannot be written.
    """
    small_folder = f"x{options.scale}"
    with new_folder(out) as work:
        (work / small_folder).mkdir()
        with (work / MANIFEST).open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(["large", "small", "seed", "number"])
            for number in range(options.count):
                name = f"{number:06d}.png"
                large, small = draw_pair(options, number)
                (work / name).write_bytes(png_bytes(large))
                (work / small_folder / name).write_bytes(png_bytes(small))
                rows.writerow([name, f"{small_folder}/{name}", options.seed, number])
                tell(number + 1, options.count)


def _samples(picture: npt.NDArray[np.float32]) -> Bytes:
    return np.rint(picture * 255).clip(0, 255).astype(np.uint8)
