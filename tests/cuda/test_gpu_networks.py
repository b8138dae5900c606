"""Networks of fused_cuda on a GPU: float32 is the fused CPU engine's, float16 near it.

Skipped where there is no GPU; with VSR_REQUIRE_GPU=1 that is a failure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.cuda.network_shapes import NETWORKS as SHAPES
from tests.cuda.test_gpu import CupyMemory, a_gpu
from tests.engine.test_contract import NETWORKS, family, pictures, run
from tests.engine.test_pictures import GRAPHS, enlarged
from tests.nets.weights import Arrays
from tests.ops.pictures import drawing, spec
from tests.ops.pictures import run as run_planes
from vsr.engine.fused.step import FusedStep
from vsr.engine.fused_cuda.network import CudaNetwork, CudaPrecision
from vsr.frame import PictureSpec, Plane
from vsr.nets.families import recognise
from vsr.nets.graph import Graph

__all__ = ["a_gpu"]
pytestmark = pytest.mark.gpu
LEAST_PSNR = 55.0


def on_gpu(
    graph: Graph, source: PictureSpec, target: PictureSpec, planes: Sequence[Plane], precision: CudaPrecision
) -> dict[int, Any]:
    """Return the planes that the network writes, by their numbers."""
    memory, fmt = CupyMemory(), target.format
    network = CudaNetwork(graph, source, target, memory, precision=precision)
    sources = [memory.put(plane) for plane in planes]
    shapes = [fmt.plane_shape(index, target.width, target.height) for index in range(fmt.num_planes)]
    targets = [memory.put(np.zeros(shape, fmt.dtype)) for shape in shapes]
    memory.execute(network.launches(sources, targets))
    return {index: memory.get(index - fmt.num_planes) for index in network.written}


def compare(graph: Graph, values: Any) -> None:
    """float32 against the CPU, float16 against float32."""
    order = [0] if len(values) == 1 else [2, 0, 1]
    specs = pictures(graph, values.shape[2], values.shape[1])
    planes = [values[order.index(plane)] for plane in range(len(order))]
    want = run(FusedStep(graph, *specs), values)
    single, half = (on_gpu(graph, *specs, planes, precision) for precision in ("fp32", "fp16"))
    for channel, plane in enumerate(order):
        np.testing.assert_allclose(single[plane], want[channel], atol=4e-5 * max(1, np.abs(want).max()))
        error = np.mean((half[plane].astype(float) - single[plane]) ** 2) / max(1, np.abs(want).max()) ** 2
        assert -10 * np.log10(error + 1e-12) >= LEAST_PSNR


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("size", [(1, 1), (65, 33), (640, 360)])
def test_known_shapes(name: str, size: tuple[int, int]) -> None:
    graph = SHAPES[name]()
    compare(graph, np.stack(drawing(spec(*size, "gbrp"))[: graph.channels_in]).astype(np.float32) / 255)


@pytest.mark.parametrize("tensors", NETWORKS, ids=family)
def test_families(tensors: Arrays) -> None:
    graph = recognise(tensors, name="net")
    compare(graph, np.random.default_rng(1).random((graph.channels_in, 34, 70)).astype(np.float32))


@pytest.mark.parametrize("name", ["yuv420p", "yuv420p10le", "yuv444p", "gbrp"])
@pytest.mark.parametrize("graph", ["residual", "colour"])
def test_pictures(graph: str, name: str) -> None:
    network, source = GRAPHS[graph], spec(333, 217, name)
    target = enlarged(source, network.scale)
    if graph == "colour" and "420" in name:
        target = replace(target, format=spec(1, 1, name.replace("420", "444")).format)
    planes = drawing(source)
    want = run_planes(FusedStep(network, source, target), planes)  # type: ignore[arg-type]
    for index, plane in on_gpu(network, source, target, planes, "fp32").items():
        assert np.abs(plane.astype(int) - want[index]).max() <= 1
