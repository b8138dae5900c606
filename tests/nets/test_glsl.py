"""Shader files: the format, the expressions, and networks lifted exactly."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.nets import shaders
from tests.nets.glsl_machine import run_shader
from vsr.engine.reference import run
from vsr.nets.errors import LiftError
from vsr.nets.glsl.chain import ShaderChain, chain_of, read_shaders
from vsr.nets.glsl.parser import ShaderFile, parse
from vsr.nets.glsl.rpn import evaluate

SIZES = {"MAIN": (640.0, 360.0), "OUTPUT": (1280.0, 720.0)}
RNG = np.random.default_rng(3)
EXACT = 2e-6
"""Weights are float32 in a graph and as written in the machine."""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("MAIN.w 2 *", 1280),
        ("OUTPUT.width MAIN.height -", 920),
        ("7 3 %", 1),
        ("1 2 <", 1),
        ("1 2 =", 0),
        ("2 !", 0),
        ("0 !", 1),
        ("0.1 3 *", float(np.float32(0.1) * np.float32(3))),
        (shaders.UPSCALE_WHEN, 1),
        ("strength 2 *", 1),
    ],
)
def test_expressions(text: str, value: float) -> None:
    assert evaluate(text, SIZES, {"strength": 0.5}) == value


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("1 0 /", "not a finite number"),
        ("1 +", "lacks a value"),
        ("1 2", "leaves 2 values"),
        ("", "0 words"),
        ("NATIVE.w", "'NATIVE' is no texture here"),
        ("-1", "lacks a value"),
        ("speed", "neither a size nor a parameter"),
        ("1x", "not a number"),
        (" ".join(["1"] * 40), "40 words"),
    ],
)
def test_expressions_that_fail(text: str, error: str) -> None:
    with pytest.raises(LiftError, match=error):
        evaluate(text, SIZES)


def test_blocks() -> None:
    text = "text before\n//!PARAM strength\n//!TYPE float\n//!MINIMUM 0\n0.5\n"
    text += "//!TEXTURE lut\n//!SIZE 1 1\n00ff\n"
    file = parse(text + shaders.restorer(), "x.glsl")
    assert [p.number for p in file.passes] == [1, 2, 3]
    assert file.parameters == {"strength": 0.5}
    assert [(block.kind, block.name) for block in file.data] == [("PARAM", "strength"), ("TEXTURE", "lut")]
    assert file.passes[2].target == "MAIN" and file.passes[0].width == "MAIN.w"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("//!HOOK MAIN\n//!SPEED 3\n", r"x.glsl, line 2: //!SPEED is unknown in a HOOK block"),
        ("//!HOOK MAIN\n//!COMPONENTS many\n", "COMPONENTS many"),
        ("//!HOOK MAIN\n//!SAVE a\n//!SAVE b\n", "given twice"),
        ("//!DESC nothing\n", "0 HOOK"),
        ("void main() {}\n", "no pass"),
        ("//!HOOK MAIN\n//!WIDTH\n", "WIDTH has no value"),
    ],
)
def test_bad_blocks(text: str, error: str) -> None:
    with pytest.raises(LiftError, match=error):
        parse(text, "x.glsl")


def lifted(file: ShaderFile) -> ShaderChain:
    return chain_of([file])


@pytest.mark.parametrize(
    ("text", "scale", "writes"),
    [
        (shaders.upscaler(), 2, "residual"),
        (shaders.upscaler(wide=True, when=shaders.UPSCALE_WHEN), 2, "rgb"),
        (shaders.restorer(), 1, "rgb"),
        (shaders.gan(2, "0.5"), 2, "rgb"),
        (shaders.gan(3, "0.6666666666666666"), 3, "rgb"),
        (shaders.gan(4, "0.5"), 4, "rgb"),
        (shaders.luma_network(), 2, "luma"),
        (shaders.residual_luma_network(), 2, "luma"),
    ],
    ids=["one plane", "three planes", "restore", "gan x2", "gan x3", "gan x4", "luma", "residual luma"],
)
def test_lifted_networks_compute_what_the_passes_do(text: str, scale: int, writes: str) -> None:
    file = parse(text, "x.glsl")
    graph = lifted(file).stages[0].graph
    assert graph is not None and (graph.scale, graph.writes, graph.border) == (scale, writes, "replicate")
    picture = RNG.random((graph.channels_in, 6, 7)).astype(np.float32)
    expected = run_shader(file, picture)
    np.testing.assert_allclose(run(graph, picture, dtype=np.float64), expected, atol=EXACT)


def test_textures_of_one_layer_are_one_convolution() -> None:
    graph = lifted(parse(shaders.upscaler(wide=True), "x.glsl")).stages[0].graph
    assert graph is not None
    convolutions = [line for line in graph.lines() if "convolution" in line]
    assert [line.split("convolution, ")[1].split(" channels")[0] for line in convolutions] == [
        "3 to 12", "24 to 12", "48 to 12",
    ]  # fmt: skip


def test_textures_read_apart_are_layers_apart() -> None:
    """Two passes that read the same are two layers where a later pass reads one of them alone."""
    text = shaders.conv_pass("a", ["MAIN"], parts=("raw",)) + shaders.conv_pass("b", ["a"])
    text += shaders.conv_pass("c", ["a"]) + shaders.conv_pass("d", ["b"])
    text += shaders.conv_pass("MAIN", ["c", "d"], end=" + MAIN_tex(MAIN_pos)", binds=("MAIN",))
    file = parse(text, "x.glsl")
    graph = lifted(file).stages[0].graph
    assert graph is not None
    assert "16 to 3 channels" in " ".join(graph.lines())
    picture = RNG.random((3, 5, 5)).astype(np.float32)
    np.testing.assert_allclose(run(graph, picture, dtype=np.float64), run_shader(file, picture), atol=EXACT)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("return result * 0.5", "return sin(result)", r"pass 3 \(Conv\).*returnsin\(result\)"),
        ("    result += vec4(", "    discard;\n    result += vec4(", "unknown statement is: discard"),
        ("#define go_0(x_off, y_off) (MAIN", "#define go_0(x_off, y_off) (sqrt(MAIN", "sqrt"),
        ("//!BIND b\n", "", "reads 'b' without binding it"),
        ("//!BIND b\n", "//!BIND z\n//!BIND b\n", "binds 'z', which no pass before it has saved"),
        ("//!SAVE MAIN", "//!SAVE c", "no pass after it replaces MAIN"),
        ("//!SAVE MAIN", "//!COMPUTE 8 8\n//!SAVE MAIN", "compute shaders"),
        ("//!SAVE MAIN", "//!WHEN 2\n//!SAVE MAIN", "WHEN differs"),
        ("//!WIDTH MAIN.w", "//!WIDTH OUTPUT.w", "'OUTPUT' is no texture"),
        ("//!WIDTH MAIN.w", "//!WIDTH MAIN.w 1.5 *", "no whole factor"),
        ("//!HOOK MAIN", "//!HOOK OUTPUT", "hooks OUTPUT"),
        ("go_0(1.0, 1.0)", "go_0(0.7, 1.0)", "between pixels"),
        ("0.0, 0.0, 0.0, 0.0) * go_0(1.0", "0.0, 0.5, 0.0, 0.0) * go_0(1.0", "does not have"),
    ],
)
def test_what_is_not_a_network_is_named(old: str, new: str, error: str) -> None:
    text = shaders.restorer()
    assert old in text
    with pytest.raises(LiftError, match=error):
        lifted(parse(text.replace(old, new), "x.glsl"))


def test_known_files_without_a_network_say_so() -> None:
    text = shaders.restorer().replace("//!DESC Conv", "//!DESC Anime4K-AutoDownscalePre-x2")
    with pytest.raises(LiftError, match="AutoDownscalePre is not a network, and is not supported yet"):
        lifted(parse(text, "x.glsl"))


def test_chains_follow_when_and_the_sizes_on_the_way() -> None:
    up = parse(shaders.upscaler(when=shaders.UPSCALE_WHEN), "up.glsl")
    chain = chain_of([parse(shaders.restorer(), "restore.glsl"), up, up])
    names = [[stage.graph.scale for stage in chain.plan((640, 360), to)] for to in ((640, 360), (1280, 720))]
    assert names == [[1], [1, 2]]
    planned = chain.plan((640, 360), (2560, 1440))
    assert [(p.source, p.target) for p in planned][1:] == [
        ((640, 360), (1280, 720)),
        ((1280, 720), (2560, 1440)),
    ]


def test_a_stage_without_a_graph_stops_only_where_it_would_run() -> None:
    text = shaders.upscaler(when=shaders.UPSCALE_WHEN).replace("return result;", "return cos(result);", 1)
    chain = chain_of([parse(text, "x.glsl")], strict=False)
    assert chain.plan((64, 64), (64, 64)) == ()
    with pytest.raises(LiftError, match="cos"):
        chain.plan((64, 64), (128, 128))


def test_a_when_that_fails_is_an_error() -> None:
    chain = chain_of([parse(shaders.upscaler(when="OUTPUT.w 0 /"), "x.glsl")])
    with pytest.raises(LiftError, match=r"x\.glsl: WHEN of x fails"):
        chain.plan((64, 64), (128, 128))


TABLE = {
    "Restore_CNN_S": (915, 900), "Restore_CNN_M": (2035, 2004), "Restore_CNN_L": (4139, 4104),
    "Restore_CNN_VL": (8683, 8616), "Restore_CNN_UL": (18927, 18828), "Upscale_CNN_x2_S": (988, 972),
    "Upscale_CNN_x2_M": (2092, 2060), "Upscale_CNN_x2_L": (4284, 4248), "Upscale_CNN_x2_VL": (8540, 8472),
    "Upscale_CNN_x2_UL": (17412, 17316), "3DGraphics_Upscale_x2_US": (552, 540),
    "Restore_GAN_UL": (14975, 14904), "Restore_GAN_UUL": (14975, 14904), "Upscale_GAN_x2_S": (4223, 5452),
    "Upscale_GAN_x2_M": (8315, 10168), "Upscale_GAN_x3_L": (13739, 30900),
    "Upscale_GAN_x3_VL": (24487, 57132), "Upscale_GAN_x4_UL": (40131, 101424),
    "Upscale_GAN_x4_UUL": (62759, 237384),
}  # fmt: skip
"""Parameters and multiply-adds per input pixel: anime4k.md, part A."""


def kind_of(stem: str) -> str:
    name = (
        stem.removeprefix("Anime4K_")
        .replace("_Soft", "")
        .replace("_Denoise", "")
        .replace("3DGraphics_AA", "3DGraphics")
    )
    return name


def test_files_of_the_shader_folder() -> None:
    """Every file of the table in the user's folder lifts, counts as published, and computes what it says."""
    folder = os.environ.get("VSR_SHADER_DIR")
    if not folder:
        pytest.skip("VSR_SHADER_DIR is not set")
    paths = [path for path in sorted(Path(folder).rglob("*.glsl")) if kind_of(path.stem) in TABLE]
    if not paths:
        pytest.skip("VSR_SHADER_DIR has none of the network files")
    for path in paths:
        graph = read_shaders([path]).stages[0].graph
        assert graph is not None
        assert (graph.num_parameters, graph.macs_per_input_pixel) == TABLE[kind_of(path.stem)], path.name
        if graph.num_parameters < 5000:
            picture = RNG.random((3, 5, 6)).astype(np.float32)
            file = parse(path.read_text(), path.name)
            np.testing.assert_allclose(run(graph, picture), run_shader(file, picture), atol=EXACT)


def test_the_official_package() -> None:
    """Mode A as packaged: three networks among stages that are named as unsupported."""
    spec = find_spec("anime4k_python")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("anime4k-python is not installed")
    [path] = Path(spec.submodule_search_locations[0]).rglob("*ModeA*.glsl")
    chain = read_shaders([path], strict=False)
    graphs = [stage.graph for stage in chain.stages if stage.graph]
    assert [graph.num_parameters for graph in graphs] == [8683, 8540, 2092]
    assert all(stage.graph or "not supported yet" in str(stage.problem) for stage in chain.stages)
