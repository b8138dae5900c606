"""Models under evaluation: what they are given, what they cost, and which scale is meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.nets.exported import Exported
from tests.nets.shaders import luma_network
from tests.nets.weights import compact, espcn, srcnn
from tests.quality.samples import drawing, write_network
from vsr.engine import reference
from vsr.errors import OptionError
from vsr.models import MODELS
from vsr.nets.checkpoint import read_checkpoint
from vsr.quality import subject as module
from vsr.quality.metrics import rgb_of, ycbcr
from vsr.quality.pictures import resized
from vsr.quality.subject import Settings, Subject, read_subjects

EXACT = Settings(engine="fused_cpu", precision="fp32")
LOW = drawing(21, 18).transpose(2, 0, 1).astype(np.float32) / 255


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("networks")
    write_network(folder / "espcn2.safetensors", espcn(2))
    write_network(folder / "espcn3.safetensors", espcn(3))
    write_network(folder / "srcnn.safetensors", srcnn())
    write_network(folder / "compact.safetensors", compact(8, 1, 2))
    (folder / "luma.glsl").write_text(luma_network())
    return folder


def one(text: str, scale: int | None = 2, settings: Settings | None = None) -> Subject:
    """Return a model; without settings, networks run exactly."""
    [made] = read_subjects([text], scale, settings or (Settings() if text in MODELS else EXACT))
    return made


def test_a_network_of_luma_is_given_luma_in_float(networks: Path) -> None:
    path = networks / "espcn2.safetensors"
    luma, rgb = one(str(path))(LOW)
    seen = (ycbcr(LOW * 255.0)[:1] / 255).astype(np.float32)
    wanted = reference.run(read_checkpoint(path), seen, dtype=np.float64)[0] * 255
    np.testing.assert_allclose(luma, wanted, atol=0.02)
    chroma = ycbcr(resized(LOW, 42, 36) * 255.0)[1:]
    np.testing.assert_allclose(rgb, np.clip(rgb_of(np.stack([wanted, *chroma])), 0, 255), atol=0.05)


def test_a_network_of_colour_is_given_colour(networks: Path) -> None:
    path = networks / "compact.safetensors"
    luma, rgb = one(str(path))(LOW)
    wanted = np.clip(reference.run(read_checkpoint(path), LOW, dtype=np.float64), 0, 1) * 255
    np.testing.assert_allclose(rgb, wanted, atol=0.02)
    np.testing.assert_allclose(luma, ycbcr(rgb)[0])


def test_scalers_work_on_luma_and_are_not_rounded() -> None:
    luma, rgb = one("bicubic")(LOW)
    np.testing.assert_allclose(luma, ycbcr(resized(LOW, 42, 36) * 255.0)[0], atol=1e-3)
    assert np.abs(luma - np.rint(luma)).max() > 0.2
    assert rgb.shape == (3, 36, 42)


@pytest.mark.parametrize(
    ("name", "luma"),
    [("espcn2.safetensors", True), ("compact.safetensors", False), ("luma.glsl", True), ("bicubic", True),
     ("anime4k-classic", False)],
)  # fmt: skip
def test_who_sees_luma(name: str, luma: bool, networks: Path) -> None:
    text = str(networks / name) if "." in name else name
    assert one(text).sees_luma == luma


def test_what_it_costs(networks: Path) -> None:
    network = read_checkpoint(networks / "espcn2.safetensors")
    cost = one(str(networks / "espcn2.safetensors")).cost(100, 60)
    assert cost is not None
    assert (cost.parameters, cost.macs_per_pixel) == (network.num_parameters, network.macs_per_input_pixel)
    both = f"{networks / 'espcn2.safetensors'},{networks / 'espcn2.safetensors'}"
    cost = one(both, 4).cost(100, 60)
    assert cost is not None
    assert cost.macs_per_pixel == network.macs_per_input_pixel * (1 + 4)
    free = one("lanczos3").cost(100, 60)
    assert free is not None and free.macs_per_pixel == 0


def test_what_is_not_made_of_our_operations_has_no_known_cost(tmp_path: Path) -> None:
    made = Exported(3)
    path = made.save(tmp_path / "net.onnx", made.node("Sin", made.conv("x", 3, 3)))
    assert one(str(path), 2, Settings()).cost(100, 60) is None


def test_speed_is_that_of_the_engine_that_was_chosen(networks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SPEED_SIZE", (64, 48))
    monkeypatch.setattr(module, "_SPEED_SECONDS", 0.01)
    made = one(str(networks / "espcn2.safetensors"))
    made(LOW)
    speed = made.speed()
    assert (speed.width, speed.height) == (64, 48)
    assert speed.fps > 0
    assert made.engine == "fused_cpu in fp32"
    monkeypatch.setattr(module, "_LONGEST_SECONDS", 0.0)
    assert made.speed().width == 16


def test_the_scale_is_the_networks_own_unless_given(networks: Path) -> None:
    three = str(networks / "espcn3.safetensors")
    assert one(three, None).scale == 3
    assert {s.scale for s in read_subjects(["bicubic", three], None, EXACT)} == {3}
    assert one("bicubic", None).scale == 2
    with pytest.raises(OptionError, match="enlarge 2 and 3 times; give --scale"):
        read_subjects([str(networks / "espcn2.safetensors"), three], None, EXACT)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_weights_that_do_not_say_their_scale_have_the_one_that_is_asked_for(
    scale: int, networks: Path
) -> None:
    made = one(str(networks / "srcnn.safetensors"), scale)
    assert made.recipe.scale == scale
    made(LOW)
    assert not any("brings it" in note for note in made.notes)


def test_another_scale_than_the_networks_is_resized_and_said(networks: Path) -> None:
    made = one(str(networks / "espcn3.safetensors"), 2)
    luma, _ = made(LOW)
    assert luma.shape == (36, 42)
    assert any("lanczos3 brings it to 42x36" in note for note in made.notes)


def test_options_go_to_the_models_that_have_them(networks: Path) -> None:
    settings = Settings(options={"activation": "relu"})
    path = str(networks / "espcn2.safetensors")
    plain, rectified = (one(path, 2, each)(LOW)[0] for each in (Settings(), settings))
    assert not np.allclose(plain, rectified)
    read_subjects(["bicubic", path], 2, settings)
    with pytest.raises(OptionError, match="--model-option activation: none of the models has it"):
        read_subjects(["bicubic"], 2, settings)


def test_files_of_one_name_are_told_apart_by_their_folders(networks: Path, tmp_path: Path) -> None:
    path = str(networks / "espcn2.safetensors")
    other = str(write_network(tmp_path / "espcn2.safetensors", espcn(2)))
    named = read_subjects([path, other, "bicubic"], 2, EXACT)
    assert [each.name for each in named] == [path, other, "bicubic"]
    assert one(path).name == "espcn2.safetensors"


def test_refusals() -> None:
    with pytest.raises(OptionError, match="'bicubic' is named twice"):
        read_subjects(["bicubic", "bicubic"], 2, EXACT)
    with pytest.raises(OptionError, match=r"unknown engine 'fused'.*Did you mean 'fused_cpu'"):
        read_subjects(["bicubic"], 2, Settings(engine="fused"))
    with pytest.raises(OptionError, match="--scale is 1; give a whole number from 2 to 16"):
        read_subjects(["bicubic"], 1, EXACT)
    with pytest.raises(OptionError, match=r"unknown model 'bicubi'.*Did you mean 'bicubic'"):
        read_subjects(["bicubi"], 2, EXACT)
