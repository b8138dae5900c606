"""Conversions by the CUDA kernels, run on the host: the samples are those of the CPU's reference."""

import ctypes
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cuda.pictures import Layout, run_on_host
from tests.ops.kinds import KINDS, MATRICES, RANGES, Kind
from tests.ops.pictures import DEPTHS, LOCATIONS, SUBSAMPLINGS, noise, spec
from vsr.color import Matrix, Range
from vsr.device.cuda.launch import TILE
from vsr.frame import PictureSpec, pixel_format
from vsr.ops.convert import Convert
from vsr.ops.cuda.convert import CudaConvert

SIZES = [(1, 1), (2, 3), (63, 5), (65, 17), (130, 34)]
VALUES = pixel_format("gbrpf32le")


def as_values(picture: PictureSpec) -> PictureSpec:
    """Return the same picture as R'G'B' planes of 0..1."""
    return replace(picture, format=VALUES, color=replace(picture.color, matrix=Matrix.RGB, range=Range.FULL))


def assert_is_reference(
    library: ctypes.CDLL, source: PictureSpec, target: PictureSpec, layouts: tuple[Layout, Layout]
) -> None:
    convert = Convert(source, target.format, target.color)
    planes = noise(source) if not source.format.is_float else values(source)
    if layouts[0] == "f16":
        planes = tuple(plane.astype(np.float16).astype(np.float32) for plane in planes)
    got = run_on_host(library, lambda memory: CudaConvert(convert, memory), planes, source, target, layouts)
    for one, want in zip(got, convert.reference(planes), strict=True):
        np.testing.assert_array_equal(one, want.astype(one.dtype))


def values(source: PictureSpec) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(3)
    return tuple(rng.uniform(-0.1, 1.1, (source.height, source.width)).astype(np.float32) for _ in range(3))


@settings(max_examples=150, deadline=None)
@given(
    size=st.tuples(st.integers(1, 140), st.integers(1, 40)),
    kinds=st.tuples(KINDS, KINDS),
)
def test_any_conversion_has_the_bits_of_the_reference(
    host: ctypes.CDLL,
    size: tuple[int, int],
    kinds: tuple[Kind, Kind],
) -> None:
    source, target = (spec(*size, name, **color) for name, color in kinds)
    assert_is_reference(host, source, target, ("planar", "planar"))


@pytest.mark.parametrize("layout", ["f16", "planar"])
@pytest.mark.parametrize("depth", ["", "10le", "12le", "16le"], ids=["NV12", "P010", "P012", "P016"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("location", LOCATIONS)
def test_semi_planar_frames_and_values(
    host: ctypes.CDLL, layout: Layout, depth: str, size: tuple[int, int], location: int
) -> None:
    """To planes of float16 and float32, and back."""
    frame = spec(*size, "yuv420p" + depth, chroma_location=location)
    assert_is_reference(host, frame, as_values(frame), ("semi", layout))
    assert_is_reference(host, as_values(frame), frame, (layout, "semi"))


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("value_range", RANGES)
@pytest.mark.parametrize("depth", DEPTHS)
def test_every_matrix_range_and_depth(
    host: ctypes.CDLL, matrix: Matrix, value_range: Range, depth: str
) -> None:
    frame = spec(37, 19, "yuv420p" + depth, matrix=matrix, range=value_range)
    assert_is_reference(host, frame, as_values(frame), ("planar", "f16"))
    assert_is_reference(host, as_values(frame), frame, ("f16", "planar"))


@pytest.mark.parametrize("name", SUBSAMPLINGS)
@pytest.mark.parametrize("location", LOCATIONS)
@pytest.mark.parametrize("size", [(1, 1), (64, 16), (201, 75), (1023, 3), (3, 201)])
def test_chroma_fits_into_shared_memory(name: str, location: int, size: tuple[int, int]) -> None:
    """What a tile reads beyond itself is at most kReach of kernels/cuda/convert.cuh on each side."""
    reach = 8
    target = spec(*size, name, chroma_location=location)
    grid = Convert(spec(*size, "gbrp"), target.format, target.color).grid
    way = grid.outputs[1]
    for bank, tile in ((way.columns, TILE[0]), (way.rows, TILE[1])):
        step = 1
        while -(-bank.size_in // step) > bank.size_out:
            step *= 2
        for first in range(0, bank.size_in, tile):
            end = min(first + tile, bank.size_in)
            starts = bank.start[first // step : -(-end // step)]
            assert starts[0] >= first - reach
            assert max(end, starts[-1] + bank.taps) - min(first, starts[0]) <= tile + 2 * reach


@pytest.mark.parametrize("name", SUBSAMPLINGS)
@pytest.mark.parametrize("location", LOCATIONS)
@pytest.mark.parametrize("size", [(1, 1), (64, 16), (201, 75), (1023, 3), (3, 201)])
def test_chroma_of_the_input_fits_into_shared_memory(name: str, location: int, size: tuple[int, int]) -> None:
    """What a tile looks at is at most kChromaPitch x kChromaRows of kernels/cuda/convert.cuh."""
    way = Convert(spec(*size, name, chroma_location=location), VALUES, spec(1, 1, "gbrp").color).grid.inputs[
        1
    ]
    for bank, tile, most in ((way.columns, TILE[0], TILE[0] + 8), (way.rows, TILE[1], TILE[1] + 2)):
        for first in range(0, bank.size_out, tile):
            last = min(first + tile, bank.size_out) - 1
            whole = bank.start[last] + bank.taps - bank.start[first] // 4 * 4
            exact = bank.start[last] + bank.taps - bank.start[first]
            assert (-(-whole // 4) * 4 if bank is way.columns else exact) <= most
