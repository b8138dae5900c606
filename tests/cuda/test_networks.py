"""fused_cuda on the host: the network's numbers, at every size, for every kind of plane.

float32 is within 2e-5 of float64, as in tests/engine/test_contract.py; float16 within what roundings can do.
The tensor cores' products are those of tests/cuda/shim_fragments.hpp.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cuda.host import HostMemory
from tests.cuda.network_shapes import NETWORKS as SHAPES
from tests.cuda.networks import Layouts, run_network, run_values
from tests.engine.bounds import HALF_UNIT, traced
from tests.engine.graphs import graphs
from tests.engine.test_contract import NETWORKS, check, family, pictures, values_for
from tests.engine.test_pictures import GRAPHS, enlarged
from tests.nets.weights import Arrays, compact, srgan, vdsr
from tests.ops.pictures import RGB, drawing, noise, run, spec
from vsr.engine.fused.step import FusedStep
from vsr.engine.fused_cuda.network import CudaNetwork, CudaPrecision, problem
from vsr.errors import OptionError
from vsr.frame import PictureSpec, pixel_format
from vsr.nets.builder import Builder
from vsr.nets.families import recognise
from vsr.nets.graph import Graph
from vsr.nets.ops import Add, LeakyRelu, Relu, Resize

PRECISIONS: tuple[CudaPrecision, ...] = get_args(CudaPrecision)
LEAST_PSNR = 55.0
"""Of float16 against float32, in dB."""


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(graph=graphs(), data=st.data(), precision=st.sampled_from(PRECISIONS))
def test_runs_any_network(graph: Graph, data: st.DataObject, precision: CudaPrecision) -> None:
    values = values_for(graph, data)
    specs = pictures(graph, values.shape[2], values.shape[1])
    if problem(graph, *specs) is None:
        check(run_values(graph, values, precision, specs), traced(graph, values, HALF_UNIT), precision)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("tensors", NETWORKS, ids=family)
def test_every_family(tensors: Arrays, precision: CudaPrecision) -> None:
    graph = recognise(tensors, name="net")
    rng = np.random.default_rng(6)
    for width, height in ((70, 6), (2, 10), (2, 2)):
        values = rng.random((graph.channels_in, height, width)).astype(np.float32)
        got = run_values(graph, values, precision, pictures(graph, width, height))
        check(got, traced(graph, values, HALF_UNIT), precision)


def psnr(got: Any, want: Any) -> float:
    return float(-10 * np.log10(np.mean((got.astype(float) - want) ** 2)))


@pytest.mark.parametrize("name", SHAPES)
def test_halves_are_near_float32_on_pictures(name: str) -> None:
    graph = SHAPES[name]()
    gray = drawing(spec(43, 19, "gbrp"))
    values = np.stack(gray[: graph.channels_in]).astype(np.float32) / 255
    specs = pictures(graph, 43, 19)
    half, single = (run_values(graph, values, precision, specs) for precision in PRECISIONS)
    assert psnr(half, single) >= LEAST_PSNR
    check(single, traced(graph, values), "fp32")


FORMATS: list[tuple[str, str, Layouts, str]] = [
    ("yuv420p", "yuv420p", ("semi", "semi"), "luma residual"),
    ("yuv420p10le", "yuv420p10le", ("semi", "semi"), "luma residual"),
    ("yuv420p", "yuv420p10le", ("planar", "semi"), "residual"),
    ("yuv410p", "yuv410p", ("planar", "planar"), "residual"),
    ("yuv420p", "yuv444p", ("semi", "planar"), "colour"),
    ("yuv422p10le", "yuv444p10le", ("planar", "planar"), "colour clamped"),
    ("yuv444p16le", "yuv444p16le", ("planar", "planar"), "colour residual"),
    ("yuva444p", "yuva444p", ("planar", "planar"), "colour"),
    ("yuv420p", "gbrp", ("semi", "planar"), "colour residual"),
    ("gray", "gray", ("planar", "planar"), "luma colour residual"),
    ("gray", "gbrp", ("planar", "planar"), "residual"),
    ("gbrp", "gbrp", ("planar", "planar"), "colour clamped residual"),
    ("gbrap", "gbrp10le", ("planar", "planar"), "colour"),
    ("gbrp", "gbrpf32le", ("planar", "f16"), "residual"),
    ("gbrpf32le", "gbrp", ("f16", "planar"), "residual"),
    ("gbrpf32le", "gbrpf32le", ("f16", "f16"), "colour"),
]
"""Formats before and after, how their planes lie, and networks."""


@pytest.mark.parametrize(
    ("name", "before", "after", "layouts"),
    [(name, *case[:3]) for case in FORMATS for name in case[3].split()],
)
def test_pictures_are_those_of_the_fused_cpu_engine(
    name: str, before: str, after: str, layouts: Layouts
) -> None:
    graph, source = GRAPHS[name], spec(67, 21, before)
    target = enlarged(source, graph.scale, format=pixel_format(after))
    if after.startswith("gbr"):
        target = replace(target, color=RGB)
    planes = tuple(plane.astype(np.float16).astype(plane.dtype) for plane in within_range(source))
    want = run(FusedStep(graph, source, target), planes)  # type: ignore[arg-type]
    for precision, codes in (("fp32", 1), ("fp16", 3)):
        got = run_network(graph, source, target, planes, precision, layouts)  # type: ignore[arg-type]
        unit = 2 / 1024 if target.format.is_float else max(1, target.format.max_value * 2e-5)
        unit = codes * (unit if precision == "fp32" else max(unit, target.format.max_value / 255))
        for index, plane in got.items():
            off = np.abs(plane.astype(float) - want[index])
            assert off.max() <= unit, f"{precision}: plane {index} is off by {off.max()}"


def within_range(source: PictureSpec) -> tuple[Any, ...]:
    """Noise within the range of most pictures."""
    if source.format.is_float:
        rng = np.random.default_rng(5)
        return tuple(
            rng.random((source.height, source.width)).astype(np.float32)
            for _ in range(source.format.num_planes)
        )
    planes = noise(source, 1)
    for plane in planes:
        plane[...] = plane // 2 + source.format.max_value // 4
    return planes


def test_infinity_and_nan_are_kept() -> None:
    b = Builder(1)
    x = b.add(Relu(), b.conv(b.input, np.full((8, 1, 1, 1), 3e4, np.float32)))
    x = b.add(Relu(), b.conv(x, np.full((8, 8, 1, 1), 4.0, np.float32)))
    x = b.add(Relu(), b.conv(x, np.repeat([[1.0], [-1.0]], 4, 0).reshape(1, 8, 1, 1).repeat(8, 0)))
    b.conv(x, np.ones((1, 8, 1, 1), np.float32))
    graph = b.build("large")
    specs, values = pictures(graph, 5, 3), np.ones((1, 3, 5), np.float32)
    assert np.isnan(run_values(graph, values, "fp16", specs)).all()
    assert np.isfinite(run_values(graph, values, "fp32", specs)).all()


class CountedMemory(HostMemory):
    """Host memory that knows how many planes it gave."""

    planes = 0

    def plane(self, *args: Any) -> Any:
        self.planes += 1
        return super().plane(*args)


def test_layers_in_a_row_need_two_buffers() -> None:
    graph = recognise(compact(8, 6, 2), name="net")
    memory = CountedMemory()
    CudaNetwork(graph, *pictures(graph, 8, 8), memory)
    assert memory.planes == 2


def test_what_is_the_same_for_two_networks_is_compiled_once() -> None:
    first, second = (
        CudaNetwork(
            recognise(compact(8, layers, 2), name="net"), *pictures(GRAPHS["colour"], size, 8), HostMemory()
        )
        for layers, size in ((2, 8), (5, 16))
    )
    assert first.kernels == second.kernels


@pytest.mark.parametrize(
    ("tensors", "text"),
    [
        (
            srgan(width=64),
            "net has a convolution from 64 to 256 channels; fused_cuda runs up to 64; use tensorrt",
        ),
        (compact(72, 1, 2), "net has a convolution from 3 to 72 channels"),
    ],
)
def test_wide_networks_are_refused_in_a_sentence(tensors: Arrays, text: str) -> None:
    graph = recognise(tensors, name="net")
    fault = problem(graph, *pictures(graph, 8, 8))
    assert fault is not None
    assert text in fault
    with pytest.raises(OptionError, match="use tensorrt"):
        CudaNetwork(graph, *pictures(graph, 8, 8), HostMemory())


def test_weights_beyond_float16_are_refused() -> None:
    b = Builder(1)
    b.conv(b.input, np.full((1, 1, 1, 1), 7e4, np.float32))
    graph = b.build("heavy")
    specs = pictures(graph, 4, 4)
    with pytest.raises(
        OptionError, match=r"heavy has weights up to 70000; float16 holds 65504; choose .* fp32"
    ):
        CudaNetwork(graph, *specs, HostMemory())
    assert CudaNetwork(graph, *specs, HostMemory(), precision="fp32").precision == "fp32"


def test_what_is_refused_otherwise() -> None:
    b = Builder(1)
    b.conv(b.input, np.zeros((1, 1, 3, 3), np.float32), dilation=60)
    far = b.build("far")
    assert "looks 60 samples far" in str(problem(far, *pictures(far, 8, 8)))
    source = spec(8, 8)
    assert "4:4:4" in str(problem(GRAPHS["colour"], source, enlarged(source, 2)))
    assert problem(GRAPHS["residual"], source, enlarged(source, 2)) is None
    with pytest.raises(OptionError, match="makes 8x8 16x16, not 8x8"):
        problem(GRAPHS["residual"], source, source)
    assert problem(recognise(vdsr(), name="net"), source, enlarged(source, 2)) is None


def test_the_sentence_and_the_planes_that_are_written() -> None:
    source = spec(8, 6)
    network = CudaNetwork(GRAPHS["residual"], source, enlarged(source, 2), HostMemory())
    assert network.sentence == "residual 8x6 to 16x12, fused on the GPU in fp16"
    assert network.written == (0,)
    wide = spec(8, 6, "yuva444p")
    assert CudaNetwork(GRAPHS["colour"], wide, enlarged(wide, 2), HostMemory()).written == (0, 1, 2)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_slopes_at_the_end(precision: CudaPrecision) -> None:
    """One whose last phase g++ dropped: see FLAGS of tests/cuda/host.py."""
    b = Builder(1)
    rng = np.random.default_rng(4)
    x = b.add(Relu(), b.conv(b.input, rng.normal(0, 1, (4, 1, 1, 1))))
    b.add(LeakyRelu(0.5), b.conv(x, rng.normal(0, 1, (1, 4, 3, 3))))
    graph, values = b.build("slope"), rng.random((1, 4, 5)).astype(np.float32)
    got = run_values(graph, values, precision, pictures(graph, 5, 4))
    check(got, traced(graph, values, HALF_UNIT), precision)


def test_sums_of_enlargements_and_pictures() -> None:
    """A base is added where it lies, enlarged at the end, or kept for two that read it."""
    rng = np.random.default_rng(2)
    for kind in ("nearest", "bilinear", "bicubic"):
        b = Builder(3)
        first = b.add(Add(), b.conv(b.input, rng.normal(0, 0.2, (3, 3, 3, 3))), b.input)
        large = b.add(Resize(kind, 3), first)
        x = b.add(Relu(), b.conv(large, rng.normal(0, 0.2, (3, 3, 3, 3))))
        b.add(Add(), b.conv(x, rng.normal(0, 0.2, (3, 3, 1, 1))), large)
        graph = b.build(kind)
        values = rng.random((3, 5, 37)).astype(np.float32)
        for precision in PRECISIONS:
            got = run_values(graph, values, precision, pictures(graph, 37, 5))
            check(got, traced(graph, values, HALF_UNIT), precision)
