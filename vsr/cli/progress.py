"""How a run shows where it stands: a bar, lines, JSON, or nothing. All of it goes to stderr."""

import dataclasses
import json
import shutil
from typing import TYPE_CHECKING, Protocol, TextIO

from vsr.cli.streams import Unminding
from vsr.options import ProgressMode

if TYPE_CHECKING:
    from vsr.pipeline.plan import Plan
    from vsr.pipeline.progress import Progress
    from vsr.pipeline.report import Report

_FIRST_LINE_SECONDS, _LONGEST_PAUSE_SECONDS = 5.0, 60.0
_BAR_CELLS = 20


class Display(Protocol):
    """What a run tells while it goes. Thread-safety: the run's thread only."""

    def plan(self, plan: "Plan") -> None:
        """Show what is going to happen."""

    def progress(self, progress: "Progress") -> None:
        """Show where the run stands; called several times a second."""

    def message(self, text: str) -> None:
        """Show one sentence."""

    def report(self, report: "Report") -> None:
        """Show how it ended."""

    def close(self) -> None:
        """Leave the terminal in order. Idempotent."""


def display(mode: ProgressMode, stream: TextIO, text: TextIO) -> Display:
    """Return the display for a mode. Progress goes to `stream`, plan and report as text to `text`."""
    if mode == "auto":
        mode = "bar" if stream.isatty() else "lines"
    if mode == "json":
        return JsonLines(stream)
    if mode == "bar":
        return Bar(stream, text)
    return Lines(stream, text) if mode == "lines" else Silent(stream, text)


class Silent:
    """No plan and no progress; messages and the end are said."""

    def __init__(self, stream: TextIO, text: TextIO) -> None:
        self._stream, self._text = Unminding(stream), Unminding(text)

    def plan(self, plan: "Plan") -> None:
        """Not shown."""

    def progress(self, progress: "Progress") -> None:
        """Not shown."""

    def message(self, text: str) -> None:
        """Show one sentence."""
        self._stream.say(f"vsr: {text}\n")

    def report(self, report: "Report") -> None:
        """Show how it ended, as text."""
        self.close()
        for line in report.lines():
            self._text.say(f"{line}\n")

    def close(self) -> None:
        """Nothing to put in order."""


class Lines(Silent):
    """A line after five seconds, then ever more rarely, to one a minute: for logs."""

    def __init__(self, stream: TextIO, text: TextIO) -> None:
        super().__init__(stream, text)
        self._next_seconds = self._pause_seconds = _FIRST_LINE_SECONDS
        self._last: Progress | None = None

    def plan(self, plan: "Plan") -> None:
        """Show the plan as text."""
        for line in plan.lines():
            self._text.say(f"{line}\n")

    def progress(self, progress: "Progress") -> None:
        """Print a line if one is due."""
        new_phase = self._last is not None and self._last.phase != progress.phase
        self._last = progress
        if progress.elapsed_seconds >= self._next_seconds or new_phase:
            self._stream.say(f"{describe(progress)}\n")
            self._pause_seconds = min(self._pause_seconds * 1.5, _LONGEST_PAUSE_SECONDS)
            self._next_seconds = progress.elapsed_seconds + self._pause_seconds


class Bar(Lines):
    """One line of a terminal that is written over."""

    def __init__(self, stream: TextIO, text: TextIO) -> None:
        super().__init__(stream, text)
        self._drawn = False
        self._cells = " ▏▎▍▌▋▊▉█" if self._stream.encoding.lower().startswith("utf") else " #"

    def progress(self, progress: "Progress") -> None:
        """Draw the line again."""
        share = fraction_done(progress)
        bar = "" if share is None else f"|{self._bar(share)}| "
        width = shutil.get_terminal_size().columns - 1  # the last column would wrap
        self._stream.say(f"\r{bar}{describe(progress)}"[: width + 1] + "\x1b[K")
        self._drawn = True

    def message(self, text: str) -> None:
        """Show one sentence on a line of its own."""
        self.close()
        super().message(text)

    def close(self) -> None:
        """Clear the line."""
        if self._drawn:
            self._stream.say("\r\x1b[K")
            self._drawn = False

    def _bar(self, share: float) -> str:
        steps = len(self._cells) - 1
        full, part = divmod(int(share * _BAR_CELLS * steps), steps)
        return (self._cells[-1] * full + (self._cells[part] if part else "")).ljust(_BAR_CELLS)


class JsonLines:
    """One JSON object a line, each with an "event": plan, progress, message, report."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = Unminding(stream)

    def plan(self, plan: "Plan") -> None:
        """Event "plan"."""
        self._put("plan", {"plan": plan.to_json()})

    def progress(self, progress: "Progress") -> None:
        """Event "progress"."""
        self._put("progress", dataclasses.asdict(progress))

    def message(self, text: str) -> None:
        """Event "message"."""
        self._put("message", {"text": text})

    def report(self, report: "Report") -> None:
        """Event "report"."""
        self._put("report", {"report": report.to_json()})

    def close(self) -> None:
        """Nothing to put in order."""

    def _put(self, event: str, values: dict[str, object]) -> None:
        line = json.dumps({"event": event, **values}, ensure_ascii=False, default=str)
        self._stream.say(f"{line}\n")


def fraction_done(progress: "Progress") -> float | None:
    """Return how much is done, 0 to 1, by frames or by time; None where the source does not say."""
    if progress.frames_total:
        return min(progress.frames / progress.frames_total, 1.0)
    if progress.seconds_total:
        return min(progress.seconds_done / progress.seconds_total, 1.0)
    return None


def seconds_left(progress: "Progress") -> float | None:
    """Return an estimate of the time that the rest takes, from the speed so far."""
    share = fraction_done(progress)
    if not share:
        return None
    return progress.elapsed_seconds * (1 - share) / share


def describe(progress: "Progress") -> str:
    """Return one line: " 43%  812/1891 frames  31.2 fps  0:34 left  queue 80%  12.4 MB"."""
    if progress.phase == "verify":
        return "verifying the result"
    parts = []
    share = fraction_done(progress)
    if share is not None:
        parts.append(f"{share * 100:3.0f}%")
    total = f"/{progress.frames_total}" if progress.frames_total else ""
    parts += [f"{progress.frames}{total} frames", f"{progress.fps:.1f} fps"]
    left = seconds_left(progress)
    parts.append(f"{clock(progress.elapsed_seconds)} gone" if left is None else f"{clock(left)} left")
    parts += [f"queue {progress.queue_fill * 100:.0f}%", f"{progress.bytes_written / 1e6:.1f} MB"]
    return "  ".join(parts)


def clock(seconds: float) -> str:
    """Return seconds as M:SS or H:MM:SS."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
