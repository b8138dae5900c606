"""Resizes by the CUDA kernels, run on the host: the samples are those of the CPU's reference."""

import ctypes
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cuda.pictures import Layout, run_on_host
from tests.ops.pictures import DEPTHS, LOCATIONS, SUBSAMPLINGS, noise, spec
from vsr.color import Range
from vsr.frame import PictureSpec
from vsr.ops.cuda.resize import CudaResize
from vsr.ops.resize import Resize
from vsr.ops.scalers import SCALERS

SCALER_NAMES = tuple(SCALERS)


def assert_is_reference(
    library: ctypes.CDLL, resize: Resize, layouts: tuple[Layout, Layout] = ("planar", "planar")
) -> None:
    planes = noise(resize.source)
    got = run_on_host(
        library,
        lambda memory: CudaResize(resize, memory),
        planes,
        resize.source,
        resize.output,
        layouts,
    )
    for one, want in zip(got, resize.reference(planes), strict=True):
        np.testing.assert_array_equal(one, want.astype(one.dtype))


@settings(max_examples=150, deadline=None)
@given(
    sizes=st.tuples(*[st.tuples(st.integers(1, 150), st.integers(1, 60))] * 2),
    names=st.tuples(*[st.sampled_from((*SUBSAMPLINGS, "yuva420p", "gray"))] * 2),
    depths=st.tuples(*[st.sampled_from(DEPTHS)] * 2),
    ranges=st.tuples(*[st.sampled_from((Range.LIMITED, Range.FULL))] * 2),
    locations=st.tuples(*[st.sampled_from(LOCATIONS)] * 2),
    scaler=st.sampled_from(SCALER_NAMES),
)
def test_any_resize_has_the_bits_of_the_reference(
    host: ctypes.CDLL,
    sizes: tuple[tuple[int, int], tuple[int, int]],
    names: tuple[str, str],
    depths: tuple[str, str],
    ranges: tuple[Range, Range],
    locations: tuple[int, int],
    scaler: str,
) -> None:
    source, target = (
        spec(*sizes[i], names[i] + depths[i], range=ranges[i], chroma_location=locations[i]) for i in (0, 1)
    )
    resize = Resize(
        source,
        target.width,
        target.height,
        scaler=scaler,
        target_format=target.format,
        target_color=target.color,
    )
    assert_is_reference(host, resize)


@pytest.mark.parametrize("scaler", SCALER_NAMES)
@pytest.mark.parametrize("depth", ["", "10le"], ids=["NV12", "P010"])
@pytest.mark.parametrize("sizes", [((97, 41), (194, 82)), ((131, 70), (64, 33)), ((5, 300), (131, 7))])
def test_semi_planar_frames(
    host: ctypes.CDLL, scaler: str, depth: str, sizes: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    """Up, down, and down by so much that the rows of a tile take several chunks."""
    resize = Resize(spec(*sizes[0], "yuv420p" + depth), *sizes[1], scaler=scaler)
    assert_is_reference(host, resize, ("semi", "semi"))


@pytest.mark.parametrize("scaler", SCALER_NAMES)
def test_values(host: ctypes.CDLL, scaler: str) -> None:
    """Planes of float16 and float32: nothing is clamped."""
    source: PictureSpec = replace(spec(70, 33, "gbrp"), format=spec(1, 1, "gbrpf32le").format)
    rng = np.random.default_rng(5)
    planes = tuple(rng.normal(0.5, 0.5, (33, 70)).astype(np.float16).astype(np.float32) for _ in range(3))
    resize = Resize(source, 141, 60, scaler=scaler)
    for layouts in (("planar", "planar"), ("f16", "f16"), ("f16", "planar")):
        got = run_on_host(
            host, lambda memory: CudaResize(resize, memory), planes, source, resize.output, layouts
        )
        for one, want in zip(got, resize.reference(planes), strict=True):
            np.testing.assert_array_equal(one, want.astype(one.dtype))


def test_only_what_is_asked_for_is_written(host: ctypes.CDLL) -> None:
    source = spec(20, 10)
    resize = Resize(source, 40, 20, only=(1,))
    planes = noise(source)
    got = run_on_host(host, lambda memory: CudaResize(resize, memory), planes, source, resize.output)
    np.testing.assert_array_equal(got[1], resize.reference(planes)[1])
    assert (got[0] == 0xA5).all() and (got[2] == 0xA5).all()
