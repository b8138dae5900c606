"""Shader filters by the CUDA kernels, run on the host: the samples have the bits of the CPU's kernels."""

import ctypes
from collections.abc import Sequence

import numpy as np
import pytest

from tests.cuda.host import HostMemory, execute
from tests.cuda.pictures import HostFrame, run_on_host
from tests.ops.filters import (
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
from tests.ops.pictures import run, spec
from vsr.frame import Plane, empty_frame, pixel_format
from vsr.ops.anime4k import Anime4k
from vsr.ops.convert import Convert
from vsr.ops.cuda.filters import CudaFilter
from vsr.ops.cuda.highlights import CudaHighlights
from vsr.ops.cuda.lowering import lowered
from vsr.ops.dither import Dither
from vsr.ops.resize import Resize
from vsr.ops.shader_filters.highlights import ClampHighlights
from vsr.ops.shader_filters.passes import FilterStep
from vsr.ops.shader_filters.table import FILTERS
from vsr.ops.step import Step


def assert_is_the_cpus(library: ctypes.CDLL, operation: FilterStep, planes: tuple[Plane, ...]) -> None:
    got = run_on_host(
        library, lambda memory: CudaFilter(operation, memory), planes, operation.source, operation.output
    )
    for one, want in zip(got, run(operation, planes), strict=True):
        np.testing.assert_array_equal(one, want)


@pytest.mark.parametrize("name", FILTERS)
def test_any_filter_has_the_bits_of_the_cpu(host: ctypes.CDLL, name: str) -> None:
    for size in [*SIZES, (67, 45), (130, 37)]:
        operation = filter_of(name, size)
        for planes in (floats(operation.source), drawn(operation.source)):
            assert_is_the_cpus(host, operation, planes)


@pytest.mark.parametrize("name", FILTERS)
def test_values_that_are_no_numbers_do_no_harm(host: ctypes.CDLL, name: str) -> None:
    """Nothing is read or written beyond the planes, whatever they hold; far from such values all is right."""
    operation = filter_of(name, (33, 60))
    planes = floats(operation.source)
    result = run_on_host(
        host,
        lambda memory: CudaFilter(operation, memory),
        spoiled(planes),
        operation.source,
        operation.output,
    )
    for got, want in zip(out_of_reach(result), out_of_reach(run(operation, planes)), strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("radius", range(1, 9))
@pytest.mark.parametrize("name", CHOOSING)
def test_choices_at_any_radius(host: ctypes.CDLL, name: str, radius: int) -> None:
    source = spec(21, 9, FLOAT)
    numbers = {**NUMBERS, "spatial_sigma": (float(radius),)}
    assert_is_the_cpus(host, FILTERS[name](source, (21, 9), numbers), drawn(source))


@pytest.mark.parametrize("sigma", [0.5, 2.5, 4.0])
def test_means_at_any_radius(host: ctypes.CDLL, sigma: float) -> None:
    source = spec(41, 19, FLOAT)
    numbers = {**NUMBERS, "spatial_sigma": (sigma,)}
    assert_is_the_cpus(host, FILTERS["denoise_bilateral_mean"](source, (41, 19), numbers), drawn(source))


@pytest.mark.parametrize("curve", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("regularization", [0.0, 0.2])
def test_medians_with_any_weights(host: ctypes.CDLL, curve: float, regularization: float) -> None:
    source = spec(41, 19, FLOAT)
    numbers = {**NUMBERS, "spatial_sigma": (2.0,), "intensity_power_curve": (curve,)}
    numbers["histogram_regularization"] = (regularization,)
    assert_is_the_cpus(host, FILTERS["denoise_bilateral_median"](source, (41, 19), numbers), drawn(source))


@pytest.mark.parametrize("iterations", [1, 3])
def test_warps_of_any_length(host: ctypes.CDLL, iterations: int) -> None:
    source = spec(41, 37, FLOAT)
    numbers = {**NUMBERS, "spatial_sigma": (40.0, 60.0), "strength": (40.0,), "iterations": (iterations,)}
    assert_is_the_cpus(host, FILTERS["thin_veryfast"](source, (41, 37), numbers), drawn(source))


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (50, 41)])
@pytest.mark.parametrize("window", [(2, 2), (0, 0), (1, 3), (31, 31)])
@pytest.mark.parametrize("doubles", [False, True])
def test_highlights_around_the_steps_between(
    host: ctypes.CDLL, size: tuple[int, int], window: tuple[int, int], doubles: bool
) -> None:
    source = spec(*size, FLOAT)
    inner = [Doubled(source)] if doubles else []
    operation = ClampHighlights(source, inner, before=window[0], after=window[1])
    planes, output = floats(source), operation.output
    for reverse in (False, True):
        memory = HostMemory()
        kernels = CudaHighlights(source, output, *window, memory)
        given, taken = HostFrame(source), HostFrame(output)
        given.put(planes)
        execute(host, kernels.measured(given.views), reverse=reverse)
        if inner:
            between = empty_frame(output.width, output.height, output.format).planes
            inner[0](planes, between)
            taken.put(between)
        execute(host, kernels.clamped((taken if inner else given).views, taken.views), reverse=reverse)
        for one, want in zip(taken.get(), run(operation, planes), strict=True):
            np.testing.assert_array_equal(one, want)


def test_every_operation_has_launches() -> None:
    """All that a chain laid for the CPU may hold, but for networks and what clamps highlights."""
    source, values = spec(8, 8), spec(8, 8, FLOAT)
    operations: Sequence[Step | Dither] = [
        Convert(source, values.format, values.color),
        Resize(source, 16, 16),
        Anime4k(source, 16, 16),
        Dither(spec(8, 8, "yuv420p10le"), pixel_format("yuv420p")),
        *(filter_of(name, (8, 8)) for name in FILTERS),
    ]
    made = [type(lowered(operation, HostMemory())).__name__ for operation in operations]
    assert made[:4] == ["CudaConvert", "CudaResize", "CudaAnime4k", "CudaDither"]
    assert set(made[4:]) == {"CudaFilter"}
