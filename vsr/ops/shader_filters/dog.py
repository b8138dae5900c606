"""Deblurring by a difference of Gaussians: Anime4K 3.2's Deblur_DoG, Upscale_DoG_x2, Upscale_Deblur_DoG_x2.

With L the luma and G = L blurred by a 5 x 5 binomial-like kernel, c = (L - G) * strength. Where the curve
applies, noise < |c|, |c| becomes ((|c| - noise) / range)^curve * range + noise, range = threshold - noise.
The new luma L + c is kept within the least and greatest L of 3 x 3 pixels; its change goes to R, G and B
alike.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from vsr.errors import OptionError
from vsr.frame import PictureSpec
from vsr.ops.shader_filters.passes import RESULT, RGB, FilterStep, Numbers, Pass, PointPass, Read
from vsr.ops.shader_filters.textures import sampled

BLUR = ((-2, 0.06136), (-1, 0.24477), (0, 0.38774), (1, 0.24477), (2, 0.06136))
_STEPS = (-1, 0, 1)


def deblur_dog(source: PictureSpec, size: tuple[int, int], numbers: Numbers) -> FilterStep:
    """Return the step of Deblur_DoG. Numbers: strength, blur_curve, blur_threshold, noise_threshold."""
    factors = curve_factors(numbers, math.inf)
    return _dog(source, size, "deblur", factors, f"deblurred by {factors[0]:g},")


def upscale_deblur_dog(source: PictureSpec, size: tuple[int, int], numbers: Numbers) -> FilterStep:
    """Return the step of Upscale_Deblur_DoG_x2: deblur_dog, whose curve ends at blur_threshold, to a size."""
    factors = curve_factors(numbers, numbers["blur_threshold"][0])
    return _dog(source, size, "deblur", factors, f"enlarged, deblurred by {factors[0]:g},")


def upscale_dog(source: PictureSpec, size: tuple[int, int], numbers: Numbers) -> FilterStep:
    """Return the step of Upscale_DoG_x2: enlarged and sharpened, without a curve. Numbers: strength."""
    strength = numbers["strength"][0]
    return _dog(source, size, "sharpen", (strength,), f"enlarged, sharpened by {strength:g},")


def curve_factors(numbers: Numbers, most: float) -> tuple[float, ...]:
    """Return the factors of the point "deblur". Raises OptionError for thresholds out of order."""
    threshold, noise = numbers["blur_threshold"][0], numbers["noise_threshold"][0]
    if not 0 <= noise < threshold:
        raise OptionError(
            f"NOISE_THRESHOLD is {noise:g} and BLUR_THRESHOLD {threshold:g}; give 0 <= NOISE < BLUR"
        )
    return numbers["strength"][-1], numbers["blur_curve"][0], noise, threshold - noise, most


def _dog(
    source: PictureSpec, size: tuple[int, int], point: str, factors: Sequence[float], name: str
) -> FilterStep:
    width, height = source.width, source.height
    passes: list[Pass] = [
        PointPass("luma", reads(RGB, (width, height), (width, height)), ("luma",)),
        *blurred("luma", (width, height), (width, height)),
        dog_point(point, RGB, "luma", (width, height), size, factors),
    ]
    return FilterStep(source, size, passes, name)


def reads(names: Sequence[str], size_in: tuple[int, int], size_out: tuple[int, int]) -> tuple[Read, ...]:
    """Return how textures of a size, (width, height), are read at the texels of another."""
    columns, rows = (sampled(*sides) for sides in zip(size_in, size_out, strict=True))
    return tuple(Read(name, columns, rows) for name in names)


def blurred(luma: str, size_in: tuple[int, int], size: tuple[int, int]) -> list[Pass]:
    """Return the passes from a luma to "blur", "least" and "most" at `size`, in whose texels steps count."""
    (wide, high), (width, height) = size_in, size
    centre = sampled(high, height)
    around = tuple(Read(luma, sampled(wide, width, [(i, 1)], unit=width), centre) for i in _STEPS)
    same = sampled(width, width)
    across = tuple(
        Read(name, same, sampled(height, height, [(i, 1)])) for name in ("low", "high") for i in _STEPS
    )
    return [
        PointPass("extremes", around, ("low", "high")),
        PointPass("extremes_of", across, ("least", "most")),
        PointPass("copy", (Read(luma, sampled(wide, width, BLUR, unit=width), centre),), ("blur rows",)),
        PointPass("copy", (Read("blur rows", same, sampled(height, height, BLUR)),), ("blur",)),
    ]


def dog_point(
    point: str,
    colors: Sequence[str],
    luma: str,
    size_in: tuple[int, int],
    size: tuple[int, int],
    factors: Sequence[float],
    *,
    color_size: tuple[int, int] | None = None,
) -> PointPass:
    """Return the last pass: colours and luma of `color_size` (or size_in), what `blurred` made of size_in."""
    own = (*reads(colors, color_size or size_in, size), *reads([luma], color_size or size_in, size))
    return PointPass(point, (*own, *reads(("blur", "least", "most"), size_in, size)), RESULT, tuple(factors))
