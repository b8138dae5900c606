"""Networks fused with the conversions from and to pictures, against these steps one after the other.

Both work in float32 but round differently on the way, so that a sample near the middle of two values may
come out as either: they differ by 1 at most, and at 16 bits by 2e-5 of the largest value.
What a network leaves alone, chroma beside luma and alpha, is the resize's to the last bit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.ops.pictures import noise, run, spec
from vsr.color import ColorSpec, Matrix, Range
from vsr.engine.engines import ENGINES, Load
from vsr.engine.fused.step import FusedStep
from vsr.engine.step import REST_SCALER, FloatStep
from vsr.frame import PictureSpec, pixel_format
from vsr.nets.builder import Builder
from vsr.nets.graph import Graph
from vsr.nets.ops import Add, Clamp, PixelShuffle, Relu, Resize
from vsr.ops.resize import Resize as PictureResize

RNG = np.random.default_rng(8)
OFTEN = 0.004
"""The share of samples that may differ at 8 bits; measured are 0.0006 and less."""
FORMATS = (
    "yuv420p", "yuv422p", "yuv444p", "yuv410p", "yuv411p", "yuv440p", "gray", "gbrp", "yuva420p", "gbrap",
    "yuv420p10le", "yuv444p16le", "gray10le", "gray16le", "gbrp10le", "gbrp16le", "yuva422p10le",
)  # fmt: skip


def numbers(*shape: int) -> Any:
    return (RNG.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)


def luma() -> Graph:
    b = Builder(1)
    x = b.add(Relu(), b.conv(b.input, numbers(6, 1, 3, 3), border="replicate"))
    x = b.add(PixelShuffle(2), b.conv(x, numbers(4, 6, 3, 3)))
    b.add(Add(), x, b.add(Resize("bilinear", 2), b.input))
    return b.build("luma")


def colour() -> Graph:
    b = Builder(3)
    x = b.add(Relu(), b.conv(b.input, numbers(8, 3, 3, 3)))
    x = b.add(PixelShuffle(2), b.conv(x, numbers(12, 8, 3, 3) / 4))
    b.add(Add(), x, b.add(Resize("bicubic", 2), b.input))
    return b.build("colour")


def clamped() -> Graph:
    """Nothing of the conversion back goes through the clamp."""
    b = Builder(3)
    b.add(Clamp(0.1, 0.9), b.conv(b.input, numbers(3, 3, 3, 3) * 3, border="replicate"))
    return b.build("clamped")


def residual() -> Graph:
    b = Builder(3)
    x = b.add(Relu(), b.conv(b.input, numbers(8, 3, 3, 3)))
    x = b.add(PixelShuffle(2), b.conv(x, numbers(4, 8, 3, 3) / 4))
    b.add(Add(), x, b.add(Resize("bilinear", 2), b.input))
    return b.build("residual")


GRAPHS = {graph.name: graph for graph in (luma(), colour(), clamped(), residual())}


def enlarged(source: PictureSpec, factor: int, **changes: Any) -> PictureSpec:
    return replace(source, width=source.width * factor, height=source.height * factor, **changes)


def both(graph: Graph, source: PictureSpec, target: PictureSpec) -> tuple[Any, Any]:
    """What the fused engine makes of noise, and what the reference between two conversions does."""
    slow = ENGINES["reference"].build(graph, source, target, "fp32", Load())
    assert isinstance(slow, FloatStep)
    planes = noise(source, 1)
    for plane in planes:  # within the range of most pictures
        plane[...] = plane // 2 + source.format.max_value // 4
    return run(FusedStep(graph, source, target), planes, 3), run(slow, planes)  # type: ignore[arg-type]


def compare(got: Any, want: Any, target: PictureSpec) -> None:
    most = max(1, round(target.format.max_value * 2e-5))
    for index, (a, b) in enumerate(zip(got, want, strict=True)):
        off = np.abs(a.astype(int) - b)
        assert off.max() <= most, f"plane {index} is off by {off.max()}"
        if target.format.depth == 8:
            assert (off > 0).mean() <= OFTEN, f"{(off > 0).mean():.2%} of plane {index} differ"


def cases() -> list[tuple[str, str]]:
    return [(graph, name) for graph in GRAPHS for name in FORMATS if graph != "luma" or "gbr" not in name]


@pytest.mark.parametrize(("graph", "name"), cases())
def test_fused_is_the_steps_one_after_the_other(graph: str, name: str) -> None:
    for sample_range in (Range.LIMITED, Range.FULL):
        if "gbr" in name and sample_range is Range.LIMITED:
            continue
        network, source = GRAPHS[graph], spec(133, 50, name, range=sample_range)
        target = enlarged(source, network.scale)
        got, want = both(network, source, target)
        if network.writes == "residual" and source.format.family == "yuv":
            compare(got[:1], want[:1], target)
        else:
            compare(got, want, target)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 3), (65, 4)])
@pytest.mark.parametrize("name", ["yuv420p", "yuv410p", "yuv411p", "gray", "gbrp"])
def test_small_pictures(name: str, size: tuple[int, int]) -> None:
    for graph in GRAPHS.values():
        if graph.reads == "rgb" or name != "gbrp":
            source = spec(*size, name)
            target = enlarged(source, graph.scale)
            got, want = both(graph, source, target)
            only = 1 if graph.writes == "residual" and source.format.family == "yuv" else 3
            for a, b in zip(got[:only], want[:only], strict=True):
                assert np.abs(a.astype(int) - b).max() <= 1


@pytest.mark.parametrize("graph", ["luma", "residual"])
@pytest.mark.parametrize("name", ["yuv420p", "yuv410p", "yuv422p10le", "yuva444p"])
def test_chroma_and_alpha_that_are_left_alone_are_resized(graph: str, name: str) -> None:
    network, source = GRAPHS[graph], spec(40, 22, name)
    target = enlarged(source, 2)
    planes = noise(source)
    got = run(FusedStep(network, source, target), planes)  # type: ignore[arg-type]
    want = run(PictureResize(source, 80, 44, scaler=REST_SCALER), planes)
    for a, b in zip(got[1:], want[1:], strict=True):
        np.testing.assert_array_equal(a, b)
    assert (got[0] != want[0]).any()


@pytest.mark.parametrize(
    ("source", "target", "color"),
    [
        ("yuv420p", "yuv444p10le", {}),
        ("yuv420p", "yuv420p16le", {"range": Range.FULL}),
        ("yuv422p10le", "yuv420p", {}),
        ("yuv420p", "gray", {}),
        ("gray", "yuv420p", {}),
        ("gray10le", "gray", {"range": Range.FULL}),
    ],
)
@pytest.mark.parametrize("graph", GRAPHS)
def test_depth_range_and_chroma_may_change(
    graph: str, source: str, target: str, color: dict[str, Any]
) -> None:
    network, before = GRAPHS[graph], spec(50, 20, source)
    after = enlarged(before, network.scale, format=pixel_format(target), color=replace(before.color, **color))
    got, want = both(network, before, after)
    compare(got[:1], want[:1], after)
    if network.writes != "residual":
        compare(got, want, after)


@pytest.mark.parametrize("graph", ["colour", "clamped", "residual"])
@pytest.mark.parametrize(
    ("source", "target"),
    [("yuv420p", "gbrp"), ("gbrp", "yuv420p10le"), ("yuv420p", "yuv444p"), ("gray", "gbrp")],
)
def test_networks_of_rgb_convert_matrices_too(graph: str, source: str, target: str) -> None:
    network, before = GRAPHS[graph], spec(50, 20, source)
    color: ColorSpec = spec(1, 1, target).color
    if target == "yuv444p":
        color = replace(color, matrix=Matrix.BT2020_NCL)
    after = enlarged(before, network.scale, format=pixel_format(target), color=color)
    compare(*both(network, before, after), after)
