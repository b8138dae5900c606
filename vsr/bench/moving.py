"""A moving picture made here, for where no clip is at hand: two layers with texture and edges, and grain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vsr.options import UpscaleOptions
from vsr.pipeline.job import Job

RATE = 24
"""Frames a second."""
_BACK_STEP, _FRONT_STEP = 2, -5
"""Pixels that the layers move in a frame; even for chroma's sake would hide motion between samples."""
_GRAIN = 1.5
"""Standard deviation of the noise of each frame, in code values."""
_GRAIN_REACH = 256
"""Each frame has another part of it: another place of so many by so many."""
_CRF = 18.0
Layer = npt.NDArray[np.float32]


def synthetic_clip(folder: Path, width: int, height: int, frames: int) -> Path:
    """Write a clip of that size as a video codec has it, and return its file."""
    raw, clip = folder / "moving.y4m", folder / f"synthetic-{width}x{height}.mkv"
    with raw.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{RATE}:1 Ip A1:1 C420mpeg2\n".encode())
        for planes in moving_picture(width, height, frames):
            file.write(b"FRAME\n")
            for plane in planes:
                file.write(plane.tobytes())
    options = UpscaleOptions(model="bilinear", scale=1, crf=_CRF, overwrite=True)
    with Job(str(raw), str(clip), options) as job:
        job.run()
    raw.unlink()
    return clip


def moving_picture(width: int, height: int, frames: int) -> Iterator[tuple[npt.NDArray[np.uint8], ...]]:
    """Yield the planes of each frame, 8-bit 4:2:0 of limited range; the same every time."""
    rng = np.random.default_rng(1)
    back, front = (_scenery(rng, height, width + abs(step) * frames) for step in (_BACK_STEP, _FRONT_STEP))
    chroma_shape = (-(-height // 2), -(-width // 2) + abs(_BACK_STEP) * frames)
    chroma = [128 + 22 * _noise(rng, chroma_shape, cell) for cell in (40, 56)]
    shape = _noise(rng, front.shape, 90) > 0.6
    grain = _GRAIN * rng.standard_normal((height + _GRAIN_REACH, width + _GRAIN_REACH), np.float32)
    for number in range(frames):
        y, x = rng.integers(_GRAIN_REACH, size=2)
        luma = _seen(back, _BACK_STEP, number, frames, width)
        hides = _seen(shape, _FRONT_STEP, number, frames, width)
        luma = np.where(hides, _seen(front, _FRONT_STEP, number, frames, width), luma)
        yield (
            _codes(luma + grain[y : y + height, x : x + width], 235),
            *(_codes(_seen(c, _BACK_STEP // 2, number, frames, -(-width // 2)), 240) for c in chroma),
        )


def _scenery(rng: np.random.Generator, height: int, width: int) -> Layer:
    """Return luma with slopes, areas with hard edges, and texture."""
    size = (height, width)
    slopes, texture = 20 * _noise(rng, size, 130), 7 * _noise(rng, size, 6) + 4 * _noise(rng, size, 2)
    areas = 40.0 * (_noise(rng, size, 34) > 0) + 30.0 * (_noise(rng, size, 15) > 0.8)
    return np.asarray(90 + slopes + areas + texture, np.float32)


def _noise(rng: np.random.Generator, size: tuple[int, int], cell: int) -> Layer:
    """Return smooth noise (height, width) of mean 0, between values `cell` pixels apart."""
    height, width = size
    grid = rng.standard_normal((height // cell + 2, width // cell + 2), np.float32)
    (y, v), (x, u) = (np.divmod(np.arange(n, dtype=np.float32) / cell, 1) for n in size)
    rows, columns = y.astype(int), x.astype(int)
    lines = grid[rows] * (1 - v)[:, None] + grid[rows + 1] * v[:, None]
    return np.asarray(lines[:, columns] * (1 - u) + lines[:, columns + 1] * u, np.float32)


def _seen(layer: npt.NDArray[np.generic], step: int, number: int, frames: int, width: int) -> Layer:
    left = step * number if step > 0 else -step * (frames - 1 - number)
    return np.asarray(layer[:, left : left + width])


def _codes(samples: Layer, highest: int) -> npt.NDArray[np.uint8]:
    return np.clip(np.rint(samples), 16, highest).astype(np.uint8)
