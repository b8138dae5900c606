"""Days in an hour: a clip many times as fast as it is, again and again. Do memory, threads or files grow?"""

from __future__ import annotations

import contextlib
import threading
import urllib.request
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path

from bench.live import material
from bench.live.figures import slope
from bench.live.process import LiveProcess, Sample
from bench.live.rows import page_row, settled
from bench.live.servers import ffmpeg, free_port, running
from bench.live.table import Row, at_most, judged, told

_CLIP_SECONDS = 600.0
_LOOK_SECONDS = 0.2
_DAY_MB = 20.0
"""What a day may add, by the line through the samples."""
_GROWTH = 0.5
"""Threads or files that the line may add over the whole run: less than one."""


class Viewer:
    """Looks at the preview's pictures as its page does. Thread-safety: `pictures` may be read by any."""

    def __init__(self, live: LiveProcess) -> None:
        self.pictures = 0
        self._url = f"{live.url}/live/pair?after="
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="viewer", daemon=True)
        self._thread.start()

    def _look(self) -> None:
        last = "0"
        while not self._ended.wait(_LOOK_SECONDS):
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"{self._url}{last}", timeout=10) as pair,
            ):
                pair.read()
                last = pair.headers.get("X-Number", last)
                self.pictures += pair.status == HTTPStatus.OK

    def close(self) -> None:
        """Look no more. Idempotent."""
        self._ended.set()
        self._thread.join()


def run(folder: Path, seconds: float, *, speed: float, size: str, models: str) -> list[Row]:
    """Run for so long, and fit lines to what was used after the first minute."""
    published = material.make(folder, size, _CLIP_SECONDS)
    port, playlist = free_port(), folder / "hls" / "index.m3u8"
    playlist.parent.mkdir(exist_ok=True)
    receiving = (
        ffmpeg(),
        "-v",
        "error",
        "-nostdin",
        "-i",
        f"udp://127.0.0.1:{port}?fifo_size=65536&overrun_nonfatal=1",
    )
    with contextlib.ExitStack() as stack:
        stack.enter_context(running(*receiving, "-c", "copy", "-f", "null", "-"))
        live = stack.enter_context(
            LiveProcess(
                str(published.path),
                [str(playlist), f"udp://127.0.0.1:{port}"],
                models=models,
                options=["--pace", "--speed", f"{speed:g}", "--reconnect", "on"],
                folder=folder,
            )
        )
        begin = live.writing().at
        with contextlib.closing(Viewer(live)) as viewer:
            live.wait(begin + seconds - live.now)
        report = live.finish()
    status = report["status"]
    _, after = settled(live.samples)
    reached = _reached(after)
    rows = [
        told("run", f"{size}30 at {speed:g} times, {', '.join(status['ladder'])}, {seconds:g} s"),
        told(
            "the machine keeps up with", f"{reached:.1f} times: {reached * material.FPS:.0f} frames a second"
        ),
        told("simulated", f"{status['frames_out'] / material.FPS / 3600:.2f} h of stream"),
        told("source", f"came to its end {status['reconnects']} times; {status['jumps']} jumps"),
        told("frames dropped", f"{status['frames_dropped']} of {status['frames_in']}"),
        told("preview", f"{viewer.pictures} pairs of pictures seen"),
        *_growth_rows(after, reached),
        page_row(live),
    ]
    states = [output["state"] for output in status["outputs"]]
    rows.append(judged("outputs at the end", "closed", ", ".join(states), states == ["closed"] * 2))
    return rows


def _reached(samples: Sequence[Sample]) -> float:
    """Return how many times as fast as its times the stream went."""
    first, last = samples[0], samples[-1]
    frames = int(last.status["frames_out"]) - int(first.status["frames_out"])
    return frames / material.FPS / (last.at - first.at)


def _growth_rows(samples: Sequence[Sample], reached: float) -> list[Row]:
    seconds = [sample.at for sample in samples]
    length, hour = seconds[-1] - seconds[0], 3600 / reached
    rows = []
    for what, values in (
        ("memory of the process", [sample.usage.rss_mb for sample in samples]),
        ("memory with its children", [sample.usage.tree_mb for sample in samples]),
    ):
        growth = slope(seconds, values)
        span = f"{min(values):.0f} to {max(values):.0f}"
        rows.append(
            judged(
                f"{what}: growth an hour of stream",
                f"<= {_DAY_MB / 24:.2f} MB: {_DAY_MB:g} a day",
                f"{growth * hour:+.3f} MB, in all {growth * length:+.1f} ({span})",
                growth * hour <= _DAY_MB / 24,
            )
        )
    for what, counts in (
        ("threads", [float(sample.usage.threads) for sample in samples]),
        ("file descriptors", [float(sample.usage.files) for sample in samples]),
    ):
        rows.append(at_most(f"{what}: growth over the run", slope(seconds, counts) * length, _GROWTH, ""))
    return rows
