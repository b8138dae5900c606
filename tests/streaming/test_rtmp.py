"""Real servers: RTMP in and out through nginx, a publisher that goes and comes."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import av
import pytest

from tests.make_media import Clip, Picture, Sound, make
from tests.streaming.senders import Live
from tests.streaming.servers import need_ffmpeg, rtmp_server, running


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    picture = Picture(frames=750, options={"bf": "0", "g": "12"})
    return make(tmp_path / "clip.mkv", Clip(picture=picture, sounds=[Sound(seconds=30)]))


def published(clip: Path, url: str) -> tuple[str, ...]:
    return (need_ffmpeg(), "-v", "error", "-re", "-i", str(clip), "-c", "copy", "-f", "flv", url)


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
