"""`vsr eval MODEL...`, and what `vsr models compare` shares with it."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vsr.cli.output import ReportFile, report_and_page
from vsr.cli.streams import StatusLine
from vsr.cli.table import build, options_from
from vsr.options import EvalOptions

if TYPE_CHECKING:
    from vsr.quality.evaluate import Evaluation

Models = Annotated[
    list[str],
    typer.Argument(metavar="MODEL...", help="What `vsr upscale -m` takes: names, presets, files, chains."),
]
Json = Annotated[
    str | None, typer.Option("--json", metavar="FILE", help="Write all results, those of each picture too.")
]
Html = Annotated[
    str | None, typer.Option("--html", metavar="FILE", help="Write a page with tables, a chart and pictures.")
]


@options_from(EvalOptions)
def command(models: Models, json: Json = None, html: Html = None, **values: Any) -> None:
    """Measure models by the papers' protocol: PSNR, SSIM and more against the pictures as they were."""
    run(models, build(EvalOptions, values), json, html)


def run(models: list[str], options: EvalOptions, json: str | None, html: str | None) -> None:
    """Evaluate, print the table, and write the files that are asked for."""
    files = report_and_page(json, html, options.data)
    with files[0].telling_failure(), StatusLine(sys.stderr) as line:
        from vsr.quality.evaluate import evaluate

        evaluation = evaluate(
            models, options, lambda done, name: line.show(f"{done} pictures done, next: {name}")
        )
    try:  # a full disk does not take the text away, nor a closed pipe the files
        typer.echo("\n".join(evaluation.lines()))
    finally:
        _write(evaluation, *files, has_page=html is not None)


def _write(evaluation: "Evaluation", json: ReportFile, html: ReportFile, *, has_page: bool) -> None:
    json.write(evaluation.to_json())
    if has_page:
        from vsr.quality.page import evaluation_page

        html.write_text(evaluation_page(evaluation))
