"""`vsr verify SOURCE RESULT`."""

from typing import Annotated

import typer

from vsr.cli.output import ReportFile


def command(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The video before.")],
    result: Annotated[str, typer.Argument(metavar="RESULT", help="The video after.")],
    report: Annotated[str | None, typer.Option(metavar="FILE.json", help="Write what was compared.")] = None,
) -> int:
    """Compare a result with its source: frames, times, colour, streams, chapters, tags."""
    from vsr.media.images import as_path

    source, result = as_path(source), as_path(result)
    file = ReportFile(report, source, result)
    from vsr.media.verify import verify

    with file.telling_failure():
        outcome = verify(source, result)
        file.write(outcome.to_json())
    typer.echo("\n".join(outcome.lines()))
    return outcome.exit_code
