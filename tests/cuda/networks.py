"""Networks of fused_cuda on the host: what they write, forward and reversed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.cuda.host import HostMemory, build_generated, execute
from tests.cuda.pictures import HostFrame, Layout
from vsr.device.cuda.launch import Kind
from vsr.engine.fused_cuda.network import CudaNetwork, CudaPrecision
from vsr.frame import PictureSpec, Plane
from vsr.nets.graph import Graph

Layouts = tuple[Layout, Layout]


def kind_of(layout: Layout) -> Kind | None:
    """The type of samples, where it is not the format's."""
    return "f16" if layout == "f16" else None


def run_network(
    graph: Graph,
    source: PictureSpec,
    target: PictureSpec,
    planes: Sequence[Plane],
    precision: CudaPrecision,
    layouts: Layouts = ("planar", "planar"),
) -> dict[int, Any]:
    """Return the planes that a network writes, by their numbers; it touches no other.

    The launches run twice with the same buffers, forward and reversed, and give the same bits.
    """
    memory = HostMemory()
    reads, writes = map(kind_of, layouts)
    network = CudaNetwork(graph, source, target, memory, precision=precision, reads=reads, writes=writes)
    library = build_generated(network.kernels)
    before = HostFrame(source, layouts[0])
    before.put(planes)
    results = []
    for reverse in (False, True):
        after = HostFrame(target, layouts[1])
        untouched = [plane.copy() for plane in after.arrays]
        execute(library, network.launches(before.views, after.views), reverse=reverse)
        for index, plane in enumerate(after.arrays):
            if index not in network.written:
                np.testing.assert_array_equal(plane, untouched[index])
        assert after.padding_is_whole()
        results.append(
            {
                index: after.arrays[index] >> after.shift if after.shift else after.arrays[index]
                for index in network.written
            }
        )
    for index in network.written:
        np.testing.assert_array_equal(results[0][index], results[1][index])
    return results[0]


def run_values(
    graph: Graph, values: Any, precision: CudaPrecision, specs: tuple[PictureSpec, PictureSpec]
) -> Any:
    """Return the result's channels (R, G, B) or (luma) for float32 channels in that order."""
    order = [0] if len(values) == 1 else [2, 0, 1]
    planes = tuple(values[order.index(plane)] for plane in range(len(order)))
    got = run_network(graph, *specs, planes, precision)
    return np.stack([got[plane] for plane in order])
