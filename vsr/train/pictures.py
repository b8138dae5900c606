"""Pictures from files, as the training and its evaluation take them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from vsr.color import ColorSpec, Matrix, Range
from vsr.errors import OptionError
from vsr.frame import Frame, PictureSpec, empty_frame, pixel_format
from vsr.media.images import IMAGE_SUFFIXES
from vsr.media.reader import Reader
from vsr.ops.convert import Convert

Bytes = npt.NDArray[np.uint8]
T = TypeVar("T", bound=np.generic)
WHITE = (255, 255, 255)


def picture_files(folder: Path) -> list[Path]:
    """Return the images of a folder in the order of their names. Raises OptionError where there are none."""
    if not folder.is_dir():
        raise OptionError(f"{folder} is no folder; give one with images ({' '.join(sorted(IMAGE_SUFFIXES))})")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    if not files:
        raise OptionError(f"{folder} has no images; {' '.join(sorted(IMAGE_SUFFIXES))} are read")
    return files


def read_rgb(path: Path, *, background: tuple[int, int, int] = WHITE) -> Bytes:
    """Return an image as (3, height, width), 8 bits of R, G, B; what is transparent shows the background."""
    with Reader(path, threads=1) as reader:
        return rgb_of(reader.first_frame, background=background)


def rgb_of(frame: Frame, *, background: tuple[int, int, int] = WHITE) -> Bytes:
    """Return a frame in host memory as (3, height, width), 8 bits of R, G, B, over the background.

    Chroma comes to luma's samples by bilinear interpolation; colour that is not tagged is guessed by size.
    """
    is_plain = frame.format.family == "rgb" and frame.format.depth == 8
    samples = (frame.to_numpy() if is_plain else _converted(frame)).transpose(2, 0, 1)
    if len(samples) == 3:
        return np.ascontiguousarray(samples)
    alpha = samples[3:].astype(np.float32) / 255
    behind = np.array(background, np.float32)[:, None, None]
    return np.rint(samples[:3] * alpha + behind * (1 - alpha)).astype(np.uint8)


def floats(samples: Bytes) -> npt.NDArray[np.float32]:
    """Return samples of 8 bits as 0..1."""
    return (samples / 255).astype(np.float32)


def _converted(frame: Frame) -> npt.NDArray[Any]:
    """Return a frame as (height, width, 3 or 4), 8 bits of R, G, B and alpha."""
    color = frame.color.guessed(frame.height, rgb=frame.format.family == "rgb")[0]
    source = PictureSpec(width=frame.width, height=frame.height, format=frame.format, color=color)
    format = pixel_format("gbrap" if frame.format.alpha else "gbrp")
    convert = Convert(source, format, ColorSpec(matrix=Matrix.RGB, range=Range.FULL))
    result = empty_frame(frame.width, frame.height, format)
    convert(frame.planes, result.planes)
    return result.to_numpy()


def cropped(planes: npt.NDArray[T], multiple: int) -> npt.NDArray[T]:
    """Return planes without the last rows and columns that make no whole `multiple`."""
    height, width = (side - side % multiple for side in planes.shape[1:])
    return planes[:, :height, :width]
