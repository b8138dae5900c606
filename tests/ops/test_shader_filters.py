"""Shader filters: kernels against references, references against the formulas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.pictures import Operation, assert_kernel_is_reference, run, spec
from vsr.errors import OptionError
from vsr.frame import PictureSpec, Plane, empty_frame
from vsr.ops.shader_filters.highlights import ClampHighlights
from vsr.ops.shader_filters.resample import resample
from vsr.ops.shader_filters.textures import chained, sampled

FLOAT = "gbrpf32le"
SIZES = [(1, 1), (2, 1), (1, 5), (7, 3), (33, 18), (50, 41)]


def floats(source: PictureSpec, seed: int = 0) -> tuple[Plane, ...]:
    """Planes of random values a little beyond 0..1."""
    rng = np.random.default_rng(seed)
    planes = empty_frame(source.width, source.height, source.format).planes
    for plane in planes:
        plane[...] = rng.random(plane.shape) * 1.2 - 0.1
    return planes


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


class Doubled:
    """A step that repeats pixels: stands for a network."""

    def __init__(self, source: PictureSpec) -> None:
        self.source = source
        self.output = spec(source.width * 2, source.height * 2, FLOAT)
        self.sentence = "doubled"

    def __call__(self, planes: Sequence[Plane], into: Sequence[Plane], *, threads: int = 1) -> None:
        for plane, target in zip(planes, into, strict=True):
            target[...] = plane.repeat(2, 0).repeat(2, 1) * 1.3


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


def assert_close(operation: Operation, planes: tuple[Plane, ...], bound: float, threads: int = 1) -> None:
    """Assert that kernels give the float32 reference to within a bound."""
    for got, want in zip(run(operation, planes, threads), operation.reference(planes), strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=bound)
