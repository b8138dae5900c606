"""Edges refined by gradients: Anime4K 3.2's Deblur_Original, Upscale_Original_x2, Upscale_Deblur_Original_x2.

All of it happens at twice the size, with steps of one pixel of the source. N = the length of Sobel's
gradient of the luma, 1 at most; d = P(N) * strength + bias within 0..1, how much of an edge there is
(points.POLYNOMIAL). Where d >= 0.1, with (x, y) the unit gradient of N: the neighbours against it, one
along each axis, are mixed by |x| : |y|, and d of the pixel becomes that. Deblur_Original reads the result
back at the source's size.
"""

from __future__ import annotations

from vsr.frame import PictureSpec
from vsr.ops.shader_filters.dog import reads
from vsr.ops.shader_filters.passes import RESULT, RGB, FilterStep, Numbers, Pass, PointPass, Read
from vsr.ops.shader_filters.textures import chained, difference, sampled, smoothing


def upscale_original(source: PictureSpec, size: tuple[int, int], numbers: Numbers) -> FilterStep:
    """Return the step of Upscale_Original_x2, to a size. Numbers: refine_strength, refine_bias."""
    strength = numbers["refine_strength"][0]
    return FilterStep(
        source, size, _refined(source, size, numbers, RESULT), f"edges refined by {strength:g},"
    )


def deblur_original(source: PictureSpec, size: tuple[int, int], numbers: Numbers) -> FilterStep:
    """Return the step of Deblur_Original: the same at twice the size, then read bilinearly."""
    double = (2 * source.width, 2 * source.height)
    between = ("red refined", "green refined", "blue refined")
    passes = _refined(source, double, numbers, between)
    for name, result in zip(between, RESULT, strict=True):
        passes.append(PointPass("copy", reads((name,), double, size), (result,)))
    strength = numbers["refine_strength"][0]
    return FilterStep(source, size, passes, f"edges refined by {strength:g} at twice the size,")


def _refined(
    source: PictureSpec,
    size: tuple[int, int],
    numbers: Numbers,
    results: tuple[str, str, str],
) -> list[Pass]:
    (wide, high), (width, height) = (source.width, source.height), size
    columns, rows = sampled(width, width), sampled(height, height)

    across = tuple(sampled(width, width, taps, unit=wide) for taps in (difference(), smoothing()))
    down = tuple(sampled(height, height, taps, unit=high) for taps in (smoothing(), difference()))
    slopes = tuple(
        Read("luma", sampled(wide, width, taps), chained(sampled(high, height), own))
        for taps, own in zip((difference(), smoothing()), down, strict=True)
    )
    edge = Read("edge", columns, rows)
    moves = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))
    neighbours = [
        Read(name, sampled(wide, width, [(x, 1)]), sampled(high, height, [(y, 1)]))
        for x, y in moves
        for name in RGB
    ]
    return [
        PointPass("luma", reads(RGB, (wide, high), (wide, high)), ("luma",)),
        PointPass(
            "edge", slopes, ("steep", "edge"), (numbers["refine_strength"][0], numbers["refine_bias"][0])
        ),
        PointPass("masked", (*(Read("steep", own, rows) for own in across), edge), ("turn x", "turn y")),
        PointPass(
            "refine",
            (Read("turn x", columns, down[0]), Read("turn y", columns, down[1]), edge, *neighbours),
            results,
        ),
    ]
