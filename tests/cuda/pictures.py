"""Frames as a GPU holds them: planar or semi-planar, float16 or float32, with guarded padding."""

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tests.cuda.host import HostMemory, execute, host_views
from vsr.device.cuda.launch import Memory, View
from vsr.frame import PictureSpec, Plane
from vsr.ops.cuda.lowering import CudaOperation

Layout = Literal["planar", "semi", "f16"]
_GUARD = 0xA5
_ALIGNED = 64
"""Bytes."""


class HostFrame:
    """Planes with padded rows: those of an even length are aligned as a GPU's are, the others are not.

    Semi-planar ones have their chroma interleaved, and codes in the high bits.
    """

    def __init__(self, spec: PictureSpec, layout: Layout = "planar") -> None:
        fmt = spec.format
        dtype = np.dtype(np.float16) if layout == "f16" else fmt.dtype
        self.shift = 16 - fmt.depth if layout == "semi" and fmt.depth > 8 else 0
        self._memories: list[tuple[npt.NDArray[Any], int]] = []
        shapes = [fmt.plane_shape(i, spec.width, spec.height) for i in range(fmt.num_planes)]
        planes = [self._take(shape, dtype) for shape in (shapes[:1] if layout == "semi" else shapes)]
        if layout == "semi":
            height, width = shapes[1]
            both = self._take((height, 2 * width), dtype)
            planes += [both[:, ::2], both[:, 1::2]]
        self.arrays = tuple(planes)

    def _take(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
        height, width = shape
        stride = (width + 7) * dtype.itemsize
        if width % 2 == 0:
            stride += -stride % _ALIGNED
        whole = np.full(height * stride + _ALIGNED, _GUARD, np.uint8)
        start = -whole.ctypes.data % _ALIGNED
        memory = whole[start : start + height * stride].reshape(height, stride)
        self._memories.append((memory, width * dtype.itemsize))
        return memory.view(dtype)[:, :width]

    @property
    def views(self) -> tuple[View, ...]:
        return host_views(self.arrays, shift=self.shift)

    def put(self, planes: Sequence[Plane]) -> None:
        """Take these codes, or values."""
        for own, plane in zip(self.arrays, planes, strict=True):
            own[...] = plane << self.shift if self.shift else plane

    def padding_is_whole(self) -> bool:
        """Whether nothing was written beside the planes."""
        return all((memory[:, used:] == _GUARD).all() for memory, used in self._memories)

    def get(self) -> tuple[npt.NDArray[Any], ...]:
        """Return codes, or values, and see that nothing was written beside them."""
        assert self.padding_is_whole(), "a kernel wrote into the padding"
        if self.shift:
            assert not any((plane & ((1 << self.shift) - 1)).any() for plane in self.arrays)
            return tuple(plane >> self.shift for plane in self.arrays)
        return self.arrays


def run_on_host(
    library: ctypes.CDLL,
    make: Callable[[Memory], CudaOperation],
    planes: Sequence[Plane],
    spec_in: PictureSpec,
    spec_out: PictureSpec,
    layouts: tuple[Layout, Layout] = ("planar", "planar"),
) -> tuple[npt.NDArray[Any], ...]:
    """Return what an operation's launches write, run forward and reversed with equal results."""
    memory = HostMemory()
    operation = make(memory)
    source, targets = HostFrame(spec_in, layouts[0]), [HostFrame(spec_out, layouts[1]) for _ in range(2)]
    source.put(planes)
    for reverse, target in enumerate(targets):
        execute(library, operation.launches(source.views, target.views), reverse=bool(reverse))
    forward, reversed_ = (target.get() for target in targets)
    for one, other in zip(forward, reversed_, strict=True):
        np.testing.assert_array_equal(one, other)
    return forward
