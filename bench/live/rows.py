"""The rows that several scenarios share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.live.process import LiveProcess, Sample
from bench.live.received import decode_errors
from bench.live.table import Row, at_most, judged, told

P50_MS, P99_MS = 60.0, 150.0
GROWTH_MB = 20.0
SETTLING_SECONDS = 60.0


def latency_rows(report: dict[str, Any]) -> list[Row]:
    """Packet in to packet out, over the whole run; at most 2.2 % too long."""
    whole = report["status"]["latency"]["whole"]
    ms = {name: 1000 * whole[name] for name in ("p50", "p95", "p99", "max")}
    return [
        at_most("latency p50", ms["p50"], P50_MS, "ms"),
        told("latency p95", f"{ms['p95']:.4g} ms"),
        at_most("latency p99", ms["p99"], P99_MS, "ms"),
        told("latency max", f"{ms['max']:.4g} ms"),
    ]


def settled(samples: Sequence[Sample]) -> tuple[Sequence[Sample], Sequence[Sample]]:
    """Return the samples of the first minute, or of the first half of a shorter run, and the others."""
    end = min(SETTLING_SECONDS, samples[-1].at / 2)
    return [s for s in samples if s.at <= end], [s for s in samples if s.at > end]


def usage_rows(samples: Sequence[Sample]) -> list[Row]:
    """Memory after the first minute, threads and file descriptors."""
    before, after = settled(samples)
    last = before[-1]
    since = f"after {last.at:.0f} s"
    rows = []
    for what, begin, later in (
        ("memory of the process", last.usage.rss_mb, [s.usage.rss_mb for s in after]),
        ("memory with its children", last.usage.tree_mb, [s.usage.tree_mb for s in after]),
    ):
        growth = max(later) - begin
        seen = f"{growth:+.1f} MB: {begin:.1f} MB, then {min(later):.1f} to {max(later):.1f}"
        rows.append(judged(f"{what} {since}", f"<= +{GROWTH_MB:g} MB at any time", seen, growth <= GROWTH_MB))
    for what, earlier, counts in (
        ("threads", [s.usage.threads for s in before], [s.usage.threads for s in after]),
        ("file descriptors", [s.usage.files for s in before], [s.usage.files for s in after]),
    ):
        most = max(earlier)
        seen = f"up to {most}, then {min(counts)} to {max(counts)}, {counts[-1]} at the end"
        rows.append(judged(f"{what} {since}", "no more at the end", seen, counts[-1] <= most))
    return rows


def drop_row(report: dict[str, Any], percent: float = 0.0) -> Row:
    """Frames that --drop let go."""
    status = report["status"]
    share = 100 * status["frames_dropped"] / max(1, status["frames_in"])
    seen = f"{status['frames_dropped']} of {status['frames_in']} ({share:.2f} %)"
    bound = f"<= {percent:g} %" if percent else "none"
    return judged("frames dropped", bound, seen, share <= percent)


def decode_row(name: str, path: Path) -> Row:
    """Whether ffmpeg decodes a file without a word."""
    errors = decode_errors(path)
    seen = f"{len(errors)} lines, the first: {errors[0]}" if errors else "nothing"
    return judged(f"{name}: ffmpeg's complaints", "none", seen, not errors)


def page_row(live: LiveProcess) -> Row:
    """Whether the preview's port answered whenever it was asked, and /metrics counted as /status.json."""
    wrong = sum(s.metrics["vsr_live_frames_out_total"] < s.status["frames_out"] for s in live.samples)
    seen = f"{live.missed} of {live.missed + len(live.samples)} unanswered, {wrong} times apart"
    return judged("status and metrics", "answered, and alike", seen, not (live.missed or wrong))
