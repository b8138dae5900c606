"""What a graph refuses, and what it knows of itself."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from vsr.errors import OptionError
from vsr.nets.builder import Builder
from vsr.nets.errors import GraphError
from vsr.nets.graph import Graph, Node, joined
from vsr.nets.ops import (
    Add,
    Clamp,
    Concat,
    Conv,
    ConvTranspose,
    CRelu,
    GlobalInput,
    PixelShuffle,
    PixelUnshuffle,
    PRelu,
    Relu,
    Resize,
)


def ones(*shape: int) -> Any:
    return np.ones(shape, np.float32)


def small(**changes: Any) -> Graph:
    """Anime4K's S shape: 3 > 4, twice 8 > 4, 8 > 4, one plane, added to the enlarged input."""
    b = Builder(3)
    x = b.conv(b.input, ones(4, 3, 3, 3), border="replicate", name="first")
    for _ in range(3):
        x = b.conv(b.add(CRelu(), x), ones(4, 8, 3, 3), border="replicate")
    b.add(Add(), b.add(PixelShuffle(2), x), b.add(Resize("bilinear", 2), b.input))
    return dataclasses.replace(b.build("small"), **changes)


def test_numbers_of_the_s_upscaler() -> None:
    graph = small()
    assert (graph.num_parameters, graph.macs_per_input_pixel) == (988, 972)  # anime4k.md, part A
    assert (graph.scale, graph.receptive_field, graph.border) == (2, (4, 4), "replicate")
    assert (graph.reads, graph.writes, graph.multiple_of) == ("rgb", "residual", 1)
    assert graph.residual is not None and graph.channels[graph.residual.plane] == 1


def test_numbers_of_fsrcnn_and_vdsr() -> None:
    b = Builder(1)
    x = b.add(PRelu(ones(56)), b.conv(b.input, ones(56, 1, 5, 5)))
    x = b.add(PRelu(ones(12)), b.conv(x, ones(12, 56, 1, 1)))
    for _ in range(4):
        x = b.add(PRelu(ones(12)), b.conv(x, ones(12, 12, 3, 3)))
    x = b.add(PRelu(ones(56)), b.conv(x, ones(56, 12, 1, 1)))
    b.add(ConvTranspose(ones(56, 1, 9, 9), ones(1), 3, 4, 2), x)
    graph = b.build("fsrcnn")
    assert graph.num_parameters == 12809 and graph.macs_per_input_pixel == 12464  # networks.md, 1.2
    assert (graph.reads, graph.writes, graph.scale) == ("luma", "luma", 3)
    b = Builder(1)
    x = base = b.add(Resize("bicubic", 2), b.input)
    for index in range(20):
        x = b.conv(x, ones(1 if index == 19 else 64, 1 if index == 0 else 64, 3, 3))
    b.add(Add(), x, base)
    assert b.build("vdsr").num_parameters == 665921
    assert b.build("vdsr").macs_per_input_pixel == 4 * 664704


def test_lines_name_every_node() -> None:
    graph = small()
    assert len(graph.lines()) == len(graph.nodes)
    assert "3x3 convolution, 3 to 4 channels, replicate border of input -> 4 ch" in graph.lines()[1]
    assert "972 multiply-adds" in " ".join(graph.summary())


def test_weights_cannot_be_changed() -> None:
    source = ones(4, 3, 3, 3)
    op = Conv(source, ones(4), "zero")
    source[0] = 5
    assert op.weight.max() == 1
    with pytest.raises(ValueError, match="read-only"):
        op.weight[0] = 2


def test_digest_sees_weights_and_wiring_but_no_names() -> None:
    graph = small()
    assert graph.digest == small(name="other").digest
    nodes = list(graph.nodes)
    first = graph.nodes[1].op
    assert isinstance(first, Conv)
    nodes[1] = Node("first", Conv(first.weight * 2, first.bias, first.border), ("input",))
    assert small(nodes=tuple(nodes)).digest != graph.digest


def graph_of(*nodes: Node) -> Graph:
    return Graph("t", nodes)


INPUT = Node("input", GlobalInput(3))


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: graph_of(), "first node must be the input"),
        (lambda: graph_of(Node("a", Relu(), ("input",))), "first node must be the input"),
        (lambda: graph_of(INPUT, Node("a", Relu(), ("b",))), "'b' does not come before it"),
        (lambda: graph_of(INPUT, Node("input", Relu(), ("input",))), "names must be unique"),
        (lambda: graph_of(INPUT, Node("a", Add(), ("input",))), "with 1 inputs"),
        (lambda: graph_of(INPUT, Node("a", Relu(), ("input",)), Node("b", Relu(), ("input",))), "reads a"),
        (lambda: graph_of(INPUT, Node("a", CRelu(), ("input",))), "as many must come out"),
        (lambda: graph_of(INPUT, Node("a", PixelShuffle(2), ("input",))), "not whole groups of 4"),
        (lambda: graph_of(INPUT, Node("a", PRelu(ones(4)), ("input",))), "4 slopes, the input has 3"),
        (
            lambda: graph_of(
                INPUT, Node("a", Resize("nearest", 2), ("input",)), Node("b", Add(), ("input", "a"))
            ),
            "sizes differ: input is 1x and a is 2x",
        ),
        (
            lambda: graph_of(
                INPUT,
                Node("a", PixelUnshuffle(2), ("input",)),
                Node("b", Conv(ones(3, 12, 1, 1), ones(3), "zero"), ("a",)),
            ),
            "smaller than the input",
        ),
        (lambda: graph_of(Node("input", GlobalInput(2))), "reads 1 or 3 planes"),
        (lambda: Conv(ones(4, 3, 2, 2), ones(4), "zero"), "square and odd"),
        (lambda: Conv(ones(4, 3, 3, 3), ones(3), "zero"), "3 values for 4"),
        (lambda: Conv(ones(4, 3, 3, 3) * np.inf, ones(4), "zero"), "not finite"),
        (lambda: Conv(ones(4, 3, 3, 3), ones(4), "mirror"), "'mirror'"),  # type: ignore[arg-type]
        (lambda: ConvTranspose(ones(4, 1, 9, 9), ones(1), 2, 4, 0), "do not enlarge by exactly 2"),
        (lambda: Clamp(1, 0), "empty"),
        (lambda: PixelShuffle(2, "zz"), "'zz'"),  # type: ignore[arg-type]
        (lambda: Resize("nearest", 1), "factor is 1"),
    ],
)
def test_refused(build: Any, text: str) -> None:
    with pytest.raises(GraphError, match=text) as caught:
        build()
    assert isinstance(caught.value, OptionError)


def test_concat_counts() -> None:
    b = Builder(3)
    x = b.add(Concat(), b.input, b.input, b.input)
    b.conv(x, ones(3, 9, 1, 1))
    assert b.build("t").channels[x] == 9


def test_joined_networks_that_add_one_plane_add_one_plane() -> None:
    both = joined(small(), small(name="second"))
    assert both.writes == "residual" and both.residual is not None
    assert both.residual.plane.startswith("2 ") and both.channels[both.residual.plane] == 1
