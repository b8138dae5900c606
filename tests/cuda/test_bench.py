"""The parts of bench/gpu.py that need no GPU to be right: what is run, and what the table says of it."""

from __future__ import annotations

import argparse
import ctypes
import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from bench import gpu as bench
from bench.shapes import SHAPES
from tests.cuda.conftest import stand_in_gpu
from tests.cuda.engines import BUILT
from tests.cuda.fake_tensorrt import FakeTensorRT
from vsr.device.cuda.gpu import Gpu, Work
from vsr.engine.tensorrt import library
from vsr.errors import DeviceError
from vsr.frame import pixel_format
from vsr.ops.dither import Dither
from vsr.ops.resize import Resize


class Once:
    """A Timer that runs the work, and says a millisecond."""

    def __init__(self, gpu: Gpu) -> None:
        self.gpu = gpu
        self.stream = gpu.stream()
        self.runs: list[Sequence[Sequence[Work]]] = []

    def milliseconds(self, times: Sequence[Sequence[Work]]) -> float:
        self.runs.append(times)
        for work in times:
            self.stream.run(work)
        self.stream.record().wait()
        return 1.0


@pytest.fixture
def timer(host: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    monkeypatch.setenv("VSR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(bench, "WIDTH", 24)
    monkeypatch.setattr(bench, "HEIGHT", 16)
    monkeypatch.setattr(bench.spec, "__defaults__", (24, 16))
    monkeypatch.setattr(bench, "CUDA_ENGINES", BUILT)
    monkeypatch.setattr(bench, "TIMES", 2)
    monkeypatch.setattr(bench, "torch_milliseconds", lambda name, width, height: 6.0)
    for name in ("tensorrt", "tensorrt_rtx"):
        monkeypatch.setitem(sys.modules, name, None)
    library.load.cache_clear()
    yield Once(stand_in_gpu("cupy", host, monkeypatch))
    library.load.cache_clear()


def test_engines_that_must_be_built_are_built(timer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeTensorRT()
    monkeypatch.setitem(sys.modules, "tensorrt", fake)
    rows: list[bench.Row] = []
    thread = Thread(target=lambda: rows.append(bench._network(timer, "S", SHAPES["S"]())), daemon=True)
    thread.start()
    thread.join(60)
    assert rows, "it waits for what nobody builds"
    [row] = rows
    assert len(fake.built) == 2
    assert {row.seen[f"tensorrt {precision} ms"] for precision in ("fp16", "fp32")} == {1.0}
    assert "not installed" in str(row.seen["tensorrt_rtx"])


def test_an_engine_that_cannot_be_built_is_a_line(timer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeTensorRT()
    fake.broken = "no kernel for it"
    monkeypatch.setitem(sys.modules, "tensorrt", fake)
    row = bench._network(timer, "M", SHAPES["M"]())
    assert "no kernel for it" in str(row.seen["tensorrt fp16"])
    assert row.holds is False, "nothing ran"


def test_operations_are_timed_on_other_pictures_each_time(timer: Any) -> None:
    step = Resize(bench.spec("yuv420p", 24, 16), 48, 32)
    row = bench._operation(timer, "a resize", step, 1e6, bounded=True)
    [times] = timer.runs
    targets = {int(work.job["targets"]["data"][0]) for once in times for work in once}
    assert len(times) == 2 and len(targets) == sum(map(len, times))
    assert row.seen["GB/s"] == pytest.approx((24 * 16 + 48 * 32) * 1.5 / 1e-3 / 1e9) and row.holds


def test_dithering_is_an_operation(timer: Any) -> None:
    step = Dither(bench.spec("yuv420p10le", 24, 16), pixel_format("yuv420p"))
    row = bench._operation(timer, "dithering", step, 1e6, bounded=True)
    assert row.seen["GB/s"] == pytest.approx(24 * 16 * 1.5 * 3 / 1e-3 / 1e9)


def test_a_part_that_fails_is_a_row(timer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(timer: object, arguments: object) -> list[bench.Row]:
        raise DeviceError("the GPU decodes nothing")

    monkeypatch.setitem(bench.PARTS, "runs", fails)
    [row] = bench._rows("runs", timer, argparse.Namespace())
    assert row.holds is False
    assert "the GPU decodes nothing" in bench.line(row) and bench.line(row).endswith("MISSED")


def test_values_that_json_does_not_have_are_null() -> None:
    row = bench.Row(
        what="equal frames", seen={"PSNR dB": math.inf, "off by": math.nan, "ms": 1.5, "same": "yes"}
    )
    facts = bench.row_facts(row)
    assert json.loads(json.dumps(facts, allow_nan=False)) == {
        "what": "equal frames",
        "seen": {"PSNR dB": None, "off by": None, "ms": 1.5, "same": "yes"},
        "bound": "",
        "holds": None,
    }


def test_nothing_is_told_of_torch_where_nothing_ran_beside_it(
    timer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeTensorRT()
    fake.broken = "no kernel for it"
    monkeypatch.setitem(sys.modules, "tensorrt", fake)
    seen = bench._network(timer, "M", SHAPES["M"]()).seen
    assert seen["torch fp16 channels-last, CUDA graph, ms"] == 6.0
    assert "times torch" not in seen
