"""Each protocol that an output may go by, to a real peer: frames, sound and their times."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.streaming.known import FRAMES, SECONDS, KnownClip, assert_whole
from tests.streaming.peers import rtmps_server, wait_until_bound
from tests.streaming.servers import free_port, need_ffmpeg, running
from vsr.options import LiveOptions
from vsr.streaming.report import LiveReport
from vsr.streaming.run import LiveRun

TIMEOUT_SECONDS = 2.0


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> KnownClip:
    return KnownClip(tmp_path_factory.mktemp("known"))


def sent(clip: KnownClip, *outputs: str, **options: object) -> LiveReport:
    """Upscale the clip at its own speed into outputs; a key frame each half second."""
    chosen = LiveOptions(
        ladder="bilinear",
        pace=True,
        timeout=TIMEOUT_SECONDS,
        latency=5000,  # however busy the machine is, no frame is to make way
        encoder_options=("g=12",),
        **options,  # type: ignore[arg-type]
    )
    with LiveRun(str(clip.path), outputs, chosen) as run:
        return run.run()


_RECEIVERS: dict[str, tuple[str, str, tuple[str, ...], float]] = {
    "tcp": ("tcp://127.0.0.1:{port}", "{url}?listen=1", (), 0.0),
    "udp": ("udp://127.0.0.1:{port}", "{url}?timeout=6000000", (), 0.1),
    "multicast": ("udp://239.255.77.2:{port}?localaddr=127.0.0.1", "{url}&timeout=6000000", (), 0.1),
    "rtmp": ("rtmp://127.0.0.1:{port}/live/key", "{url}", ("-listen", "1"), 0.0),
    "rtsp": ("rtsp://127.0.0.1:{port}/key", "{url}", ("-rtsp_flags", "listen"), 0.1),
    # FFmpeg takes the first packet, with the key frame in it, to see what comes, and does not send the last.
    "rtp": ("rtp://127.0.0.1:{port}", "{url}", ("-f", "rtp"), 1.6),
}
"""Output, the receiver's name of it, its options, and how many seconds it may miss at either end."""


_QUICK = ("-analyzeduration", "500000", "-fpsprobesize", "0")
_AT_ONCE = ("-flush_packets", "1")


def test_every_receiver_gets_frames_and_sound_in_their_times(clip: KnownClip, tmp_path: Path) -> None:
    """All at once, from one encode."""
    outputs: list[str] = []
    begun: list[subprocess.Popen[bytes]] = []
    with contextlib.ExitStack() as receivers:
        for name, (output, received, before, _) in _RECEIVERS.items():
            outputs.append(output.format(port=free_port() & ~1))
            url = received.format(url=outputs[-1])
            command = (
                "-v",
                "error",
                *before,
                "-i",
                url,
                "-c",
                "copy",
                *_AT_ONCE,
                str(tmp_path / f"{name}.ts"),
            )
            begun.append(receivers.enter_context(running(need_ffmpeg(), *command)))
        wait_until_bound(*(urlsplit(output).port or 0 for output in outputs))
        report = sent(clip, *outputs)
        for receiver in begun[:-1]:  # but that of RTP, which nothing tells that this was the end
            receiver.wait(20)
    assert (report.exit_code, report.status.frames_out) == (0, FRAMES), report.lost
    for name, (_, _, _, missing) in _RECEIVERS.items():
        assert_whole(clip.find(tmp_path / f"{name}.ts"), fewest=SECONDS - 0.05 - missing)


@pytest.mark.slow
def test_rtmps_is_received_and_what_is_not_checked_is_said(clip: KnownClip, tmp_path: Path) -> None:
    out = tmp_path / "received.ts"
    with rtmps_server(tmp_path) as server:
        read = (*_QUICK, "-i", f"{server}/key", "-c", "copy", *_AT_ONCE, str(out))
        with contextlib.ExitStack() as receivers:
            ready = threading.Timer(
                1.2, lambda: receivers.enter_context(running(need_ffmpeg(), "-v", "error", *read))
            )
            ready.start()
            report = sent(clip, f"{server}/key", reconnect="on", duration="4")
            time.sleep(0.3)
            ready.join()
    assert report.exit_code == 0
    assert any("not checked for whose certificate it is" in text for text in report.said)
    came = clip.find(out)
    assert min(len(came.frames), len(came.sounds)) > 20


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Callable[[], list[str]]]:
    """Look at a playlist as often as it changes; the block gets what was wrong with it."""
    playlist, wrong, over = tmp_path / "live.m3u8", ["it never was there"], threading.Event()

    def watch() -> None:
        last = ""
        while not over.wait(0.005):
            text = playlist.read_text() if playlist.exists() else ""
            if text != last:
                last, names = text, [line for line in text.splitlines() if not line.startswith("#")]
                wrong.extend(name for name in names if not (tmp_path / name).exists())
                wrong.extend(
                    [] if text.startswith("#EXTM3U") and text.endswith("\n") else ["half a playlist"]
                )
                if "it never was there" in wrong:
                    wrong.remove("it never was there")

    thread = threading.Thread(target=watch)
    thread.start()
    yield lambda: wrong
    over.set()
    thread.join()


def test_hls_is_whole_at_every_moment_and_played_while_it_is_written(
    clip: KnownClip, tmp_path: Path, watched: Callable[[], list[str]]
) -> None:
    playlist, played = tmp_path / "live.m3u8", tmp_path / "played.mkv"
    codes: list[int] = []

    def play() -> None:
        while not (tmp_path / "live1.m4s").exists():
            time.sleep(0.05)
        read = ("-i", str(playlist), "-t", "1", "-c", "copy", str(played))
        codes.append(subprocess.run((need_ffmpeg(), "-v", "error", *read), timeout=20).returncode)

    thread = threading.Thread(target=play)
    thread.start()
    report = sent(clip, str(playlist), reconnect="on", duration="5")
    thread.join()
    assert (codes, watched()) == ([0], [])
    assert_whole(clip.find(played), fewest=0.9)
    assert report.status.frames_dropped == 0
    text = playlist.read_text()
    assert text.count("#EXTINF") == 8
    assert text.count("#EXT-X-PROGRAM-DATE-TIME") == 8
    assert text.rstrip().endswith("#EXT-X-ENDLIST")
    assert len(list(tmp_path.glob("*.m4s"))) <= 10, "old segments stay"
    assert "live_init.mp4" in text
