"""`vsr bench models|kernels|pipeline|peers`, and `vsr bench diff`."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vsr.cli.output import ReportFile, report_and_page
from vsr.cli.streams import StatusLine
from vsr.cli.table import build, options_from
from vsr.errors import OptionError
from vsr.options import (
    BenchKernelsOptions,
    BenchModelsOptions,
    BenchPeersOptions,
    BenchPipelineOptions,
)

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
Keep = Annotated[
    str | None,
    typer.Option("--keep", metavar="DIR", help="File the results as DIR/VERSION/MACHINE/SUITE.json, too."),
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
    keep: Keep = None,
    **values: Any,
) -> None:
    """Measure models alone, from frame to frame of 8-bit 4:2:0, conversions included, codecs not."""
    options = build(BenchModelsOptions, values)

    def measure(tell: Callable[[str], None]) -> "Results":
        from vsr.bench.models import run

        return run(names or (), options, tell)

    show(measure, json, html, keep)


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
    keep: Keep = None,
    **values: Any,
) -> None:
    """Measure the operations on pictures, in GB/s of what must be read and written once.

    Beside them the memory's own speed, a copy on as many threads, and libswscale where it has the same.
    """
    options = build(BenchKernelsOptions, values)

    def measure(tell: Callable[[str], None]) -> "Results":
        from vsr.bench.kernels import run

        return run(words or (), options, tell)

    show(measure, json, html, keep)


@app.command("pipeline", short_help="Decode, upscale, encode: fps, each alone, who waits for whom.")
@options_from(BenchPipelineOptions)
def pipeline(
    clip: Annotated[
        str | None, typer.Argument(metavar="[CLIP]", help="A video. Default: a moving picture made here.")
    ] = None,
    json: Json = None,
    html: Html = None,
    keep: Keep = None,
    **values: Any,
) -> None:
    """Measure whole runs, from the file to the file, and decoder, upscaler and encoder each alone."""
    options = build(BenchPipelineOptions, values)
    if options.soak is not None and keep is not None:
        raise OptionError("--keep is for times, which --soak does not measure; --json writes its results")

    def measure(tell: Callable[[str], None]) -> "Results":
        from vsr.bench.pipeline import run

        return run(clip, options, tell)

    show(measure, json, html, keep)


@app.command("peers", short_help="Other upscalers on the same clip: quality beside speed.")
@options_from(BenchPeersOptions)
def peers(
    clip: Annotated[
        str | None, typer.Argument(metavar="[CLIP]", help="A video. Default: a drawing that moves.")
    ] = None,
    json: Json = None,
    html: Html = None,
    keep: Keep = None,
    **values: Any,
) -> None:
    """Halve a clip, let vsr and every peer that is installed enlarge it, and compare with what it was.

    Whole runs go from uncompressed 8-bit 4:2:0 to the same, written nowhere, with every conversion; networks
    alone from tensor to tensor.
    """
    options = build(BenchPeersOptions, values)

    def measure(tell: Callable[[str], None]) -> "Results":
        from vsr.bench.peers.suite import run

        return run(clip, options, tell)

    show(measure, json, html, keep)


@app.command("diff", short_help="What became slower or faster between two results.")
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A file that --json wrote.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Another, of the same suite.")],
    threshold: Annotated[
        float,
        typer.Option(
            metavar="PERCENT", help="Changes smaller than this do not count, however sure they are."
        ),
    ] = 3.0,
    any_machine: Annotated[
        bool, typer.Option("--any-machine", help="Judge although the machines differ.")
    ] = False,
) -> None:
    """Compare the cases that are in both. Exit codes: 0 none is slower; 3 some are; 1 nothing to judge.

    A case is slower where that is shown with 99 % confidence by its rounds.
    """
    from vsr.bench.diff import compare, lines
    from vsr.bench.results import read

    # 3 %: two processes of the same code differ by one or two, in where their memory lies, and all rounds of
    # a case are of one process.
    found = compare(read(old), read(new), threshold_percent=threshold, any_machine=any_machine)
    typer.echo("\n".join(lines(found, threshold)))
    raise typer.Exit(found.exit_code)


def show(
    measure: Callable[[Callable[[str], None]], "Results"],
    json: str | None,
    html: str | None,
    keep: str | None,
) -> None:
    """Measure, print the table, write the files that are asked for, and leave with the exit code."""
    files = report_and_page(json, html)
    if keep is not None:
        from vsr.bench.kept import check_folder

        check_folder(keep)
    from vsr.cli.signals import interrupted_by_signals

    with files[0].telling_failure(), interrupted_by_signals(), StatusLine(sys.stderr) as line:
        results = measure(line.show)
    from vsr.bench.text import lines

    try:  # a full disk does not take the text away, nor a closed pipe the files
        typer.echo("\n".join(lines(results)))
    finally:
        files[0].write(results.to_json())
        if html is not None:
            from vsr.bench.page import results_page

            files[1].write_text(results_page(results))
        if keep is not None:
            _keep(keep, results)
    raise typer.Exit(results.exit_code)


def _keep(folder: str, results: "Results") -> None:
    from vsr.bench.kept import kept_path

    path = kept_path(folder, results)
    if path is None:
        typer.echo("not kept: there is nothing in it to trust, or it was interrupted")
        return
    ReportFile(str(path), flag="--keep").write(results.to_json())
    typer.echo(f"kept as {path}")
