"""Chains of networks, shaders, filters and a final scaler: laid, run, compared with their parts in numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.nets import shaders
from tests.nets.exported import numbers
from tests.nets.plain_steps import steps_of
from tests.nets.test_checkpoint import safetensors
from tests.nets.weights import espcn
from tests.ops.pictures import drawing, noise, spec
from vsr.chain import read_chain
from vsr.cli.main import main
from vsr.color import ColorSpec, Matrix, Range
from vsr.engine import engines
from vsr.engine.engines import ENGINES, Load
from vsr.engine.fused.step import FusedStep
from vsr.engine.platform import CpuPlatform, Running
from vsr.engine.step import FloatStep, Steps, rgb_color
from vsr.errors import OptionError
from vsr.frame import Frame, PictureSpec, Plane, empty_frame, pixel_format
from vsr.models import Recipe
from vsr.nets.builder import Builder
from vsr.nets.glsl.chain import PlannedStage, read_shaders
from vsr.nets.onnx import onnx_bytes, write_onnx
from vsr.nets.ops import Add, PixelShuffle, PixelUnshuffle
from vsr.nets.ops import Resize as ResizeOp
from vsr.ops.convert import Convert
from vsr.ops.resize import Resize
from vsr.ops.shader_filters.highlights import ClampHighlights
from vsr.upscaler import Upscaler

SHADERS: dict[str, Callable[[], str]] = {
    "luma": shaders.luma_network,
    "residual-luma": shaders.residual_luma_network,
    "restore": shaders.restorer,
    "twice": lambda: shaders.upscaler(when=shaders.UPSCALE_WHEN),
    "upscale": shaders.upscaler,
    "wide": lambda: shaders.upscaler(wide=True),
}
PHOTOGRAPH = Path(__file__).parents[2] / "shared/data/test/Set5/butterfly.png"
PICTURES = ("yuv420p", "gray", "gbrp", "yuva444p")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file for each of SHADERS."""
    made = tmp_path_factory.mktemp("shaders")
    for name, text in SHADERS.items():
        (made / f"{name}.glsl").write_text(text())
    return made


def chain(folder: Path, text: str) -> str:
    """The model's text, names of SHADERS replaced by paths."""
    return ",".join(str(folder / f"{name}.glsl") if name in SHADERS else name for name in text.split(","))


def frame_of(source: PictureSpec) -> Frame:
    return Frame(planes=noise(source), format=source.format, color=source.color)


def color_of(name: str) -> ColorSpec:
    return spec(1, 1, name).color


@pytest.mark.parametrize("engine", ["fused_cpu", "openvino", "reference"])
@pytest.mark.parametrize(
    "model", ["luma", "residual-luma", "wide", "luma,upscale", "upscale,luma", "restore,luma,bicubic"]
)
def test_networks_of_luma_and_rgb_take_and_give_all_components(folder: Path, model: str, engine: str) -> None:
    for source in (spec(13, 9, name) for name in PICTURES[:: 1 if engine == "fused_cpu" else 3]):
        for target in ("yuv420p", "gbrp", "gray"):
            upscaler = Upscaler(
                chain(folder, model),
                source=source,
                target_format=pixel_format(target),
                target_color=color_of(target),
                engine=engine,
                precision="fp32",
                size=(26, 18),
            )
            result = upscaler(frame_of(source))
            assert (result.width, result.height, result.format.name) == (26, 18, target)
            assert all(plane.std() > 0 for plane in result.planes) or source.format.family == "gray"


def test_a_network_of_luma_mixes_no_components(folder: Path) -> None:
    graph = read_shaders([folder / "luma.glsl"]).stages[0].graph
    assert graph is not None
    source = spec(8, 8)
    inner = FusedStep(graph, spec(8, 8, "grayf32le"), spec(16, 16, "grayf32le"))
    for target in (spec(16, 16, "gbrp"), spec(16, 16, matrix=Matrix.BT2020_NCL)):
        with pytest.raises(OptionError, match=r"luma alone.*convert after it"):
            FusedStep(graph, source, target)
        with pytest.raises(OptionError, match=r"luma alone.*convert after it"):
            FloatStep(inner, source, target)
    for step in (FusedStep, FloatStep):
        with pytest.raises(OptionError, match="convert gbrp to YUV first"):
            step(graph if step is FusedStep else inner, spec(8, 8, "gbrp"), spec(16, 16, "gbrp"))  # type: ignore[arg-type]


def test_luma_then_rgb_is_the_same_in_all_engines(folder: Path) -> None:
    source = spec(24, 18, "yuv444p", range=Range.FULL)
    results = [
        Upscaler(chain(folder, "luma,restore"), source=source, engine=engine, precision="fp32")(
            frame_of(source)
        )
        for engine in ("reference", "fused_cpu", "openvino")
    ]
    for other in results[1:]:
        for got, want in zip(other.planes, results[0].planes, strict=True):
            assert np.abs(got.astype(int) - want).max() <= 1


def fused(model: str, source: PictureSpec, **options: object) -> Upscaler:
    return Upscaler(model, source=source, engine="fused_cpu", precision="fp32", **options)  # type: ignore[arg-type]


def assert_alike(got: Sequence[Plane], want: Sequence[Plane], *, often: float = 0.004) -> None:
    """At most one value apart, and seldom."""
    for a, b in zip(got, want, strict=True):
        off = np.abs(a.astype(int) - b)
        assert off.max() <= 1 and (off > 0).mean() <= often, f"{off.max()}, {(off > 0).mean():.2%}"


def in_parts(paths: Sequence[Path], frame: Frame, target: PictureSpec) -> tuple[Plane, ...]:
    """The chain of shader files, each stage by itself in numpy, in float32 R, G, B; then a resize."""
    source = PictureSpec(width=frame.width, height=frame.height, format=frame.format, color=frame.color)
    into = Convert(source, pixel_format("gbrpf32le"), rgb_color(frame.color))
    planned = read_shaders(paths).plan((source.width, source.height), (target.width, target.height))

    def network(stage: PlannedStage, before: PictureSpec) -> Steps:
        scale = stage.graph.scale
        after = replace(before, width=before.width * scale, height=before.height * scale)
        return Steps([ENGINES["reference"].build(stage.graph, before, after, "fp32", Load())])

    steps = [into, *steps_of(planned, into.output, network)]
    last = steps[-1].output
    if (last.width, last.height) == (target.width, target.height):
        steps.append(Convert(last, target.format, target.color))
    else:  # nothing is rounded to the target's depth before the last resize
        deep = Convert(last, pixel_format("gbrp16le"), target.color)
        steps += [
            deep,
            Resize(deep.output, target.width, target.height, scaler="lanczos3", target_format=target.format),
        ]
    result = empty_frame(target.width, target.height, target.format)
    Steps(steps)(frame.planes, result.planes)
    return result.planes


@pytest.mark.parametrize("size", [(48, 36), (37, 31), (96, 72), (24, 18)])
@pytest.mark.parametrize("model", ["restore,twice", "wide", "restore,twice,restore2"])
def test_shaders_are_their_stages_one_after_the_other(
    folder: Path, model: str, size: tuple[int, int]
) -> None:
    (folder / "restore2.glsl").write_text(shaders.restorer())
    paths = [folder / f"{name}.glsl" for name in model.split(",")]
    source = spec(24, 18, "gbrp")
    upscaler = fused(",".join(map(str, paths)), source, size=size)
    frame = frame_of(source)
    assert_alike(upscaler(frame).planes, in_parts(paths, frame, upscaler.output))
    made = 48 if model == "wide" or size[0] > 1.2 * 24 else 24
    assert any("lanczos3 brings it to" in note for note in upscaler.notes) == (size[0] != made)


def test_the_last_scaler_is_for_the_size(folder: Path) -> None:
    source = spec(20, 12, "yuv420p16le")  # what lies between is as deep: nothing is rounded twice
    upscaler = fused(chain(folder, "wide,spline36"), source, size=(31, 23))
    assert upscaler.notes[-1] == "the model makes 40x24; spline36 brings it to 31x23"
    exact = fused(chain(folder, "wide,spline36"), source)
    assert not exact.notes and len(exact.steps()) == 1
    want = Upscaler("spline36", source=exact.output, size=(31, 23))(exact(frame_of(source)))
    for got, one in zip(upscaler(frame_of(source)).planes, want.planes, strict=True):
        np.testing.assert_array_equal(got, one)


def test_where_no_shader_runs_it_is_said(folder: Path) -> None:
    source = spec(20, 12)
    upscaler = fused(chain(folder, "twice,bicubic"), source, size=(21, 12))
    assert upscaler.notes == (
        "no shader runs from 20x12 to 21x12",
        "engine fused_cpu, precision fp32: not used, because no network runs",
    )
    want = Upscaler("bicubic", source=source, size=(21, 12))(frame_of(source))
    for got, one in zip(upscaler(frame_of(source)).planes, want.planes, strict=True):
        np.testing.assert_array_equal(got, one)


def test_alpha_goes_beside(folder: Path) -> None:
    for name in ("yuva420p", "gbrap"):
        source = spec(20, 12, name)
        frame = frame_of(source)
        result = fused(chain(folder, "luma,restore"), source)(frame)
        want = Upscaler("lanczos3", source=source)(frame)
        np.testing.assert_array_equal(result.planes[-1], want.planes[-1])


def test_checkpoints_and_onnx_files_make_a_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a,b.safetensors").write_bytes(safetensors(espcn(2)))
    b = Builder(3)
    weight = np.random.default_rng(1).standard_normal((27, 3, 3, 3)).astype(np.float32) / 9
    b.add(PixelShuffle(3), b.conv(b.input, weight))
    write_onnx(b.build("x3"), tmp_path / "x3.onnx")
    source = spec(11, 7, "yuv444p")
    monkeypatch.setenv("HOME", str(tmp_path))
    text = f"{tmp_path}/a\\,b.safetensors,~/x3.onnx"
    recipe = Recipe(text)
    assert recipe.scale == 6
    upscalers = [
        Upscaler(recipe, source=source, engine=engine, precision="fp32")
        for engine in ("fused_cpu", "openvino")
    ]
    first, second = (upscaler(frame_of(source)) for upscaler in upscalers)
    assert (first.width, first.height) == (66, 42)
    for got, want in zip(first.planes, second.planes, strict=True):
        assert np.abs(got.astype(int) - want).max() <= 1


@pytest.fixture
def mode_a() -> Path:
    """The package's file of Mode A; the package is not imported."""
    found = find_spec("anime4k_python")
    places = [Path(place) for place in (found and found.submodule_search_locations) or ()]
    for place in places:
        for path in sorted(place.rglob("Anime4K_ModeA.glsl")):
            return path
    pytest.skip("the package anime4k-python is not here")


def picture(side: int) -> Frame:
    """The middle of a photograph, or where that is not here, of a drawing."""
    source = spec(side, side, "gbrp")
    if not PHOTOGRAPH.is_file():
        return Frame(planes=drawing(source), format=source.format, color=source.color)
    import av

    with av.open(str(PHOTOGRAPH)) as container:
        rgb = next(container.decode(video=0)).to_ndarray(format="rgb24")
    top, left = (rgb.shape[0] - side) // 2, (rgb.shape[1] - side) // 2
    crop = rgb[top : top + side, left : left + side]
    planes = tuple(np.ascontiguousarray(crop[..., index]) for index in (1, 2, 0))
    return Frame(planes=planes, format=source.format, color=source.color)


@pytest.mark.parametrize("factor", [2, 3])
def test_mode_a_is_its_stages_one_after_the_other(mode_a: Path, factor: int) -> None:
    frame = picture(40)
    source = PictureSpec(width=40, height=40, format=frame.format, color=frame.color)
    upscaler = fused("anime4k:A", source, scale=factor)
    assert_alike(upscaler(frame).planes, in_parts([mode_a], frame, upscaler.output), often=0.02)


def test_the_window_of_clamp_highlights_is_the_files(mode_a: Path, tmp_path: Path) -> None:
    text = mode_a.read_text()
    assert "#define KERNELSIZE 5" in text
    edited = text.replace("#define KERNELSIZE 5", "#define KERNELSIZE 3")
    edited = edited.replace("#define KERNELHALFSIZE 2", "#define KERNELHALFSIZE 1")
    (tmp_path / "edited.glsl").write_text(edited)
    source, platform = spec(16, 16, "gbrp"), CpuPlatform(Running(engine="fused_cpu"))
    chain = read_chain(str(tmp_path / "edited.glsl"))
    assert chain is not None
    step = chain.lay(source, spec(32, 32, "gbrp"), platform).steps[1]
    assert isinstance(step, ClampHighlights)
    assert (step.before, step.after) == (1, 1)


def test_presets_are_found_in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vsr.nets.presets import PRESETS

    monkeypatch.setattr("vsr.nets.presets._PACKAGE", "no_such_package")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("VSR_SHADER_DIR", raising=False)
    for name in PRESETS["anime4k:C"]:
        at = shaders.plain_read("OUTPUT.w", "OUTPUT.h") if "Downscale" in name else shaders.restorer()
        (tmp_path / name).write_text(
            at.replace("//!HOOK MAIN", "//!HOOK MAIN\n//!WHEN 0") if "Pre_x4" in name else at
        )
    with pytest.raises(OptionError, match="shader files not found"):
        read_chain("anime4k:C")
    recipe = Recipe("anime4k:C,bicubic", shader_dir=tmp_path)
    assert recipe.scale == 2
    result = Upscaler(recipe, source=spec(9, 8), engine="fused_cpu", precision="fp32")(frame_of(spec(9, 8)))
    assert (result.width, result.height) == (18, 16)


BAD = {
    "": "empty link",
    "FOLDER/luma.glsl,": "empty link",
    "FOLDER/luma.glsl,nonsense": "the last may be a scaler",
    "nonsense,FOLDER/luma.glsl": "as its last link",
    "lanczos3,bicubic": "as its last link",
    "FOLDER/luma.glsl,anime4k-classic": "the last may be a scaler",
    "FOLDER/luma.glsl,FOLDER/luma.glsl": "Leave one of the links out",
    "FOLDER/none.glsl": "Give the path of the file",
    "FOLDER/none.onnx": "cannot be read: No such file",
    "FOLDER/none.pth": "cannot be read: No such file",
    "FOLDER/empty.glsl": "Is it an mpv user shader?",
    "FOLDER/binary.glsl": "an mpv user shader is wanted",
    "FOLDER/junk.onnx": "export or copy it again",
    "FOLDER/junk.pth": "cut or damaged",
    "FOLDER/junk.safetensors": "cut, or no safetensors file",
    "anime4k:Z": "Did you mean",
    "nonsense": "available: auto, bilinear",
}


@pytest.mark.parametrize(("text", "remedy"), BAD.items())
def test_bad_texts_are_one_sentence_and_exit_code_2(
    folder: Path, tmp_path: Path, text: str, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "empty.glsl").write_text("")
    (folder / "binary.glsl").write_bytes(b"\xff\xfe\0")
    for suffix in ("onnx", "pth", "safetensors"):
        (folder / f"junk.{suffix}").write_bytes(b"junk")
    video = tmp_path / "in.y4m"
    video.write_bytes(b"YUV4MPEG2 W8 H8 F25:1 C420\nFRAME\n" + bytes(96))
    text = text.replace("FOLDER", str(folder))
    assert main(["upscale", str(video), str(tmp_path / "out.mkv"), "-m", text, "--progress", "none"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1
    assert err.startswith("vsr: ") and remedy in err
    assert not (tmp_path / "out.mkv").exists()


def written(folder: Path, channels: int) -> str:
    """Return the path of a network that doubles luma, or R, G, B."""
    b = Builder(channels)
    x = b.conv(b.input, 0.02 * numbers(4 * channels, channels, 3, 3))
    b.add(Add(), b.add(PixelShuffle(2), x), b.add(ResizeOp("bilinear", 2), b.input))
    path = folder / f"network{channels}.onnx"
    path.write_bytes(onnx_bytes(b.build("network")))
    return str(path)


def test_frames_of_other_sizes_are_planned_without_trials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = PictureSpec(width=18, height=14, format=pixel_format("yuv444p"), color=spec(8, 8).color)
    upscaler = Upscaler(written(tmp_path, 3), source=source, scale=2)
    notes = upscaler.notes
    assert "ms a frame" in notes[0]
    monkeypatch.setattr(engines, "_Trial", None)  # to call it is an error
    for width in range(20, 40, 2):
        frame = empty_frame(width, 14, source.format, color=spec(8, 8).color)
        for plane in frame.planes:
            plane[...] = 128
        assert upscaler(frame).planes[0].shape == (28, 36)
    assert upscaler.notes == notes
    assert len(upscaler._runners) <= 4


@pytest.mark.parametrize(
    ("engine", "factor", "width", "sentence"),
    [
        ("fused_cpu", 9, 18, "changes the size 9 times at once, more than 8"),
        ("reference", 1, 17, "takes sides that are multiples of 2, not 17x14"),
    ],
)
def test_what_an_engine_cannot_run_is_said_at_the_start(
    tmp_path: Path, engine: str, factor: int, width: int, sentence: str
) -> None:
    b = Builder(1)
    if factor == 1:
        b.add(PixelShuffle(2), b.add(PixelUnshuffle(2), b.input))
    else:
        b.add(PixelShuffle(factor), b.conv(b.input, numbers(factor**2, 1, 3, 3)))
    path = tmp_path / "network.onnx"
    path.write_bytes(onnx_bytes(b.build("network")))
    source = PictureSpec(width=width, height=14, format=pixel_format("yuv444p"), color=spec(8, 8).color)
    with pytest.raises(OptionError, match=sentence):
        Upscaler(str(path), source=source, engine=engine)
    assert Upscaler(str(path), source=source).notes[0].split(": ")[1].startswith("openvino")
