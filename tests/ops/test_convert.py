"""Conversions: the kernels against the reference, the reference against H.273's formulas."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.kinds import KINDS, MATRICES, RANGES, Kind
from tests.ops.pictures import LOCATIONS, SUBSAMPLINGS, assert_kernel_is_reference, noise, run, spec
from vsr.color import Matrix, Range, luma_weights
from vsr.errors import OptionError
from vsr.frame import pixel_format
from vsr.ops.convert import Convert


@settings(max_examples=80, deadline=None)
@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 50)),
    kinds=st.tuples(KINDS, KINDS),
    threads=st.integers(1, 3),
)
def test_any_conversion_is_the_float32_reference(
    size: tuple[int, int],
    kinds: tuple[Kind, Kind],
    threads: int,
) -> None:
    source, target = (spec(*size, name, **color) for name, color in kinds)
    convert = Convert(source, target.format, target.color)
    assert_kernel_is_reference(convert, noise(source), threads)


@pytest.mark.parametrize("names", [("yuv420p", "gbrp10le"), ("gbrap12le", "yuva422p"), ("yuv410p", "gbrp")])
@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 5), (97, 41)])
def test_every_instruction_set(isa: str, names: tuple[str, str], size: tuple[int, int]) -> None:
    source, target = (spec(*size, name) for name in names)
    assert_kernel_is_reference(Convert(source, target.format, target.color), noise(source))


@pytest.mark.parametrize("names", [("yuv420p", "gbrp"), ("gbrp", "yuv420p10le"), ("yuv444p16le", "gbrp16le")])
def test_float32_stays_within_one_value_of_float64(names: tuple[str, str]) -> None:
    source, target = (spec(90, 64, name) for name in names)
    convert, planes = Convert(source, target.format, target.color), noise(source)
    for single, double in zip(convert.reference(planes), convert.reference(planes, np.float64), strict=True):
        error = single.astype(int) - double.astype(int)
        assert np.abs(error).max() <= 1
        assert abs(error.mean()) < 0.02


@pytest.mark.parametrize("matrix", [m for m in MATRICES if luma_weights(m)])
@pytest.mark.parametrize("depth", [8, 10, 16])
@pytest.mark.parametrize("value_range", RANGES)
def test_rgb_to_yuv_is_the_standards_formula(matrix: Matrix, depth: int, value_range: Range) -> None:
    """H.273 equations 20 to 22 and 38 to 43, pixel by pixel."""
    suffix = "" if depth == 8 else f"{depth}le"
    source = spec(32, 16, "gbrp" + suffix)
    target = spec(32, 16, "yuv444p" + suffix, matrix=matrix, range=value_range)
    planes = noise(source)
    green, blue, red = (plane / source.format.max_value for plane in planes)
    kr, kb = luma_weights(matrix) or (0.0, 0.0)
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    values = (luma, (blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr)))
    step = 2 ** (depth - 8)
    for index, value in enumerate(values):
        if value_range is Range.FULL:
            code = value * (2**depth - 1) + (2 ** (depth - 1) if index else 0)
        else:
            code = (value * 224 + 128 if index else value * 219 + 16) * step
        want = np.clip(code, 0, 2**depth - 1)
        got = run(Convert(source, target.format, target.color), planes)[index]
        assert np.abs(got - want).max() < 0.51


def test_ycgco_is_the_standards_formula() -> None:
    source = spec(32, 16, "gbrp", range=Range.LIMITED)
    target = spec(32, 16, "yuv444p", matrix=Matrix.YCGCO)
    planes = noise(source)
    green, blue, red = (plane.astype(float) for plane in planes)
    want = (
        0.5 * green + 0.25 * (red + blue),
        0.5 * green - 0.25 * (red + blue) + 128,
        0.5 * (red - blue) + 128,
    )
    for got, value in zip(run(Convert(source, target.format, target.color), planes), want, strict=True):
        assert np.abs(got - np.clip(value, 0, 255)).max() < 0.51


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("value_range", RANGES)
def test_there_and_back(matrix: Matrix, value_range: Range) -> None:
    """8-bit RGB through 12-bit 4:4:4 comes back as it was."""
    source = spec(48, 20, "gbrp")
    between = spec(48, 20, "yuv444p12le", matrix=matrix, range=value_range)
    planes = noise(source)
    middle = run(Convert(source, between.format, between.color), planes)
    for got, want in zip(run(Convert(between, source.format, source.color), middle), planes, strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("name", SUBSAMPLINGS)
@pytest.mark.parametrize("location", LOCATIONS)
def test_flat_colours_survive_subsampling(name: str, location: int) -> None:
    source, target = spec(21, 13, "gbrp"), spec(21, 13, name, chroma_location=location)
    planes = tuple(np.full((13, 21), value, np.uint8) for value in (60, 180, 120))
    codes = run(Convert(source, target.format, target.color), planes)
    assert all((plane == plane[0, 0]).all() for plane in codes)
    back = run(Convert(target, source.format, source.color), codes)
    for got, want in zip(back, planes, strict=True):
        assert np.abs(got.astype(int) - want).max() <= 2


def test_gray() -> None:
    source = spec(9, 5, "gray")
    planes = (np.linspace(16, 235, 45).reshape(5, 9).astype(np.uint8),)
    rgb = run(Convert(source, pixel_format("gbrp"), spec(1, 1, "gbrp").color), planes)
    assert all((plane == rgb[0]).all() for plane in rgb)
    assert (rgb[0].min(), rgb[0].max()) == (0, 255)
    back = Convert(spec(9, 5, "gbrp"), source.format, source.color)
    np.testing.assert_array_equal(run(back, rgb)[0], planes[0])


def test_another_matrix_goes_through_rgb() -> None:
    source, target = spec(8, 8, "yuv444p16le"), spec(8, 8, "yuv444p16le", matrix=Matrix.SMPTE170M)
    rgb = spec(8, 8, "gbrp16le")
    inside = tuple(plane // 4 + 24000 for plane in noise(source))
    direct = run(Convert(source, target.format, target.color), inside)
    stepped = run(
        Convert(rgb, target.format, target.color), run(Convert(source, rgb.format, rgb.color), inside)
    )
    for got, want in zip(direct, stepped, strict=True):
        assert np.abs(got.astype(int) - want.astype(int)).max() <= 2


@pytest.mark.parametrize("matrix", [Matrix.BT2020_CL, Matrix.ICTCP, Matrix.UNSPECIFIED, Matrix.RGB])
def test_matrices_without_a_conversion_are_refused(matrix: Matrix) -> None:
    source = replace(spec(8, 8), color=replace(spec(8, 8).color, matrix=matrix))
    with pytest.raises(OptionError, match=r"keep the source's format|tag the source"):
        Convert(source, pixel_format("gbrp"), spec(8, 8, "gbrp").color)


@pytest.mark.parametrize("name", ["yuv420p", "yuv444p10le", "gray", "gbrap"])
def test_float32_between_holds_what_it_is_given(isa: str, name: str) -> None:
    source = spec(37, 23, name, matrix=Matrix.RGB if name.startswith("gbr") else Matrix.BT709)
    alpha = "a" if source.format.alpha else ""
    into = Convert(
        source,
        pixel_format(f"gbr{alpha}pf32le"),
        replace(source.color, matrix=Matrix.RGB, range=Range.FULL),
    )
    planes = noise(source)
    values = run(into, planes)
    for plane, wanted in zip(values, into.reference(planes), strict=True):
        np.testing.assert_array_equal(plane, wanted)
    assert values[0].min() < 0 or name in ("gbrap", "gray")  # nothing is clamped
    back = run(Convert(into.output, source.format, source.color), values)
    np.testing.assert_array_equal(back[0], planes[0])
