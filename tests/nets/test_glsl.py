"""Shader files: the format, the expressions, and networks lifted exactly."""

from __future__ import annotations

import contextlib
import os
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.nets import shaders
from tests.nets.glsl_machine import run_shader
from vsr.engine.reference import run
from vsr.nets.errors import LiftError
from vsr.nets.glsl.chain import PlannedStage, ShaderChain, chain_of, read_shaders
from vsr.nets.glsl.parser import ShaderFile, parse
from vsr.nets.glsl.rpn import evaluate

SIZES = {"MAIN": (640.0, 360.0), "OUTPUT": (1280.0, 720.0)}
RNG = np.random.default_rng(3)
EXACT = 1e-6
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


def test_line_ends_tabs_and_byte_order_marks_do_not_matter(tmp_path: Path) -> None:
    text = shaders.upscaler()
    expected = lifted(parse(text, "x.glsl")).stages[0].graph
    assert expected is not None
    tabbed = text.replace("//!HOOK MAIN", "//!HOOK\tMAIN").replace("    ", "\t")
    for data in (
        text.replace("\n", "\r\n").encode(),
        text.replace("\n", "\r").encode(),
        b"\xef\xbb\xbf" + text.encode(),
        tabbed.encode(),
    ):
        (tmp_path / "x.glsl").write_bytes(data)
        graph = read_shaders([tmp_path / "x.glsl"]).stages[0].graph
        assert graph is not None and graph.digest == expected.digest


def test_files_that_are_no_shaders(tmp_path: Path) -> None:
    path = tmp_path / "x.glsl"
    with pytest.raises(LiftError, match=r"x\.glsl cannot be read: No such file"):
        read_shaders([path])
    with pytest.raises(LiftError, match="cannot be read: Is a directory"):
        read_shaders([tmp_path])
    path.write_bytes(b"\x7fELF\0\0\1")
    with pytest.raises(LiftError, match=r"x\.glsl is no text; an mpv user shader is wanted"):
        read_shaders([path])
    with path.open("wb") as file:
        file.truncate(50 << 20)
    with pytest.raises(LiftError, match="larger than 16 MiB"):
        read_shaders([path])
    path.write_text("//!HOOK MAIN\n" * 17)
    with pytest.raises(LiftError, match="17 HOOK and 0 BIND"):
        read_shaders([path])
    path.write_text("//!HOOK MAIN\nx\n" * 1025)
    with pytest.raises(LiftError, match="line 2049: more than 1024 passes"):
        read_shaders([path])


@pytest.mark.parametrize("kind", ["upscaler", "luma_network", "packed"])
def test_a_cut_file_is_found_out(kind: str) -> None:
    """Wherever a file ends, it is refused or, at the end of a pass, lacks the last one."""
    text = shaders.packed_luma_network(named=True) if kind == "packed" else getattr(shaders, kind)()
    for length in range(1, len(text) - 2, 211):
        with pytest.raises(LiftError):
            lifted(parse(text[:length], "x.glsl"))


LONG = 300_000


@pytest.mark.parametrize(
    "body",
    [
        "for(" * LONG, "/*" * LONG, "//" * LONG, "\n" * LONG, "#define a " * LONG, "#define a" + " " * LONG,
        "a_" * LONG, "vec4 r = vec4(" + "1," * LONG + ");", "vec4 " + "r" * LONG, "(" * LONG, "1" * LONG,
        "vec4 r = vec4(1); r = max(r, vec4(0)" + " " * LONG + ");", "return " * LONG, ";" * LONG,
        "vec4 r = vec4(1.0); r += mat4(1.0) * a_texOff(vec2(" + "1" * LONG + ", 0));",
        "void hook() { shared float inp[" + "1" * LONG + "][isize.y][isize.x]; barrier();",
        "texelFetch" * LONG, "#ifdef A\n" * LONG,
    ],
    ids=range(18),
)  # fmt: skip
@pytest.mark.parametrize("compute", [False, True])
def test_long_nonsense_is_refused_at_once(body: str, compute: bool) -> None:
    """No pattern tries all ways to split a text: 300 000 pieces take half a second."""
    head = "//!HOOK MAIN\n" + ("//!COMPUTE 8 8\n" if compute else "")
    kind = "void" if compute else "vec4"
    began = time.perf_counter()
    with pytest.raises(LiftError):
        lifted(parse(f"{head}{kind} hook() {{ {body} }}", "x.glsl"))
    assert time.perf_counter() - began < 20  # a search that tries all splits takes minutes


FUZZED = [
    shaders.upscaler(when=shaders.UPSCALE_WHEN), shaders.gan(2, "0.5"), shaders.luma_network(),
    shaders.distorter(), shaders.packed_luma_network(named=True), shaders.packed_rgb_network(),
]  # fmt: skip
PIECES = [
    "(", ")", "0", "1e99", "-", ".", "vec4", "9" * 5000, "\n//!", "//!WIDTH ", "[", "]", "{", "}", ";", "#",
    "\t", "²", "/*", "_tex", "MAIN", "/ 0", "*", "=", "",
]  # fmt: skip


@settings(max_examples=250, deadline=None, derandomize=True)
@given(st.data())
def test_mutated_files_are_lifted_or_refused(data: st.DataObject) -> None:
    """Whatever a text has become: a graph, or LiftError; nothing else comes out."""
    text = data.draw(st.sampled_from(FUZZED))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text) - 1))
        length = data.draw(st.sampled_from([0, 1, 2, 8, 40, 400]))
        piece = data.draw(st.sampled_from(PIECES) | st.text(max_size=3))
        text = text[:start] + piece + text[start + length :]
    try:
        chain = chain_of([parse(text, "x.glsl")], strict=False)
        planned = chain.plan((64, 48), (128, 96))
    except LiftError:
        return
    assert all(side > 0 for each in planned for side in each.target)


@given(
    st.lists(
        st.sampled_from([*"+-*/%><=!", "1", "0", "2.5", "1e38", "MAIN.w", "a.b", "²", "1_0"]), max_size=12
    )
)
def test_expressions_give_a_number_or_an_error(tokens: list[str]) -> None:
    with contextlib.suppress(LiftError):
        assert np.isfinite(evaluate(" ".join(tokens), SIZES))


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


@pytest.mark.parametrize(
    ("text", "scale", "border", "parameters"),
    [
        (shaders.with_float_samples(), 2, "replicate", None),
        (shaders.distorter(), 1, "replicate", 9 * 8 + 8 + 9 * 8 + 1),
        (shaders.stored_luma_network(), 2, "replicate", None),
        (shaders.packed_luma_network(named=True), 2, "zero", 9 * 16 + 16 + 2 * (9 * 256 + 16) + 9 * 64 + 4),
        (shaders.packed_luma_network(named=False, packing=(3, 1)), 2, "zero", None),
        (shaders.packed_rgb_network(), 2, "zero", 9 * 3 * 24 + 24 + 24 + 9 * 24 * 12 + 12),
    ],
    ids=["float()", "dot", "stored", "packed", "packed, other words", "packed R, G, B"],
)
def test_compute_and_luma_shaders(text: str, scale: int, border: str, parameters: int | None) -> None:
    """Packed textures, zeros outside the picture, half precision read as whole: on several workgroups."""
    file = parse(text, "x.glsl")
    graph = lifted(file).stages[0].graph
    assert graph is not None and (graph.scale, graph.border) == (scale, border)
    assert parameters is None or graph.num_parameters == parameters
    picture = RNG.random((graph.channels_in, 7, 10)).astype(np.float32)
    expected = run_shader(file, picture)
    np.testing.assert_allclose(run(graph, picture, dtype=np.float64), expected, atol=EXACT)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("barrier();", "", r"pass 1 \(Packed\), line 1: its shared array is read without barrier"),
        ("ksize / 2", "ksize / 3", "line 20 is no known .*const ivec2 offset = ksize / 3;"),
        ("ivec2 base = ivec2(gl_WorkGroupID) * wg_size;", "", "in no known way: ivec2base"),
        ("F(LUMA_mul * ", "F(2.0 * ", "2.0"),
        ("+ ivec2(0, 1), 0)", "+ ivec2(0, 2), 0)", r"pass 2 \(Packed\), line \d+ is no known"),
        ("ivec2(2, 2) + ivec2(0, 1);", "ivec2(2, 2) + ivec2(0, 0);", "imageStore"),
        ("imageStore(out_image, at3, result3);", "", "stores 3 texels for each pixel and has room for 2x2"),
        ("//!COMPUTE 8 6 4 3", "//!COMPUTE 8 8 4 3", "8x8 texels, and its 4x3 invocations store 2x2"),
        ("//!WIDTH LUMA.w 2 *", "//!WIDTH LUMA.w 3 *", "720x272 texels, which pack 2x2,"),
        ("result0 += V4(", "result0 += V4(1, ", "result0"),
        ("* inp_0_0_0;", "* inp_9_0_0;", "inp_9_0_0"),
        ("inp[0][local_xy.y + 0]", "inp[0][local_xy.y + 3]", r"line 39 .*local_xy\.y \+ 3\]"),
        ("#endif", "", r"x\.glsl, pass 1 \(Packed\), line 1: its #ifdef has no #endif"),
        ("result.x = a_3_tex((", "result.x = a_1_tex((", "a_1"),
        ("//!BIND a_2\n", "", "reads 'a_2' without binding it"),
        ("* ivec2(2, 2);\ninp", "* ivec2(4, 1);\ninp", "no known part|another packing"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_compute_shaders_is_named(old: str, new: str, error: str) -> None:
    text = shaders.packed_luma_network(named=True)
    assert old in text
    with pytest.raises(LiftError, match=error):
        lifted(parse(text.replace(old, new), "x.glsl"))


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
        ("return result * 0.5", "return sin(result)", r"pass 3 \(Conv\).*return sin\(result\)"),
        ("    result += vec4(", "    discard;\n    result += vec4(", "unknown statement is: discard"),
        ("#define go_0(x_off, y_off) (MAIN", "#define go_0(x_off, y_off) (sqrt(MAIN", "sqrt"),
        ("//!BIND b\n", "", "reads 'b' without binding it"),
        ("//!BIND b\n", "//!BIND z\n//!BIND b\n", "binds 'z', which no pass before it has saved"),
        ("//!SAVE MAIN", "//!SAVE c", "no pass after it replaces MAIN"),
        ("//!SAVE MAIN", "//!COMPUTE 8 8\n//!SAVE MAIN", "compute shaders have COMPUTE"),
        ("//!SAVE MAIN", "//!WHEN 2\n//!SAVE MAIN", "WHEN differs"),
        ("//!WIDTH MAIN.w", "//!WIDTH OUTPUT.w", "'OUTPUT' is no texture"),
        ("//!WIDTH MAIN.w", "//!WIDTH MAIN.w 1.5 *", "no whole factor"),
        ("//!HOOK MAIN", "//!HOOK OUTPUT", "hooks OUTPUT"),
        ("go_0(1.0, 1.0)", "go_0(0.7, 1.0)", "between pixels"),
        ("go_0(1.0, 1.0)", "go_0(100.0, 1.0)", "far away"),
        (
            "mat4(",
            "mat4(1.0, ",
            r"x.glsl, pass 1 \(Conv\), line 10 is no known .*: vec4 result = mat4\(1.0, ",
        ),
        ("    result += vec4(", "    result += vec4(1.0, ", r"line 19 is no known .*result \+= vec4\(1.0"),
        ("//!WIDTH MAIN.w", "//!WIDTH MAIN.w +", r"x\.glsl, pass 1 \(Conv\), line 1: WIDTH: .*lacks a value"),
        ("0.0, 0.0, 0.0, 0.0) * go_0(1.0", "0.0, 0.5, 0.0, 0.0) * go_0(1.0", "does not have"),
    ],
)
def test_what_is_not_a_network_is_named(old: str, new: str, error: str) -> None:
    text = shaders.restorer()
    assert old in text
    with pytest.raises(LiftError, match=error):
        lifted(parse(text.replace(old, new), "x.glsl"))


def test_chains_follow_when_and_the_sizes_on_the_way() -> None:
    up = parse(shaders.upscaler(when=shaders.UPSCALE_WHEN), "up.glsl")
    chain = chain_of([parse(shaders.restorer(), "restore.glsl"), up, up])
    names = [
        [stage.graph.scale for stage in chain.plan((640, 360), to) if isinstance(stage, PlannedStage)]
        for to in ((640, 360), (1280, 720))
    ]
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
    "FSRCNNX_x2_8-0-4-1": (2948, 2856), "FSRCNNX_x2_8-0-4-1_LineArt": (2948, 2856),
    "FSRCNNX_x2_16-0-4-1": (10628, 10448), "FSRCNNX_x1_16-0-4-1_distort": (10193, 10016),
    "ArtCNN_C4F16": (12340, 12240), "ArtCNN_C4F16_CMP": (12340, 12240), "ArtCNN_C4F32": (47716, 47520),
    "Ani4Kv2_ArtCNN_C4F32_i2_CMP": (47716, 47520), "AnimeJaNaiV3L1_HD_x2": (45156, 44712),
}  # fmt: skip
"""Parameters and multiply-adds per input pixel, as published where they are (Anime4K, FSRCNNX, ArtCNN)."""


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
        if graph.num_parameters < 5000 or "MP" in path.stem:
            picture = RNG.random((graph.channels_in, 5, 6)).astype(np.float32)
            file = parse(path.read_text(), path.name)
            np.testing.assert_allclose(run(graph, picture), run_shader(file, picture), atol=EXACT)


def test_the_official_package() -> None:
    """Mode A as packaged: three networks among filters."""
    spec = find_spec("anime4k_python")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("anime4k-python is not installed")
    [path] = Path(spec.submodule_search_locations[0]).rglob("*ModeA*.glsl")
    chain = read_shaders([path])
    graphs = [stage.graph for stage in chain.stages if stage.graph]
    assert [graph.num_parameters for graph in graphs] == [8683, 8540, 2092]
    assert all(stage.graph or stage.form for stage in chain.stages)
