"""A stream through nginx, vsr live and nginx again: drops, latency, skew of sound and picture, memory."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.live import material
from bench.live.figures import largest_change, skews
from bench.live.process import LiveProcess
from bench.live.received import Markers, markers
from bench.live.rows import decode_row, drop_row, latency_rows, page_row, usage_rows
from bench.live.servers import rtmp_server, running
from bench.live.table import Row, at_most, judged, told

SPARE_SECONDS = 90.0
"""What is published beyond the run: starting, and what a loaded machine adds."""
TAIL_SECONDS = 2.0
"""Until what was sent last has reached the receiver."""
END_SECONDS = 15.0
"""A receiver may take to finish its file."""
_SKEW_MS = 10.0


def run(folder: Path, seconds: float, *, size: str, models: str) -> list[Row]:
    """Measure for so long. `models` is vsr live's ladder."""
    published = material.make(folder, size, seconds + SPARE_SECONDS)
    got = folder / "received.mkv"
    with through_servers(folder, published, got, models) as live:
        live.wait(live.writing().at + seconds - live.now)
        report = live.finish()
    return [
        told("run", f"{size}30, {', '.join(report['status']['ladder'])}, {seconds:g} s"),
        drop_row(report),
        *latency_rows(report),
        told("ladder", f"{report['status']['steps_down']} steps down, {report['status']['steps_up']} up"),
        *_marker_rows(markers(published.path), markers(got), report["status"]["frames_out"]),
        *usage_rows(live.samples),
        decode_row("received", got),
        page_row(live),
    ]


@contextlib.contextmanager
def through_servers(
    folder: Path,
    published: material.Published,
    got: Path,
    models: str,
    *,
    every_seconds: float = 1.0,
) -> Iterator[LiveProcess]:
    """Publish to nginx, let vsr live read there and publish there, and receive that into the file `got`.

    The block must finish vsr live; what it receives is complete after the block.
    """
    with contextlib.ExitStack() as stack:
        servers = stack.enter_context(contextlib.ExitStack())
        server = servers.enter_context(rtmp_server(folder / "nginx"))
        stack.enter_context(running(*material.publishing(published, f"{server}/in")))
        receiver = stack.enter_context(running(*material.receiving(f"{server}/out", got)))
        yield stack.enter_context(
            LiveProcess(
                f"{server}/in",
                [f"{server}/out"],
                models=models,
                folder=folder,
                every_seconds=every_seconds,
            )
        )
        time.sleep(TAIL_SECONDS)
        servers.close()  # nginx does not tell receivers of a stream's end, but of its own
        receiver.wait(END_SECONDS)


def _marker_rows(source: Markers, got: Markers, frames_out: int) -> list[Row]:
    before, after = (skews(each.flashes, each.beeps) for each in (source, got))
    return [
        judged(
            "frames received", f"{frames_out}, all that were sent", f"{got.frames}", got.frames == frames_out
        ),
        at_most(f"change of skew, {len(after)} markers", 1000 * largest_change(after), _SKEW_MS, "ms"),
        told("the same in the source", f"{1000 * largest_change(before):.4g} ms, {len(before)} markers"),
        told("skew at the first marker", f"{_first(after)}; in the source {_first(before)}"),
    ]


def _first(values: Sequence[float]) -> str:
    return f"{1000 * values[0]:+.1f} ms" if values else "no marker"
