"""Pictures and files for the tests of quality."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.nets.test_checkpoint import safetensors
from tests.nets.weights import Arrays
from vsr.media.png import png_bytes

SHARED = Path(__file__).parents[3] / "shared/data"
SET5 = SHARED / "test/Set5"
VGG16 = SHARED / "weights/vgg16_conv1_1-conv5_3_fp16.npz"


def drawing(width: int, height: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Return (H, W, 3) R G B of flat areas, slopes, thin lines and a little noise."""
    y, x = np.mgrid[:height, :width]
    value = 60 + 70 * ((x // 13 + y // 9) % 2) + 60 * ((x + 2 * y) % 23 < 2) + x // 4 % 20
    noise = np.random.default_rng(seed).integers(0, 12, (height, width, 3))
    colored: npt.NDArray[np.floating] = value[..., None] * np.array([1.0, 0.8, 0.6]) + noise
    samples: npt.NDArray[np.uint8] = np.clip(colored, 0, 255).astype(np.uint8)
    return samples


def write_png(path: Path, rgb: npt.NDArray[np.uint8]) -> Path:
    """Write a picture and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png_bytes(rgb.transpose(2, 0, 1)))
    return path


def folder_of(folder: Path, *sizes: tuple[int, int]) -> Path:
    """Return a folder with a picture of each (width, height): p0.png, p1.png, ..."""
    for index, (width, height) in enumerate(sizes):
        write_png(folder / f"p{index}.png", drawing(width, height, index))
    return folder


def write_network(path: Path, tensors: Arrays) -> Path:
    """Write a checkpoint and return its path."""
    path.write_bytes(safetensors(tensors))
    return path
