"""Pictures, recipes and folders for trainings that last a second."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from vsr.media.png import png_bytes


def scene(seed: int, height: int = 96, width: int = 80) -> npt.NDArray[np.uint8]:
    """Return R, G, B (3, height, width): discs and waves."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    picture = np.full((3, height, width), 90.0)
    for _ in range(12):
        cy, cx, radius = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(4, 25)
        inside = np.clip(radius - np.hypot(y - cy, x - cx), 0, 1)
        picture += inside * (rng.uniform(0, 255, 3)[:, None, None] - picture)
    picture += 20 * np.sin(0.7 * x + 0.3 * y * rng.uniform(0.5, 2))
    samples: npt.NDArray[np.uint8] = np.rint(picture.clip(0, 255)).astype(np.uint8)
    return samples


def fill(folder: Path, count: int = 3, height: int = 96, width: int = 80) -> Path:
    """Put some pictures into a new folder and return it."""
    folder.mkdir(parents=True)
    for seed in range(count):
        (folder / f"{seed}.png").write_bytes(png_bytes(scene(seed, height, width)))
    return folder


BLOCKS = ((2, 3, 6), (2, 6, 8), (3, 8, 8), (3, 8, 8), (3, 8, 8))
"""Of VGG16: layers, and channels in and out, the latter fewer than they are."""


def write_vgg(path: Path) -> None:
    """Write a network of VGG16's shape, narrow and random."""
    rng = np.random.default_rng(5)
    tensors = {}
    for block, (layers, into, out) in enumerate(BLOCKS, 1):
        for layer in range(1, layers + 1):
            wide = into if layer == 1 else out
            tensors[f"conv{block}_{layer}.weight"] = rng.normal(0, 0.6 / np.sqrt(wide), (out, wide, 3, 3))
            tensors[f"conv{block}_{layer}.bias"] = rng.normal(0, 1, out)
    np.savez(path, **{key: value.astype(np.float16) for key, value in tensors.items()})  # type: ignore[arg-type]


def write_recipe(path: Path, text: str) -> Path:
    """Write a small recipe, named as its file, and return the file."""
    path.write_text(f'name = "{path.stem}"\n{text}', encoding="utf-8")
    return path


SMALL = """
[network]
kind = "cnn"
options = { width = 2, layers = 2 }
[data]
folders = ["pictures"]
tile = 12
[training]
steps = 60
batch = 4
warm_up = 5
threads = 1
learning_rate = 1e-2
[evaluation]
folder = "pictures"
every = 20
"""
