"""`vsr live INPUT OUTPUT...`."""

import contextlib
import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vsr.cli.output import EXIT_INTERRUPTED, ReportFile
from vsr.cli.streams import StatusLine, Unminding
from vsr.cli.table import build, options_from
from vsr.errors import VsrError
from vsr.options import LiveOptions, ProgressMode

if TYPE_CHECKING:
    from vsr.streaming.report import LiveReport
    from vsr.streaming.run import LiveRun
    from vsr.streaming.status import LiveStatus

_LINE_SECONDS = 60.0
_STATUS_SECONDS = 10.0
"""Between two whole statuses in a log of JSON, which is kept for days; what happens is told at once."""
_DROPS_SECONDS = 10.0
"""Between two sentences about dropped frames."""


@options_from(LiveOptions)
def command(
    source: Annotated[
        str, typer.Argument(metavar="INPUT", help="A URL, a file (with --pace), or - for stdin.")
    ],
    outputs: Annotated[
        list[str], typer.Argument(metavar="OUTPUT...", help="URLs, files, HLS playlists, or - for stdout.")
    ],
    report: Annotated[str | None, typer.Option(metavar="FILE.json", help="Write how it ended.")] = None,
    progress: Annotated[
        ProgressMode,
        typer.Option(help="On stderr. auto is bar on a terminal, else lines; json is one object a line."),
    ] = "auto",
    **values: Any,
) -> int:
    """Upscale a stream while it happens, within a bounded delay, to several receivers at once."""
    file = ReportFile(report, source, *outputs)
    with file.telling_failure():
        return _live(source, outputs, build(LiveOptions, values), file, progress)


def _live(
    source: str, outputs: list[str], options: LiveOptions, file: ReportFile, progress: ProgressMode
) -> int:
    from vsr.cli.signals import StopOnSignals, ended_by_interrupt
    from vsr.streaming.run import LiveRun

    shown = _Display(progress)
    with ended_by_interrupt():
        run = LiveRun(source, outputs, options, on_message=shown.message)
    with contextlib.closing(run), StopOnSignals(shown.message, "finishing the outputs") as signals:
        shown.begin(run)

        def on_status(status: "LiveStatus") -> None:
            signals.speak()
            shown.status(status)

        try:
            outcome = run.run(on_status=on_status, stop=signals.token)
        except VsrError as error:
            if isinstance(error.__cause__, BrokenPipeError) and "-" in outputs:
                raise error.__cause__ from error
            raise
        finally:
            shown.close()
    file.write(outcome.to_json())
    shown.end(outcome)
    return EXIT_INTERRUPTED if signals.token.aborted else outcome.exit_code


class _Display:
    """What a live run tells while it goes, on stderr: stdout may carry video."""

    def __init__(self, mode: ProgressMode) -> None:
        if mode == "auto":
            mode = "bar" if sys.stderr.isatty() else "lines"
        self._mode = mode
        self._stream = Unminding(sys.stderr)
        self._line = StatusLine(sys.stderr)
        self._next_seconds = 0.0 if mode == "json" else _LINE_SECONDS
        self._last: LiveStatus | None = None
        self._told_dropped = 0
        self._next_drops = 0.0

    def begin(self, run: "LiveRun") -> None:
        """Say what is going to happen, what was guessed, and what does not go along."""
        plan, steps = run.plan.plan, run.plan.steps
        self.message(
            f"{run.source.shown} {plan.picture.width}x{plan.picture.height}"
            f"{', deinterlaced,' if plan.source.video.interlaced else ''} -> "
            f"{plan.output.width}x{plan.output.height} by {', '.join(steps.models)}; "
            f"{plan.encoding.encoder} {plan.encoding.encoder_format}"
        )
        for note in _notes(run):
            self.message(note)

    def status(self, status: "LiveStatus") -> None:
        """Show where the run stands, and what happened since the last time."""
        if self._mode == "json":
            self._log(status)
            return
        self._tell_drops(status)
        if self._mode == "bar":
            self._line.show(describe(status))
        elif self._mode == "lines" and status.uptime_seconds >= self._next_seconds:
            self._next_seconds += _LINE_SECONDS
            self._stream.say(f"{describe(status)}\n")

    def _log(self, status: "LiveStatus") -> None:
        from vsr.streaming.events import events_between
        from vsr.streaming.status import LiveStatus

        for event in events_between(self._last or LiveStatus(), status):
            self._put(event.name, **event.facts)
        self._last = status
        if status.uptime_seconds >= self._next_seconds:
            self._next_seconds = status.uptime_seconds + _STATUS_SECONDS
            self._put("status", status=status.to_json())

    def _tell_drops(self, status: "LiveStatus") -> None:
        """Say that frames were dropped, not too often."""
        dropped = status.frames_dropped - self._told_dropped
        if not dropped or status.uptime_seconds < self._next_drops:
            return
        self._told_dropped = status.frames_dropped
        self._next_drops = status.uptime_seconds + _DROPS_SECONDS
        self.message(f"dropped frames: {dropped}, {status.frames_dropped} in all")

    def message(self, text: str) -> None:
        """Show one sentence."""
        if self._mode == "json":
            self._put("message", text=text)
            return
        self.close()
        self._stream.say(f"vsr: {text}\n")

    def end(self, report: "LiveReport") -> None:
        """Show how it ended."""
        if self._mode == "json":
            self._log(report.status)
            self._put("report", report=report.to_json())
            return
        for line in report.lines():
            self.message(line)

    def close(self) -> None:
        """Leave the terminal in order."""
        if self._mode == "bar":
            self._line.show("")

    def _put(self, event: str, **values: object) -> None:
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"time": moment, "event": event, **values}, ensure_ascii=False, default=str)
        self._stream.say(f"{line}\n")


def _notes(run: "LiveRun") -> list[str]:
    """Return what to say of a plan: guesses, conversions, engines. Streams left out were said before."""
    plan, steps = run.plan.plan, run.plan.steps
    of_steps = {note.partition(":")[0] for note in steps.notes}  # which replaced the plan's own upscaler
    streams = [stream.label for stream in plan.source.streams]
    left = [
        note
        for note in plan.notes
        if note.partition(":")[0] not in of_steps and not any(label in note for label in streams)
    ]
    return [*left, *steps.notes]


def describe(status: "LiveStatus") -> str:
    """Return one line: "running  30.0 fps  latency 41/63 ms  0 dropped  queue 1/8  cnn-m-photo"."""
    recent = status.latency.recent
    took = f"{recent.p50 * 1000:.0f}/{recent.p99 * 1000:.0f} ms" if recent.count else "-"
    parts = [
        status.state,
        f"{status.fps_out:.1f} fps",
        f"latency {took}",
        f"{status.frames_dropped} dropped",
        f"queue {status.queue_frames}/{status.queue_capacity}",
        status.model,
    ]
    parts += [f"{output.name}: {output.state}" for output in status.outputs if output.state != "writing"]
    return "  ".join(parts)
