"""PSNR, SSIM and the papers' luma, on arrays. Samples are 0..255 throughout, unless `peak` says otherwise."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from vsr.color import ColorSpec, Matrix, Range
from vsr.device import cpu
from vsr.errors import OptionError
from vsr.frame import pixel_format
from vsr.ops.matrices import from_rgb, to_rgb
from vsr.ops.scalers import FilterBank

Values: TypeAlias = npt.NDArray[np.floating[Any]]
Numbers: TypeAlias = npt.NDArray[np.floating[Any] | np.integer[Any]]
T = TypeVar("T", bound=np.generic)
PEAK = 255.0
SSIM_WINDOW = 11
"""Side of SSIM's window: pictures must be at least as large."""
_SIGMA = 1.5
_BAND = 64
"""Rows of windows that are worked on at once: what comes between then stays in the cache."""
_K1, _K2 = 0.01, 0.03


@dataclass(frozen=True, slots=True)
class Metric:
    """Something that is measured, and how it is shown."""

    head: str
    digits: int
    meaning: str


LUMA_COLOR = ColorSpec(matrix=Matrix.SMPTE170M, range=Range.LIMITED)
"""What the papers' Y, Cb and Cr are: BT.601 of limited range, as MATLAB's rgb2ycbcr."""
_YUV = pixel_format("yuv444p")
_FROM_RGB, _TO_RGB = from_rgb(_YUV, LUMA_COLOR), to_rgb(_YUV, LUMA_COLOR)


def ycbcr(rgb: Values) -> Values:
    """Return Y Cb Cr of R G B: (3, H, W), 0..255, to the same. Y is 16..235, chroma 16..240; not rounded."""
    return _mapped(rgb / PEAK, _FROM_RGB)


def rgb_of(ycc: Values) -> Values:
    """Return R G B of Y Cb Cr, the inverse of `ycbcr`; neither rounded nor clamped."""
    return _mapped(ycc, _TO_RGB) * PEAK


def _mapped(planes: Values, factors: npt.NDArray[np.float64]) -> Values:
    mixed: Values = np.tensordot(factors[:, :-1], planes, axes=1)
    return mixed + factors[:, -1:, None]


def as_samples(values: Values) -> Values:
    """Return values as what 8 bits hold: clamped to 0..255 and rounded, halves up, as MATLAB's uint8."""
    clamped: Values = np.floor(np.clip(values, 0, PEAK) + 0.5)
    return clamped


def without_border(planes: Values, border: int) -> Values:
    """Return planes (..., H, W) less `border` samples on each side."""
    return planes[..., border:-border, border:-border] if border else planes


def modulo_cropped(planes: npt.NDArray[T], multiple: int) -> npt.NDArray[T]:
    """Return planes (..., H, W) less the last rows and columns, so that sides are multiples of `multiple`."""
    height, width = (side // multiple * multiple for side in planes.shape[-2:])
    return planes[..., :height, :width]


def psnr(reference: Numbers, result: Numbers, *, peak: float = PEAK) -> float:
    """Return the peak signal-to-noise ratio in dB over all samples of two arrays; infinite where equal."""
    error = float(np.mean(np.square(np.subtract(reference, result, dtype=np.float64))))
    return math.inf if error == 0 else 10 * math.log10(peak**2 / error)


def ssim(reference: Numbers, result: Numbers, *, peak: float = PEAK, threads: int = 1) -> float:
    """Return the structural similarity of planes (H, W) or (C, H, W), the mean over the planes.

    Wang et al., IEEE TIP 13 (2004): windows of 11x11 weighted by a Gaussian of sigma 1.5, those that lie
    within the picture; K1 = 0.01, K2 = 0.03; variances of the window itself, not of a sample. Raises
    OptionError for pictures smaller than a window.
    """
    if min(reference.shape[-2:]) < SSIM_WINDOW:
        height, width = reference.shape[-2:]
        raise OptionError(
            f"SSIM needs {SSIM_WINDOW}x{SSIM_WINDOW} pixels, {width}x{height} are left of the picture; "
            "choose larger pictures"
        )
    if reference.ndim == 3:
        planes = zip(reference, result, strict=True)
        return float(np.mean([ssim(a, b, peak=peak, threads=threads) for a, b in planes]))
    rows, columns = (int(side) - SSIM_WINDOW + 1 for side in reference.shape)
    # Counted from the mean, squares are small where they can be: float32 keeps the variances' digits.
    middle = float(reference.mean())

    def summed(top: int) -> float:
        band = slice(top, min(top + _BAND, rows) + SSIM_WINDOW - 1)
        return _ssim_sum(reference[band], result[band], middle, peak)

    with ThreadPoolExecutor(threads) as pool:
        total = float(sum(pool.map(summed, range(0, rows, _BAND))))
    return total / (rows * columns)


def _ssim_sum(reference: Numbers, result: Numbers, middle: float, peak: float) -> float:
    """Return the sum of SSIM over the windows that lie within a band."""
    x, y = (np.subtract(plane, middle, dtype=np.float32) for plane in (reference, result))
    rows, columns = (_gaussian(side).native for side in reference.shape)

    def means(plane: npt.NDArray[np.float32]) -> Values:
        into = np.empty(tuple(side - SSIM_WINDOW + 1 for side in plane.shape), np.float32)
        cpu.kernels.resize(plane, into, columns, rows, 0.0, 1.0, 1)
        return into.astype(np.float64)

    mean_x, mean_y = means(x), means(y)
    spread = means(x * x + y * y) - mean_x**2 - mean_y**2
    common = means(x * y) - mean_x * mean_y
    mean_x, mean_y = mean_x + middle, mean_y + middle
    c1, c2 = (_K1 * peak) ** 2, (_K2 * peak) ** 2
    structure = (2 * common + c2) / (spread + c2)
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return float(np.sum(structure * luminance))


@lru_cache(maxsize=16)
def _gaussian(size: int) -> FilterBank:
    """Return the bank of windows along an axis of `size` samples, none beyond its ends."""
    distance = np.arange(SSIM_WINDOW) - SSIM_WINDOW // 2
    weights = np.exp(-(distance**2) / (2 * _SIGMA**2))
    count = size - SSIM_WINDOW + 1
    return FilterBank(np.arange(count, dtype=np.int32), np.tile(weights / weights.sum(), (count, 1)), size)


def ssim_single_window(reference: Values, result: Values, *, peak: float = PEAK) -> float:
    """Return SSIM's formula for one window, the whole plane (H, W), all samples of one weight.

    The product of luminance, contrast and structure with variances over H * W - 1, as comparisons of
    upscalers for anime have printed it. It says little about details, and is not comparable with `ssim`.
    """
    x, y = reference.astype(np.float64).ravel(), result.astype(np.float64).ravel()
    (var_x, common), (_, var_y) = np.cov(x, y)
    c1, c2 = (_K1 * peak) ** 2, (_K2 * peak) ** 2
    luminance = (2 * x.mean() * y.mean() + c1) / (x.mean() ** 2 + y.mean() ** 2 + c1)
    return float(luminance * (2 * common + c2) / (var_x + var_y + c2))
