"""Another process takes a core for a while: does the ladder step down in time, and up again?"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.live import material
from bench.live.figures import quantile_of_bars
from bench.live.process import LiveProcess, Sample
from bench.live.rows import P50_MS, P99_MS, decode_row, drop_row
from bench.live.rtmp import SPARE_SECONDS, through_servers
from bench.live.servers import running
from bench.live.table import Row, at_most, judged, told
from vsr.streaming.latency import EDGES_SECONDS

TRIED: tuple[tuple[str, str], ...] = (
    ("360p", "auto"),
    ("360p", "cnn-l-photo,cnn-m-photo,bicubic,bilinear"),
    ("540p", "cnn-m-photo,bicubic,bilinear"),
    ("540p", "cnn-l-photo,cnn-m-photo,bicubic,bilinear"),
)
"""Source and ladder, each heavier than the one before."""
_BEFORE, _LOADED = 1 / 4, 1 / 6
"""Of the whole time: 30 s and 20 s of two minutes."""
_EVERY_SECONDS = 0.25
_STEP_SECONDS = 2.0
_DROP_PERCENT = 1.0
_BUSY = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nwhile True: pass"


@dataclass(frozen=True, kw_only=True)
class Phases:
    """When the load was there, on the clock of the samples."""

    loaded: float
    unloaded: float


def run(folder: Path, seconds: float, tried: Sequence[tuple[str, str]], *, hogs: int) -> list[Row]:
    """Measure with one source and ladder after another, until a core less does not suffice."""
    rows: list[Row] = []
    for number, (size, models) in enumerate(tried):
        place = folder / f"run{number}"
        place.mkdir(exist_ok=True)
        found, stepped = _one(place, seconds, size, models, hogs)
        rows += found
        if stepped:
            break
    if len(tried) > 1:
        rows.append(judged("a run in which a step was needed", "one", str(int(stepped)), stepped))
    return rows


def _one(folder: Path, seconds: float, size: str, models: str, hogs: int) -> tuple[list[Row], bool]:
    published = material.make(folder, size, seconds + SPARE_SECONDS)
    got = folder / "received.mkv"
    with through_servers(folder, published, got, models, every_seconds=_EVERY_SECONDS) as live:
        begin = live.writing().at
        live.wait(begin + _BEFORE * seconds - live.now)
        loaded = live.now
        with busy(hogs):
            live.wait(loaded + _LOADED * seconds - live.now)
        phases = Phases(loaded=loaded, unloaded=live.now)
        live.wait(begin + seconds - live.now)
        report = live.finish()
    steps, stepped = _step_rows(live.samples, phases)
    rows = [
        told("run", f"{size}30, {', '.join(report['status']['ladder'])}, {seconds:g} s"),
        told("load", f"{hogs} busy for {phases.unloaded - phases.loaded:.0f} s"),
        *steps,
        drop_row(report, _DROP_PERCENT),
        *_latency_rows(live, phases),
        decode_row("received", got),
    ]
    return rows, stepped


@contextlib.contextmanager
def busy(count: int) -> Iterator[None]:
    """Keep cores at work beside the block, one process on each, at normal priority."""
    cores = sorted(os.sched_getaffinity(0))
    with contextlib.ExitStack() as stack:
        for number in range(count):
            core = cores[number % len(cores)]
            stack.enter_context(running(sys.executable, "-c", _BUSY, str(core)))
        yield


def _step_rows(samples: Sequence[Sample], phases: Phases) -> tuple[list[Row], bool]:
    before = [s.status for s in samples if s.at <= phases.loaded][-1]
    under = [s for s in samples if phases.loaded < s.at <= phases.unloaded]
    lowered = [s for s in under if s.status["steps_down"] > before["steps_down"]]
    first = before["model"]
    if not lowered:
        return [told("step down under the load", f"none was needed: {first} all along")], False
    model = lowered[0].status["model"]
    after = lowered[0].at - phases.loaded
    back = [s for s in samples if s.at > phases.unloaded and s.status["step"] <= before["step"]]
    again = back[0].at - phases.unloaded if back else None
    return [
        judged(
            "step down under the load",
            f"within {_STEP_SECONDS:g} s",
            f"{first} -> {model} after {after:.2f} s",
            after <= _STEP_SECONDS,
        ),
        judged(
            f"back at {first} after the load",
            "it steps up again",
            "it stays below" if again is None else f"after {again:.1f} s",
            again is not None,
        ),
    ], True


def _latency_rows(live: LiveProcess, phases: Phases) -> list[Row]:
    """Of each phase, by the histogram's bars, which are half a doubling wide."""
    samples = live.samples
    calm = phases.unloaded + (samples[-1].at - phases.unloaded) / 4
    rows = []
    for what, begin, end in (
        ("before", samples[0].at, phases.loaded),
        ("under the load", phases.loaded, phases.unloaded),
    ):
        p50, p99 = _quantiles(samples, begin, end)
        rows.append(told(f"latency {what}", f"p50 {p50:.0f} ms, p99 {p99:.0f} ms"))
    p50, p99 = _quantiles(samples, calm, samples[-1].at)
    since = f"from {calm - phases.unloaded:.0f} s after the load on"
    return [
        *rows,
        at_most(f"latency p50 {since}", p50, P50_MS, "ms"),
        at_most(f"latency p99 {since}", p99, P99_MS, "ms"),
    ]


def _quantiles(samples: Sequence[Sample], begin: float, end: float) -> tuple[float, float]:
    """Return p50 and p99 of what was counted between two moments, in milliseconds."""
    bars = [s.status["latency"]["whole_bars"] for s in samples if begin <= s.at <= end]
    counts = [later - earlier for earlier, later in zip(bars[0], bars[-1], strict=True)]
    return (
        1000 * quantile_of_bars(counts, EDGES_SECONDS, 0.5),
        1000 * quantile_of_bars(counts, EDGES_SECONDS, 0.99),
    )
