"""`vsr live INPUT OUTPUT...`."""

import contextlib
import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vsr.cli.output import EXIT_INTERRUPTED, ReportFile
from vsr.cli.streams import StatusLine, Unminding
from vsr.cli.table import build, options_from
from vsr.errors import VsrError
from vsr.options import LiveOptions, ProgressMode

if TYPE_CHECKING:
    from vsr.live.run import LiveRun
    from vsr.live.status import LiveStatus

_LINE_SECONDS = 60.0


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
    from vsr.live.run import LiveRun

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
    shown.end(outcome.lines())
    return EXIT_INTERRUPTED if signals.token.aborted else outcome.exit_code


class _Display:
    """What a live run tells while it goes, on stderr: stdout may carry video."""

    def __init__(self, mode: ProgressMode) -> None:
        if mode == "auto":
            mode = "bar" if sys.stderr.isatty() else "lines"
        self._mode = mode
        self._stream = Unminding(sys.stderr)
        self._line = StatusLine(sys.stderr)
        self._next_seconds = _LINE_SECONDS

    def begin(self, run: "LiveRun") -> None:
        """Say what is going to happen."""
        plan = run.plan.plan
        text = (
            f"{run.source.shown} {plan.picture.width}x{plan.picture.height} -> "
            f"{plan.output.width}x{plan.output.height} by {', '.join(run.plan.steps.models)}"
        )
        self.message(text)

    def status(self, status: "LiveStatus") -> None:
        """Show where the run stands."""
        if self._mode == "json":
            self._put("status", status=status.to_json())
        elif self._mode == "bar":
            self._line.show(describe(status))
        elif self._mode == "lines" and status.uptime_seconds >= self._next_seconds:
            self._next_seconds += _LINE_SECONDS
            self._stream.say(f"{describe(status)}\n")

    def message(self, text: str) -> None:
        """Show one sentence."""
        if self._mode == "json":
            self._put("message", text=text)
            return
        self.close()
        self._stream.say(f"vsr: {text}\n")

    def end(self, lines: list[str]) -> None:
        """Show how it ended."""
        for line in lines:
            self.message(line)

    def close(self) -> None:
        """Leave the terminal in order."""
        if self._mode == "bar":
            self._line.show("")

    def _put(self, event: str, **values: object) -> None:
        line = json.dumps({"event": event, **values}, ensure_ascii=False, default=str)
        self._stream.say(f"{line}\n")


def describe(status: "LiveStatus") -> str:
    """Return one line: "running  30.0 fps  latency 41/63 ms  0 dropped  queue 1/8  cnn-m-photo"."""
    recent = status.latency.recent
    parts = [
        status.state,
        f"{status.fps_out:.1f} fps",
        f"latency {recent.p50 * 1000:.0f}/{recent.p99 * 1000:.0f} ms",
        f"{status.frames_dropped} dropped",
        f"queue {status.queue_frames}/{status.queue_capacity}",
        status.model,
    ]
    parts += [f"{output.name}: {output.state}" for output in status.outputs if output.state != "writing"]
    return "  ".join(parts)
