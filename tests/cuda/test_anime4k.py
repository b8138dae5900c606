"""Anime4K 0.9 by the CUDA kernels, run on the host: the samples are those of the CPU's reference."""

import ctypes

import numpy as np
import pytest

from tests.cuda.pictures import Layout, run_on_host
from tests.ops.pictures import drawing, noise, spec
from vsr.color import Range
from vsr.ops.anime4k import Anime4k
from vsr.ops.cuda.anime4k import CudaAnime4k


@pytest.mark.parametrize(
    ("source", "target", "layouts"),
    [
        ("yuv420p", "yuv420p", ("semi", "semi")),
        ("yuv420p10le", "yuv420p10le", ("semi", "semi")),
        ("yuv420p", "yuv420p10le", ("semi", "planar")),
        ("yuv422p12le", "yuv444p16le", ("planar", "planar")),
        ("yuva420p", "yuva420p", ("planar", "planar")),
        ("yuv410p", "gray", ("planar", "planar")),
        ("gray", "yuv420p", ("planar", "semi")),
        ("gray10le", "gray", ("planar", "planar")),
        ("gbrp", "gbrp", ("planar", "planar")),
        ("gbrap16le", "gbrap", ("planar", "planar")),
        ("gbrpf32le", "gbrpf32le", ("f16", "f16")),
        ("gbrpf32le", "gbrpf32le", ("planar", "planar")),
    ],
)
@pytest.mark.parametrize("sizes", [((1, 1), (3, 2)), ((37, 21), (74, 42)), ((70, 33), (101, 47))])
def test_any_format_has_the_bits_of_the_reference(
    host: ctypes.CDLL,
    source: str,
    target: str,
    layouts: tuple[Layout, Layout],
    sizes: tuple[tuple[int, int], tuple[int, int]],
) -> None:
    picture, result = spec(*sizes[0], source), spec(*sizes[1], target)
    operation = Anime4k(picture, *sizes[1], target_format=result.format, target_color=result.color)
    if picture.format.is_float:
        rng = np.random.default_rng(1)
        shape = (picture.height, picture.width)
        planes = tuple(rng.random(shape).astype(np.float16).astype(np.float32) for _ in range(3))
        frames = [planes]
    else:
        frames = [noise(picture), drawing(picture)]
    for planes in frames:
        got = run_on_host(
            host, lambda memory: CudaAnime4k(operation, memory), planes, picture, operation.output, layouts
        )
        for one, want in zip(got, operation.reference(planes), strict=True):
            np.testing.assert_array_equal(one, want.astype(one.dtype))


@pytest.mark.parametrize("strengths", [(0.0, 0.0), (1.0, 1.0), (0.3, 0.9)])
def test_strengths_and_scalers(host: ctypes.CDLL, strengths: tuple[float, float]) -> None:
    picture = spec(45, 30, range=Range.FULL)
    operation = Anime4k(
        picture, 90, 60, strength_color=strengths[0], strength_gradient=strengths[1], upscale="lanczos3"
    )
    planes = drawing(picture)
    got = run_on_host(host, lambda memory: CudaAnime4k(operation, memory), planes, picture, operation.output)
    for one, want in zip(got, operation.reference(planes), strict=True):
        np.testing.assert_array_equal(one, want)
