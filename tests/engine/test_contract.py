"""What every engine promises: the network's numbers, at every size, on every instruction set.

float32 is within 2e-5 of float64, relative to the largest magnitude of any node. bfloat16 is within what its
roundings can do at most: see bounds.traced.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.bounds import Traced, traced
from tests.engine.graphs import graphs
from tests.nets.weights import Arrays, compact, conv, espcn, fsrcnn, leftthomas, msrresnet, norm, rrdb, srgan
from tests.ops.pictures import COLOR, RGB
from vsr.device import cpu
from vsr.engine.engines import ENGINES, Load
from vsr.engine.fused.step import FusedStep
from vsr.engine.step import Precision
from vsr.frame import PictureSpec, empty_frame, pixel_format
from vsr.nets.families import FAMILIES, recognise
from vsr.nets.graph import Graph
from vsr.ops.step import Step

FLOAT32 = 2e-5
SIDES = (1, 2, 3, 5, 8, 15, 17, 33, 64, 65, 130)
MOST_WORK = 2e7
"""Products that an example may take in numpy."""


def pictures(graph: Graph, width: int, height: int) -> tuple[PictureSpec, PictureSpec]:
    """The float pictures before and after a network."""
    name, color = ("grayf32le", COLOR) if graph.reads == "luma" else ("gbrpf32le", RGB)
    sizes = (width, height), (width * graph.scale, height * graph.scale)
    before, after = (PictureSpec(width=w, height=h, format=pixel_format(name), color=color) for w, h in sizes)
    return before, after


def run(step: Step, values: Any, threads: int = 1) -> Any:
    """The step's result of channels (R, G, B) or (luma), in that order."""
    order = [0] if len(values) == 1 else [2, 0, 1]
    planes, into = (empty_frame(s.width, s.height, s.format).planes for s in (step.source, step.output))
    for channel, plane in enumerate(order):
        planes[plane][...] = values[channel]
    for result in into:
        result[...] = np.nan
    step(planes, into, threads=threads)
    return np.stack([into[plane] for plane in order])


def values_for(graph: Graph, data: st.DataObject) -> Any:
    """Random planes of a size that is not too much work."""
    block = graph.multiple_of
    width, height = (data.draw(st.sampled_from(SIDES), label=what) for what in ("width", "height"))
    while width * height * graph.macs_per_input_pixel > MOST_WORK and max(width, height) > 1:
        width, height = (side if side < max(width, height) else side // 2 for side in (width, height))
    width, height = (max(1, side // block) * block for side in (width, height))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    return rng.random((graph.channels_in, height, width)).astype(np.float32)


def check(got: Any, want: Traced, precision: str) -> None:
    assert np.isfinite(got).all()
    off = np.abs(got - want.result)
    if precision == "fp32":
        assert off.max() <= FLOAT32 * want.magnitude, f"off by {off.max()} of {want.magnitude}"
    else:
        assert (off <= want.movement).all(), f"off by {(off / want.movement).max()} of what is possible"


def check_fused(graph: Graph, values: Any, want: Traced, precision: Precision, threads: int) -> None:
    """All instruction sets; tiles and bands give the same bits as the whole picture at once."""
    before, after = pictures(graph, values.shape[2], values.shape[1])
    active = cpu.isa()
    try:
        for isa in cpu.features():
            cpu.kernels.use_isa(isa)
            if precision == "bf16" and not cpu.kernels.net_formats()[0]:
                continue
            step = FusedStep(graph, before, after, precision=precision)
            step._tile = -(-before.width // 64) * 64
            whole = run(step, values)
            check(whole, want, precision)
            for tile in (64, 128)[: before.width // 64]:
                step._tile = tile
                np.testing.assert_array_equal(run(step, values, threads), whole)
            np.testing.assert_array_equal(run(step, values, threads), whole)
    finally:
        cpu.kernels.use_isa(active)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(graph=graphs(), data=st.data(), threads=st.sampled_from((2, 3, 40)))
def test_fused_runs_any_network(graph: Graph, data: st.DataObject, threads: int) -> None:
    values = values_for(graph, data)
    want = traced(graph, values)
    check_fused(graph, values, want, "fp32", threads)
    if cpu.kernels.net_formats()[0]:
        check_fused(graph, values, want, "bf16", threads)


@pytest.mark.parametrize("engine", [name for name in ENGINES if name != "fused_cpu"])
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(graph=graphs(), data=st.data())
def test_other_engines_run_any_network(engine: str, graph: Graph, data: st.DataObject) -> None:
    values = values_for(graph, data)
    before, after = pictures(graph, values.shape[2], values.shape[1])
    want = traced(graph, values)
    for precision in ENGINES[engine].precisions():
        step = ENGINES[engine].build(graph, before, after, precision, Load())
        check(run(step, values), want, precision)


def small_vdsr() -> Arrays:
    tensors = conv("input", 6, 1, 3, bias=False) | conv("output", 1, 6, 3, bias=False)
    for index in range(3):
        tensors |= conv(f"residual_layer.{index}.conv", 6, 6, 3, bias=False)
    return tensors


def small_enhancenet() -> Arrays:
    tensors = conv("conv_in", 6, 3, 3) | conv("up.0", 6, 6, 3) | conv("up.1", 6, 6, 3)
    for index in range(10):
        tensors |= conv(f"blocks.{index}.0", 6, 6, 3) | conv(f"blocks.{index}.1", 6, 6, 3)
    return tensors | conv("conv_hr", 6, 6, 3) | conv("conv_out", 3, 6, 3)


def small_cnn() -> Arrays:
    tensors = conv("layers.0", 4, 1, 3) | conv("layers.1", 4, 8, 3) | conv("layers.2", 4, 8, 3)
    return tensors | conv("last", 4, 24, 1)


def small_johnson() -> Arrays:
    tensors = conv("conv_in", 6, 3, 9) | norm("norm_in", 6) | conv("conv_out", 3, 6, 9)
    for index in range(2):
        for part in (f"blocks.{index}.conv1", f"blocks.{index}.conv2", f"up.{index}.conv"):
            tensors |= conv(part, 6, 6, 3, bias=False) | norm(part.replace("conv", "norm"), 6)
    return tensors


def family(tensors: Arrays) -> str:
    """The family's name, without what was assumed."""
    return recognise(tensors, name="net").source.partition(" (")[0]


NETWORKS = [
    conv("conv1", 6, 1, 9) | conv("conv2", 4, 6, 1) | conv("conv3", 1, 4, 5),
    small_vdsr(),
    espcn(2),
    espcn(3),
    fsrcnn(),
    compact(8, 2, 4),
    compact(6, 1, 1),
    rrdb("new"),
    rrdb("old", into=12),
    srgan(),
    leftthomas(),
    msrresnet(),
    small_enhancenet(),
    small_cnn(),
    small_johnson(),
]


@pytest.mark.parametrize("tensors", NETWORKS, ids=family)
def test_every_family(tensors: Arrays) -> None:
    graph = recognise(tensors, name="net")
    rng = np.random.default_rng(6)
    for width, height in ((70, 6), (2, 10), (2, 2)):
        values = rng.random((graph.channels_in, height, width)).astype(np.float32)
        want = traced(graph, values)
        for precision in set(ENGINES["fused_cpu"].precisions()) - {"int8"}:
            check_fused(graph, values, want, precision, 3)
    before, after = pictures(graph, 2, 2)
    for engine in ("openvino", "reference"):
        for precision in ENGINES[engine].precisions():
            check(
                run(ENGINES[engine].build(graph, before, after, precision, Load()), values), want, precision
            )


def test_no_family_is_forgotten() -> None:
    assert {family(tensors) for tensors in NETWORKS} == set(FAMILIES)
