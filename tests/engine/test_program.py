"""The lists that the fused engine gives to the kernels: what does not hold together is refused."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.test_contract import pictures, run
from vsr.device import cpu
from vsr.engine.engines import ENGINES
from vsr.engine.fused.calibration import ranges
from vsr.engine.fused.pictures import maps
from vsr.engine.fused.program import Program
from vsr.engine.fused.step import _FORMATS, FusedStep
from vsr.engine.fused.terms import terms_of
from vsr.engine.step import Precision
from vsr.nets.builder import Builder
from vsr.nets.graph import Graph
from vsr.nets.ops import Add, Clamp, CRelu, PixelShuffle, PixelUnshuffle, PRelu, Resize

RNG = np.random.default_rng(4)
VALUES = (*range(-2, 10), 16, 17, 63, 64, 255, 256, 257, 1 << 17, 1 << 20, (1 << 31) - 1, -(1 << 31))


def numbers(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32)


def enlarging() -> Graph:
    b = Builder(3)
    x = b.add(PRelu(numbers(5)), b.conv(b.input, numbers(5, 3, 3, 3), border="replicate"))
    x = b.conv(b.add(CRelu(), x), numbers(12, 10, 3, 3), dilation=2)
    b.add(Add(), b.add(PixelShuffle(2), x), b.add(Resize("bicubic", 2), b.input))
    return b.build("enlarging")


def blocks() -> Graph:
    b = Builder(1)
    x = b.conv(b.add(PixelUnshuffle(2), b.input), numbers(18, 4, 5, 5))
    x = b.add(Resize("bilinear", 2), b.add(PixelShuffle(3), x))
    b.add(Clamp(0, 1), b.conv(x, numbers(1, 2, 1, 1)))
    return b.build("blocks")


GRAPHS = {"enlarging": enlarging(), "blocks": blocks()}
SIZES = ((8, 8), (70, 2))
PRECISIONS = ENGINES["fused_cpu"].precisions()


def packed(graph: Graph, precision: Precision) -> tuple[Any, Any]:
    """The lists for a network on float pictures."""
    term, nodes = terms_of(graph, *maps(graph, *pictures(graph, 8, 8)))
    known = ranges(graph)
    program = Program(
        term,
        format=_FORMATS[precision],
        ranges={each: known[name] for each, name in nodes.items() if name in known},
    )
    return program.packed(*graph.receptive_field)


CASES = [
    (graph, precision, *packed(graph, precision)) for graph in GRAPHS.values() for precision in PRECISIONS
]


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    case=st.sampled_from(CASES),
    changes=st.lists(st.tuples(st.floats(0, 0.9999), st.sampled_from(VALUES)), min_size=1, max_size=3),
    cut=st.sampled_from((0, 0, 0, 0, -1, 1)),
    size=st.sampled_from(SIZES),
)
def test_changed_lists_are_refused_or_harmless(
    case: Any, changes: list[tuple[float, int]], cut: int, size: tuple[int, int]
) -> None:
    graph, precision, ints, floats = case
    changed = ints.copy()
    for place, value in changes:
        changed[int(place * len(changed))] = value
    changed = changed[:cut] if cut < 0 else np.concatenate([changed, np.ones(cut, np.int32)])
    try:
        native = cpu.kernels.net(changed, floats)
    except ValueError:
        return
    step = FusedStep(graph, *pictures(graph, *size), precision=precision)
    step._native, step._tile = native, 64
    with suppress(ValueError):
        result = run(step, np.zeros((graph.channels_in, size[1], size[0]), np.float32), threads=2)
        assert result.shape == (graph.channels_out, size[1] * graph.scale, size[0] * graph.scale)


@pytest.mark.parametrize(("graph", "precision", "ints", "floats"), CASES)
def test_lists_that_end_early_or_late_are_refused(
    graph: Graph, precision: str, ints: Any, floats: Any
) -> None:
    cpu.kernels.net(ints, floats)
    for end in range(len(ints)):
        with pytest.raises(ValueError, match="do not fit together"):
            cpu.kernels.net(ints[:end], floats)
    for wrong in (floats[:-1], np.append(floats, np.float32(0)), floats[:0]):
        with pytest.raises(ValueError, match="do not fit together"):
            cpu.kernels.net(ints, wrong)
