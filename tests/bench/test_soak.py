"""A long run's memory: few samples, a line through them, and a run that really is one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.make_media import Clip, Picture, make
from vsr.bench import pipeline
from vsr.bench.soak import Memory
from vsr.options import BenchPipelineOptions

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of a process's memory")


@pytest.mark.parametrize("growth", [0.0, 2.5])
def test_growth_is_that_of_the_second_half(growth: float) -> None:
    memory = Memory()
    for second in range(4000):
        # It comes to rest in the first half, which is no growth.
        resident = 100 + min(second, 1000) / 10 + max(0, second - 2000) / 2000 * growth
        memory.see(float(second), round(1e6 * resident))
    assert len(memory.seconds) <= 240
    figures = memory.figures()
    assert figures["growth_mb"] == pytest.approx(growth, abs=0.1)
    assert figures["end_mb"] == pytest.approx(200 + growth, abs=0.1)
    assert figures["rss_mb"] == max(memory.mb)


def test_a_process_that_is_gone_is_no_sample() -> None:
    memory = Memory()
    memory.see(0.0, 5_000_000)
    memory.see(10.0, None)
    assert memory.mb == [5.0]


@linux_only
@pytest.mark.slow
def test_a_run_is_fed_for_as_long_as_asked(tmp_path: Path) -> None:
    clip = make(tmp_path / "clip.mkv", Clip(picture=Picture(width=128, height=96, frames=48)))
    options = BenchPipelineOptions(soak=0.05, model=("bilinear",), preset=("ultrafast",), encoder="libx264")
    (case,) = pipeline.run(str(clip), options).cases
    assert case.refused is None
    assert case.name == "clip.mkv bilinear ultrafast soak"
    assert 0 < case.figures["begin_mb"] <= case.figures["rss_mb"] < 1000
    assert isinstance(case.parameters["minutes"], float) and case.parameters["minutes"] >= 0.05
    assert case.detail["sentences"][0].startswith("memory: ")
