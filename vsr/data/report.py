"""A page about what was kept and dropped, with pictures: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vsr.data.outcome import REASONS, Outcome, Tile
from vsr.media.rgb import read_rgb8
from vsr.page.html import document, figure, heading, number, paragraph, picture, table

Chosen = Sequence[tuple[Tile, npt.NDArray[np.uint8]]]


def report_page(outcome: Outcome, folder: Path, examples: Mapping[str, Chosen]) -> str:
    """Return the page. `folder` holds the tiles; `examples` are tiles (3, side, side) by their fate."""
    return document("Tiles", _parts(outcome, folder, examples))


def _parts(outcome: Outcome, folder: Path, examples: Mapping[str, Chosen]) -> Iterator[str]:
    counts = outcome.counts()
    files = len({origin.path for origin in outcome.origins})
    yield paragraph(f"{len(outcome.origins):,} pictures of {files:,} files.")
    shares = ((name, count, 100 * count / counts["cut"]) for name, count in counts.items())
    yield table(["", "tiles", "share"], [[n, number(c, 0), number(s, 1, unit=" %")] for n, c, s in shares])
    splits = outcome.split_counts().items()
    yield heading("Splits")
    yield table(["", "tiles", "pictures"], [[name, number(t, 0), number(p, 0)] for name, (t, p) in splits])
    yield paragraph(
        "All tiles of an image, and of a scene of a video, are in one split, and so are pictures that have a "
        "tile in common.",
        soft=True,
    )
    left_out = [f"{path}: smaller than a tile" for path in outcome.too_small] + outcome.notes
    if left_out:
        yield heading(f"Files left out, or not whole: {len(left_out)}")
        yield from map(paragraph, left_out)
    for reason, meaning in REASONS.items():
        yield from _gallery(f"Dropped: {reason}", meaning, outcome, folder, examples[reason])
    yield from _gallery("Kept", "some of those in the folders", outcome, folder, examples["kept"])


def _gallery(title: str, meaning: str, outcome: Outcome, folder: Path, chosen: Chosen) -> Iterator[str]:
    yield heading(title)
    yield paragraph(meaning if chosen else "None.", soft=True)
    figures = "".join(_figure(outcome, folder, tile, rgb) for tile, rgb in chosen)
    yield f'<div class="tiles">{figures}</div>'


def _figure(outcome: Outcome, folder: Path, tile: Tile, rgb: npt.NDArray[np.uint8]) -> str:
    """Return a tile with its caption; a duplicate lies above the tile that was kept for both."""
    pictures = [rgb]
    caption = f"{outcome.origins[tile.picture].text}, {tile.x} {tile.y}"
    if tile.dropped == "duplicate":
        twin = outcome.kept[tile.number]
        pictures.append(read_rgb8(folder / outcome.file_of(twin)))
        caption += f": {tile.detail} from {outcome.origins[twin.picture].text}, {twin.x} {twin.y}"
    elif tile.detail:
        caption += f": {tile.detail}"
    images = "".join(picture(each.transpose(1, 2, 0), "") for each in pictures)
    return figure(images, escape(caption))
