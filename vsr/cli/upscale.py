"""`vsr upscale INPUT OUTPUT`."""

import contextlib
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vsr.cli.output import EXIT_INTERRUPTED, ReportFile
from vsr.cli.progress import Display, display
from vsr.cli.streams import Unminding
from vsr.cli.table import build, options_from
from vsr.errors import VsrError
from vsr.options import ProgressMode, UpscaleOptions

if TYPE_CHECKING:
    from vsr.pipeline.job import Job
    from vsr.pipeline.progress import Progress


@options_from(UpscaleOptions)
def command(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="A video, an image, a URL, or - for stdin.")],
    result: Annotated[str, typer.Argument(metavar="OUTPUT", help="A file, or - for stdout.")],
    report: Annotated[
        str | None, typer.Option(metavar="FILE.json", help="Write what was done and compared.")
    ] = None,
    progress: Annotated[
        ProgressMode,
        typer.Option(help="On stderr. auto is bar on a terminal, else lines; json is one object a line."),
    ] = "auto",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")] = False,
    **values: Any,
) -> int:
    """Upscale a video: same frames, same times, same colour, same streams, more pixels."""
    from vsr.media.images import as_path

    source, result = as_path(source), as_path(result)
    file = ReportFile(report, source, result)
    with file.telling_failure():
        options = build(UpscaleOptions, values)
        return _upscale(source, result, options, file, progress, dry_run)


def _upscale(
    source: str, result: str, options: UpscaleOptions, file: ReportFile, progress: ProgressMode, dry_run: bool
) -> int:
    from vsr.cli.signals import ended_by_interrupt
    from vsr.pipeline.job import Job

    # Only video may enter a pipe of video.
    text = sys.stderr if result == "-" else sys.stdout
    shown = display(progress, sys.stderr, text)
    with ended_by_interrupt():
        job = Job(source, result, options, on_message=shown.message)
    with contextlib.closing(job):
        if dry_run:
            file.write({"plan": job.plan.to_json()})
            Unminding(text).say("\n".join(job.plan.lines()) + "\n")
            return 0
        shown.plan(job.plan)
        try:
            return _run(job, shown, file)
        except VsrError as error:
            if isinstance(error.__cause__, BrokenPipeError) and result == "-":
                raise error.__cause__ from error
            raise
        finally:
            shown.close()


def _run(job: "Job", shown: Display, file: ReportFile) -> int:
    from vsr.cli.signals import StopOnSignals

    with StopOnSignals(shown.message) as signals:

        def on_progress(progress: "Progress") -> None:
            signals.speak()
            shown.progress(progress)

        outcome = job.run(on_progress=on_progress, stop=signals.token)
    file.write(outcome.to_json())
    shown.report(outcome)
    return EXIT_INTERRUPTED if signals.token.aborted else outcome.exit_code
