"""Shader filters with numbers that matter to small pictures, and pictures for them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.ops.pictures import drawing, spec
from vsr.frame import PictureSpec, Plane, empty_frame
from vsr.ops.shader_filters.passes import FilterStep, Numbers
from vsr.ops.shader_filters.table import FILTERS

FLOAT = "gbrpf32le"
SIZES = [(1, 1), (2, 1), (1, 5), (7, 3), (33, 18), (50, 41)]


def floats(source: PictureSpec, seed: int = 0) -> tuple[Plane, ...]:
    """Planes of random values a little beyond 0..1."""
    rng = np.random.default_rng(seed)
    planes = empty_frame(source.width, source.height, source.format).planes
    for plane in planes:
        plane[...] = rng.random(plane.shape) * 1.2 - 0.1
    return planes


def drawn(source: PictureSpec) -> tuple[Plane, ...]:
    """Planes of flats and lines, with a little noise, where thresholds and ties matter."""
    return tuple(
        (plane / 255 + 0.01 * noise).astype(np.float32)
        for plane, noise in zip(
            drawing(spec(source.width, source.height, "gbrp")), floats(source), strict=True
        )
    )


NUMBERS: Numbers = {
    "strength": (0.6, 0.5), "blur_curve": (0.6,), "blur_threshold": (0.1,), "noise_threshold": (0.001,),
    "refine_strength": (1.0,), "refine_bias": (0.0,), "sigma": (30.0, 20.0, 10.0, 40.0), "iterations": (2,),
    "intensity_sigma": (0.1,), "intensity_power_curve": (0.9,), "histogram_regularization": (0.2,),
}  # fmt: skip
BOUNDS = {
    "deblur_dog": 1e-6, "upscale_deblur_dog": 1e-6, "thin_hq": 1e-5, "thin_fast": 1e-5, "thin_veryfast": 1e-5,
    "upscale_dtd_thin": 1e-4, "denoise_bilateral_mean": 2e-6,
}  # fmt: skip
"""How far kernels may be from numpy: exponentials and powers are their own. Others give the same bits.

Thinning goes 40 times as far here as in the files, and deblurring makes more of the difference.
"""
CHOOSING = ("denoise_bilateral_median", "denoise_bilateral_mode")
"""These choose a pixel by weights; where two weigh the same, rounding decides."""


def spoiled(planes: tuple[Plane, ...]) -> tuple[Plane, ...]:
    """The same three planes with values that are no numbers, or far out, in rows 5 to 8."""
    result = tuple(np.array(plane) for plane in planes)
    for plane, value in zip(result, (np.nan, np.inf, -1e30), strict=True):
        plane[5:9, 4:30] = value
    return result


def out_of_reach(planes: Sequence[Plane]) -> list[Plane]:
    """The last tenth of the rows of a picture 60 high: no filter looks from there to where it is spoiled."""
    return [plane[-len(plane) // 10 :] for plane in planes]


def filter_of(name: str, size: tuple[int, int]) -> FilterStep:
    """A filter with numbers that matter to small pictures."""
    sigma = 1.0 if "bilateral" in name else 40.0
    doubles = name in (
        "resample",
        "upscale_dog",
        "upscale_deblur_dog",
        "upscale_original",
        "upscale_dtd_thin",
    )
    target = (2 * size[0], 2 * size[1]) if doubles else size
    strength = (25.0,) if "thin" in name else NUMBERS["strength"]
    return FILTERS[name](
        spec(*size, FLOAT), target, {**NUMBERS, "spatial_sigma": (sigma,) * 4, "strength": strength}
    )


class Doubled:
    """A step that repeats pixels: stands for a network."""

    def __init__(self, source: PictureSpec) -> None:
        self.source = source
        self.output = spec(source.width * 2, source.height * 2, FLOAT)
        self.sentence = "doubled"

    def __call__(self, planes: Sequence[Plane], into: Sequence[Plane], *, threads: int = 1) -> None:
        for plane, target in zip(planes, into, strict=True):
            target[...] = plane.repeat(2, 0).repeat(2, 1) * 1.3
