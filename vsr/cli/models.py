"""`vsr models list`, `show MODEL`, `convert IN OUT`, `blend A B OUT`, `build MODEL`, `compare MODEL...`."""

import re
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from vsr.cli import eval as evaluate
from vsr.cli.table import build as build_options
from vsr.cli.table import options_from
from vsr.options import TilesOptions

if TYPE_CHECKING:
    from vsr.device.cuda.gpu import Gpu
    from vsr.engine.tensorrt import EngineSpec, Key, Library, Obtained, Shapes
    from vsr.models import Recipe

app = typer.Typer(help="List, show, convert, blend, build and compare what can enlarge a picture.")

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
    from vsr.chain import FINAL_SCALER
    from vsr.models import AUTO, MODELS
    from vsr.nets.families import FAMILIES
    from vsr.nets.presets import PRESETS
    from vsr.nets.shipped import REAL_TIME, shipped

    lines = {AUTO: f"{REAL_TIME}, or {FINAL_SCALER} where the picture does not grow: what runs without -m"}
    lines |= {name: model.description for name, model in MODELS.items()}
    lines |= {name: network.description for name, network in shipped().items()}
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
    from vsr.models import MODELS
    from vsr.nets.shipped import shipped

    recipe = _recipe(model, model_options, shader_dir)
    if isinstance(recipe.model, Chain):
        typer.echo("\n".join(recipe.model.lines()))
        if recipe.text in shipped():
            typer.echo(f"\n{shipped()[recipe.text].card.read_text(encoding='utf-8').strip()}")
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
    from vsr.nets.graph import Graph
    from vsr.nets.onnx import Precision, write_onnx

    chosen = next((each for each in get_args(Precision) if each == precision), None)
    if chosen is None:
        raise OptionError(f"--precision {precision!r}: ONNX files are written in fp32 or fp16")
    if result.suffix.lower() != ".onnx":
        raise OptionError(f"{result.name} does not end in .onnx, the only format that is written")
    if result.exists() and not overwrite:
        raise OptionError(f"{result} exists; choose another name, or replace it with -y")
    recipe = _recipe(model, model_options, shader_dir)
    if not isinstance(recipe.model, Chain):
        raise OptionError(f"{model} is no network; name a .glsl, .pth, .safetensors or .onnx file")
    network = recipe.model.network()
    if not isinstance(network, Graph):
        raise OptionError(f"{model} is an ONNX file already, with operators of its own: {network.reason}")
    write_onnx(network, result, precision=chosen)
    typer.echo(f"{result}: {network.name}, {network.scale}x, {precision}, {result.stat().st_size:,} bytes")


@app.command("blend")
def blend(
    first: Annotated[Path, typer.Argument(metavar="A", help="A checkpoint: .pth or .safetensors.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another training of the same network.")],
    result: Annotated[Path, typer.Argument(metavar="OUT.safetensors", help="The file to write.")],
    share: Annotated[float, typer.Option(metavar="N", help="Of B, from 0 to 1; A has the rest.")] = 0.8,
    overwrite: Annotated[bool, typer.Option("--yes", "-y", help="Replace OUT if it exists.")] = False,
) -> None:
    """Write the network between two trainings of it, as ESRGAN's between the sharp and the exact one."""
    from vsr.errors import OptionError
    from vsr.nets.checkpoint import read_metadata_of, read_tensors
    from vsr.nets.checkpoint.blend import blended, said_of_both
    from vsr.nets.checkpoint.safetensors import write_safetensors

    if not 0 <= share <= 1:
        raise OptionError(f"--share is {share:g}; 0 (A alone) to 1 (B alone) is allowed")
    if result.suffix.lower() != ".safetensors":
        raise OptionError(f"{result.name} does not end in .safetensors, the only format that is written")
    if result.exists() and not overwrite:
        raise OptionError(f"{result} exists; choose another name, or replace it with -y")
    # each training's file has the same name, and then its folder tells which it is
    names = (first.name, second.name) if first.name != second.name else (str(first), str(second))
    tensors = blended(read_tensors(first), read_tensors(second), share, names=names)
    said = said_of_both(read_metadata_of(first), read_metadata_of(second), names=names)
    note = f"{1 - share:g} {first.name} + {share:g} {second.name}"
    write_safetensors(result, tensors, said | {"vsr.blend": note})
    typer.echo(f"{result}: {1 - share:g} of {names[0]}, {share:g} of {names[1]}")


@app.command("build")
def build(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A network: .glsl, .pth, .safetensors or .onnx file.")
    ],
    sizes: Annotated[
        list[str] | None,
        typer.Option(
            "--size",
            metavar="WxH",
            help="Size of the pictures that it reads; repeatable. Without: any up to 1920x1080.",
        ),
    ] = None,
    precision: Annotated[str, typer.Option(metavar="NAME", help="fp16 or fp32.")] = "fp16",
    gpus: Annotated[
        list[str] | None,
        typer.Option(
            "--gpu", metavar="SM", help="Compute capability, e.g. sm_89; repeatable. Without: all there are."
        ),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(metavar="NAME", help="tensorrt_rtx, which needs no GPU, or tensorrt, for this GPU."),
    ] = "tensorrt_rtx",
    device: Annotated[str, typer.Option(metavar="NAME", help="The GPU that tensorrt builds on.")] = "cuda",
    result: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it here, not into the cache.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--yes", "-y", help="Build even if it is there already.")
    ] = False,
    shader_dir: ShaderDir = None,
    model_options: ModelOptions = None,
) -> None:
    """Build the TensorRT engine of a network ahead of its use: the runs that need it find it."""
    from vsr.chain import Chain
    from vsr.engine import tensorrt
    from vsr.errors import OptionError
    from vsr.nets.onnx import Precision

    chosen = next((each for each in get_args(Precision) if each == precision), None)
    if chosen is None:
        raise OptionError(f"--precision {precision!r}: TensorRT engines are built in fp16 or fp32")
    if result is not None and result.exists() and not overwrite:
        raise OptionError(f"{result} exists; choose another name, or replace it with -y")
    shapes = _sizes(sizes or [])
    recipe = _recipe(model, model_options, shader_dir)
    if not isinstance(recipe.model, Chain):
        raise OptionError(f"{model} is no network; name a .glsl, .pth, .safetensors or .onnx file")
    network = recipe.model.network()
    library, gpu = _library(engine, device)
    spec = tensorrt.EngineSpec(
        network=network,
        shapes=shapes or (tensorrt.any_size(network),),
        precision=chosen,
        targets=tuple(dict.fromkeys(gpus)) if gpus else library.targets,
    )
    with gpu.current() if gpu is not None else nullcontext():
        path, key, made = _built(spec, library, gpu, result, overwrite)
    took = (
        "it was there already, -y builds it again"
        if made.build_seconds is None
        else f"built in {made.build_seconds:.2f} s"
    )
    typer.echo(
        f"{path}: {network.name}, {network.scale}x, {precision}, "
        f"{' and '.join(each.sentence for each in spec.shapes)}, "
        f"for {' '.join(spec.targets) or (gpu.name if gpu is not None else '')}, "
        f"by {library.name} {library.version}; {len(made.plan):,} bytes, {took}; key {key.digest}"
    )


def _recipe(model: str, model_options: list[str] | None, shader_dir: Path | None) -> "Recipe":
    """Return the model, read. Raises OptionError for options that it does not heed."""
    from vsr.media.encoder_settings import parse_pairs
    from vsr.models import Recipe, check_heeded

    given = parse_pairs(tuple(model_options or ()), "--model-option")
    recipe = Recipe(model, options=given, shader_dir=shader_dir)
    check_heeded([recipe], shader_dir=shader_dir)
    return recipe


def _library(engine: str, device: str) -> "tuple[Library, Gpu | None]":
    """Return what builds, and the GPU that it needs for that; None where it needs none."""
    from vsr.engine import tensorrt
    from vsr.errors import OptionError
    from vsr.registry import nearest
    from vsr.upscaler import opened

    if engine not in tensorrt.KINDS:
        names = list(tensorrt.KINDS)
        raise OptionError(
            f"--engine {engine!r} builds nothing ahead; {' and '.join(names)} do.{nearest(engine, names)}"
        )
    library = tensorrt.load(tensorrt.KINDS[engine])
    if library.targets:
        return library, None
    gpu = opened(device)
    if gpu is None:
        raise OptionError(f"--device {device}: {library.name} builds on a GPU; name it, cuda or cuda:N")
    return library, gpu


def _built(
    spec: "EngineSpec", library: "Library", gpu: "Gpu | None", result: Path | None, overwrite: bool
) -> "tuple[Path, Key, Obtained]":
    """Build an engine into `result`, or else the cache. Return where it lies."""
    from vsr.engine import tensorrt

    on = None if gpu is None else tensorrt.Gpu.of(gpu)
    if result is None:
        cache = tensorrt.EngineCache()
        engine = tensorrt.obtain(spec, library, cache, gpu=on, fresh=overwrite)
        for note in engine.notes:
            typer.echo(f"vsr: {note}", err=True)
        if engine.problem:
            raise tensorrt.EngineFileError(engine.problem)
        return cache.path(engine.key), engine.key, engine
    built, key = tensorrt.build(spec, library), tensorrt.engine_key(spec, library, on)
    _keep(result, key, built.plan)
    made = tensorrt.Obtained(plan=built.plan, key=key, build_seconds=built.seconds, notes=(), problem="")
    return result, key, made


@app.command("compare")
@options_from(TilesOptions)
def compare(
    models: evaluate.Models, json: evaluate.Json = None, html: evaluate.Html = None, **values: Any
) -> None:
    """Compare models on one set of tiles cut from pictures: quality, speed, and how they look."""
    evaluate.run(models, build_options(TilesOptions, values), json, html)


def _keep(path: Path, key: "Key", plan: bytes) -> None:
    from vsr.engine.tensorrt import EngineFileError, write_file

    try:
        write_file(path, key, plan)
    except OSError as error:
        raise EngineFileError(
            f"{path} cannot be written: {error.strerror or error}; choose another folder"
        ) from error


def _sizes(texts: list[str]) -> tuple["Shapes", ...]:
    """Return a profile for each size WxH."""
    from vsr.engine.tensorrt import Shapes
    from vsr.errors import OptionError
    from vsr.frame import MAX_SIDE

    shapes = []
    for text in dict.fromkeys(texts):
        match = re.fullmatch(r"(\d{1,6})[xX](\d{1,6})", text)
        if match is None:
            raise OptionError(f"--size {text!r} is not a size; write WxH like 1920x1080")
        if not all(1 <= int(side) <= MAX_SIDE for side in match.groups()):
            raise OptionError(f"--size {text}: each side is 1 to {MAX_SIDE} pixels; write WxH like 1920x1080")
        shapes.append(Shapes.fixed(int(match[2]), int(match[1])))
    return tuple(shapes)
