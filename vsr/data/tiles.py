"""Tiles from pictures: cut, what teaches nothing and what is there already left out, split, written."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vsr.data.folder import check_new, new_folder
from vsr.data.hashing import HASH_BITS, Seen, perceptual_hashes
from vsr.data.information import Tiles, gradient, largest_cluster
from vsr.data.outcome import REASONS, Examples, Origin, Outcome, Tile
from vsr.data.report import report_page
from vsr.data.sources import Picture, find_files, pictures_of
from vsr.data.splits import SPLITS, assign
from vsr.errors import MediaError, OptionError
from vsr.media.png import png_bytes
from vsr.train.degrade import Degradation, degraded
from vsr.train.pictures import floats

MANIFEST, REPORT = "tiles.csv", "report.html"
_BATCH = 256
"""Tiles that are looked at together: of a large picture with a small stride there are too many."""


@dataclass(frozen=True, kw_only=True)
class TileOptions:
    """How tiles are cut and chosen. Raises OptionError for what cannot be."""

    size: int = 128
    """Side of a tile, in pixels; what is left at the right and the bottom of a picture is dropped."""
    stride: int = 0
    """Pixels from one tile to the next; 0 is the size: no two overlap."""
    every_seconds: float = 5.0
    """Of a video: a frame for each scene, and one each so many seconds within it; 0: none of these."""
    max_distance: float = 5.0
    """Tiles whose hashes differ in at most so many percent of 169 bits are duplicates."""
    max_cluster: float = 0.9
    """A tile is flat if more of its pixels lie in one cluster of its colour histogram."""
    min_gradient: float = 2.0
    """A tile is smooth if pixels differ by less from their neighbours, root mean square, in 1/255."""
    split: tuple[float, float, float] = (0.8, 0.1, 0.1)
    """Shares of train, val and test."""
    seed: int = 1
    """Of the split and of what is random in the degradation."""
    scale: int = 1
    """Above 1: beside each tile one so many times smaller is written."""
    degradation: Degradation = field(default_factory=Degradation)
    """How the smaller one comes about."""

    def __post_init__(self) -> None:
        if not 16 <= self.size <= 4096:
            raise OptionError(f"--size {self.size}: a tile has 16 to 4096 pixels a side")
        if self.seed < 0:
            raise OptionError(f"--seed {self.seed}: give a number that is not negative")
        if self.stride < 0:
            raise OptionError(f"--stride {self.stride}: give pixels from tile to tile, or 0 for the size")
        if not self.every_seconds >= 0:
            raise OptionError(f"--every {self.every_seconds}: give seconds, or 0 for scenes alone")
        if not 0 <= self.max_distance <= 100:
            raise OptionError(
                f"--max-distance {self.max_distance}: give 0 to 100 percent of {HASH_BITS} bits"
            )
        if not 0 < self.max_cluster <= 1:
            raise OptionError(f"--max-cluster {self.max_cluster}: give a share above 0, up to 1 (off)")
        if not self.min_gradient >= 0:
            raise OptionError(f"--min-gradient {self.min_gradient}: give 0 (off) or more, of 255")
        if self.scale < 1 or self.size % self.scale:
            raise OptionError(f"--scale {self.scale}: give a whole number that divides --size {self.size}")

    @property
    def max_bits(self) -> int:
        """The most bits in which the hashes of duplicates differ."""
        return round(self.max_distance / 100 * HASH_BITS)


def prepare_tiles(
    sources: Sequence[Path],
    out: Path,
    options: TileOptions,
    tell: Callable[[int, int, int], None] = lambda done, files, kept: None,
) -> Outcome:
    """Cut the pictures of all sources into tiles and write them into the new folder `out`.

    It gets train/, val/ and test/ with PNG files, in each x2/ (of scale 2) with the smaller ones, tiles.csv
    and report.html. `tell` is called after each file with the files done, all files, and the tiles kept.
    Raises OptionError where there is no tile to keep, or `out` is not empty; OSError where it cannot be
    written.
    """
    check_new(out)
    files = find_files(sources)
    with new_folder(out) as work:
        cutter = _Cutter(work, options)
        for done, path in enumerate(files, 1):
            cutter.add_file(path)
            tell(done, len(files), len(cutter.outcome.kept))
        return cutter.finish()


def cut(rgb: npt.NDArray[np.uint8], size: int, stride: int) -> Iterator[tuple[Tiles, list[tuple[int, int]]]]:
    """Yield some whole tiles of a picture (3, height, width) at a time, row by row, and (x, y) of each."""
    if min(rgb.shape[1:]) < size:
        return
    windows = np.lib.stride_tricks.sliding_window_view(rgb, (size, size), axis=(1, 2))[:, ::stride, ::stride]
    rows, columns = windows.shape[1:3]
    for begin in range(0, rows * columns, _BATCH):
        y, x = np.divmod(np.arange(begin, min(begin + _BATCH, rows * columns)), columns)
        places = list(zip((x * stride).tolist(), (y * stride).tolist(), strict=True))
        yield windows[:, y, x].swapaxes(0, 1), places


class _Cutter:
    """Takes files one by one; of what it has seen it holds hashes and a few examples only."""

    def __init__(self, folder: Path, options: TileOptions) -> None:
        self.outcome = Outcome()
        self._folder = folder
        self._options = options
        self._seen = Seen(options.max_bits)
        self._examples = {name: Examples(options.seed) for name in ("kept", *REASONS)}
        self._small = f"x{options.scale}" if options.scale > 1 else ""
        for split in SPLITS:
            (folder / split / self._small).mkdir(parents=True)
        # Which split a tile belongs to is known only when all have been seen.
        self._new = folder / "new"
        (self._new / self._small).mkdir(parents=True)

    def add_file(self, path: Path) -> None:
        """Cut all pictures of a file. One that cannot be read, or not wholly, is a note."""
        before = len(self.outcome.tiles)
        try:
            for picture in pictures_of(path, self._options.every_seconds):
                self._add(picture)
        except MediaError as error:
            self.outcome.notes.append(str(error))
            return
        if len(self.outcome.tiles) == before:
            self.outcome.too_small.append(path)

    def _add(self, picture: Picture) -> None:
        options, outcome = self._options, self.outcome
        index = len(outcome.origins)
        outcome.origins.append(Origin(picture.path, picture.seconds, picture.scene))
        for tiles, places in cut(picture.rgb, options.size, options.stride or options.size):
            rows = [Tile(index, x, y) for x, y in places]
            outcome.tiles += rows
            self._choose(rows, tiles)

    def _choose(self, rows: list[Tile], tiles: Tiles) -> None:
        """Decide for each of some tiles, and write those that are kept."""
        options = self._options
        clusters, gradients = largest_cluster(tiles), gradient(tiles)
        for row, cluster, edges in zip(rows, clusters, gradients, strict=True):
            if cluster > options.max_cluster:
                row.dropped, row.detail = "flat", f"{cluster:.0%} in one cluster"
            elif edges < options.min_gradient:
                row.dropped, row.detail = "smooth", f"gradient {edges:.2f}"
        rest = [index for index, row in enumerate(rows) if not row.dropped]
        twins, bits = self._seen.add(perceptual_hashes(tiles[rest]))
        for index, twin, apart in zip(rest, twins, bits, strict=True):
            row = rows[index]
            if twin < 0:
                self._keep(row, tiles[index])
            else:
                row.dropped, row.detail, row.number = "duplicate", f"{apart} bits", int(twin)
        for row, tile in zip(rows, tiles, strict=True):
            self._examples[row.dropped or "kept"].offer(row, tile)

    def _keep(self, row: Tile, tile: npt.NDArray[np.uint8]) -> None:
        options = self._options
        row.number = len(self.outcome.kept)
        self.outcome.kept.append(row)
        (self._new / row.name).write_bytes(png_bytes(tile))
        if self._small:
            rng = np.random.default_rng((options.seed, row.number))
            small = degraded(floats(tile), options.scale, options.degradation, rng)
            samples = np.rint(small * 255).clip(0, 255).astype(np.uint8)
            (self._new / self._small / row.name).write_bytes(png_bytes(samples))

    def finish(self) -> Outcome:
        """Split what was kept, and write manifest and report."""
        outcome, options = self.outcome, self._options
        if not outcome.kept:
            raise OptionError(self._nothing())
        units = _units(outcome)
        counts = np.bincount([units[tile.picture] for tile in outcome.kept], minlength=max(units) + 1)
        links = [
            (units[tile.picture], units[outcome.kept[tile.number].picture])
            for tile in outcome.tiles
            if tile.dropped == "duplicate"
        ]
        splits = assign(counts.tolist(), links, options.split, options.seed)
        outcome.splits = [splits[units[tile.picture]] for tile in outcome.kept]
        for tile in outcome.kept:
            for name in {"", self._small}:
                target = self._folder / SPLITS[outcome.splits[tile.number]] / name / tile.name
                (self._new / name / tile.name).rename(target)
        shutil.rmtree(self._new)
        outcome.write_manifest(self._folder / MANIFEST)
        page = report_page(
            outcome, self._folder, {name: each.chosen for name, each in self._examples.items()}
        )
        (self._folder / REPORT).write_text(page, encoding="utf-8")
        return outcome

    def _nothing(self) -> str:
        """Return why there is no tile."""
        outcome, size = self.outcome, self._options.size
        if outcome.tiles:
            counts = outcome.counts()
            why = ", ".join(f"{counts[each]} {each}" for each in REASONS)
            return f"no tile was kept of {counts['cut']} ({why}); raise --max-cluster or lower --min-gradient"
        if outcome.too_small:
            return f"no picture has {size} pixels both ways; choose a smaller --size"
        return f"no picture could be read: {outcome.notes[0]}"


def _units(outcome: Outcome) -> list[int]:
    """Return for each picture the number of what stays together: its image, or its scene of a video."""
    numbers: dict[tuple[Path, int], int] = {}
    return [numbers.setdefault((origin.path, origin.scene), len(numbers)) for origin in outcome.origins]
