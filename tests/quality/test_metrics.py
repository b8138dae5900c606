"""PSNR, SSIM and the papers' luma, against their formulas written out in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from vsr.errors import OptionError
from vsr.quality.metrics import (
    as_samples,
    modulo_cropped,
    psnr,
    rgb_of,
    ssim,
    ssim_single_window,
    without_border,
    ycbcr,
)

Array = npt.NDArray[np.float64]
RNG = np.random.default_rng(3)


def plain_ssim(x: Array, y: Array, peak: float = 255) -> float:
    taps = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    window = np.outer(taps, taps) / taps.sum() ** 2

    def mean(plane: Array) -> Array:
        result: Array = np.einsum("ijkl,kl->ij", sliding_window_view(plane, (11, 11)), window)
        return result

    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    values = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    return float(values.mean())


@pytest.mark.parametrize(
    ("rgb", "wanted"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((255, 0, 0), (81.481, 90.203, 240)),
        ((0, 255, 0), (144.553, 53.797, 34.214)),
        ((0, 0, 255), (40.966, 240, 109.786)),
    ],
)
def test_luma_and_chroma_are_those_of_matlab(rgb: tuple[int, ...], wanted: tuple[float, ...]) -> None:
    values = ycbcr(np.array(rgb, float)[:, None, None])
    np.testing.assert_allclose(values[:, 0, 0], wanted, atol=5e-4)


def test_rgb_comes_back() -> None:
    rgb = RNG.random((3, 5, 7)) * 255
    np.testing.assert_allclose(rgb_of(ycbcr(rgb)), rgb, atol=1e-9)


def test_samples_round_halves_up_and_are_clamped() -> None:
    np.testing.assert_array_equal(
        as_samples(np.array([-3, 0.5, 1.5, 2.49, 254.5, 300])), [0, 1, 2, 2, 255, 255]
    )


def test_crops() -> None:
    planes = np.zeros((3, 11, 14))
    assert modulo_cropped(planes, 4).shape == (3, 8, 12)
    assert without_border(planes, 3).shape == (3, 5, 8)
    assert without_border(planes, 0).shape == (3, 11, 14)


def test_psnr() -> None:
    reference = np.full((4, 4), 100.0)
    assert psnr(reference, reference + 5) == pytest.approx(20 * math.log10(255 / 5))
    assert psnr(reference, reference - 5, peak=1023) == pytest.approx(20 * math.log10(1023 / 5))
    assert psnr(reference, reference) == math.inf


def test_psnr_of_bytes_does_not_wrap() -> None:
    low, high = np.zeros((2, 2), np.uint8), np.full((2, 2), 255, np.uint8)
    assert psnr(low, high) == psnr(high, low) == 0


CASES: dict[str, tuple[Array, float]] = {
    "noise": (RNG.random((40, 53)) * 255, 20.0),
    "bright and flat": (np.full((32, 32), 250.0), 0.4),
    "dark and flat": (np.full((24, 31), 2.0), 0.4),
    "one window": (RNG.random((11, 11)) * 255, 5.0),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("peak", [255.0, 1023.0])
def test_ssim_is_its_formula(case: str, peak: float) -> None:
    picture, noise = CASES[case]
    x = picture * peak / 255
    y = np.clip(x + RNG.normal(0, noise, x.shape) * peak / 255, 0, peak)
    assert ssim(x, y, peak=peak) == pytest.approx(plain_ssim(x, y, peak), abs=2e-6)
    assert ssim(x, x, peak=peak) == pytest.approx(1, abs=1e-9)


def test_ssim_of_planes_is_their_mean() -> None:
    x, y = RNG.random((2, 3, 20, 20)) * 255
    assert ssim(x, y) == pytest.approx(np.mean([ssim(a, b) for a, b in zip(x, y, strict=True)]))


def test_ssim_needs_a_window() -> None:
    with pytest.raises(OptionError, match=r"11x11 pixels, 12x10 are left"):
        ssim(np.zeros((10, 12)), np.zeros((10, 12)))


def test_a_single_window_is_the_printed_formula() -> None:
    x, y = RNG.random((2, 9, 13)) * 255
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    count = x.size - 1
    var_x, var_y = (float(((v - v.mean()) ** 2).sum()) / count for v in (x, y))
    cov = float(((x - x.mean()) * (y - y.mean())).sum()) / count
    luminance = (2 * x.mean() * y.mean() + c1) / (x.mean() ** 2 + y.mean() ** 2 + c1)
    contrast = (2 * math.sqrt(var_x * var_y) + c2) / (var_x + var_y + c2)
    structure = (cov + c2 / 2) / (math.sqrt(var_x * var_y) + c2 / 2)
    got: Any = ssim_single_window(x, y)
    assert got == pytest.approx(luminance * contrast * structure)
    assert ssim_single_window(x, x) == pytest.approx(1)
