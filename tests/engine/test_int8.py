"""Networks in bytes: the kernels against the same rounding in numpy, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bench.shapes import SHAPES
from tests.engine.test_contract import pictures, run
from vsr.device import cpu
from vsr.engine import reference
from vsr.engine.fused.calibration import _picture, ranges
from vsr.engine.fused.step import FusedStep
from vsr.nets.builder import Builder
from vsr.nets.graph import Graph
from vsr.nets.ops import Conv, CRelu, PixelShuffle, Relu

Values = Any
pytestmark = pytest.mark.skipif(not cpu.kernels.net_formats()[1], reason="this processor has no AVX-512 VNNI")


def numbers(*shape: int) -> Values:
    """Weights that keep values about as large as they are."""
    return np.random.default_rng(sum(shape)).normal(0, 0.7 / np.sqrt(np.prod(shape[1:])), shape)


def plain() -> Graph:
    """Layers whose results are read as they are: their negative parts have bytes of their own."""
    b = Builder(1)
    x = b.conv(b.input, numbers(8, 1, 3, 3), numbers(8))
    x = b.conv(x, numbers(12, 8, 3, 3), numbers(12), border="replicate")
    x = b.add(Relu(), b.conv(x, numbers(4, 12, 5, 5)))
    b.add(PixelShuffle(2), b.conv(x, numbers(4, 4, 1, 1)))
    return b.build("plain")


NETWORKS: dict[str, Callable[[], Graph]] = {**SHAPES, "plain": plain}


def in_bytes(graph: Graph, planes: Values) -> Values:
    """The graph in float64, with what lies between convolutions rounded as the kernels round it."""
    known = ranges(graph)
    done: dict[str, Values] = {}
    for node in graph.nodes:
        if not node.inputs:
            done[node.name] = planes.astype(float)
            continue
        inputs = [done[name] for name in node.inputs]
        op = node.op
        if isinstance(op, Conv) and node.inputs[0] != graph.input.name:
            inputs, op = [_bytes_of(graph, node.inputs[0], inputs[0], known)], op
            largest = np.zeros(len(op.weight))
            for _, step in inputs[0]:
                largest = np.maximum(largest, np.abs(op.weight * step[:, None, None]).max(axis=(1, 2, 3)))
            total = np.broadcast_to(op.bias.astype(float)[:, None, None], (len(op.bias), *planes.shape[1:]))
            for values, step in inputs[0]:
                scaled = op.weight.astype(float) * step[:, None, None]
                whole = np.rint(scaled / largest[:, None, None, None] * 127)
                part = Conv(
                    whole.astype(np.float32), np.zeros(len(whole), np.float32), op.border, op.dilation
                )
                total = total + _apply(part, [values]) * (largest / 127)[:, None, None]
            done[node.name] = total
        else:
            done[node.name] = _apply(op, inputs)
    return done[graph.output.name]


def _bytes_of(graph: Graph, name: str, values: Values, known: Any) -> list[tuple[Values, Values]]:
    """Return (bytes, what 1 stands for) of the positive parts, and of the negative ones, below 0."""
    low, high = known[name]
    parts = [(values, np.maximum(high, 1e-6) / 255)]
    if not isinstance(graph.by_name[name].op, (CRelu, Relu)) and name != graph.input.name and low.min() < 0:
        parts.append((-values, -np.maximum(-low, 1e-6) / 255))
    return [
        (np.clip(np.rint(part / np.abs(step)[:, None, None]), 0, 255), step.astype(float))
        for part, step in parts
    ]


def _apply(op: Any, inputs: list[Values]) -> Values:
    rows = [reference._Rows(values, 0, values.shape[1]) for values in inputs]
    height = int(inputs[0].shape[1] * op.scale)
    return reference._apply(op, rows, 0, height - 1)


@pytest.mark.parametrize("name", NETWORKS)
def test_bytes_are_rounded_as_said(name: str) -> None:
    graph = NETWORKS[name]()
    values = _picture(graph, 7)[:, :50, :75]
    step = FusedStep(graph, *pictures(graph, 75, 50), precision="int8")
    result = run(step, values)
    wanted = in_bytes(graph, values)
    apart = np.abs(result - wanted)
    # A sum at the middle between two bytes may go either way in float32: few do, and by one step.
    assert np.quantile(apart, 0.999) < 2e-3, apart.max()
    assert np.median(apart) < 2e-6
    np.testing.assert_array_equal(run(step, values, 3), result)


@pytest.mark.parametrize("name", SHAPES)
def test_bytes_are_close_to_float32(name: str) -> None:
    graph = SHAPES[name]()
    values = _picture(graph, 3)
    whole, rounded = (
        run(FusedStep(graph, *pictures(graph, *values.shape[:0:-1]), precision=precision), values)
        for precision in ("fp32", "int8")
    )
    assert -10 * np.log10(np.mean(np.square(whole - rounded))) > 38


def test_other_processors_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = plain()
    step = FusedStep(graph, *pictures(graph, 16, 16), precision="int8")
    active = cpu.isa()
    cpu.kernels.use_isa("plain")
    try:
        with pytest.raises(ValueError, match="do not suit"):
            run(step, np.zeros((1, 16, 16), np.float32))
    finally:
        cpu.kernels.use_isa(active)
