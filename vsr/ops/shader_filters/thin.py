"""Lines thinned by warping: Anime4K 3.2's Thin_HQ, _Fast and _VeryFast, and the rest of Upscale_DTD_x2.

S = the length of Sobel's gradient of the luma / 8, to the power 0.7, blurred by a Gaussian whose deviation
is for 1080 rows; g = Sobel's gradient of S / 8. The picture is read where `warp` leads, strength * height
/ 1080 pixels against g, so that lines draw together. Fast and VeryFast keep S and g at a half or a quarter
of the size.
"""

from __future__ import annotations

from collections.abc import Sequence

from vsr.errors import OptionError
from vsr.frame import PictureSpec
from vsr.ops.shader_filters.darken import bell, deviations, reduced
from vsr.ops.shader_filters.dog import blurred, curve_factors, dog_point, reads
from vsr.ops.shader_filters.passes import RESULT, RGB, Build, FilterStep, Numbers, Pass, PointPass, Read
from vsr.ops.shader_filters.textures import Tap, chained, difference, gaussian, sampled, smoothing
from vsr.ops.shader_filters.warp import WarpPass

POWER = 0.7
MAX_ITERATIONS = 100
_WARPED = ("red warped", "green warped", "blue warped")


def thin(luma_divisor: int, divisor: int) -> Build:
    """Return the builder of Thin with luma, and S and g, reduced by these.

    Numbers: two of spatial_sigma, along and across rows; strength; iterations.
    """

    def build(source: PictureSpec, size: tuple[int, int], numbers: Numbers) -> FilterStep:
        taps = [gaussian(sigma) for sigma in deviations(source, numbers["spatial_sigma"])]
        passes = [
            *_steers(source, luma_divisor, divisor, taps),
            _warp(source, size, reduced((source.width, source.height), divisor), numbers, RESULT),
        ]
        return FilterStep(source, size, passes, f"lines thinned by {numbers['strength'][0]:g},")

    return build


def thin_dtd(source: PictureSpec, size: tuple[int, int], numbers: Numbers) -> FilterStep:
    """Return the step of Upscale_DTD_x2's last twelve passes: thinned on the way to a size, then deblurred.

    Numbers: two of sigma, iterations, two of strength (thinning, deblurring), and those of deblur_dog.
    """
    own = (source.width, source.height)
    taps = [bell(sigma) for sigma in deviations(source, numbers["sigma"])]
    factors = curve_factors(numbers, float("inf"))
    passes: list[Pass] = [
        *_steers(source, 1, 1, taps),
        _warp(source, size, own, numbers, _WARPED),
        PointPass("luma", reads(_WARPED, size, size), ("luma warped",)),
        *blurred("luma warped", size, own),
        dog_point("deblur", _WARPED, "luma warped", own, size, factors, color_size=size),
    ]
    name = f"lines thinned by {numbers['strength'][0]:g}, enlarged, deblurred by {factors[0]:g},"
    return FilterStep(source, size, passes, name)


def _steers(
    source: PictureSpec, luma_divisor: int, divisor: int, taps: Sequence[Sequence[Tap]]
) -> list[Pass]:
    """Return the passes from R, G and B to "steer x" and "steer y"."""
    size = (source.width, source.height)
    (wide, high), (width, height) = reduced(size, luma_divisor), reduced(size, divisor)
    # The shaders step by pixels of the source, whatever the size of the texture they read.
    first, step = 1 / luma_divisor, 1 / divisor
    down = [sampled(height, height, taps) for taps in (smoothing(step, 1 / 8), difference(step, 1 / 8))]
    steep = tuple(
        Read("luma", sampled(wide, width, along), chained(sampled(high, height), across))
        for along, across in zip((difference(first), smoothing(first)), down, strict=True)
    )
    blur = sampled(width, width, taps[0]), sampled(height, height, taps[1])
    steers = tuple(
        Read("steep", chained(blur[0], sampled(width, width, along)), chained(blur[1], across))
        for along, across in zip((difference(step), smoothing(step)), down, strict=True)
    )
    return [
        PointPass("luma", reads(RGB, size, (wide, high)), ("luma",)),
        PointPass("steepness", steep, ("steep",), (POWER,)),
        PointPass("copy", steers[:1], ("steer x",)),
        PointPass("copy", steers[1:], ("steer y",)),
    ]


def _warp(
    source: PictureSpec,
    size: tuple[int, int],
    steer_size: tuple[int, int],
    numbers: Numbers,
    writes: tuple[str, ...],
) -> WarpPass:
    iterations = numbers["iterations"][0]
    if not 1 <= iterations <= MAX_ITERATIONS or iterations % 1:
        raise OptionError(f"ITERATIONS is {iterations:g}; give a whole number, 1 to {MAX_ITERATIONS}")
    strength = numbers["strength"][0] * source.height / 1080
    steer_x, steer_y = reads(("steer x", "steer y"), steer_size, size)
    return WarpPass((steer_x, steer_y), RGB, writes, strength, int(iterations))
