"""`vsr models list`, `vsr models show MODEL` and `vsr models convert IN OUT`."""

from pathlib import Path
from typing import Annotated, get_args

import typer

app = typer.Typer(help="List, show and convert what can enlarge a picture.")

ShaderDir = Annotated[
    Path | None,
    typer.Option(
        "--shader-dir",
        metavar="DIR",
        help="Folder with mpv shader files; else VSR_SHADER_DIR, mpv's own folders, anime4k-python.",
    ),
]
ModelOptions = Annotated[
    list[str] | None,
    typer.Option("--model-option", metavar="K=V", help="An option of the model, e.g. scale=3; repeatable."),
]


@app.command("list")
def list_models() -> None:
    """List the models and presets, one a line, and the kinds of files that are models."""
    from vsr.nets.families import FAMILIES
    from vsr.nets.presets import PRESETS
    from vsr.upscaler import MODELS

    lines = {name: model.description for name, model in MODELS.items()}
    lines |= {
        name: " > ".join(
            file.removeprefix("Anime4K_").removesuffix(".glsl")
            for file in files
            if "AutoDownscale" not in file
        )
        for name, files in PRESETS.items()
    }
    width = max(map(len, lines))
    for name, description in lines.items():
        typer.echo(f"{name:<{width}}  {description}")
    typer.echo("")
    typer.echo("Files are models, too, alone or several joined by commas:")
    typer.echo(f"  {'.glsl':<{width - 2}}  mpv shaders: Anime4K, FSRCNNX, ArtCNN, AnimeJaNai")
    typer.echo(f"  {'.onnx':<{width - 2}}  any network of 1 or 3 channels")
    typer.echo(f"  {'.pth .pt .ckpt .safetensors':<{width - 2}}  {', '.join(FAMILIES)}")
    typer.echo(
        "Presets need Anime4K's shader files: `vsr models show anime4k:A` says whether they are there."
    )


@app.command("show")
def show(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A name or preset that `list` shows, a file, or a chain.")
    ],
    shader_dir: ShaderDir = None,
    model_options: ModelOptions = None,
) -> None:
    """Show one model and its options; of a network, its size, what it costs, and its layers."""
    from vsr.chain import Chain
    from vsr.media.encoders import parse_pairs
    from vsr.upscaler import MODELS, Recipe

    given = parse_pairs(tuple(model_options or ()), "--model-option")
    recipe = Recipe(model, options=given, shader_dir=shader_dir)
    if isinstance(recipe.model, Chain):
        typer.echo("\n".join(recipe.model.lines()))
        return
    typer.echo(f"{model}: {MODELS[model].description}")
    if not recipe.model.options:
        typer.echo("It has no options.")
    for option in recipe.model.options:
        typer.echo(f"  --model-option {option.name}={option.default}")
        typer.echo(f"      {option.meaning}; {option.allowed}")


@app.command("convert")
def convert(
    model: Annotated[
        str, typer.Argument(metavar="IN", help="A network: .glsl, .pth, .safetensors or .onnx file.")
    ],
    result: Annotated[Path, typer.Argument(metavar="OUT.onnx", help="The ONNX file to write.")],
    precision: Annotated[str, typer.Option(metavar="NAME", help="fp32 or fp16.")] = "fp32",
    overwrite: Annotated[bool, typer.Option("--yes", "-y", help="Replace OUT if it exists.")] = False,
    shader_dir: ShaderDir = None,
    model_options: ModelOptions = None,
) -> None:
    """Write a network as ONNX: any height and width, samples of 0..1."""
    from vsr.chain import Chain
    from vsr.errors import OptionError
    from vsr.media.encoders import parse_pairs
    from vsr.nets.graph import Graph
    from vsr.nets.onnx import Precision, write_onnx
    from vsr.upscaler import Recipe

    chosen = next((each for each in get_args(Precision) if each == precision), None)
    if chosen is None:
        raise OptionError(f"--precision {precision!r}: ONNX files are written in fp32 or fp16")
    if result.suffix.lower() != ".onnx":
        raise OptionError(f"{result.name} does not end in .onnx, the only format that is written")
    if result.exists() and not overwrite:
        raise OptionError(f"{result} exists; choose another name, or replace it with -y")
    given = parse_pairs(tuple(model_options or ()), "--model-option")
    recipe = Recipe(model, options=given, shader_dir=shader_dir)
    if not isinstance(recipe.model, Chain):
        raise OptionError(f"{model} is no network; name a .glsl, .pth, .safetensors or .onnx file")
    network = recipe.model.network()
    if not isinstance(network, Graph):
        raise OptionError(f"{model} is an ONNX file already, with operators of its own: {network.reason}")
    write_onnx(network, result, precision=chosen)
    typer.echo(f"{result}: {network.name}, {network.scale}x, {precision}, {result.stat().st_size:,} bytes")
