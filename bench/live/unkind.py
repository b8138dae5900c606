"""A source that is killed, stalls, jumps and changes size, receivers that go: does all go on, and decode?"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.live import material
from bench.live.datagrams import part, sending
from bench.live.figures import Clock, Gap, gaps
from bench.live.process import LiveProcess
from bench.live.received import decode_errors, frame_times
from bench.live.rows import decode_row, drop_row
from bench.live.rtmp import END_SECONDS, TAIL_SECONDS
from bench.live.servers import free_port, rtmp_server
from bench.live.table import Row, judged, told

KILLS = 5
_CALM, _STALL = 1 / 36, 1 / 6
"""Of the whole time: 5 s between two breaks and 30 s of three minutes."""
_AWAY_SECONDS = 2.0
_JUMP_SECONDS = 3600.0
_GAP_SECONDS = 0.25
"""Without frames for longer than that is a gap: a receiver's buffer bridges less."""
_BEFORE_SECONDS, _RETURN_SECONDS = 1.0, 10.0
"""A gap is of a break if it begins no earlier before it, and ends no later after it: 8 s lie between two
attempts to open a source, at most."""
_BACK_SECONDS = 40.0
_EVERY_SECONDS = 0.25


@dataclass(frozen=True, kw_only=True)
class Break:
    """What was done to the source, or on the way to a receiver."""

    what: str
    begins: float
    ends: float
    """When it was there again. On the clock of the samples."""


class Publisher:
    """A publisher that can be killed and started again. Thread-safety: one thread."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, published: material.Published, *, begins: float = 0.0) -> None:
        """Publish; the times begin at `begins` seconds."""
        command = material.publishing(published, self._url, begins=begins)
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        """End it at once. Idempotent."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Stop it, or let it go on."""
        assert self._process is not None
        self._process.send_signal(number)


class Receivers:
    """One receiver after another, each into a file of its own. Thread-safety: one thread."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._folder = url, folder
        self._process: subprocess.Popen[bytes] | None = None
        self.files: list[Path] = []

    def start(self) -> None:
        """Receive into a new file."""
        self.files.append(self._folder / f"received{len(self.files) + 1}.mkv")
        command = material.receiving(self._url, self.files[-1])
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        """End it at once. Idempotent."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def wait(self) -> None:
        """Wait until it has finished its file, the server being gone."""
        assert self._process is not None
        self._process.wait(END_SECONDS)


class _Script:
    """What is done to a run through two servers, one step after another; `breaks` has when."""

    def __init__(self, folder: Path, seconds: float, models: str, stack: contextlib.ExitStack) -> None:
        self._calm, self._stall = _CALM * seconds, _STALL * seconds
        self._folder, self._stack = folder, stack
        self._small = material.make(folder, "360p", seconds + 60)
        self._large = material.make(folder, "480p", 60)
        self._out_port = free_port()
        source = stack.enter_context(rtmp_server(folder / "nginx-in"))
        self._restart_server()
        self.publisher = Publisher(f"{source}/in")
        stack.callback(self.publisher.kill)
        out = f"rtmp://127.0.0.1:{self._out_port}/live/out"
        self.receivers = Receivers(out, folder)
        stack.callback(self.receivers.kill)
        self.publisher.start(self._small)
        self.receivers.start()
        self.file, self.breaks = folder / "file.mkv", list[Break]()
        self.live = stack.enter_context(
            LiveProcess(
                f"{source}/in",
                [out, str(self.file)],
                models=models,
                folder=folder,
                every_seconds=_EVERY_SECONDS,
            )
        )
        self.live.writing()

    def _restart_server(self) -> None:
        self._server = self._stack.enter_context(contextlib.ExitStack())
        self._server.enter_context(rtmp_server(self._folder / "nginx-out", self._out_port))

    def play(self) -> None:
        """Do all of it."""
        self.live.wait(self._calm)
        for number in range(KILLS):
            self._break(f"source killed, {number + 1}", self._small)
        self._receiver_killed()
        self._server_killed()
        self._stalled()
        self._break("one hour forward", self._small, begins=_JUMP_SECONDS)
        self._break("one hour back", self._small)
        self._break("360p to 480p", self._large)
        self._break("480p to 360p", self._small)

    def end(self) -> None:
        """Finish vsr live, then what receives from it."""
        self.live.finish()
        time.sleep(TAIL_SECONDS)
        self._server.close()
        self.receivers.wait()

    def _break(self, what: str, published: material.Published, *, begins: float = 0.0) -> None:
        since = self.live.now
        self.publisher.kill()
        self.live.wait(_AWAY_SECONDS)
        self.publisher.start(published, begins=begins)
        self._over(what, since)

    def _over(self, what: str, begins: float) -> None:
        """Wait until frames come out again, and a little."""
        self.breaks.append(Break(what=what, begins=begins, ends=self.live.now))
        out = self.live.samples[-1].status["frames_out"]
        self.live.until(
            lambda s: s["frames_out"] > out + material.FPS, _BACK_SECONDS, f"a frame after: {what}"
        )
        self.live.wait(self._calm)

    def _receiver_killed(self) -> None:
        self.receivers.kill()
        self.receivers.start()
        self.live.wait(2 * self._calm)

    def _server_killed(self) -> None:
        self._server.close()
        self.receivers.wait()
        self.live.wait(_AWAY_SECONDS)
        self._restart_server()
        written = self.live.samples[-1].status["outputs"][0]["packets_written"]
        self.receivers.start()
        self.live.until(
            lambda s: s["outputs"][0]["packets_written"] > written + 2 * material.FPS,
            _BACK_SECONDS,
            "a packet after the receiver came back",
        )
        self.live.wait(self._calm)

    def _stalled(self) -> None:
        begins = self.live.now
        self.publisher.signal(signal.SIGSTOP)
        self.live.wait(self._stall)
        self.publisher.signal(signal.SIGCONT)
        self._over(f"stalled for {self._stall:.0f} s", begins)


def run(folder: Path, seconds: float, *, models: str) -> list[Row]:
    """Do all of it, and judge what the receivers and a file got."""
    with contextlib.ExitStack() as stack:
        script = _Script(folder, seconds, models, stack)
        script.play()
        script.end()
    live, files = script.live, script.receivers.files
    clock = Clock(frame_times(script.file), [(s.at, s.status["frames_out"]) for s in live.samples])
    rows = [told("run", f"360p30, {models}, {live.samples[-1].at:.0f} s; RTMP and a file from one encode")]
    rows += [told(each.what, _shown(each)) for each in script.breaks]
    rows.append(
        told("times against the clock", f"{clock.ahead_seconds:+.2f} s ahead at the end of where they began")
    )
    for name, path in (("file", script.file), *((path.stem, path) for path in files)):
        rows += [_decodes(name, path, killed=path == files[0]), _gap_row(name, path, clock, script.breaks)]
    return [*rows, *_one_stream(folder, seconds, models)]


def _one_stream(folder: Path, seconds: float, models: str) -> list[Row]:
    """Jumps and a change of size inside one stream, from one datagram to the next."""
    place, length = folder / "udp", max(5.0, seconds / 18)
    place.mkdir(exist_ok=True)
    small, large = (material.make(folder, size, 3 * length) for size in ("360p", "480p"))
    parts = [
        part(small, place / "first.ts", 3 * length),  # vsr live starts meanwhile
        part(small, place / "forward.ts", length, begins=_JUMP_SECONDS),
        part(small, place / "back.ts", length),
        part(large, place / "large.ts", length, begins=length),
        part(small, place / "small.ts", length, begins=2 * length),
    ]
    port, got = free_port(), place / "file.mkv"
    with (
        sending(parts, port),
        LiveProcess(f"udp://127.0.0.1:{port}", [str(got)], models=models, folder=place) as live,
    ):
        began = live.began
        live.writing()
        live.wait(began + sum(each.seconds for each in parts) - time.monotonic())
        report = live.finish()
    times = frame_times(got)
    found, jumps = gaps(times, _GAP_SECONDS), report["status"]["jumps"]
    return [
        told("one UDP stream", f"+1 h, -1 h, 480p, 360p every {length:.0f} s; {jumps} jumps seen"),
        judged("udp file: gaps", "none: the source had none", _listed(found), not found),
        told("udp file: frames", f"{len(times)} over {times[-1] - times[0]:.1f} s of times"),
        drop_row(report, 1.0),
        decode_row("udp file", got),
    ]


def outside(found: Sequence[Gap], clock: Clock, breaks: Sequence[Break]) -> list[Gap]:
    """Return the gaps that are of no break."""
    return [
        gap
        for gap in found
        if not any(
            each.begins - _BEFORE_SECONDS <= clock.at(gap.begins)
            and clock.at(gap.ends) <= each.ends + _RETURN_SECONDS
            for each in breaks
        )
    ]


def _gap_row(name: str, path: Path, clock: Clock, breaks: Sequence[Break]) -> Row:
    found = gaps(frame_times(path), _GAP_SECONDS)
    strange = outside(found, clock, breaks)
    seen = f"{len(found)} gaps, {len(strange)} elsewhere"
    if strange:
        seen += f": {_listed(strange)}"
    return judged(f"{name}: gaps", "where the source had them", seen, not strange)


def _decodes(name: str, path: Path, *, killed: bool) -> Row:
    """Of a receiver that was killed the file is cut, which is no fault of the stream's."""
    if not killed:
        return decode_row(name, path)
    errors = [line for line in decode_errors(path) if "ended prematurely" not in line]
    seen = errors[0] if errors else "nothing but that it is cut"
    return judged(f"{name}: ffmpeg's complaints", "none", seen, not errors)


def _listed(found: Sequence[Gap]) -> str:
    return ", ".join(f"{gap.seconds:.2f} s at {gap.begins:.2f} s" for gap in found) or "none"


def _shown(each: Break) -> str:
    return f"{each.begins:.1f} to {each.ends:.1f} s"
