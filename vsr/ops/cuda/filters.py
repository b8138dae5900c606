"""`FilterStep` on a GPU: each of its passes as launches, over textures in device memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from vsr.device.cuda.launch import Launch, Memory, View
from vsr.ops.cuda.bilateral import CudaBilateral
from vsr.ops.cuda.points import CudaPoint
from vsr.ops.cuda.warp import CudaWarp
from vsr.ops.shader_filters.bilateral import BilateralPass
from vsr.ops.shader_filters.passes import RESULT, RGB, FilterStep, Pass, PointPass
from vsr.ops.shader_filters.warp import WarpPass


class CudaPass(Protocol):
    """A pass on a GPU."""

    def launches(self, textures: Mapping[str, View]) -> tuple[Launch, ...]:
        """Return what fills those of `textures` that the pass writes, one after another."""


class CudaFilter:
    """The launches of a `FilterStep`. The samples are, bit for bit, those that its CPU kernels give.

    Ownership: tables and the textures between passes lie in `memory`. Those textures make it one frame at a
    time: launches for two frames must not overlap.
    """

    def __init__(self, operation: FilterStep, memory: Memory) -> None:
        sizes = {name: each.size for each in operation.passes for name in each.writes}
        self._between = {
            name: memory.plane(*size, "f32") for name, size in sizes.items() if name not in RESULT
        }
        sizes |= dict.fromkeys(RGB, (operation.source.width, operation.source.height))
        self._passes = tuple(_lowered(each, sizes, memory) for each in operation.passes)

    def launches(self, planes: Sequence[View], into: Sequence[View]) -> tuple[Launch, ...]:
        """Return what writes the filtered G, B, R `planes` into `into`, other planes, one after another."""
        textures = self._between | named(RGB, planes) | named(RESULT, into)
        return tuple(launch for each in self._passes for launch in each.launches(textures))


def named(names: Sequence[str], planes: Sequence[View]) -> dict[str, View]:
    """Return G, B, R planes by names for R, G and B."""
    green, blue, red = planes
    return dict(zip(names, (red, green, blue), strict=True))


def _lowered(each: Pass, sizes: Mapping[str, tuple[int, int]], memory: Memory) -> CudaPass:
    match each:
        case PointPass():
            return CudaPoint(each, memory)
        case WarpPass():
            return CudaWarp(each, sizes[each.pictures[0]], memory)
        case BilateralPass():
            return CudaBilateral(each, memory)
    raise TypeError(f"{type(each).__name__} has no CUDA kernel")
