"""The choice of an engine: what is asked for, what is refused, and what is said about it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.engine.test_contract import pictures, run
from tests.ops.pictures import spec
from vsr.device import cpu
from vsr.engine import engines
from vsr.engine.engines import ENGINES, Load, choose
from vsr.engine.fused.step import FusedStep
from vsr.errors import DeviceError, OptionError
from vsr.nets.builder import Builder
from vsr.nets.graph import Graph
from vsr.nets.ops import PixelShuffle, PixelUnshuffle, Relu

RNG = np.random.default_rng(2)
needs_bfloat16 = pytest.mark.skipif(
    not cpu.kernels.net_formats()[0], reason="this processor has no bfloat16: nothing to choose"
)


def network(layers: int = 2, channels: int = 4) -> Graph:
    b = Builder(1)
    x, width = b.input, 1
    for _ in range(layers):
        weight = RNG.standard_normal((channels, width, 3, 3)).astype(np.float32) / (3 * width)
        x, width = b.add(Relu(), b.conv(x, weight)), channels
    b.add(PixelShuffle(2), b.conv(x, RNG.standard_normal((4, width, 3, 3)).astype(np.float32) / 9))
    return b.build("small")


def chosen(graph: Graph | None = None, **options: Any) -> engines.Choice[Any]:
    graph = graph or network()
    return choose(graph, *pictures(graph, 48, 40), **options)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_asked_for_is_taken_without_a_word(engine: str) -> None:
    choice = chosen(engine=engine, precision="fp32")
    assert (choice.engine, choice.precision, choice.reason) == (engine, "fp32", "")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (
            {"engine": "fused"},
            r"unknown engine 'fused'; available: auto, fused_cpu, openvino, .*Did you mean 'fused_cpu'",
        ),
        ({"precision": "fp16"}, "unknown precision 'fp16'; available: auto, fp32, bf16, int8"),
        ({"engine": "reference", "precision": "bf16"}, "bf16 is not to be had with engine reference.*fp32"),
    ],
)
def test_refusals(options: dict[str, Any], error: str) -> None:
    with pytest.raises(OptionError, match=error):
        chosen(**options)


def test_sides_that_are_no_multiple_are_for_openvino() -> None:
    b = Builder(1)
    b.add(PixelShuffle(2), b.add(PixelUnshuffle(2), b.input))
    graph = b.build("blocks")
    source, target = pictures(graph, 7, 6)
    assert choose(graph, source, target).engine == "openvino"
    with pytest.raises(
        OptionError, match=r"engine fused_cpu cannot run it: .* multiples of 2, not 7x6; use --engine auto"
    ):
        choose(graph, source, target, engine="fused_cpu")
    with pytest.raises(OptionError, match="multiples of 2"):
        FusedStep(graph, source, target)


def test_networks_too_deep_to_be_fused_are_for_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_MOST_DEPTH", 30)
    b = Builder(1)
    x = b.input
    for _ in range(30):
        x = b.add(Relu(), x)
    graph = b.build("deep")
    assert chosen(graph, precision="fp32").engine == "openvino"
    with pytest.raises(OptionError, match="31 operations one after another, more than 30"):
        chosen(graph, engine="fused_cpu")


def test_auto_says_what_it_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_GOOD_SHARE", 0.0)
    choice = chosen(load=Load(threads=2, calls=1))
    assert choice.engine == "fused_cpu"
    assert (
        "ms a frame of 48x40 on 2 threads, " in choice.reason
        and "of what the processor can do" in choice.reason
    )
    monkeypatch.setattr(engines, "_GOOD_SHARE", 2.0)
    reason = chosen(precision="fp32").reason
    assert "on 1 thread; " in reason and ("openvino fp32 " in reason or "fused_cpu fp32 " in reason)


def test_the_faster_engine_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_GOOD_SHARE", 2.0)
    seconds = {"fused_cpu": 2.0, "openvino": 1.0}
    monkeypatch.setattr(engines, "_seconds", lambda name, *_: seconds[name])
    assert chosen(precision="fp32").engine == "openvino"
    seconds["openvino"] = 3.0
    assert chosen(precision="fp32").engine == "fused_cpu"


@needs_bfloat16
def test_bfloat16_is_taken_where_it_is_close(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "LEAST_PSNR", 20.0)
    assert chosen(engine="fused_cpu").precision == "bf16"
    monkeypatch.setattr(engines, "LEAST_PSNR", 500.0)
    choice = chosen(engine="fused_cpu")
    assert choice.precision == "fp32"
    assert "dB from fp32" in choice.reason
    assert chosen(engine="fused_cpu", precision="bf16").precision == "bf16"


def test_without_bfloat16_it_is_refused_and_not_chosen(isa: str) -> None:
    graph = network()
    if cpu.kernels.net_formats()[0]:
        step = FusedStep(graph, *pictures(graph, 8, 8), precision="bf16")
        for other in cpu.features():
            cpu.kernels.use_isa(other)
            if not cpu.kernels.net_formats()[0]:
                with pytest.raises(ValueError, match="the processor"):
                    run(step, np.zeros((1, 8, 8), np.float32))
        return
    assert chosen(engine="fused_cpu").precision == "fp32"
    with pytest.raises(OptionError, match=r"bf16 is not to be had with engine fused_cpu: .* runs fp32 there"):
        chosen(engine="fused_cpu", precision="bf16")
    with pytest.raises(OptionError, match="bf16 is not to be had"):
        chosen(precision="bf16")
    with pytest.raises(DeviceError, match="choose precision fp32"):
        FusedStep(graph, *pictures(graph, 8, 8), precision="bf16")


def test_a_picture_of_another_size_is_refused() -> None:
    graph = network()
    with pytest.raises(OptionError, match="makes 8x8 16x16, not 17x16"):
        FusedStep(graph, spec(8, 8), spec(17, 16))
