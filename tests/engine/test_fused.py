"""Networks that the fused engine once got wrong, or could."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.engine.bounds import traced
from tests.engine.test_contract import check_fused
from vsr.device import cpu
from vsr.engine.fused.program import Program, _Rehearsal
from vsr.engine.fused.terms import terms_of
from vsr.nets.builder import Builder
from vsr.nets.graph import Graph
from vsr.nets.ops import Add, Concat, ConvTranspose, PixelShuffle, PixelUnshuffle, Relu, Resize, Scale

RNG = np.random.default_rng(3)


def numbers(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32) / 4


def sum_of_odd_channels() -> Graph:
    """With bfloat16, 7 channels and the 7 added to them are 4 pairs."""
    b = Builder(1)
    x = b.conv(b.input, numbers(7, 1, 3, 3))
    b.conv(b.add(Add(), x, b.add(Add(), x, x)), numbers(1, 7, 3, 3))
    return b.build("sum")


def bias_between_pixels() -> Graph:
    """Odd pixels of the larger picture are a bias, whatever the input is, and zeros outside of it."""
    b = Builder(1)
    x = b.add(ConvTranspose(numbers(1, 1, 1, 1), np.full(1, 0.5, np.float32), 2, 0, 1), b.input)
    b.conv(x, numbers(1, 1, 3, 3))
    return b.build("between")


def blocks_across_tiles() -> Graph:
    """Tiles of 64 columns begin and end within blocks of 3."""
    b = Builder(1)
    x = b.conv(b.add(PixelUnshuffle(3), b.input), numbers(9, 9, 3, 3))
    b.add(PixelShuffle(3), x)
    return b.build("blocks")


def deep_blocks() -> Graph:
    """Reaches far, in blocks of 4."""
    b = Builder(1)
    x = start = b.conv(b.add(PixelUnshuffle(4), b.input), numbers(16, 16, 1, 1))
    for _ in range(8):
        x = b.conv(x, numbers(16, 16, 7, 7) / 4, dilation=2)
    b.add(PixelShuffle(4), b.add(Add(), x, start))
    return b.build("deep")


def other_names(count: int) -> Graph:
    """A node is read as it is, and under another name that a relu follows."""
    b = Builder(3)
    x = b.conv(b.input, numbers(4, 3, 3, 3))
    eye = np.eye(4, dtype=np.float32)[:, :, None, None]
    same = b.conv(x, eye)
    for _ in range(count):
        same = b.conv(same, eye)
    b.conv(b.add(Add(), x, b.add(Relu(), same)), numbers(3, 4, 1, 1))
    return b.build("names")


def halves_joined() -> Graph:
    """Two halves of a node, joined again, are the node; one of them is read elsewhere, too."""
    b = Builder(3)
    x = b.conv(b.input, numbers(4, 3, 3, 3))
    eye = np.eye(4, dtype=np.float32)[:, :, None, None]
    first, second = b.conv(x, eye[:2]), b.conv(x, eye[2:])
    whole = b.add(Relu(), b.add(Concat(), first, second))
    b.conv(b.add(Concat(), whole, first), numbers(3, 6, 1, 1))
    return b.build("halves")


def nearly_one() -> Graph:
    """Factors that are not quite 1, often."""
    b = Builder(3)
    x = b.input
    for _ in range(6):
        x = b.add(Relu(), b.add(Scale(np.full(1, 1 + 8e-6, np.float32), np.zeros(1, np.float32)), x))
    return b.build("nearly")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(
    "make",
    [
        sum_of_odd_channels,
        bias_between_pixels,
        blocks_across_tiles,
        deep_blocks,
        lambda: other_names(0),
        lambda: other_names(2),
        halves_joined,
        nearly_one,
    ],
    ids=["sum", "between", "blocks", "deep", "name", "names", "halves", "nearly"],
)
def test_networks(make: Callable[[], Graph], precision: Any) -> None:
    if precision == "bf16" and not cpu.kernels.net_formats()[0]:
        pytest.skip("this processor has no bfloat16")
    graph = make()
    block = graph.multiple_of
    width, height = 210 // block * block, 192 if block == 4 else 12
    values = RNG.random((graph.channels_in, height, width)).astype(np.float32)
    check_fused(graph, values, traced(graph, values), precision, 3)


def test_margins_hold_what_lies_beside_the_picture() -> None:
    assert bias_between_pixels().receptive_field == (1, 1)


def test_bands_begin_at_any_row_of_a_block() -> None:
    b = Builder(3)
    small = b.add(PixelUnshuffle(2), b.input)
    x = b.conv(small, numbers(8, 12, 3, 3), border="replicate")
    x = b.conv(b.add(Concat(), x, small), numbers(16, 20, 3, 3), border="replicate")
    b.add(Add(), b.add(PixelShuffle(4), x), b.add(Resize("bilinear", 2), b.input))
    into, out_of = np.eye(3, 4), np.array([[0.25, 0.5, 0.25, 0]])
    term, _ = terms_of(b.build("blocks"), into, out_of)
    program = Program(term)
    held = [buffer.rows for buffer in program.buffers]
    for height in (2, 10, 40):
        for first in range(2 * height):
            _Rehearsal(program, height).run(first)
    assert [buffer.rows for buffer in program.buffers] == held
