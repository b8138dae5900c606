"""`vsr compare A B`."""

import sys
from typing import Annotated, Any

import typer

from vsr.cli.output import report_and_page
from vsr.cli.streams import StatusLine
from vsr.cli.table import build, options_from
from vsr.options import CompareOptions


@options_from(CompareOptions)
def command(
    first: Annotated[str, typer.Argument(metavar="A", help="A video.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another of the same size.")],
    json: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write all results, those of each frame too.")
    ] = None,
    html: Annotated[
        str | None,
        typer.Option("--html", metavar="FILE", help="Write a page with plots, and frames under a slider."),
    ] = None,
    **values: Any,
) -> None:
    """Measure how two videos differ, frame by frame: B from A, or both from an original.

    Frames are matched by their times, counted from each video's first frame.
    """
    from vsr.media.images import as_path

    options = build(CompareOptions, values)
    first, second = as_path(first), as_path(second)
    names = [first, second, *([options.reference] if options.reference else [])]
    files = report_and_page(json, html, *names)
    with files[0].telling_failure(), StatusLine(sys.stderr) as line:
        from vsr.quality.compare import compare

        comparison = compare(
            first,
            second,
            options,
            pictures=html is not None,
            tell=lambda done: line.show(f"frame {done}"),
        )
    try:  # a full disk does not take the text away, nor a closed pipe the files
        typer.echo("\n".join(comparison.lines()))
    finally:
        files[0].write(comparison.to_json())
        if html is not None:
            from vsr.quality.page import comparison_page

            files[1].write_text(comparison_page(comparison))
