"""`vsr bench pipeline --soak`: one long run over the same frames again and again; is its memory flat?"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from vsr.bench.machine import resident_bytes
from vsr.bench.results import CaseResult, Value
from vsr.errors import OptionError
from vsr.options import UpscaleOptions
from vsr.pipeline.job import Job

_CHUNK_BYTES = 1 << 16
_END_SECONDS = 120.0
"""How long the run may take to finish once its input has ended."""
_DONE = (0, 3)
"""Exit codes: a pipe of Matroska loses times that the stream never had, which is no matter here."""
_MOST_SAMPLES = 240
"""Of the memory; of more every second one is dropped."""
_OPTIONS = {
    "model": "--model",
    "scale": "--scale",
    "device": "--device",
    "engine": "--engine",
    "precision": "--precision",
    "shader_dir": "--shader-dir",
    "threads": "--threads",
    "encoder": "--encoder",
    "crf": "--crf",
    "preset": "--preset",
}


@dataclass(kw_only=True)
class Memory:
    """What a process had resident over time: few samples, however long it takes."""

    seconds: list[float] = field(default_factory=list)
    mb: list[float] = field(default_factory=list)
    every_seconds: float = 0.25

    def see(self, now: float, resident: int | None) -> None:
        """Take a sample, if it is time for one; None where the process has ended."""
        if resident is None or (self.seconds and now < self.seconds[-1] + self.every_seconds):
            return
        self.seconds.append(now)
        self.mb.append(resident / 1e6)
        if len(self.seconds) >= _MOST_SAMPLES:
            self.seconds, self.mb = self.seconds[::2], self.mb[::2]
            self.every_seconds *= 2

    def figures(self) -> dict[str, float]:
        """Return memory after the first tenth and at the end, and by how much the second half grows."""
        begin, half = self._after(0.1), self._after(0.5)
        figures = {"rss_mb": max(self.mb), "begin_mb": self.mb[begin], "end_mb": self.mb[-1]}
        if len(self.mb) - half > 2:
            slope = np.polyfit(self.seconds[half:], self.mb[half:], 1)[0]
            figures["growth_mb"] = float(slope) * (self.seconds[-1] - self.seconds[half])
        return figures

    def _after(self, share: float) -> int:
        return min(int(np.searchsorted(self.seconds, share * self.seconds[-1])), len(self.mb) - 1)


def check_minutes(minutes: float) -> None:
    """Raise OptionError for a length that cannot be, and where memory is not told."""
    if not 0 < minutes <= 10_000:
        raise OptionError(f"--soak is {minutes:g}; give minutes, more than 0 and up to 10000")
    if resident_bytes("self") is None:
        raise OptionError("--soak needs a system that tells of the memory of processes, as Linux does")


def soak(
    name: str,
    parameters: Mapping[str, Value],
    orders: Mapping[str, Any],
    minutes: float,
    tell: Callable[[str], None],
) -> tuple[CaseResult, bool]:
    """Run `vsr upscale` from a pipe for so long; return its memory, and whether Ctrl-C ended it.

    What it writes is dropped. The frames come as an endless H.264 stream, so that it has a decoder too.
    """
    stream = _elementary(orders)
    memory, began = Memory(), time.perf_counter()
    refused, interrupted = None, False
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            _command(orders),
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said, start_new_session=True,
        )  # fmt: skip
        try:
            _feed(process, stream, memory, began + 60 * minutes, lambda text: tell(f"{name}: {text}"))
            if process.wait(_END_SECONDS) not in _DONE:
                said.seek(0)
                last = said.read().decode(errors="replace").strip().splitlines()[-1:]
                refused = f"the run ended with status {process.returncode}: {''.join(last)}"
        except KeyboardInterrupt:
            interrupted = True
        except subprocess.TimeoutExpired:
            refused = f"the run did not end within {_END_SECONDS:.0f} seconds of its input"
        finally:
            process.kill()
            process.communicate()
    figures = memory.figures() if memory.mb else {}
    return CaseResult(
        name=name,
        parameters={**parameters, "minutes": (time.perf_counter() - began) / 60},
        figures={} if refused else figures,
        refused=refused,
        detail={"seconds": memory.seconds, "resident_mb": memory.mb, "sentences": _sentences(figures)},
    ), interrupted


def _elementary(orders: Mapping[str, Any]) -> bytes:
    """Return the case's frames as H.264 without a container: such streams can follow one another."""
    path = Path(str(orders["result"])).with_suffix(".h264")
    options = UpscaleOptions(
        model="bilinear", scale=1, encoder="libx264", preset="veryfast", duration=orders["duration"],
        overwrite=True,
    )  # fmt: skip
    with Job(str(orders["source"]), str(path), options) as job:
        job.run()
    content = path.read_bytes()
    path.unlink()
    return content


def _command(orders: Mapping[str, Any]) -> list[str]:
    given = [[flag, str(orders[key])] for key, flag in _OPTIONS.items() if orders[key] is not None]
    return [
        *(
            sys.executable,
            "-P",
            "-m",
            "vsr.cli",
            "upscale",
            "-",
            "-",
            "--format",
            "matroska",
            "--progress",
            "none",
        ),
        *(word for words in given for word in words),
    ]


def _feed(
    process: subprocess.Popen[bytes], stream: bytes, memory: Memory, end: float, tell: Callable[[str], None]
) -> None:
    """Write the stream again and again until that moment, then end it; look at the memory meanwhile."""
    assert process.stdin is not None
    began = time.perf_counter()
    with suppress(BrokenPipeError):  # its status says why
        for start in cycle(range(0, len(stream), _CHUNK_BYTES)):
            now = time.perf_counter()
            if now >= end:
                break
            memory.see(now - began, resident_bytes(str(process.pid)))
            tell(f"{(end - now) / 60:.1f} minutes left, {memory.mb[-1] if memory.mb else 0:.0f} MB")
            process.stdin.write(stream[start : start + _CHUNK_BYTES])
        process.stdin.close()


def _sentences(figures: Mapping[str, float]) -> list[str]:
    if not figures:
        return []
    begin, end = figures["begin_mb"], figures["end_mb"]
    text = f"memory: {begin:.1f} MB after a tenth of the time, {end:.1f} MB at the end"
    growth = figures.get("growth_mb")
    return [text if growth is None else f"{text}; a line through the second half grows by {growth:+.1f} MB"]
