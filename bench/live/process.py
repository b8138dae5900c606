"""The real command, `vsr live`, as a process: started, watched through its preview's port, and ended."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bench.live.servers import free_port
from bench.live.usage import Usage, usage

START_SECONDS = 60.0
_END_SECONDS = 60.0
_ASK_SECONDS = 5.0


class LiveError(Exception):
    """A run that does not go on; the text is a sentence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What was seen at one moment."""

    at: float
    """Seconds since the process was started."""
    status: dict[str, Any]
    """/status.json's."""
    metrics: dict[str, float]
    """Of /metrics those without labels."""
    usage: Usage


class LiveProcess:
    """`vsr live` while it runs. `samples` grows by one each `every_seconds`.

    Thread-safety: one thread; the samples are taken on another.
    """

    def __init__(
        self,
        source: str,
        outputs: Sequence[str],
        *,
        models: str,
        options: Sequence[str] = (),
        folder: Path,
        every_seconds: float = 1.0,
    ) -> None:
        self.samples: list[Sample] = []
        self.missed = 0
        """Times that the preview did not answer once it had."""
        self._report, self._said = folder / "report.json", folder / "said.txt"
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        """Of the preview."""
        self._every = every_seconds
        self._ended = threading.Event()
        self.began = time.monotonic()
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-P", "-m", "vsr.cli", "live", source, *outputs, "-m", models, *options,
                    "-y", "--preview", str(port), "--report", str(self._report), "--progress", "lines",
                ],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
            )  # fmt: skip
        self._watching = threading.Thread(target=self._watch, name="watch", daemon=True)
        self._watching.start()

    @property
    def said(self) -> list[str]:
        """What it told on stderr so far, line by line."""
        return self._said.read_text(errors="replace").splitlines()

    @property
    def now(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.began

    def until(self, what: Callable[[dict[str, Any]], bool], seconds: float, named: str) -> Sample:
        """Wait for a status and return its sample. Raises LiveError where it does not come."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._process.poll() is None:
            if self.samples and what(self.samples[-1].status):
                return self.samples[-1]
            time.sleep(0.1)
        raise LiveError(f"{named} did not come within {seconds:g} s; vsr said: {self._last_words()}")

    def writing(self) -> Sample:
        """Wait until frames go out to every output."""
        return self.until(
            lambda s: bool(s["frames_out"]) and all(o["state"] == "writing" for o in s["outputs"]),
            START_SECONDS,
            "the first frame",
        )

    def wait(self, seconds: float) -> None:
        """Let it run. Raises LiveError where it ends before."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, seconds))
            raise LiveError(f"vsr live ended by itself: {self._last_words()}")

    def finish(self) -> dict[str, Any]:
        """End it as a service is ended, and return its report. Raises LiveError where it hangs."""
        self._ended.set()
        self._watching.join()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            raise LiveError(f"vsr live does not end within {_END_SECONDS:g} s of SIGTERM") from None
        report: dict[str, Any] = json.loads(self._report.read_text())
        return report

    def _last_words(self) -> str:
        return " / ".join(self.said[-5:])

    def _watch(self) -> None:
        due = time.monotonic()
        while not self._ended.wait(max(0.0, due - time.monotonic())):
            due = max(due + self._every, time.monotonic())
            used = usage(self._process.pid)
            try:
                status = json.loads(self._get("/status.json"))
                metrics = _plain(self._get("/metrics"))
            except OSError:
                self.missed += bool(self.samples) and self._process.poll() is None
                continue
            if used is not None:
                self.samples.append(Sample(at=self.now, status=status, metrics=metrics, usage=used))

    def _get(self, path: str) -> str:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=_ASK_SECONDS) as answer:
            return str(answer.read().decode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._process.kill()
        self._process.wait()
        self._watching.join()


def _plain(text: str) -> dict[str, float]:
    """Return the metrics without labels by name."""
    lines = [line.split() for line in text.splitlines() if not line.startswith("#") and "{" not in line]
    return {name: float(value) for name, value in lines}
