"""`vsr train RECIPE`."""

import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Self

import typer

from vsr.cli.output import EXIT_INTERRUPTED

if TYPE_CHECKING:
    from vsr.train.job import Moment

_PAUSE_SECONDS = 60.0
"""The longest without a line, where there is no terminal."""


def command(
    recipe: Annotated[
        str | None,
        typer.Argument(
            metavar="RECIPE",
            help="A name that --list shows, or a .toml that says network, data and training.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Where states, log and weights go. Default: a folder of the recipe's name, here.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help="Where the recipe's folders of pictures are. Default: its own folder; here, for a name.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last state in DIR; without one, begin.")
    ] = False,
    show_list: Annotated[bool, typer.Option("--list", help="List the recipes that come with vsr.")] = False,
) -> int:
    """Train a network by a recipe.

    Ctrl-C stops it after the step it is at, with a state to go on from; a second one ends it at once.
    """
    import importlib.util

    from vsr.errors import OptionError
    from vsr.train.recipe import recipe_file

    if show_list:
        return _list_recipes()
    if recipe is None:
        raise OptionError("no RECIPE is given; name a .toml file, or a recipe that `vsr train --list` shows")
    file = recipe_file(recipe)
    if importlib.util.find_spec("torch") is None:
        raise OptionError("training needs torch, which is not installed: pip install 'vsr-realtime[train]'")
    from vsr.cli.signals import StopOnSignals
    from vsr.train.job import WEIGHTS, Job

    job = Job(file, out, data=data, resume=resume)
    if resume and not job.goes_on:
        _say(f"there is no state in {job.out} to go on from; the training begins")
    if unused := job.training.tiles.unused:
        _say(f"pictures smaller than a tile, which are not trained on: {len(unused)}, e.g. {unused[0]}")
    with StopOnSignals(_say, "after this step, with a state to go on from") as signals:
        begun, steps = job.training.steps_done, job.recipe.training.steps
        with _Display(job.recipe.name, begun, steps) as display:
            last = job.run(display.show, stopping=lambda: signals.token.requested)
    done = job.training.steps_done
    if done < last.steps:
        typer.echo(f"{job.recipe.name}: stopped after step {done} of {last.steps}; --resume goes on from it")
        return EXIT_INTERRUPTED
    typer.echo(f"{job.recipe.name}: {done} steps, weights in {job.out / WEIGHTS}")
    return 0


class _Display:
    """A bar on a terminal, elsewhere a line where a minute went by without one; the figures in both."""

    def __init__(self, name: str, begun: int, steps: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        self._task = self._bar.add_task(name, total=steps, completed=begun, note="")
        self._told = time.monotonic()

    def show(self, moment: "Moment") -> None:
        """Show how far the training is."""
        note = f"loss {moment.loss:.5g}, {moment.steps_per_second:.1f} steps/s"
        self._bar.update(self._task, completed=moment.step, note=note)
        if moment.figures:
            self._print(f"step {moment.step}: {_figures(moment)}")
        elif not self._bar.console.is_terminal and time.monotonic() - self._told > _PAUSE_SECONDS:
            self._print(f"step {moment.step} of {moment.steps}: {note}")

    def _print(self, line: str) -> None:
        self._bar.console.print(line, soft_wrap=True)  # a log's lines stay whole
        self._told = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()


def _list_recipes() -> int:
    """Print the recipes that come with vsr, one a line."""
    from vsr.train.recipe import read_recipe, shipped_recipes

    files = shipped_recipes()
    width = max(map(len, files))
    for name, file in files.items():
        typer.echo(f"{name:<{width}}  {read_recipe(file).sentence}")
    return 0


def _say(text: str) -> None:
    typer.echo(f"vsr: {text}", err=True)


def _figures(moment: "Moment") -> str:
    return ", ".join(f"{name} {value:.2f} dB" for name, value in moment.figures.items())
