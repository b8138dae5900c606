"""XPSNR: PSNR whose errors count less where the eye sees them less, in busy and in moving places.

Helmrich, Siekmann, Becker, Bosse, Marpe, Wiegand, "XPSNR: a low-complexity extension of the perceptually
weighted peak signal-to-noise ratio for high-resolution video quality assessment", ICASSP 2020; and Helmrich,
Bosse, Schwarz, Marpe, Wiegand, "A study of the extended perceptually weighted peak signal-to-noise ratio",
ITU Journal 3 (2020), for small pictures. In the form in which FFmpeg's filter xpsnr (8.0) computes it.

With W, H the luma's size, d its depth in bits, and r = W H / (3840 * 2160):

blocks    squares of N = 4 floor(32 sqrt(r) + 1/2) luma samples; a picture of N = 0 gets plain PSNR
activity  a = max(2^(d - 6), mean |12 x - 2 (sum of 4 neighbours) - (sum of 4 diagonal ones)| + 2 mean |m|)^2
          the first mean without the picture's outermost samples; m = x - x' to the frame before, from 32
          frames a second on x - 2 x' + x''; frames before the first are 0. In pictures of more than
          2048 x 1152 both are of 2x2 blocks, with a wider high-pass.
weights   w = sqrt(A / a) with A = 16 * 2^(2 d - 9) / sqrt(r); in pictures of up to 640 x 480 no weight
          exceeds the largest of its neighbours at the left (as limited), right, and above (as limited)
result    10 log10(W H (2^d - 1)^2 / sum w e), e the squared error of a block; chroma has its luma's weights
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vsr.frame import PixelFormat, Plane

_SMALL, _LARGE = 640 * 480, 2048 * 1152
_UHD = 3840 * 2160
_SECOND_ORDER_RATE = 32
Integers = npt.NDArray[np.int32]


class Xpsnr:
    """XPSNR of the frames of a video, given one after the other.

    Thread-safety: one thread; it keeps the two luma planes before the current one.
    """

    def __init__(self, width: int, height: int, fmt: PixelFormat, frame_rate: float) -> None:
        """`fmt` is that of both videos' frames, in integers; alpha is left out."""
        self._size = (width, height)
        self._format = fmt
        self._planes = fmt.num_planes - fmt.alpha
        ratio = width * height / _UHD
        self._block = 4 * int(32 * math.sqrt(ratio) + 0.5)
        self._mean_activity = math.sqrt(16 * 2.0 ** (2 * fmt.depth - 9) / math.sqrt(max(1e-5, ratio)))
        self._uses_second_order = int(frame_rate) >= _SECOND_ORDER_RATE
        self._before: list[Integers] = [np.zeros((height, width), np.int32)] * 2
        self._step = 2 if width * height > _LARGE else 1
        if self._block:
            inner = np.zeros((height, width), np.int32)
            inner[self._step : -self._step, self._step : -self._step] = 1
            self._num_inner = _block_sums(inner, self._block, self._block)
            self._num_samples = _block_sums(np.ones_like(inner), self._block, self._block)
        # Squares of 15 bits fit into 32.
        self._error_type = np.int32 if fmt.depth < 16 else np.int64

    def __call__(self, reference: Sequence[Plane], result: Sequence[Plane]) -> tuple[float, ...]:
        """Return XPSNR in dB of each plane without alpha, in the frame's order; infinite where equal."""
        weights = self._weights(reference[0].astype(np.int32)) if self._block else None
        values = []
        for index in range(self._planes):
            error = np.square(np.subtract(reference[index], result[index], dtype=self._error_type))
            total = float(error.sum(dtype=np.int64)) if weights is None else self._weighted(error, weights)
            peak = error.size * float(self._format.max_value) ** 2
            values.append(10 * math.log10(peak / total) if total >= 1 else math.inf)
        return tuple(values)

    def skip(self, reference: Sequence[Plane]) -> None:
        """Take note of a frame that is not measured: the next one moves against it."""
        self._remember(reference[0].astype(np.int32))

    def _remember(self, luma: Integers) -> None:
        self._before = [luma, self._before[0]]

    def _weighted(self, error: npt.NDArray[Any], weights: npt.NDArray[np.float64]) -> float:
        """Return the weighted sum of a plane's squared errors; of chroma, blocks shrink with the plane."""
        sides = [
            self._block * side // whole for side, whole in zip(error.shape, self._size[::-1], strict=True)
        ]
        sums = _block_sums(error, sides[0], sides[1])
        return math.floor(float((sums * weights).sum()) * self._mean_activity + 0.5)

    def _weights(self, luma: Integers) -> npt.NDArray[np.float64]:
        activity = self._spatial(luma) + 2 * self._temporal(luma)
        weights = 1 / np.maximum(activity, 2.0 ** (self._format.depth - 6))
        weights[np.isnan(activity)] = 1  # blocks of nothing but the picture's outermost samples
        if luma.size <= _SMALL:
            _limit(weights)
        return weights

    def _spatial(self, luma: Integers) -> npt.NDArray[np.float64]:
        """Return the mean of the high-passed luma over each block, or NaN where a block has none."""
        filtered = _high_pass_of_pairs(luma) if self._step == 2 else _high_pass(luma)
        sums, counts = _block_sums(filtered, self._block, self._block), self._num_inner
        means: npt.NDArray[np.float64] = np.full(sums.shape, np.nan)
        return np.divide(sums, counts, out=means, where=counts > 0)

    def _temporal(self, luma: Integers) -> npt.NDArray[np.float64]:
        last, earlier = self._before
        moved = luma - 2 * last + earlier if self._uses_second_order else luma - last
        self._remember(luma)
        if self._step == 2:
            moved = _sums_of_pairs(moved)
        return _block_sums(np.abs(moved), self._block, self._block) / self._num_samples


def _block_sums(values: npt.NDArray[Any], rows: int, columns: int) -> npt.NDArray[np.float64]:
    """Return the sums over blocks of that many rows and columns; the last ones are what is left."""
    tops, lefts = (range(0, size, side) for size, side in zip(values.shape, (rows, columns), strict=True))
    sums = np.add.reduceat(values, lefts, axis=1, dtype=np.int64)
    return np.add.reduceat(sums, tops, axis=0).astype(np.float64)


def _high_pass(luma: Integers) -> Integers:
    """Return |12 x - 2 (4 neighbours) - (4 diagonal neighbours)|, 0 at the border."""
    across = luma[:, :-2] + 2 * luma[:, 1:-1] + luma[:, 2:]
    smooth = across[:-2] + 2 * across[1:-1] + across[2:]
    result = np.zeros_like(luma)
    np.abs(16 * luma[1:-1, 1:-1] - smooth, out=result[1:-1, 1:-1])
    return result


def _sums_of_pairs(values: Integers) -> Integers:
    """Return the sum of each 2x2 block in its first sample, and 0 in the others."""
    result = np.zeros_like(values)
    even = values[: values.shape[0] // 2 * 2, : values.shape[1] // 2 * 2]
    result[: even.shape[0] : 2, : even.shape[1] : 2] = (
        even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]
    )
    return result


_PAIRS = np.array(
    [
        [0, -1, -1, -1, -1, 0],
        [-1, -2, -3, -3, -2, -1],
        [-1, -3, 12, 12, -3, -1],
        [-1, -3, 12, 12, -3, -1],
        [-1, -2, -3, -3, -2, -1],
        [0, -1, -1, -1, -1, 0],
    ]
)


def _high_pass_of_pairs(luma: Integers) -> Integers:
    """Return the absolute high-pass of each 2x2 block in its first sample, and 0 in the others."""
    height, width = (side // 2 * 2 for side in luma.shape)
    total = np.zeros((height // 2 - 2, width // 2 - 2), np.int32)
    for y, row in enumerate(_PAIRS):
        for x, weight in enumerate(row):
            if weight:
                total += weight * luma[y : height - 4 + y : 2, x : width - 4 + x : 2]
    result = np.zeros_like(luma)
    result[2 : height - 2 : 2, 2 : width - 2 : 2] = np.abs(total)
    return result


def _limit(weights: npt.NDArray[np.float64]) -> None:
    """Limit each weight, row by row, to the largest of its neighbours at the left, right and above."""
    for row in range(weights.shape[0]):
        for column in range(weights.shape[1]):
            near = [weights[row, column - 1]] if column else []
            near += [weights[row, column + 1]] if column + 1 < weights.shape[1] else []
            near += [weights[row - 1, column]] if row else []
            if near:
                weights[row, column] = min(weights[row, column], max(near))
