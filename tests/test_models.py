"""Auto: which model it is, where, and that the run says so."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.make_media import Clip, Picture, make
from tests.test_upscaler import frame_of, spec
from vsr.chain import FINAL_SCALER, Chain
from vsr.cli.main import main
from vsr.errors import OptionError
from vsr.frame import Frame
from vsr.models import AUTO, Recipe
from vsr.nets.shipped import REAL_TIME, shipped
from vsr.options import UpscaleOptions
from vsr.quality.subject import Settings, read_subjects
from vsr.upscaler import Upscaler

SOURCE = spec(40, 24)
SURE: dict[str, Any] = {"engine": "fused_cpu", "precision": "fp32"}
"""So that two upscalers do the same: auto alone is timed."""


def assert_equal(result: Frame, wanted: Frame) -> None:
    for got, want in zip(result.planes, wanted.planes, strict=True):
        np.testing.assert_array_equal(got, want)


def test_it_is_the_default_everywhere() -> None:
    assert UpscaleOptions().model == AUTO
    assert Upscaler(source=SOURCE, **SURE).recipe.text == REAL_TIME in shipped()


@pytest.mark.parametrize("size", [(80, 48), (60, 36), (41, 24), (40, 25), (80, 12), (160, 96)])
def test_where_a_side_grows_it_is_the_network(size: tuple[int, int]) -> None:
    upscaler = Upscaler(source=SOURCE, size=size, **SURE)
    assert_equal(
        upscaler(frame_of(SOURCE)), Upscaler(REAL_TIME, source=SOURCE, size=size, **SURE)(frame_of(SOURCE))
    )
    assert (upscaler.recipe.text, upscaler.recipe.reason) == (REAL_TIME, "auto: the picture grows")


@pytest.mark.parametrize("size", [(40, 24), (20, 12), (39, 24), (40, 2)])
def test_where_none_grows_it_is_the_final_scaler(size: tuple[int, int]) -> None:
    upscaler = Upscaler(source=SOURCE, size=size)
    assert_equal(
        upscaler(frame_of(SOURCE)), Upscaler(FINAL_SCALER, source=SOURCE, size=size)(frame_of(SOURCE))
    )
    assert (upscaler.recipe.text, upscaler.notes) == (FINAL_SCALER, ())
    assert upscaler.recipe.reason == "auto: the picture does not grow"


def test_without_a_size_it_enlarges_as_its_network_does() -> None:
    network = Recipe(REAL_TIME)
    assert Recipe(AUTO).scale == network.scale and isinstance(network.model, Chain)


def test_frames_that_are_larger_on_the_way_do_without_the_network() -> None:
    """A broadcast may go from 360 to 1080 lines; the network would make 2160 of them, to be shrunk to 720."""
    said: list[str] = []
    large = spec(120, 72)
    upscaler = Upscaler(source=SOURCE, say=said.append, **SURE)
    plain = Upscaler(FINAL_SCALER, source=large, size=(80, 48))
    for _ in range(2):
        assert_equal(upscaler(frame_of(large)), plain(frame_of(large)))
        upscaler(frame_of(SOURCE))
    assert said == ["frames of 120x72 are brought to size by lanczos3 (auto: the picture does not grow)"]
    named = Upscaler(REAL_TIME, source=SOURCE, say=said.append, **SURE)
    named(frame_of(large))
    assert len(said) == 1


def test_frames_that_are_smaller_on_the_way_wait_for_no_trial() -> None:
    small = spec(20, 12)
    upscaler = Upscaler(source=SOURCE, scale=1)
    wanted = Upscaler(FINAL_SCALER, source=small, size=(40, 24))
    assert_equal(upscaler(frame_of(small)), wanted(frame_of(small)))


def test_it_has_no_options() -> None:
    with pytest.raises(OptionError, match="model 'auto' has no option 'scale'; it has: none"):
        Recipe(AUTO, options={"scale": "2"})


@pytest.mark.parametrize(
    ("scale", "model", "reason"),
    [
        (1.5, REAL_TIME, "auto: the picture grows"),
        (0.5, FINAL_SCALER, "auto: the picture does not grow"),
    ],
)
def test_the_plan_and_the_report_say_what_it_took(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], scale: float, model: str, reason: str
) -> None:
    source, report = make(tmp_path / "in.mkv", Clip(picture=Picture(frames=2))), tmp_path / "report.json"
    command = ["upscale", str(source), str(tmp_path / "out.mkv"), "--scale", str(scale), "--threads", "2"]
    assert main([*command, "--dry-run"]) == 0
    size = "96x72" if scale > 1 else "32x24"
    shown = capsys.readouterr().out
    assert f"upscale  {model} ({reason}) to {size} on 2 threads" in shown
    assert reason not in [line.removeprefix("note     ") for line in shown.splitlines()]
    assert main([*command, "--report", str(report), "--progress", "none"]) == 0
    plan = json.loads(report.read_text())["plan"]
    assert (plan["model"], plan["model_reason"]) == (model, reason)
    assert main([*command, "-m", "bicubic", "--dry-run", "-y"]) == 0
    assert "upscale  bicubic to" in capsys.readouterr().out


@pytest.mark.parametrize("model", ["lanczos3", "anime4k-classic"])
@pytest.mark.parametrize("given", [{"engine": "openvino"}, {"precision": "fp32"}, {"engine": "reference"}])
def test_what_is_for_networks_is_refused_without_one(model: str, given: dict[str, str]) -> None:
    [(what, name)] = given.items()
    with pytest.raises(OptionError, match=f"{what} {name} is for networks, and none is in {model}: "):
        Upscaler(model, source=SOURCE, **given)  # type: ignore[arg-type]


def test_where_auto_runs_no_network_that_is_said() -> None:
    upscaler = Upscaler(source=SOURCE, scale=1, **SURE)
    assert upscaler.notes == ("engine fused_cpu, precision fp32: not used, because no network runs",)
    assert Upscaler(source=SOURCE, **SURE).notes == ()


SHADER_DIR = ["--shader-dir", "/nonexistent"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["upscale", "SOURCE", "out.mkv", *SHADER_DIR], f"none is in {REAL_TIME}"),
        (["upscale", "SOURCE", "out.mkv", "-m", "bicubic", *SHADER_DIR], "none is in bicubic"),
        (["upscale", "SOURCE", "out.mkv", "-m", "bicubic", "--engine", "openvino"], "none is in bicubic"),
        (["upscale", "SOURCE", "out.mkv", "-m", "anime4k:A", *SHADER_DIR], "which is no folder"),
        (["eval", "bicubic", "area", "--data", "FOLDER", "--precision", "bf16"], "none is in bicubic, area"),
        (["eval", REAL_TIME, "area", "--data", "FOLDER", *SHADER_DIR], f"none is in {REAL_TIME}, area"),
        (["models", "show", "bicubic", *SHADER_DIR], "none is in bicubic"),
        (["models", "convert", REAL_TIME, "out.onnx", *SHADER_DIR], f"none is in {REAL_TIME}"),
        (["models", "build", REAL_TIME, *SHADER_DIR], f"none is in {REAL_TIME}"),
    ],
)
def test_commands_refuse_what_no_model_heeds(
    words: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = make(tmp_path / "in.mkv", Clip(picture=Picture(frames=1)))
    assert main([{"SOURCE": str(source), "FOLDER": str(source)}.get(word, word) for word in words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("vsr: ") and says in error and len(error.splitlines()) == 1


def test_what_is_measured_is_its_network() -> None:
    [auto, named] = read_subjects([AUTO, REAL_TIME], 3, Settings())
    assert (auto.name, auto.scale) == (AUTO, 3)
    assert auto.cost(64, 64) == named.cost(64, 64) is not None
