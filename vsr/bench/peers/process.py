"""A peer that is a program: frames go in through a pipe, or it reads the clip itself; results go nowhere.

It works on several frames at once, so a frame counts when the program has taken it from the pipe, or has said
that it has one more. Between turns the program is stopped, as it would go on with what it has queued.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from vsr.bench.peers import turns
from vsr.bench.peers.clip import SCALE, Clip, SmallFrames, planes_in
from vsr.errors import DeviceError
from vsr.frame import Plane

_PROC = Path("/proc")
_PARENT, _USER_TICKS, _SYSTEM_TICKS = 1, 11, 12
"""Fields of /proc/PID/stat, counted from the one after the name."""


@dataclass(kw_only=True)
class Program:
    """A program as a contender. See Contender.

    `measured` writes no picture, `shown` writes raw 8-bit 4:2:0 to its standard output. Raises DeviceError,
    with the last line that the program said, where it ends by itself.
    """

    clip: Clip
    shown: Sequence[str]
    measured: Sequence[str]
    reads_pipe: bool = True
    """False where it reads the clip itself, over and over, and writes a byte for each frame that is made."""

    def __post_init__(self) -> None:
        self._frames = SmallFrames(self.clip)
        self._running: Running | None = None

    def turn(self, seconds: float) -> dict[str, Any]:
        running = self._started()
        before = running.cpu_seconds()
        running.resume()
        answer = turns.turn(self._once, seconds)
        running.pause()
        # What the pipe costs us is in the answer already.
        spent = answer["cpu_seconds"] + running.cpu_seconds() - before
        return answer | {"cpu_seconds": spent, "rss_mb": running.rss_mb()}

    def end(self) -> None:
        """End the program that is measured, if one is. Idempotent."""
        if self._running is not None:
            self._running.end()
            self._running = None

    def _started(self) -> Running:
        """Return the program that is measured."""
        if self._running is None:
            self._running = Running(self.measured)
            if self.reads_pipe:
                self._running.send(self.clip.header)
        return self._running

    def _once(self) -> None:
        """Wait until the program has one frame more."""
        if self.reads_pipe:
            self._started().send(self._frames.next_bytes())
        else:
            self._started().receive(1)

    def lumas(self) -> Iterator[Plane]:
        width, height = self.clip.width * SCALE, self.clip.height * SCALE
        size = self.clip.target.format.frame_bytes(width, height)
        running = Running(self.shown)
        feeder = threading.Thread(target=self._feed, args=(running,), daemon=True)
        feeder.start()
        try:
            for _ in range(self.clip.frames):
                yield planes_in(running.receive(size), width, height)[0]
        finally:
            running.kill()
            feeder.join()
            running.end()

    def _feed(self, running: Running) -> None:
        """Write the clip once. A program that ends early is noticed where its results are read."""
        try:
            if self.reads_pipe:
                frames = SmallFrames(self.clip)
                running.send(self.clip.header)
                for _ in range(self.clip.frames):
                    running.send(frames.next_bytes())
            running.finish()
        except DeviceError:
            return


class Running:
    """A process, held, resumed and accounted for together with those that it starts.

    It stays in the worker's group of processes, which ends as one.

    Thread-safety: one thread sends, one receives.
    """

    def __init__(self, command: Sequence[str]) -> None:
        if not (_PROC / "self/stat").exists():
            raise DeviceError(
                "programs are measured through /proc, which this system does not have; use Linux"
            )
        self._name = Path(command[0]).name
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the process)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            bufsize=0,
        )

    def send(self, data: bytes | bytearray) -> None:
        """Write all of it; return when the program has room for it."""
        assert self._process.stdin is not None
        view = memoryview(data)
        try:
            while view:
                view = view[self._process.stdin.write(view) :]
        except (BrokenPipeError, ValueError):
            raise DeviceError(self._ended()) from None

    def receive(self, size: int) -> bytes:
        """Return so many bytes of what it writes."""
        assert self._process.stdout is not None
        data = bytearray()
        while len(data) < size:
            part = self._process.stdout.read(size - len(data))
            if not part:
                raise DeviceError(self._ended())
            data += part
        return bytes(data)

    def finish(self) -> None:
        """Say that nothing more comes."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def kill(self) -> None:
        """End it."""
        self._signal(signal.SIGKILL)

    def end(self) -> None:
        """End it, and close its pipes, which nobody may be using."""
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._stderr):
            if pipe is not None:
                pipe.close()

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def pause(self) -> None:
        """Hold it."""
        self._signal(signal.SIGSTOP)

    def cpu_seconds(self) -> float:
        """Return the processor time it has used so far."""
        ticks = [int(each[_USER_TICKS]) + int(each[_SYSTEM_TICKS]) for _, each in self._members()]
        return sum(ticks) / os.sysconf("SC_CLK_TCK")

    def rss_mb(self) -> float:
        """Return the most memory it ever had."""
        return sum(_peak_kib(number) for number, _ in self._members()) * 1024 / 1e6

    def _members(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the number and the fields of the process and of all below it, parents first.

        Nothing once it has been waited for: its number may be another's.
        """
        if self._process.returncode is not None:
            return
        everyone = dict(_processes())
        below: dict[int, list[int]] = {}
        for number, fields in everyone.items():
            below.setdefault(int(fields[_PARENT]), []).append(number)
        waiting = [self._process.pid]
        for number in waiting:
            if number in everyone:
                yield number, everyone[number]
            waiting += below.get(number, [])

    def _signal(self, kind: signal.Signals) -> None:
        for number, _ in self._members():
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(number, kind)

    def _ended(self) -> str:
        """Say how the program ended."""
        try:
            code = self._process.wait(10)
        except subprocess.TimeoutExpired:
            return f"{self._name} closed its pipes and goes on"
        self._stderr.seek(0)
        said = self._stderr.read().decode(errors="replace").strip().splitlines()
        return f"{self._name} ended with status {code}: {said[-1].strip() if said else 'it said nothing'}"


def _processes() -> Iterator[tuple[int, list[str]]]:
    """Yield the number of each process of the system, and the fields of its stat from the state on."""
    for folder in _PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            yield int(folder.name), (folder / "stat").read_text().rpartition(")")[2].split()


def _peak_kib(number: int) -> int:
    try:
        lines = (_PROC / str(number) / "status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)
