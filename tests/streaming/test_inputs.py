"""Each protocol that a source may come by, from a real peer: frames, sound and their times."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.streaming.known import FRAMES, SECONDS, KnownClip, assert_whole
from tests.streaming.peers import http_server, rtmps_server, rtsp_server, wait_until_bound
from tests.streaming.servers import free_port, need_ffmpeg, rtmp_server, running
from vsr.options import LiveOptions
from vsr.streaming.report import LiveReport
from vsr.streaming.run import LiveRun

TIMEOUT_SECONDS = 2.0
LATENCY_MS = 5000
"""What a frame may wait on a busy machine before it makes way: here none is to."""
SHARE = 0.4
"""Of the clip that has to come: a source is joined while it goes on already."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> KnownClip:
    return KnownClip(tmp_path_factory.mktemp("known"))


def upscaled(source: str, out: Path, **options: object) -> LiveReport:
    chosen = LiveOptions(
        ladder="bilinear",
        timeout=TIMEOUT_SECONDS,
        reconnect="off",
        gap="leave",
        latency=LATENCY_MS,
        **options,  # type: ignore[arg-type]
    )
    with LiveRun(source, [str(out)], chosen) as run:
        return run.run()


def sending(clip: KnownClip, *target: str) -> contextlib.AbstractContextManager[object]:
    """Send the clip by FFmpeg at its own speed, beside the block."""
    return running(need_ffmpeg(), "-v", "error", "-re", "-i", str(clip.path), "-c", "copy", *target)


@contextlib.contextmanager
def sending_soon(clip: KnownClip, *target: str) -> Iterator[None]:
    """Begin to send once the block waits for it."""
    began = threading.Event()

    def send() -> None:
        time.sleep(0.3)
        with sending(clip, *target):
            began.wait(10)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        began.set()
        thread.join()


def _tcp_connects(clip: KnownClip, folder: Path, out: Path) -> LiveReport:
    port = free_port()
    with sending(clip, "-f", "mpegts", f"tcp://127.0.0.1:{port}?listen=1"):
        wait_until_bound(port)
        return upscaled(f"tcp://127.0.0.1:{port}", out)


def _tcp_listens(clip: KnownClip, folder: Path, out: Path) -> LiveReport:
    url = f"tcp://127.0.0.1:{free_port()}"
    with sending_soon(clip, "-f", "mpegts", url):
        return upscaled(f"{url}?listen=1", out)


def _udp(clip: KnownClip, folder: Path, out: Path) -> LiveReport:
    url = f"udp://127.0.0.1:{free_port()}"
    with sending_soon(clip, "-f", "mpegts", f"{url}?pkt_size=1316"):
        return upscaled(url, out)


def _multicast(clip: KnownClip, folder: Path, out: Path) -> LiveReport:
    url = f"udp://239.255.77.1:{free_port()}?localaddr=127.0.0.1"
    with sending_soon(clip, "-f", "mpegts", f"{url}&pkt_size=1316"):
        return upscaled(url, out)


def _rtp(clip: KnownClip, folder: Path, out: Path) -> LiveReport:
    url = f"rtp://127.0.0.1:{free_port() & ~1}"
    with sending_soon(clip, "-f", "rtp_mpegts", url):
        return upscaled(url, out)


def _rtmp(clip: KnownClip, folder: Path, out: Path) -> LiveReport:
    with rtmp_server(folder) as server, sending(clip, "-f", "flv", f"{server}/in"):
        time.sleep(0.3)
        return upscaled(f"{server}/in", out)


def _rtsp(clip: KnownClip, folder: Path, out: Path) -> LiveReport:
    with rtsp_server(clip.path, password="word") as server:
        return upscaled(server.replace("//", "//user:word@"), out)


def _hls(clip: KnownClip, folder: Path, out: Path) -> LiveReport:
    written = ("-f", "hls", "-hls_time", "0.4", "-hls_flags", "delete_segments", str(folder / "a.m3u8"))
    with http_server(folder) as server, sending(clip, *written):
        while not (folder / "a.m3u8").exists():
            time.sleep(0.05)
        return upscaled(f"{server}/a.m3u8", out)


_SLOW = [pytest.param(each, marks=pytest.mark.slow) for each in (_tcp_connects, _multicast, _rtp)]


@pytest.mark.parametrize("through", [_tcp_listens, _udp, _rtmp, _rtsp, _hls, *_SLOW])
def test_frames_and_sound_of_a_live_source_keep_their_times(
    clip: KnownClip, tmp_path: Path, through: Callable[[KnownClip, Path, Path], LiveReport]
) -> None:
    report = through(clip, tmp_path, tmp_path / "out.mkv")
    assert report.status.frames_dropped == 0
    came = clip.find(tmp_path / "out.mkv")
    assert len(came.frames) == report.status.frames_out
    assert_whole(came, fewest=SHARE * SECONDS)


def test_rtmps_with_a_certificate_of_ones_own(
    clip: KnownClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rtmps_server(tmp_path) as server, sending(clip, "-f", "flv", f"{server}/in"):
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        time.sleep(0.3)
        upscaled(f"{server}/in", tmp_path / "out.mkv")
    assert_whole(clip.find(tmp_path / "out.mkv"), fewest=SHARE * SECONDS)


def test_a_recording_on_a_server_is_paced_and_whole(clip: KnownClip, tmp_path: Path) -> None:
    """It could be had at once, and would then be dropped; it does not repeat either."""
    begin = time.monotonic()
    with http_server(clip.path.parent) as server:
        chosen = LiveOptions(ladder="bilinear", timeout=TIMEOUT_SECONDS, latency=LATENCY_MS)
        with LiveRun(f"{server}/{clip.path.name}", [str(tmp_path / "out.mkv")], chosen) as run:
            report = run.run()
    assert time.monotonic() - begin > SECONDS - 0.2
    assert report.status.frames_dropped == 0
    assert any("it has an end, so it is no live stream" in text for text in report.said)
    came = clip.find(tmp_path / "out.mkv")
    assert len(came.frames) == FRAMES
    assert_whole(came, fewest=SECONDS - 0.1)


def test_a_source_that_ends_while_the_run_is_planned_is_no_crash(clip: KnownClip, tmp_path: Path) -> None:
    """FFmpeg's streams are planned from on one thread while another reads to their end."""
    port = free_port()
    sent = ("-i", str(clip.path), "-c", "copy", "-f", "mpegts", f"tcp://127.0.0.1:{port}?listen=1")
    with running(need_ffmpeg(), "-v", "error", *sent):
        wait_until_bound(port)
        report = upscaled(f"tcp://127.0.0.1:{port}", tmp_path / "out.mkv")
    assert report.exit_code == (3 if report.lost else 0)
    if not report.status.frames_out:
        assert "the run ended before one frame" in report.lost[0]


@pytest.mark.parametrize("container", ["mpegts", "nut"])
def test_pipes_in_and_out(clip: KnownClip, tmp_path: Path, container: str) -> None:
    out = tmp_path / f"out.{container}"
    sent = (need_ffmpeg(), "-v", "error", "-i", str(clip.path), "-c", "copy", "-f", container, "-")
    made = subprocess.run(sent, capture_output=True, check=True, timeout=20).stdout
    command = (sys.executable, "-m", "vsr.cli", "live", "-", "-", "-f", container, "-m", "bilinear")
    run = subprocess.run(command, input=made, capture_output=True, check=True, timeout=30)
    out.write_bytes(run.stdout)
    assert_whole(clip.find(out), fewest=SECONDS - 0.1)


def test_a_screen(tmp_path: Path) -> None:
    server, out = shutil.which("Xvfb"), tmp_path / "out.mkv"
    if server is None:
        pytest.skip("Xvfb is not installed (Debian package xvfb)")
    display = f":{free_port()}"
    with running(server, display, "-screen", "0", "160x120x24", "-nolisten", "tcp"):
        until = time.monotonic() + 5
        while not Path(f"/tmp/.X11-unix/X{display[1:]}").exists() and time.monotonic() < until:
            time.sleep(0.05)
        report = upscaled(display, out, input_format="x11grab", duration="1")
    assert report.status.output_size == (320, 240)
    assert report.status.frames_out > 15
