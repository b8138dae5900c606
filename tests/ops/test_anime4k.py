"""Anime4K 0.9: the kernels against the reference, the reference against the algorithm pixel by pixel."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.pictures import (
    DEPTHS,
    LOCATIONS,
    SUBSAMPLINGS,
    assert_kernel_is_reference,
    drawing,
    noise,
    run,
    spec,
)
from vsr.color import Matrix, Range
from vsr.errors import OptionError
from vsr.frame import pixel_format
from vsr.ops.anime4k import Anime4k
from vsr.ops.resize import Resize

Picture = npt.NDArray[np.float64]


@pytest.mark.parametrize("name", ["yuv420p", "yuv444p10le", "gbrap", "gray", "yuv410p"])
@pytest.mark.parametrize(
    ("source", "target"), [((40, 30), (80, 60)), ((33, 17), (50, 40)), ((1, 1), (3, 2)), ((2, 9), (1, 20))]
)
def test_every_instruction_set(isa: str, name: str, source: tuple[int, int], target: tuple[int, int]) -> None:
    picture = spec(*source, name)
    operation = Anime4k(picture, *target)
    assert_kernel_is_reference(operation, noise(picture))
    assert_kernel_is_reference(operation, drawing(picture), threads=3)


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.tuples(*[st.integers(1, 60)] * 4),
    name=st.sampled_from((*SUBSAMPLINGS, "gray", "gbrp", "yuva420p")),
    depths=st.tuples(*[st.sampled_from(DEPTHS)] * 2),
    ranges=st.tuples(*[st.sampled_from([Range.LIMITED, Range.FULL])] * 2),
    locations=st.tuples(*[st.sampled_from(LOCATIONS)] * 2),
    strengths=st.tuples(*[st.none() | st.floats(0, 1)] * 2),
    threads=st.integers(1, 3),
)
def test_any_picture_is_the_float32_reference(
    sizes: tuple[int, int, int, int],
    name: str,
    depths: tuple[str, str],
    ranges: tuple[Range, Range],
    locations: tuple[Any, Any],
    strengths: tuple[float | None, float | None],
    threads: int,
) -> None:
    source, target = (
        spec(1, 1, name + depths[i], range=ranges[i], chroma_location=locations[i]) for i in (0, 1)
    )
    source = spec(*sizes[:2], name + depths[0], range=ranges[0], chroma_location=locations[0])
    operation = Anime4k(
        source,
        *sizes[2:],
        strength_color=strengths[0],
        strength_gradient=strengths[1],
        target_format=target.format,
        target_color=target.color,
    )
    assert_kernel_is_reference(operation, noise(source), threads)


def test_the_reference_is_the_algorithm_on_rgb() -> None:
    """Against loops over pixels in R'G'B' and float64, as the algorithm is written."""
    source = spec(14, 11, "gbrp16le")
    planes = tuple(plane // 2 + 8000 for plane in noise(source))
    scale = 2
    enlarged = Resize(source, 28, 22, scaler="bicubic")
    green, blue, red = (plane / 65535.0 for plane in enlarged.reference(planes, np.float64))
    want = by_pixels(np.stack([red, green, blue]), scale)
    operation = Anime4k(source, 28, 22)
    green, blue, red = (plane / 65535.0 for plane in operation.reference(planes, np.float64))
    np.testing.assert_allclose(np.stack([red, green, blue]), want, atol=3e-5)


def test_working_on_yuv_is_working_on_rgb() -> None:
    """Means and luma are linear: the same picture as 16-bit 4:4:4 YUV and as RGB gives the same."""
    rgb = spec(40, 30, "gbrp16le")
    yuv = spec(40, 30, "yuv444p16le")
    from vsr.ops.convert import Convert

    planes = tuple(plane // 2 + 9000 for plane in drawing(rgb))
    direct = run(Anime4k(rgb, 80, 60), planes)
    there = run(Convert(rgb, yuv.format, yuv.color), planes)
    moved = run(Anime4k(yuv, 80, 60), there)
    large = spec(80, 60, "yuv444p16le")
    back = run(Convert(large, rgb.format, rgb.color), moved)
    differing = [np.abs(a.astype(int) - b.astype(int)) > 64 for a, b in zip(direct, back, strict=True)]
    assert np.mean(differing) < 0.005  # near ties may fall the other way


def luma_of(picture: Picture) -> Picture:
    result: Picture = (2 * picture[0] + 3 * picture[1] + picture[2]) / 6
    return result


PAIRS = (
    (((-1, -1), (0, -1), (1, -1)), ((1, 1), (0, 1), (-1, 1)), True, True),
    (((1, 0), (0, -1), (1, -1)), ((0, 0), (-1, 0), (0, 1)), False, False),
    (((1, 0), (1, 1), (1, -1)), ((-1, 0), (-1, -1), (-1, 1)), True, True),
    (((1, 0), (1, 1), (0, 1)), ((0, 0), (-1, 0), (0, -1)), False, False),
)
"""(light, dark) of the first test of each pair as (dx, dy); whether the second is the exact reverse."""


def both_ways(pair: Any) -> list[Any]:
    """Both tests of a pair: (light, dark, must exceed the centre)."""
    light, dark, reverses, star = pair
    if reverses:
        return [(light, dark, star), (dark, light, star)]
    turned = [tuple((-x, -y) for x, y in group) for group in (light, dark)]
    return [(light, dark, star), (turned[0], turned[1], star)]


def by_pixels(picture: Picture, scale: float) -> Picture:
    """Anime4K 0.9 on an RGB picture (3, H, W), one pixel at a time."""
    a, b = min(scale / 6, 1), min(scale / 2, 1)
    luma = luma_of(picture)
    pushed = np.array(picture)
    height, width = luma.shape

    def at(plane: Picture, x: int, y: int) -> Any:
        return plane[..., min(max(y, 0), height - 1), min(max(x, 0), width - 1)]

    def passing(steer: Picture, x: int, y: int) -> list[list[Any]]:
        """For each pair the light neighbours of the test that holds, if one does."""
        results: list[list[Any]] = []
        for pair in PAIRS:
            found: list[Any] = []
            for light, dark, star in both_ways(pair):
                low = min(at(steer, x + dx, y + dy) for dx, dy in light)
                high = max(at(steer, x + dx, y + dy) for dx, dy in dark)
                if not found and low > high and (not star or low > at(steer, x, y)):
                    found = [(x + dx, y + dy) for dx, dy in light]
            results.append(found)
        return results

    for y in range(height):
        for x in range(width):
            best, best_luma = picture[:, y, x], luma[y, x]
            for light in passing(luma, x, y):
                if light:
                    mean = sum(at(picture, *place) for place in light) / 3
                    candidate = picture[:, y, x] * (1 - a) + a * mean
                    if luma_of(candidate) > best_luma:
                        best, best_luma = candidate, luma_of(candidate)
            pushed[:, y, x] = best
    luma = luma_of(pushed)
    gradient = np.empty_like(luma)
    for y in range(height):
        for x in range(width):
            p = [[at(luma, x + dx, y + dy) for dx in (-1, 0, 1)] for dy in (-1, 0, 1)]
            gx = -p[0][0] - 2 * p[1][0] - p[2][0] + p[0][2] + 2 * p[1][2] + p[2][2]
            gy = -p[0][0] - 2 * p[0][1] - p[0][2] + p[2][0] + 2 * p[2][1] + p[2][2]
            gradient[y, x] = 1 - min(max((gx * gx + gy * gy) ** 0.5, 0), 1)
    refined = np.array(pushed)
    for y in range(height):
        for x in range(width):
            light = next((light for light in passing(gradient, x, y) if light), [])
            if light:
                mean = sum(at(pushed, *place) for place in light) / 3
                refined[:, y, x] = pushed[:, y, x] * (1 - b) + b * mean
    return refined


def test_float32_stays_close_to_float64() -> None:
    """Near ties may fall either way, on few pixels; everywhere else it is rounding alone."""
    source = spec(60, 40)
    operation = Anime4k(source, 120, 80)
    planes = drawing(source)
    for single, double in zip(
        operation.reference(planes), operation.reference(planes, np.float64), strict=True
    ):
        error = single.astype(int) - double.astype(int)
        assert np.mean(np.abs(error) > 1) < 0.01
        assert abs(error.mean()) < 0.05


def test_strength_zero_is_the_plain_resize() -> None:
    source = spec(30, 20, "yuv444p10le")  # resized in float32, as anime4k does with every depth
    planes = noise(source)
    still = Anime4k(source, 60, 40, strength_color=0, strength_gradient=0)
    for got, want in zip(
        run(still, planes), run(Resize(source, 60, 40, scaler="bicubic"), planes), strict=True
    ):
        np.testing.assert_array_equal(got, want)


def test_flat_pictures_stay_flat_and_strengths_follow_the_scale() -> None:
    source = spec(30, 20)
    planes = tuple(np.full_like(plane, 90) for plane in noise(source))
    assert all((plane == 90).all() for plane in run(Anime4k(source, 90, 60), planes))
    assert (Anime4k(source, 60, 40).strength_color, Anime4k(source, 60, 40).strength_gradient) == (1 / 3, 1)
    assert Anime4k(source, 30 * 8, 20 * 8).strength_color == 1


def test_lines_become_thinner() -> None:
    """A dark line on a light ground loses darkness at its sides and none of its core."""
    source = spec(64, 32, "gray")
    plane = np.full((32, 64), 200, np.uint8)
    plane[:, 30:33] = 30
    before = run(Resize(source, 128, 64, scaler="bicubic"), (plane,))[0]
    after = run(Anime4k(source, 128, 64), (plane,))[0]
    assert (200 - after.astype(int)).sum() < (200 - before.astype(int)).sum()
    assert after.min() < 40


def test_gray_and_yuv_into_each_other() -> None:
    gray = spec(20, 10, "gray")
    luma, cb, cr = run(Anime4k(gray, 40, 20, target_format=pixel_format("yuv420p")), noise(gray))
    assert (cb == 128).all() and (cr == 128).all()
    np.testing.assert_array_equal(luma, run(Anime4k(gray, 40, 20), noise(gray))[0])
    yuv = spec(20, 10)
    (luma,) = run(Anime4k(yuv, 40, 20, target_format=pixel_format("gray")), noise(yuv))
    np.testing.assert_array_equal(luma, run(Anime4k(yuv, 40, 20), noise(yuv))[0])


def test_one_object_serves_several_threads() -> None:
    source = spec(100, 80)
    operation = Anime4k(source, 200, 160)
    pictures = [noise(source, seed) for seed in range(4)] * 2
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda planes: run(operation, planes), pictures))
    for planes, result in zip(pictures, results, strict=True):
        for got, want in zip(result, run(operation, planes), strict=True):
            np.testing.assert_array_equal(got, want)


def test_refusals() -> None:
    with pytest.raises(OptionError, match="allowed is 0 to 1"):
        Anime4k(spec(8, 8), 16, 16, strength_color=1.5)
    with pytest.raises(OptionError, match="unknown scaler"):
        Anime4k(spec(8, 8), 16, 16, upscale="bicubicc")
    with pytest.raises(OptionError, match="matrix ICTCP"):
        Anime4k(spec(8, 8, matrix=Matrix.ICTCP), 16, 16)
    with pytest.raises(OptionError, match="Convert"):
        Anime4k(spec(8, 8), 16, 16, target_format=pixel_format("gbrp"))
