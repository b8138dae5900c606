"""`vsr models list` and `vsr models show NAME`."""

from pathlib import Path
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


_NETWORKS = {".glsl", ".pth", ".pt", ".ckpt", ".safetensors"}


@app.command("show")
def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A name that `list` shows, or a .glsl, .pth or .safetensors file."
        ),
    ],
) -> None:
    """Show one model and its options; of a network in a file, its layers."""
    from vsr.upscaler import MODELS

    if Path(name).suffix.lower() in _NETWORKS:
        typer.echo("\n".join(_network_lines(Path(name))))
        return
    model = MODELS[name]
    typer.echo(f"{name}: {model.description}")
    if not model.options:
        typer.echo("It has no options.")
    for option in model.options:
        typer.echo(f"  --model-option {option.name}={option.default}")
        typer.echo(f"      {option.meaning}; {option.allowed}")


def _network_lines(path: Path) -> list[str]:
    """Return the layers of every network in a file, and a sentence for each stage that is none."""
    from vsr.nets.checkpoint import read_checkpoint
    from vsr.nets.glsl.chain import read_shaders

    if path.suffix.lower() != ".glsl":
        return list(read_checkpoint(path).lines())
    lines: list[str] = []
    for stage in read_shaders([path], strict=False).stages:
        lines += stage.graph.lines() if stage.graph is not None else [str(stage.problem)]
    return lines
