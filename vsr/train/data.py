"""Tiles of pictures and of what users have of them, in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vsr.errors import OptionError
from vsr.media.rgb import read_rgb8
from vsr.quality.metrics import modulo_cropped
from vsr.train.degrade import Degradation, degraded, luma, resized
from vsr.train.pictures import floats, picture_files
from vsr.train.recipe import DataOptions, Recipe

_FLAT = 1.5
"""Tiles whose samples deviate by less, of 255, teach nothing; one in so many is kept."""
_FLAT_KEPT = 16
_HELD_OUT = 10
T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True)
class Tiles:
    """Pairs of tiles, in groups by degradation. Thread-safety: safe, nobody changes them."""

    small: Tensor
    """(tiles, channels, tile, tile), float16, 0..1."""
    large: Tensor
    """(tiles, channels, tile * scale, tile * scale), uint8."""
    groups: tuple[tuple[int, int, float], ...]
    """The first tile, the one after the last, and the share in a batch."""
    unused: tuple[Path, ...] = ()
    """Pictures smaller than a tile, of which there is none."""

    def batch(self, size: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return `size` pairs in float32, turned and mirrored alike, drawn from `random` alone."""
        shares = torch.tensor([share for _, _, share in self.groups])
        kinds = torch.multinomial(shares, size, replacement=True, generator=random)
        first = torch.tensor([first for first, _, _ in self.groups])[kinds]
        count = torch.tensor([last - first for first, last, _ in self.groups])[kinds]
        index = first + (torch.rand(size, generator=random, dtype=torch.float64) * count).long()
        turn = int(torch.randint(8, (), generator=random))
        return _turned(self.small[index].float(), turn), _turned(self.large[index].float() / 255, turn)


def _turned(tiles: Tensor, turn: int) -> Tensor:
    if turn & 1:
        tiles = tiles.flip(3)
    if turn & 2:
        tiles = tiles.flip(2)
    return tiles.transpose(2, 3) if turn & 4 else tiles


def load_tiles(options: DataOptions, scale: int, root: Path, seed: int) -> Tiles:
    """Return the tiles of all pictures in all sizes, degraded in all ways. Raises OptionError."""
    files = [path for folder in options.folders for path in training_files(root / folder, options.held_out)]
    if not files:
        raise OptionError(
            f"held out are all pictures of {', '.join(options.folders)}: one of each folder and of ten; "
            "give more of them, or leave data.held_out away"
        )
    small: list[npt.NDArray[np.float16]] = []
    large: list[npt.NDArray[np.uint8]] = []
    groups, begin = [], 0
    used: set[int] = set()
    scales = options.enlarged or (scale,)
    for number, (how, each) in enumerate(product(options.degradations, scales)):
        for index, path in enumerate(files):
            rng = np.random.default_rng((seed, number, index))
            for low, high in _pairs(path, options, how, each, rng):
                small.append(low)
                large.append(high)
                used.add(index)
        end = sum(map(len, small))
        if end > begin:
            groups.append((begin, end, how.share))
        begin = end
    if begin == 0:
        side = options.tile * (1 if options.enlarged else scale)
        raise OptionError(
            f"no picture in {', '.join(options.folders)} has {side} samples a side that are not all alike; "
            "choose a smaller data.tile, or other pictures"
        )
    return Tiles(
        torch.from_numpy(np.concatenate(small)),
        torch.from_numpy(np.concatenate(large)),
        tuple(groups),
        tuple(path for index, path in enumerate(files) if index not in used),
    )


def training_files(folder: Path, held_out: bool) -> list[Path]:
    """Return a folder's images, where some are held out without every tenth one."""
    files = picture_files(folder)
    return [path for index, path in enumerate(files) if not held_out or index % _HELD_OUT]


def evaluation_files(recipe: Recipe, root: Path) -> list[Path]:
    """Return the images that a training is measured by: a folder of its own, or those held out, or none."""
    if recipe.evaluation.folder:
        return picture_files(root / recipe.evaluation.folder)
    if not recipe.data.held_out:
        return []
    return [path for folder in recipe.data.folders for path in picture_files(root / folder)[::_HELD_OUT]]


def _pairs(
    path: Path, options: DataOptions, how: Degradation, scale: int, rng: np.random.Generator
) -> Iterator[tuple[npt.NDArray[np.float16], npt.NDArray[np.uint8]]]:
    """Yield the tiles of one picture in each size."""
    background = tuple(int(value) for value in rng.integers(0, 256, 3))
    whole = floats(read_rgb8(path, background=(background[0], background[1], background[2])))
    for shrink in options.shrinks:
        height, width = (int(side * shrink) // scale * scale for side in whole.shape[1:])
        if min(height, width) < options.tile * (1 if options.enlarged else scale):
            continue
        rgb = modulo_cropped(whole, scale) if shrink == 1 else resized(whole, height, width, "area")
        low = degraded(rgb, scale, how, rng)
        if options.planes == "luma":
            low, rgb = luma(low), luma(rgb)
        if options.enlarged:
            low = resized(low, rgb.shape[1], rgb.shape[2], "bicubic")
        yield _cut(low, rgb, options.tile, 1 if options.enlarged else scale, rng)


def _cut(
    low: npt.NDArray[np.float32],
    high: npt.NDArray[np.float32],
    tile: int,
    scale: int,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.uint8]]:
    """Return a grid of tiles whose place is random, most flat ones left out."""
    _, height, width = low.shape
    y, x = (int(rng.integers(0, side % tile + 1)) for side in (height, width))
    small = _grid(low, tile, y, x).astype(np.float16)
    large = _grid(np.rint(high * 255).clip(0, 255).astype(np.uint8), tile * scale, y * scale, x * scale)
    flat = large.astype(np.float32).std(axis=(2, 3)).max(axis=1) < _FLAT
    kept = ~flat | (rng.integers(0, _FLAT_KEPT, len(flat)) == 0)
    return small[kept], large[kept]


def _grid(planes: npt.NDArray[T], side: int, y: int, x: int) -> npt.NDArray[T]:
    channels, height, width = planes.shape
    rows, columns = (height - y) // side, (width - x) // side
    whole = planes[:, y : y + rows * side, x : x + columns * side]
    tiles = whole.reshape(channels, rows, side, columns, side).transpose(1, 3, 0, 2, 4)
    return tiles.reshape(rows * columns, channels, side, side)
