"""Lines darkened: Anime4K 3.2's Darken_HQ, _Fast and _VeryFast, and the first half of Upscale_DTD_x2.

D = min(L - G, 0), with L the luma and G a Gaussian of it; D blurred again, times the strength, is added to
R, G and B. Deviations are for 1080 rows and scale with the height. Fast and VeryFast keep D at a half or a
quarter of the size, each value read bilinearly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from vsr.errors import OptionError
from vsr.frame import PictureSpec
from vsr.ops.shader_filters.dog import reads
from vsr.ops.shader_filters.passes import RESULT, RGB, Build, FilterStep, Numbers, PointPass, Read
from vsr.ops.shader_filters.textures import Tap, chained, gaussian, sampled

PI = 3.14159
"""As the shaders have it."""


def darken(luma_divisor: int, divisor: int) -> Build:
    """Return the builder of Darken with luma and D reduced by these.

    Numbers: four of spatial_sigma, along and across rows for G, then for D; strength.
    """

    def build(source: PictureSpec, size: tuple[int, int], numbers: Numbers) -> FilterStep:
        taps = [gaussian(sigma) for sigma in deviations(source, numbers["spatial_sigma"])]
        return _darken(source, luma_divisor, divisor, taps, numbers["strength"][0])

    return build


def darken_dtd(source: PictureSpec, size: tuple[int, int], numbers: Numbers) -> FilterStep:
    """Return the step of Upscale_DTD_x2's first six passes. Numbers: four of sigma, strength."""
    taps = []
    for sigma in deviations(source, numbers["sigma"]):
        weights = bell(sigma)
        total = sum(weight for _, weight in weights)
        taps.append(tuple((offset, weight / total) for offset, weight in weights))
    return _darken(source, 1, 1, taps, numbers["strength"][0])


def bell(sigma: float) -> tuple[Tap, ...]:
    """Return Upscale_DTD_x2's Gaussian, which sums to about 1: below 2 sigma + 1 texels on either side."""
    radius = max(math.ceil(2 * sigma + 1) - 1, 1)
    scale = 1 / (sigma * math.sqrt(2 * PI))
    return tuple((i, scale * math.exp(-0.5 * (i / sigma) ** 2)) for i in range(-radius, radius + 1))


def deviations(source: PictureSpec, values: Sequence[float]) -> list[float]:
    """Return deviations, given for 1080 rows, for the source's. Raises OptionError unless all are above 0."""
    if not all(0 < value <= MAX_SIGMA for value in values):
        given = ", ".join(f"{value:g}" for value in values)
        raise OptionError(f"a SIGMA of {given} cannot be used; give values above 0 and up to {MAX_SIGMA}")
    return [value * source.height / 1080 for value in values]


MAX_SIGMA = 100
"""At 1080 rows; larger ones would take seconds for a frame."""


def reduced(size: tuple[int, int], divisor: int) -> tuple[int, int]:
    """Return a (width, height) divided, halves rounded up, as renderers round sizes of textures."""
    width, height = (math.floor(side / divisor + 0.5) for side in size)
    return max(width, 1), max(height, 1)


def _darken(
    source: PictureSpec, luma_divisor: int, divisor: int, taps: Sequence[Sequence[Tap]], strength: float
) -> FilterStep:
    size = (source.width, source.height)
    (wide, high), (width, height) = reduced(size, luma_divisor), reduced(size, divisor)
    blurred = Read(
        "luma",
        sampled(wide, width, taps[0]),
        chained(sampled(high, height), sampled(height, height, taps[1])),
    )
    again = Read(
        "dark",
        chained(sampled(width, width, taps[2]), sampled(width, source.width)),
        chained(sampled(height, height, taps[3]), sampled(height, source.height)),
    )
    passes = [
        PointPass("luma", reads(RGB, size, (wide, high)), ("luma",)),
        PointPass("below", (*reads(("luma",), (wide, high), (width, height)), blurred), ("dark",)),
        PointPass("add", (*reads(RGB, size, size), again), RESULT, (strength,)),
    ]
    return FilterStep(source, size, passes, f"lines darkened by {strength:g},")
