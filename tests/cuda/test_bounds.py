"""Kernels read nothing behind a plane: here planes end where memory does."""

import ctypes
import mmap

import numpy as np
import pytest

from tests.cuda.host import HostMemory, execute, host_views
from tests.cuda.pictures import HostFrame
from tests.ops.pictures import RGB, noise, run, spec
from vsr.frame import Plane, pixel_format
from vsr.ops.anime4k import Anime4k
from vsr.ops.convert import Convert
from vsr.ops.cuda.lowering import lowered
from vsr.ops.resize import Resize


def at_the_end(plane: Plane) -> Plane:
    """Return a copy without padding that ends right before a page that nobody may read."""
    whole = -(-plane.size * plane.itemsize // mmap.PAGESIZE) * mmap.PAGESIZE
    memory = mmap.mmap(-1, whole + mmap.PAGESIZE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    forbid = ctypes.CDLL(None).mprotect
    assert forbid(ctypes.c_void_p(address + whole), ctypes.c_size_t(mmap.PAGESIZE), 0) == 0
    copy = np.ndarray(plane.shape, plane.dtype, memory, whole - plane.size * plane.itemsize)
    copy[...] = plane
    return copy


@pytest.mark.skipif(not hasattr(mmap, "PROT_READ"), reason="needs POSIX memory protection")
@pytest.mark.parametrize("name", ["yuv420p", "yuv420p10le", "yuv411p", "gbrp"])
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (64, 32), (95, 41), (128, 50)])
def test_nothing_is_read_behind_a_plane(host: ctypes.CDLL, name: str, size: tuple[int, int]) -> None:
    source, (width, height) = spec(*size, name), size
    planes = noise(source)
    guarded = [at_the_end(plane) for plane in planes]
    values = Convert(source, pixel_format("gbrpf32le"), RGB)
    for operation in (
        values,
        Convert(source, pixel_format("yuv420p"), spec(1, 1, "yuv444p").color),
        Resize(source, 2 * width, 2 * height),
        Resize(source, max(width // 2, 1), max(height // 3, 1), scaler="bilinear"),
        Anime4k(source, 2 * width, 2 * height),
    ):
        memory, into = HostMemory(), HostFrame(operation.output)
        execute(host, lowered(operation, memory).launches(host_views(guarded), into.views))
        for one, want in zip(into.get(), run(operation, planes), strict=True):
            np.testing.assert_array_equal(one, want)
