"""`vsr bench models|kernels|pipeline|peers`, and `vsr bench diff`."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vsr.cli.output import report_and_page
from vsr.cli.streams import StatusLine
from vsr.cli.table import build, options_from
from vsr.options import BenchKernelsOptions, BenchModelsOptions

if TYPE_CHECKING:
    from vsr.bench.results import Results

app = typer.Typer(
    help="Measure how fast it is here, where the time goes, and against what.", no_args_is_help=True
)
Json = Annotated[
    str | None, typer.Option("--json", metavar="FILE", help="Write the results, to keep and to compare.")
]
Html = Annotated[
    str | None, typer.Option("--html", metavar="FILE", help="Write a page with tables and charts.")
]


@app.command("models", short_help="Models alone: fps, share of the machine, memory.")
@options_from(BenchModelsOptions)
def models(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...", help="What `vsr upscale -m` takes. Default: the shipped networks."
        ),
    ] = None,
    json: Json = None,
    html: Html = None,
    **values: Any,
) -> None:
    """Measure models alone, from frame to frame of 8-bit 4:2:0, conversions included, codecs not."""
    options = build(BenchModelsOptions, values)

    def measure(tell: Callable[[str], None]) -> "Results":
        from vsr.bench.models import run

        return run(names or (), options, tell)

    show(measure, json, html)


@app.command("kernels", short_help="Each operation: GB/s, share of the memory's, against libswscale.")
@options_from(BenchKernelsOptions)
def kernels(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WORD]...",
            help="Only operations with these words in their names, e.g. lanczos3 x2. Default: all.",
        ),
    ] = None,
    json: Json = None,
    html: Html = None,
    **values: Any,
) -> None:
    """Measure the operations on pictures, in GB/s of what must be read and written once.

    Beside them the memory's own speed, a copy on as many threads, and libswscale where it has the same.
    """
    options = build(BenchKernelsOptions, values)

    def measure(tell: Callable[[str], None]) -> "Results":
        from vsr.bench.kernels import run

        return run(words or (), options, tell)

    show(measure, json, html)


def show(measure: Callable[[Callable[[str], None]], "Results"], json: str | None, html: str | None) -> None:
    """Measure, print the table, write the files that are asked for, and leave with the exit code."""
    files = report_and_page(json, html)
    with files[0].telling_failure(), StatusLine(sys.stderr) as line:
        results = measure(line.show)
    from vsr.bench.text import lines

    try:  # a full disk does not take the text away, nor a closed pipe the files
        typer.echo("\n".join(lines(results)))
    finally:
        files[0].write(results.to_json())
    raise typer.Exit(results.exit_code)
