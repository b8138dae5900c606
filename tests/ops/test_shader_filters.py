"""Shader filters: kernels against references, references against the formulas."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.filters import (
    BOUNDS,
    CHOOSING,
    FLOAT,
    NUMBERS,
    SIZES,
    Doubled,
    drawn,
    filter_of,
    floats,
    out_of_reach,
    spoiled,
)
from tests.ops.pictures import assert_kernel_is_reference, run, spec
from vsr.device import cpu
from vsr.errors import OptionError
from vsr.frame import Plane
from vsr.ops.shader_filters.highlights import ClampHighlights
from vsr.ops.shader_filters.passes import FilterStep, Numbers
from vsr.ops.shader_filters.resample import resample
from vsr.ops.shader_filters.table import FILTERS
from vsr.ops.shader_filters.textures import chained, sampled


def test_reads_at_texel_centres_are_the_texels() -> None:
    assert sampled(7, 7).is_identity
    doubled = sampled(3, 6).apply(np.array([[0.0, 4.0, 8.0]]), 1)
    np.testing.assert_array_equal(doubled, [[0, 1, 3, 5, 7, 8]])
    np.testing.assert_array_equal(sampled(4, 2).apply(np.array([[0.0, 4.0, 8.0, 2.0]]), 1), [[2, 5]])


@given(
    sizes=st.tuples(*[st.integers(1, 40)] * 3),
    offset=st.sampled_from([-2, -0.5, -0.25, 0, 0.25, 1, 3]),
    seed=st.integers(0, 9),
)
def test_banks_read_as_a_sampler_does(sizes: tuple[int, int, int], offset: float, seed: int) -> None:
    texels = np.random.default_rng(seed).random(sizes[0])

    def read(line: Any, count: int, shift: float) -> Any:
        place = (np.arange(count) + 0.5) * len(line) / count - 0.5 + shift
        low = np.floor(place + 1e-9)
        low_index, high_index = (np.clip(low + i, 0, len(line) - 1).astype(int) for i in (0, 1))
        return line[low_index] * (1 - (place - low)) + line[high_index] * (place - low)

    first = sampled(sizes[0], sizes[1], [(offset, 2.0), (-offset, 0.5)])
    once = 2 * read(texels, sizes[1], offset) + 0.5 * read(texels, sizes[1], -offset)
    np.testing.assert_allclose(first.apply(texels[None], 1)[0], once, atol=1e-12)
    both = chained(first, sampled(sizes[1], sizes[2], unit=2 * sizes[1]))
    np.testing.assert_allclose(both.apply(texels[None], 1)[0], read(once, sizes[2], 0), atol=1e-12)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("window", [(2, 2), (0, 0), (1, 3)])
def test_highlights_on_every_instruction_set(
    isa: str, size: tuple[int, int], window: tuple[int, int]
) -> None:
    source = spec(*size, FLOAT)
    for inner in ([], [Doubled(source)], [Doubled(source), Doubled(spec(size[0] * 2, size[1] * 2, FLOAT))]):
        operation = ClampHighlights(source, inner, before=window[0], after=window[1])
        assert_kernel_is_reference(operation, floats(source))
        assert_kernel_is_reference(operation, floats(source, 1), threads=64)


def test_highlights_are_those_of_the_window_around() -> None:
    source = spec(9, 7, FLOAT)
    planes = floats(source)
    operation = ClampHighlights(source, [Doubled(source)])
    green, blue, red = (plane.astype(float) for plane in planes)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    result = run(operation, planes)
    after = 0.299 * result[2] + 0.587 * result[0] + 0.114 * result[1]
    assert after.max() <= max(0, luma.max()) + 1e-6
    # A pixel four times as large as its neighbours shows in 5 x 5 source pixels, half as much one beyond.
    lone = tuple(np.zeros((9, 9), np.float32) for _ in range(3))
    for plane in lone:
        plane[4, 4] = 1
    bright = ClampHighlights(spec(9, 9, FLOAT), [_Filled()])
    row = run(bright, lone)[0][9]
    np.testing.assert_allclose(row[2:9], [0, 0.25, 0.75, 1, 1, 1, 1], atol=1e-6)


class _Filled:
    """A step that gives a white picture of 18x18."""

    source = spec(9, 9, FLOAT)
    output = spec(18, 18, FLOAT)
    sentence = "white"

    def __call__(self, planes: Sequence[Plane], into: Sequence[Plane], *, threads: int = 1) -> None:
        for target in into:
            target[...] = 1


@settings(deadline=None, max_examples=40)
@given(sizes=st.tuples(*[st.integers(1, 70)] * 4), threads=st.integers(1, 5))
def test_resampling_is_the_reference(sizes: tuple[int, int, int, int], threads: int) -> None:
    source = spec(*sizes[:2], FLOAT)
    assert_kernel_is_reference(resample(source, *sizes[2:]), floats(source), threads)


def test_resampling_to_half_is_the_mean_of_four(isa: str) -> None:
    source = spec(38, 20, FLOAT)
    planes = floats(source)
    for got, plane in zip(run(resample(source, 19, 10), planes), planes, strict=True):
        np.testing.assert_allclose(got, plane.reshape(10, 2, 19, 2).mean(axis=(1, 3)), atol=1e-6)


def test_what_filters_refuse() -> None:
    with pytest.raises(OptionError, match="gbrpf32le, not on yuv420p"):
        resample(spec(4, 4), 2, 2)
    with pytest.raises(OptionError, match="1 to 63 are allowed"):
        ClampHighlights(spec(4, 4, FLOAT), before=40, after=40)


def assert_close(name: str, operation: FilterStep, planes: tuple[Plane, ...], threads: int = 1) -> None:
    for got, want in zip(run(operation, planes, threads), operation.reference(planes), strict=True):
        if name in CHOOSING:
            assert np.mean(got != want) < 0.02
        else:
            np.testing.assert_allclose(got, want, rtol=0, atol=BOUNDS.get(name, 0))


@pytest.mark.parametrize("name", FILTERS)
def test_filters_on_every_instruction_set(isa: str, name: str) -> None:
    for size in [*SIZES, (67, 45)]:
        operation = filter_of(name, size)
        planes = floats(operation.source)
        assert_close(name, operation, planes)
        alone = run(operation, planes)
        for got, want in zip(run(operation, planes, threads=64), alone, strict=True):
            np.testing.assert_array_equal(got, want)
        assert all(np.isfinite(plane).all() for plane in alone)


@pytest.mark.parametrize("name", FILTERS)
def test_instruction_sets_give_the_same_bits(name: str) -> None:
    operation = filter_of(name, (61, 40))
    planes = drawn(operation.source)
    before = cpu.isa()
    results = []
    try:
        for isa in cpu.features():
            cpu.kernels.use_isa(isa)
            results.append(run(operation, planes))
    finally:
        cpu.kernels.use_isa(before)
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


@settings(deadline=None, max_examples=60)
@given(
    name=st.sampled_from(list(FILTERS)),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    threads=st.integers(1, 5),
    seed=st.integers(0, 99),
)
def test_any_picture_is_the_reference(name: str, size: tuple[int, int], threads: int, seed: int) -> None:
    operation = filter_of(name, size)
    if name not in CHOOSING:
        assert_close(name, operation, floats(operation.source, seed), threads)


@pytest.mark.parametrize("name", FILTERS)
def test_values_that_are_no_numbers_do_no_harm(isa: str, name: str) -> None:
    """Nothing is read beyond the planes, whatever they hold; what is far from such values stays as it was."""
    operation = filter_of(name, (33, 60))
    planes = floats(operation.source)
    expected, result = run(operation, planes), run(operation, spoiled(planes))
    for got, want in zip(out_of_reach(result), out_of_reach(expected), strict=True):
        np.testing.assert_array_equal(got, want)


def test_a_step_serves_several_threads_at_once() -> None:
    operation = filter_of("deblur_dog", (70, 50))
    pictures = [floats(operation.source, seed) for seed in range(8)]
    expected = [run(operation, planes) for planes in pictures]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda planes: run(operation, planes), pictures))
    for got, want in zip(results, expected, strict=True):
        np.testing.assert_array_equal(got, want)


def plane_of(values: Any) -> Plane:
    return np.ascontiguousarray(values, np.float32)


def powers(base: Plane, exponent: float) -> Plane:
    """The kernels' powers: the lengths of vectors without a second component, to that power."""
    columns, rows = (sampled(size, size).native for size in base.shape[::-1])
    result = np.empty_like(base)
    factors = np.zeros(12, np.float32)
    factors[0] = exponent
    inputs = ((base, columns, rows), (np.zeros_like(base), columns, rows))
    cpu.kernels.filter_points("steepness", inputs, (result,), factors, 1)
    return result


@pytest.mark.parametrize("exponent", [0.0, 0.3, 0.6, 0.7, 1.0, 1.7, 2.0, -1.3])
def test_powers_are_numpys(isa: str, exponent: float) -> None:
    """To 2e-6 of their value, over 30 decades."""
    base = plane_of(10 ** np.random.default_rng(0).uniform(-15, 15, (40, 203)))
    length = np.sqrt(base * base).astype(float)
    np.testing.assert_allclose(powers(base, exponent), length ** float(np.float32(exponent)), rtol=2e-6)


def test_powers_of_nothing(isa: str) -> None:
    nothing = plane_of(np.zeros((1, 5)))
    np.testing.assert_array_equal(powers(nothing, 0.7), 0)
    np.testing.assert_array_equal(powers(nothing, 0), 1)


def test_exponentials_are_numpys(isa: str) -> None:
    """To 2e-6 of their value: a mean of 0 and d, the latter weighing exp(-d^2 / 2)."""
    distance = np.linspace(0.01, 7, 200, dtype=np.float32)
    planes = tuple(
        plane_of(np.stack([np.zeros_like(distance), distance], 1).reshape(1, -1)) for _ in range(3)
    )
    outputs = tuple(np.empty_like(plane) for plane in planes)
    spatial = np.zeros(9, np.float32)
    spatial[4:6] = 1  # the pixel and its right neighbour
    factors = np.array([1, 0, 0], np.float32)
    cpu.kernels.bilateral("mean", planes, outputs, 1, spatial, factors, 1)
    mean = outputs[0][0, ::2].astype(float)
    np.testing.assert_allclose(
        mean / (distance - mean), np.exp(-0.5 * distance.astype(float) ** 2), rtol=2e-6
    )


def test_values_below_zero_stay_under_bilateral_filters(isa: str) -> None:
    source = spec(21, 9, FLOAT)
    planes = tuple(-0.01 - np.abs(plane) for plane in floats(source))
    numbers = {**NUMBERS, "spatial_sigma": (1.0,), "histogram_regularization": (0.0,)}
    for name in ("denoise_bilateral_mean", "denoise_bilateral_median"):
        operation = FILTERS[name](source, (21, 9), numbers)
        for got, plane in zip(run(operation, planes), planes, strict=True):
            np.testing.assert_allclose(got, plane, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "numbers", "error"),
    [
        ("deblur_dog", {"noise_threshold": (0.2,)}, "NOISE_THRESHOLD is 0.2 and BLUR_THRESHOLD 0.1"),
        ("thin_hq", {"iterations": (1.5,)}, "ITERATIONS is 1.5; give a whole number, 1 to 100"),
        ("thin_hq", {"spatial_sigma": (0.0, 1.0)}, "SIGMA of 0, 1 cannot be used"),
        ("darken_hq", {"spatial_sigma": (1.0, 1.0, 1.0, 1e9)}, "above 0 and up to 100"),
        ("denoise_bilateral_mean", {"spatial_sigma": (9.0,)}, "looks 18 pixels far; 8 is the most"),
        ("denoise_bilateral_mode", {"histogram_regularization": (0.0,)}, "HISTOGRAM_REGULARIZATION 0;"),
    ],
)
def test_numbers_out_of_range(name: str, numbers: Numbers, error: str) -> None:
    given = {**NUMBERS, "spatial_sigma": (1.0,) * 4, **numbers}
    with pytest.raises(OptionError, match=error):
        FILTERS[name](spec(8, 8, FLOAT), (8, 8), given)


def test_sentences_say_what_and_how_large() -> None:
    assert filter_of("thin_fast", (8, 6)).sentence == "lines thinned by 25, 8x6 to 8x6"
    assert filter_of("upscale_dog", (8, 6)).sentence == "enlarged, sharpened by 0.6, 8x6 to 16x12"


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (
            lambda p, b: cpu.kernels.filter_points("luma", ((p, b, b),), (p,), np.zeros(12, np.float32), 1),
            "3 inp",
        ),
        (lambda p, b: cpu.kernels.filter_points("x", (), (), np.zeros(12, np.float32), 1), "no filter x"),
        (lambda p, b: cpu.kernels.highlights(p, p, p[:2], p, 1, 1, 1), "one size"),
        (lambda p, b: cpu.kernels.highlights(p, p, p, p, 40, 40, 1), "1 to 63 pixels"),
        (lambda p, b: cpu.kernels.warp((p,), (p,) * 3, (p,) * 3, 1.0, 1, 1), "two steers"),  # type: ignore[arg-type]
        (
            lambda p, b: cpu.kernels.bilateral(
                "mean", (p,) * 3, (p,) * 3, 9, np.zeros(361, np.float32), np.zeros(3, np.float32), 1
            ),
            "radius is 0 to 8",
        ),
        (lambda p, b: cpu.kernels.highlights(p, p, p, p.astype(np.uint8), 1, 1, 1), "planes of float32"),
    ],
)
def test_kernels_refuse_what_would_not_fit(call: Any, error: str) -> None:
    with pytest.raises((ValueError, TypeError), match=error):
        call(np.zeros((4, 4), np.float32), sampled(4, 4).native)
