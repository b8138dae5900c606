"""Sources that misbehave: real MPEG-TS over TCP, at the speed of its times, stopped and cut at will."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
import pytest

from vsr.options import LiveOptions
from vsr.pipeline.stages import StopToken
from vsr.streaming.report import LiveReport
from vsr.streaming.run import LiveRun
from vsr.streaming.status import LiveStatus

WAIT_SECONDS = 20
_PACKET_BYTES = 188
_SLICE_SECONDS = 0.02


def made(path: Path, *arguments: str) -> bytes:
    """Return MPEG-TS that FFmpeg makes with these arguments. Skips where there is no FFmpeg."""
    command = shutil.which("ffmpeg")
    if command is None:
        pytest.skip("ffmpeg is not installed (Debian package ffmpeg)")
    subprocess.run(
        [command, "-v", "error", "-y", *arguments, "-f", "mpegts", str(path)],
        stdin=subprocess.DEVNULL,
        check=True,
        timeout=60,
    )
    return path.read_bytes()


def scene(size: str = "64x48", rate: int = 25, seconds: float = 1.5) -> tuple[str, ...]:
    """Return FFmpeg's arguments for a picture that flashes twice a second, each time with a tone."""
    on = "lt(mod(t,0.5),0.1)"
    picture = f"color=black:s={size}:r={rate}:d={seconds},drawbox=c=white:t=fill:enable='{on}'"
    tone = f"aevalsrc='0.5*sin(6283*t)*{on}':s=48000:d={seconds}"
    return ("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone, "-c:a", "aac", "-pix_fmt", "yuv420p")


@dataclass(frozen=True, kw_only=True)
class Part:
    """What is sent on a connection, evenly spread over `seconds`; nothing is silence."""

    content: bytes = b""
    seconds: float


class Sender:
    """Listens on loopback and sends to each connection the next of `plays`, then closes it.

    Thread-safety: one thread; `connections` may be read by any.
    """

    def __init__(self, *plays: Sequence[Part]) -> None:
        self.connections = 0
        self._plays = plays
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(0.1)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def url(self) -> str:
        """What to open."""
        return f"tcp://127.0.0.1:{self._server.getsockname()[1]}"

    def _run(self) -> None:
        for play in self._plays:
            connection = self._accepted()
            if connection is None:
                return
            self.connections += 1
            with connection, contextlib.suppress(OSError):
                for part in play:
                    self._send(connection, part)
        self._server.close()  # who comes now is refused

    def _accepted(self) -> socket.socket | None:
        while not self._closed.is_set():
            with contextlib.suppress(TimeoutError):
                return self._server.accept()[0]
        return None

    def _send(self, connection: socket.socket, part: Part) -> None:
        begin, sent = time.monotonic(), 0
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while (share := (time.monotonic() - begin) / part.seconds) < 1 and not self._closed.is_set():
            due = int(len(part.content) * share) // _PACKET_BYTES * _PACKET_BYTES
            connection.sendall(part.content[sent:due])
            sent = due
            time.sleep(_SLICE_SECONDS)
        connection.sendall(part.content[sent:])

    def close(self) -> None:
        """Cut what is open. Idempotent."""
        self._closed.set()
        self._thread.join()
        self._server.close()


@contextlib.contextmanager
def sending(*plays: Sequence[Part]) -> Iterator[Sender]:
    """Run a Sender beside the block."""
    sender = Sender(*plays)
    try:
        yield sender
    finally:
        sender.close()


class Live:
    """A run on a thread of its own, whose status can be waited for."""

    def __init__(self, source: str, *outputs: str | Path, options: LiveOptions | None = None) -> None:
        self._stop = StopToken()
        options = replace(options or LiveOptions(timeout=2.0), ladder="bilinear", overwrite=True)
        self.said: list[str] = []
        self.run = LiveRun(source, [str(output) for output in outputs], options, on_message=self.said.append)
        self._latest: LiveStatus | None = None
        self._report: LiveReport | None = None
        self._thread = threading.Thread(target=self._body)
        self._thread.start()

    def _body(self) -> None:
        self._report = self.run.run(on_status=self._see, stop=self._stop)

    def _see(self, status: LiveStatus) -> None:
        self._latest = status

    def until(self, what: Callable[[LiveStatus], bool]) -> LiveStatus:
        """Wait for a status, and return it."""
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end and self._thread.is_alive():
            if self._latest is not None and what(self._latest):
                return self._latest
            time.sleep(0.05)
        raise AssertionError(f"it did not come to that: {self._latest}, {self.said}")

    def end(self) -> LiveReport:
        """Stop it as a signal does."""
        self._stop.request()
        return self.wait()

    def wait(self) -> LiveReport:
        """Let it come to its end."""
        self._thread.join(WAIT_SECONDS)
        assert self._report is not None, self.said
        return self._report


def steps_of(path: Path, kind: str) -> list[float]:
    """Return the distances of a stream's packets, in seconds."""
    with av.open(str(path)) as source:
        stream = next(stream for stream in source.streams if stream.type == kind)
        times = [float(p.pts * p.time_base) for p in source.demux(stream) if p.pts is not None and p.size]
    return [after - before for before, after in itertools.pairwise(times)]


def skews_of(path: Path) -> list[float]:
    """Return for each flash of `scene` how much later it is than its tone, in seconds."""
    with av.open(str(path)) as source:
        bright = [
            (float(f.time or 0), f.to_ndarray()[: f.height].mean() > 120) for f in source.decode(video=0)
        ]
    flashes = [b[0] for a, b in itertools.pairwise(bright) if b[1] and not a[1]]
    tones, until = [], -1.0
    with av.open(str(path)) as source:
        for frame in source.decode(audio=0):
            for index in np.flatnonzero(np.abs(frame.to_ndarray()[0]) > 0.2):
                moment = float(frame.time or 0) + index / frame.sample_rate
                if moment > until:
                    tones.append(moment)
                until = moment + 0.2
    nearest = [min((flash - tone for tone in tones), key=abs) for flash in flashes]
    return [skew for skew in nearest if abs(skew) < 0.2]  # else the tone was lost where the source broke off


def assert_sound(path: Path) -> None:
    """Assert that FFmpeg decodes all of a file without a word."""
    command = ["ffmpeg", "-v", "error", "-xerror", "-i", str(path)]
    # Its null muxer else counts in frames of the first rate, and complains of any other.
    command += ["-fps_mode", "passthrough", "-enc_time_base", "-1", "-f", "null", "-"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
