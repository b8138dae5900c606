"""`vsr train RECIPE`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vsr.cli.output import EXIT_INTERRUPTED

if TYPE_CHECKING:
    from vsr.train.job import Moment


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
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from vsr.cli.signals import StopOnSignals
    from vsr.train.job import WEIGHTS, Job

    job = Job(file, out, data=data, resume=resume)
    if resume and not job.goes_on:
        _say(f"there is no state in {job.out} to go on from; the training begins")
    if unused := job.training.tiles.unused:
        _say(f"pictures smaller than a tile, which are not trained on: {len(unused)}, e.g. {unused[0]}")
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with StopOnSignals(_say, "after this step, with a state to go on from") as signals, bar:
        steps = job.recipe.training.steps
        task = bar.add_task(job.recipe.name, total=steps, completed=job.training.steps_done, note="")

        def show(moment: "Moment") -> None:
            bar.update(task, completed=moment.step, note=_note(moment))
            if moment.figures:
                bar.console.print(f"step {moment.step}: {_figures(moment)}")

        last = job.run(show, stopping=lambda: signals.token.requested)
    done = job.training.steps_done
    if done < last.steps:
        typer.echo(f"{job.recipe.name}: stopped after step {done} of {last.steps}; --resume goes on from it")
        return EXIT_INTERRUPTED
    typer.echo(f"{job.recipe.name}: {done} steps, weights in {job.out / WEIGHTS}")
    return 0


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


def _note(moment: "Moment") -> str:
    return f"loss {moment.loss:.5g}, {moment.steps_per_second:.1f} steps/s"


def _figures(moment: "Moment") -> str:
    return ", ".join(f"{name} {value:.2f} dB" for name, value in moment.figures.items())
