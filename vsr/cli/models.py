"""`vsr models list` and `vsr models show NAME`."""

from typing import Annotated

import typer

app = typer.Typer(help="List and show what can enlarge a picture.")


@app.command("list")
def list_models() -> None:
    """List the models, one a line."""
    from vsr.upscaler import MODELS

    width = max(map(len, MODELS))
    for name, model in MODELS.items():
        typer.echo(f"{name:<{width}}  {model.description}")


@app.command("show")
def show(name: Annotated[str, typer.Argument(metavar="NAME", help="A name that `list` shows.")]) -> None:
    """Show one model and its options."""
    from vsr.upscaler import MODELS

    model = MODELS[name]
    typer.echo(f"{name}: {model.description}")
    if not model.options:
        typer.echo("It has no options.")
    for option in model.options:
        typer.echo(f"  --model-option {option.name}={option.default}")
        typer.echo(f"      {option.meaning}; {option.allowed}")
