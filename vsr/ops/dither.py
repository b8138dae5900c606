"""Reduce the depth of frames by ordered dithering: areas keep their mean, and slopes show no steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vsr.errors import OptionError
from vsr.frame import PictureSpec, PixelFormat, Plane
from vsr.ops.levels import gain_and_bias
from vsr.ops.resize import to_samples

SIDE = 8
"""Of Bayer's pattern."""


class Dither:
    """Frames of `source` in a format of fewer bits, all else as it was.

    To each code a threshold between -1/2 and 1/2 is added before it is rounded: Bayer's 8x8 order (1973),
    mirrored in each frame and plane as its number says, so that it does not stand still. The same
    frame number gives the same samples, on every machine.

    Thread-safety: safe, immutable after construction. Raises OptionError for a format that does not have
    the source's components with fewer bits.
    """

    def __init__(self, source: PictureSpec, target_format: PixelFormat) -> None:
        fmt = source.format
        layout = (fmt.family, fmt.log2_chroma_w, fmt.log2_chroma_h, fmt.alpha)
        wanted = target_format
        same = layout == (wanted.family, wanted.log2_chroma_w, wanted.log2_chroma_h, wanted.alpha)
        if not same or wanted.depth >= fmt.depth:
            raise OptionError(
                f"dithering cannot turn {fmt.name} into {wanted.name}; "
                "give the same components with fewer bits, or use Convert"
            )
        self.output = PictureSpec(
            width=source.width, height=source.height, format=target_format, color=source.color
        )
        self.source = source
        self.levels = tuple(
            gain_and_bias((fmt, source.color), (wanted, source.color), plane, plane)
            for plane in range(fmt.num_planes)
        )
        """(gain, bias) of each plane."""

    @property
    def sentence(self) -> str:
        """What this does, for people."""
        return f"dither {self.source.format.name} to {self.output.format.name}"

    def reference(
        self, planes: Sequence[Plane], dtype: Any = np.float32, *, frame: int = 0
    ) -> tuple[Plane, ...]:
        """Return the planes of frame number `frame`, computed by numpy in `dtype`."""
        return tuple(self._reference(index, plane.astype(dtype), frame) for index, plane in enumerate(planes))

    def _reference(self, index: int, values: npt.NDArray[np.floating], frame: int) -> Plane:
        gain, bias = (values.dtype.type(number) for number in self.levels[index])
        codes = values * gain + bias
        codes = codes + thresholds(codes.shape, seed(frame, index), values.dtype)
        return to_samples(codes, 0.0, self.output.format)


def seed(frame: int, plane: int) -> int:
    """Return what turns the pattern over: a number of 32 bits."""
    return (4 * frame + plane) & 0xFFFFFFFF


def thresholds(shape: tuple[int, ...], seed: int, dtype: Any) -> npt.NDArray[np.floating]:
    """Return what is added to codes of shape (height, width): odd multiples of 1/128, mean 0 in each 8x8."""
    height, width = shape
    turn = (seed * 0x9E3779B1 & 0xFFFFFFFF) >> 26
    x, y = np.arange(width) ^ (turn & 7), (np.arange(height) ^ (turn >> 3))[:, None]
    z, rank = x ^ y, np.zeros((height, width), np.int64)
    for bit in range(3):
        rank |= (z >> bit & 1) << (5 - 2 * bit) | (y >> bit & 1) << (4 - 2 * bit)
    result: npt.NDArray[np.floating] = ((2 * rank - 63) / 128).astype(dtype)
    return result
