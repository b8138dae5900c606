"""Results as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vsr.bench.results import CaseResult, Results
from vsr.quality.text import text_table


@dataclass(frozen=True, kw_only=True)
class Column:
    """A figure, or a parameter, as a column."""

    head: str
    name: str
    """Of the figure or the parameter."""
    digits: int = 1
    factor: float = 1.0

    def text(self, case: CaseResult) -> str:
        """Return what stands in the column for a case; "-" where it has none."""
        value = case.figures.get(self.name, case.parameters.get(self.name))
        if value is None:
            return "-"
        return value if isinstance(value, str) else f"{value * self.factor:,.{self.digits}f}"


_TIMING = (
    Column(head="fps", name="fps"),
    Column(head="p50 ms", name="p50_ms", digits=2),
    Column(head="p95 ms", name="p95_ms", digits=2),
    Column(head="spread %", name="spread_percent"),
    Column(head="CPU ms", name="cpu_ms", digits=2),
)
COLUMNS: dict[str, tuple[Column, ...]] = {
    "models": (
        Column(head="engine", name="engine"),
        Column(head="precision", name="precision"),
        *_TIMING,
        Column(head="GMAC/s", name="gmac_per_second"),
        Column(head="of peak %", name="share_of_peak_percent", digits=0),
        Column(head="MB", name="rss_mb", digits=0),
    ),
    "kernels": (
        Column(head="ms", name="p50_ms", digits=2),
        Column(head="p95 ms", name="p95_ms", digits=2),
        Column(head="spread %", name="spread_percent"),
        Column(head="GB/s", name="gb_per_second", digits=2),
        Column(head="of copy %", name="share_of_copy_percent", digits=0),
        Column(head="x libswscale", name="times_libswscale", digits=2),
        Column(head="x accurate", name="times_libswscale_accurate", digits=2),
        Column(head="error rms", name="error_rms", digits=3),
        Column(head="mean", name="error_mean", digits=4),
    ),
    "pipeline": (
        Column(head="fps", name="fps"),
        Column(head="spread %", name="spread_percent"),
        Column(head="decode", name="decode_fps"),
        Column(head="upscale", name="upscale_fps"),
        Column(head="encode", name="encode_fps"),
        Column(head="efficiency %", name="efficiency_percent", digits=0),
        Column(head="latency ms", name="latency_p50_ms"),
        Column(head="p95", name="latency_p95_ms"),
        Column(head="queue %", name="queue_percent", digits=0),
        Column(head="MB", name="rss_mb", digits=0),
    ),
    "peers": (
        Column(head="PSNR dB", name="psnr_y_db", digits=2),
        Column(head="fps", name="fps"),
        Column(head="spread %", name="spread_percent"),
        Column(head="CPU ms", name="cpu_ms", digits=2),
        Column(head="MB", name="rss_mb", digits=0),
        Column(head="start s", name="start_seconds", digits=2),
    ),
}


def lines(results: Results) -> list[str]:
    """Return the machine, the table, what was refused and what is absent."""
    machine = results.machine
    load = f", load {machine.load[0]:.1f}" if machine.load else ""
    gpu = f", {machine.gpu}" if machine.gpu else ""
    shown = [f"{machine.cpu}, {machine.cores} cores, {machine.isa}{gpu}{load}"]
    trusted = [case for case in results.cases if case.refused is None]
    timed = [case for case in trusted if case.samples]
    if timed:
        columns = COLUMNS[results.suite]
        rows = [[case.name, *(column.text(case) for column in columns)] for case in timed]
        shown += text_table(["", *(column.head for column in columns)], rows)
    for case in trusted:
        said = case.detail.get("sentences", ())
        shown += [f"{case.name}:", *(f"  {line}" for line in said)] if said else []
    shown += [f"refused  {_known(case, results)}: {case.refused}" for case in results.cases if case.refused]
    shown += [f"absent   {each.name}: {each.why}; {each.remedy}" for each in results.absent]
    return shown + _end(trusted, interrupted=results.interrupted)


def _known(case: CaseResult, results: Results) -> str:
    """Return a case's name, with those of its figures that noise does not touch."""
    found = [f"{c.head} {c.text(case)}" for c in COLUMNS[results.suite] if c.name in case.figures]
    return f"{case.name} ({', '.join(found)})" if found else case.name


def _end(trusted: Sequence[CaseResult], *, interrupted: bool) -> list[str]:
    if interrupted:
        return [f"interrupted: {len(trusted)} cases were measured before"]
    return [] if trusted else ["nothing could be measured"]
