"""Real servers: RTMP in and out through nginx, a publisher that goes and comes."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from tests.make_media import Clip, Picture, Sound, make
from tests.streaming.servers import need_ffmpeg, rtmp_server, running
from vsr.options import LiveOptions
from vsr.pipeline.stages import StopToken
from vsr.streaming.report import LiveReport
from vsr.streaming.run import LiveRun
from vsr.streaming.status import LiveStatus

WAIT_SECONDS = 20


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    picture = Picture(frames=750, options={"bf": "0", "g": "12"})
    return make(tmp_path / "clip.mkv", Clip(picture=picture, sounds=[Sound(seconds=30)]))


def published(clip: Path, url: str) -> tuple[str, ...]:
    return (need_ffmpeg(), "-v", "error", "-re", "-i", str(clip), "-c", "copy", "-f", "flv", url)


class Live:
    """A run on a thread of its own, whose status can be waited for."""

    def __init__(self, source: str, *outputs: str) -> None:
        self._stop = StopToken()
        options = LiveOptions(ladder="bilinear", timeout=2.0, overwrite=True)
        self._run = LiveRun(source, outputs, options)
        self._latest: LiveStatus | None = None
        self._report: LiveReport | None = None
        self._thread = threading.Thread(target=self._body)
        self._thread.start()

    def _body(self) -> None:
        self._report = self._run.run(on_status=self._see, stop=self._stop)

    def _see(self, status: LiveStatus) -> None:
        self._latest = status

    def until(self, what: Callable[[LiveStatus], bool]) -> LiveStatus:
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end and self._thread.is_alive():
            if self._latest is not None and what(self._latest):
                return self._latest
            time.sleep(0.05)
        raise AssertionError(f"it did not come to that: {self._latest}")

    def end(self) -> LiveReport:
        self._stop.request()
        self._thread.join(WAIT_SECONDS)
        assert self._report is not None
        return self._report


def decodes(path: Path) -> int:
    """Return how many frames there are. Raises for any that does not decode."""
    with av.open(str(path), "r") as source:
        times = [frame.time for frame in source.decode(source.streams.video[0])]
    assert all(a < b for a, b in itertools.pairwise(times) if a is not None and b is not None)
    return len(times)


def test_through_a_server_while_the_publisher_goes_and_comes(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.ts"
    received = tmp_path / "received.ts"
    with rtmp_server(tmp_path) as server:
        with running(*published(clip, f"{server}/in")):
            time.sleep(0.5)
            live = Live(f"{server}/in", f"{server}/out", str(out))
            live.until(lambda s: s.frames_out > 20 and s.outputs[0].state == "writing")
            reading = (need_ffmpeg(), "-v", "error", "-i", f"{server}/out", "-c", "copy")
            with running(*reading, "-flush_packets", "1", str(received)):
                live.until(lambda s: received.exists() and received.stat().st_size > 50_000)
        stalled = live.until(lambda s: s.state in ("stalled", "reconnecting"))
        with running(*published(clip, f"{server}/in")):
            live.until(lambda s: s.frames_out > stalled.frames_out + 30 and s.state == "running")
            report = live.end()
    assert report.exit_code == 130
    assert [output.state for output in report.status.outputs] == ["closed", "closed"]
    assert decodes(out) == report.status.frames_out
    assert decodes(received) > 10
