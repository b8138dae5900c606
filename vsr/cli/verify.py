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
    file = ReportFile(report)
    from vsr.media.verify import verify

    outcome = verify(source, result)
    typer.echo("\n".join(outcome.lines()))
    file.write(outcome.to_json())
    return outcome.exit_code
