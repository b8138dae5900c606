"""Frames and images as R, G, B: floats of 0..1 to measure, 8 bits to train on and to show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vsr.color import ColorSpec, Matrix, Range
from vsr.frame import Frame, PictureSpec, empty_frame, pixel_format
from vsr.media.reader import Reader
from vsr.ops.convert import Convert

Array = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
WHITE = (255, 255, 255)
RGB = pixel_format("gbrpf32le")
RGB_COLOR = ColorSpec(matrix=Matrix.RGB, range=Range.FULL)
_FROM_PLANES = (2, 0, 1)
"""Which plane is R, G and B."""


def read_rgb(path: Path) -> Array:
    """Return an image as (3, H, W) R G B in 0..1. Raises DecodeError."""
    with Reader(path, threads=1) as reader:
        return frame_rgb(reader.first_frame, full_color(reader))


def full_color(reader: Reader) -> ColorSpec:
    """Return the colour of a reader's frames, what is not tagged guessed."""
    video = reader.video
    chroma = bool(video.format.log2_chroma_w or video.format.log2_chroma_h)
    color, _ = video.color.guessed(video.height, rgb=video.format.family == "rgb", subsampled=chroma)
    return color


def frame_rgb(frame: Frame, color: ColorSpec) -> Array:
    """Return a frame as (3, H, W) R G B in 0..1; `color` is complete. What is transparent lies over white."""
    source = PictureSpec(width=frame.width, height=frame.height, format=frame.format, color=color)
    target = empty_frame(frame.width, frame.height, RGB)
    Convert(source, RGB, replace(color, matrix=Matrix.RGB, range=Range.FULL))(frame.planes, target.planes)
    rgb = np.clip(rgb_array(target), 0, 1)
    if frame.format.alpha:
        alpha = (frame.planes[-1] / frame.format.max_value).astype(np.float32)
        rgb = rgb * alpha + (1 - alpha)
    return rgb


def rgb_array(frame: Frame) -> Array:
    """Return R G B (3, H, W) of a frame of gbrpf32le."""
    return np.stack([frame.planes[index] for index in _FROM_PLANES])


def read_rgb8(path: Path, *, background: tuple[int, int, int] = WHITE) -> Bytes:
    """Return an image as (3, height, width), 8 bits of R, G, B; what is transparent shows the background."""
    with Reader(path, threads=1) as reader:
        return frame_rgb8(reader.first_frame, background=background)


def frame_rgb8(frame: Frame, *, background: tuple[int, int, int] = WHITE) -> Bytes:
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


def _converted(frame: Frame) -> npt.NDArray[Any]:
    """Return a frame as (height, width, 3 or 4), 8 bits of R, G, B and alpha."""
    color = frame.color.guessed(frame.height, rgb=frame.format.family == "rgb")[0]
    source = PictureSpec(width=frame.width, height=frame.height, format=frame.format, color=color)
    format = pixel_format("gbrap" if frame.format.alpha else "gbrp")
    convert = Convert(source, format, RGB_COLOR)
    result = empty_frame(frame.width, frame.height, format)
    convert(frame.planes, result.planes)
    return result.to_numpy()
