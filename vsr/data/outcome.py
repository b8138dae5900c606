"""What became of each tile, and examples of it for people."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vsr.data.splits import SPLITS

REASONS = {
    "flat": "nearly one colour: more of it than allowed lies in one cluster of its colour histogram",
    "smooth": "no edges: pixels hardly differ from their neighbours",
    "duplicate": "like a tile that was there before: their hashes differ in few bits",
}
"""Why a tile is left out, by name, in the order in which they are tried."""
_EXAMPLES = 24


@dataclass(slots=True)
class Tile:
    """A tile and what became of it."""

    picture: int
    """Index of its picture."""
    x: int
    y: int
    dropped: str = ""
    """One of REASONS, or nothing."""
    detail: str = ""
    number: int = -1
    """Where it was kept: its number, from 0. Where it is a duplicate: that of the tile kept for both."""

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.number:06d}.png"


@dataclass(frozen=True)
class Origin:
    """Where a picture came from."""

    path: Path
    seconds: float | None
    """The time of a frame of a video."""
    scene: int

    @property
    def text(self) -> str:
        """For people."""
        return self.path.name if self.seconds is None else f"{self.path.name} at {self.seconds:g} s"


@dataclass(slots=True)
class Outcome:
    """What became of all pictures."""

    origins: list[Origin] = field(default_factory=list)
    tiles: list[Tile] = field(default_factory=list)
    kept: list[Tile] = field(default_factory=list)
    splits: list[int] = field(default_factory=list)
    """Of each tile kept, the index of its split."""
    too_small: list[Path] = field(default_factory=list)
    """Files without one whole tile."""
    notes: list[str] = field(default_factory=list)
    """A sentence for each file that could not be read, or not wholly."""

    @property
    def exit_code(self) -> int:
        """0, or 3 where a file could not be read, or not wholly."""
        return 3 if self.notes else 0

    def counts(self) -> dict[str, int]:
        """Return how many tiles were cut, dropped for each reason, and kept."""
        dropped = Counter(tile.dropped for tile in self.tiles)
        return {"cut": len(self.tiles), **{each: dropped[each] for each in REASONS}, "kept": len(self.kept)}

    def split_counts(self) -> dict[str, tuple[int, int]]:
        """Return for each split how many tiles it has, and of how many pictures."""
        tiles, pictures = Counter(self.splits), [set[int]() for _ in SPLITS]
        for tile, split in zip(self.kept, self.splits, strict=True):
            pictures[split].add(tile.picture)
        return {name: (tiles[index], len(pictures[index])) for index, name in enumerate(SPLITS)}

    def file_of(self, tile: Tile) -> str:
        """Return the path of a tile that was kept, or of the one kept for a duplicate, within the folder."""
        return f"{SPLITS[self.splits[tile.number]]}/{tile.name}"

    def write_manifest(self, path: Path) -> None:
        """Write a row for each tile: its file, source, place, and why it was dropped."""
        with path.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(["file", "split", "source", "seconds", "scene", "x", "y", "dropped", "detail"])
            for tile in self.tiles:
                origin = self.origins[tile.picture]
                name = "" if tile.dropped else self.file_of(tile)
                detail = (
                    f"{tile.detail} from {self.file_of(tile)}"
                    if tile.number >= 0 and name == ""
                    else tile.detail
                )
                seconds = "" if origin.seconds is None else origin.seconds
                place = [origin.path, seconds, origin.scene, tile.x, tile.y]
                rows.writerow([name, name.partition("/")[0], *place, tile.dropped, detail])


class Examples:
    """A few of many tiles, each as likely as any other. Thread-safety: one thread at a time."""

    def __init__(self, seed: int) -> None:
        self.chosen: list[tuple[Tile, npt.NDArray[np.uint8]]] = []
        self._random = np.random.default_rng(seed)
        self._offered = 0

    def offer(self, tile: Tile, rgb: npt.NDArray[np.uint8]) -> None:
        """Take a tile (3, side, side) among the examples, or not."""
        self._offered += 1
        if len(self.chosen) < _EXAMPLES:
            self.chosen.append((tile, rgb.copy()))
        elif (place := int(self._random.integers(self._offered))) < _EXAMPLES:
            self.chosen[place] = (tile, rgb.copy())
