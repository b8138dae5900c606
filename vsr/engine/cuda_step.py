"""What the steps of networks on a GPU are made with: a place, and the planes that they leave alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from vsr.device.cuda.gpu import Gpu, Work
from vsr.device.cuda.launch import Memory, View
from vsr.engine.builds import Builds
from vsr.engine.step import Rest
from vsr.frame import PictureSpec
from vsr.ops.cuda.convert import CudaAlpha
from vsr.ops.cuda.resize import CudaResize


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where the steps of a chain are: on a GPU, with memory for one frame at a time."""

    gpu: Gpu
    memory: Memory
    found: int
    """The address of a Found (kernels/common/found.hpp), to be told of values that are no numbers."""
    builds: Builds = field(default_factory=Builds)
    """What engines build for it."""


class CudaRest:
    """`Rest` on a GPU: enlarges the planes of a target that something else does not write."""

    def __init__(
        self, source: PictureSpec, target: PictureSpec, written: Sequence[int], memory: Memory
    ) -> None:
        rest = Rest(source, target, written)
        self._parts: list[CudaResize | CudaAlpha] = []
        if rest.resize is not None:
            self._parts.append(CudaResize(rest.resize, memory))
        if rest.grid is not None:
            self._parts.append(CudaAlpha(rest.grid, memory))

    def work(self, planes: Sequence[View], into: Sequence[View]) -> list[Work]:
        """Return what writes those planes of `into`."""
        return [launch for part in self._parts for launch in part.launches(planes, into)]
