"""Dithering by the CUDA kernels, run on the host: the samples are those of the reference."""

import ctypes
from dataclasses import replace

import numpy as np
import pytest

from tests.cuda.host import execute
from tests.cuda.pictures import HostFrame, Layout
from tests.ops.pictures import noise, spec
from vsr.color import Range
from vsr.frame import pixel_format
from vsr.ops.cuda.dither import CudaDither
from vsr.ops.dither import Dither

LAYOUTS: list[tuple[str, str, tuple[Layout, Layout]]] = [
    ("yuv420p10le", "yuv420p", ("semi", "semi")),
    ("yuv420p16le", "yuv420p10le", ("semi", "semi")),
    ("yuv422p12le", "yuv422p10le", ("planar", "planar")),
    ("yuva444p16le", "yuva444p", ("planar", "planar")),
    ("gray16le", "gray", ("planar", "planar")),
    ("gbrpf32le", "gbrp", ("f16", "planar")),
    ("gbrpf32le", "gbrp10le", ("planar", "planar")),
]


@pytest.mark.parametrize(("source", "target", "layouts"), LAYOUTS)
@pytest.mark.parametrize("size", [(1, 1), (67, 35)])
@pytest.mark.parametrize("value_range", [Range.LIMITED, Range.FULL])
@pytest.mark.parametrize("frame", [0, 1, 123_456_789])
def test_any_format_has_the_bits_of_the_reference(
    host: ctypes.CDLL,
    source: str,
    target: str,
    layouts: tuple[Layout, Layout],
    size: tuple[int, int],
    value_range: Range,
    frame: int,
) -> None:
    picture = spec(*size, source)
    picture = replace(picture, color=replace(picture.color, range=value_range))
    dither = Dither(picture, pixel_format(target))
    planes = noise(picture)
    if picture.format.is_float:
        rng = np.random.default_rng(2)
        planes = tuple(rng.random(plane.shape).astype(np.float16).astype(np.float32) for plane in planes)
    given, taken = HostFrame(picture, layouts[0]), HostFrame(dither.output, layouts[1])
    given.put(planes)
    execute(host, CudaDither(dither).launches(given.views, taken.views, frame=frame))
    for one, want in zip(taken.get(), dither.reference(planes, frame=frame), strict=True):
        np.testing.assert_array_equal(one, want)
