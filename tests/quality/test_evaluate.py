"""The papers' protocol: the known values, and what the commands print and write."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.make_media import make
from tests.nets.weights import espcn
from tests.quality.samples import SET5, drawing, folder_of, write_network, write_png
from vsr.cli.main import main
from vsr.errors import OptionError
from vsr.media.rgb import read_rgb
from vsr.options import EvalOptions
from vsr.quality import subject
from vsr.quality.evaluate import METRICS, evaluate
from vsr.quality.metrics import as_samples, psnr, ssim, ssim_single_window, ycbcr
from vsr.quality.pictures import resized
from vsr.quality.text import fps_digits


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "SPEED_SIZE", (64, 48))
    monkeypatch.setattr(subject, "_SPEED_SECONDS", 0.01)
    monkeypatch.delenv("VSR_VGG16", raising=False)


@pytest.mark.skipif(not SET5.is_dir(), reason="../shared/data is not here")
@pytest.mark.parametrize(("scale", "wanted"), [(2, 33.66), (3, 30.39), (4, 28.42)])
def test_bicubic_on_set5_is_what_the_papers_print(scale: int, wanted: float) -> None:
    [result] = evaluate(["bicubic"], EvalOptions(data=str(SET5), scale=scale)).models
    assert round(result.mean("psnr_y"), 2) == wanted
    assert result.mean("ssim_y") == pytest.approx({2: 0.9299, 3: 0.8682, 4: 0.8104}[scale], abs=3e-4)


def test_each_number_is_its_formula(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, (61, 50))
    evaluation = evaluate(["bicubic"], EvalOptions(data=str(folder), scale=3))
    high = read_rgb(folder / "p0.png")[:, :48, :60]
    rgb = resized(resized(high, 20, 16), 60, 48) * 255.0
    truth, inner = high * 255.0, (..., slice(3, -3), slice(3, -3))
    y, got = (as_samples(ycbcr(v)[0])[inner] for v in (truth, rgb))
    values = {metric: found[0] for metric, found in evaluation.models[0].values.items()}
    assert values["psnr_y"] == pytest.approx(psnr(y, got), abs=1e-3)
    assert values["ssim_y"] == pytest.approx(ssim(y, got), abs=1e-5)
    assert values["ssim_window"] == pytest.approx(ssim_single_window(y, got), abs=1e-5)
    clipped = as_samples(rgb)[inner]
    assert values["psnr_rgb"] == pytest.approx(psnr(truth[inner], clipped), abs=0.02)
    assert values["ssim_rgb"] == pytest.approx(ssim(truth[inner], clipped), abs=1e-3)


def test_equal_pictures_are_null_in_json(tmp_path: Path) -> None:
    write_png(tmp_path / "flat.png", np.full((40, 40, 3), 90, np.uint8))
    evaluation = evaluate(["bicubic"], EvalOptions(data=str(tmp_path), scale=2))
    assert evaluation.models[0].mean("psnr_y") == math.inf
    facts = evaluation.to_json()
    assert facts["models"][0]["mean"]["psnr_y"] is None
    assert facts["models"][0]["mean"]["ssim_y"] == 1
    json.dumps(facts, allow_nan=False)


def test_the_command_prints_writes_and_agrees(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = folder_of(tmp_path / "set", (60, 50), (64, 48))
    network = write_network(tmp_path / "net.safetensors", espcn(2))
    file, page = tmp_path / "r.json", tmp_path / "r.html"
    arguments = ["--data", str(folder), "--scale", "2", "--json", str(file), "--html", str(page)]
    assert main(["eval", "bicubic", "anime4k-classic", str(network), *arguments]) == 0
    text = capsys.readouterr().out
    facts = json.loads(file.read_text())
    assert [model["model"] for model in facts["models"]] == ["bicubic", "anime4k-classic", "net.safetensors"]
    assert facts["num_pictures"] == 2
    assert list(facts["metrics"]) == [metric for metric in METRICS if metric != "perceptual"]
    for model in facts["models"]:
        [row] = [line for line in text.splitlines() if line.startswith(model["model"] + " ")]
        assert f"{model['mean']['psnr_y']:.2f}" in row and f"{model['mean']['ssim_y']:.4f}" in row
        values = [picture["psnr_y"] for picture in model["pictures"]]
        assert model["mean"]["psnr_y"] == pytest.approx(np.mean(values), abs=1e-4)
    assert facts["models"][2]["parameters"] == 21_284
    assert "no perceptual distance: name VGG16's weights" in text
    assert page.read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("fps", "shown"), [(0.614, "0.61"), (1.0, "1.0"), (19.63, "19.6"), (1519.4, "1519.4")]
)
def test_slow_networks_are_told_apart(fps: float, shown: str) -> None:
    assert f"{fps:.{fps_digits(fps)}f}" == shown


def test_models_compare_cuts_tiles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = folder_of(tmp_path / "set", (200, 140))
    file = tmp_path / "r.json"
    arguments = ["--data", str(folder), "--scale", "2", "--tile", "64", "--limit", "4", "--json", str(file)]
    assert main(["models", "compare", "bicubic", "lanczos3", *arguments]) == 0
    facts = json.loads(file.read_text())
    assert facts["num_pictures"] == 4
    assert all(crop["side"] == 64 for crop in facts["crops"])
    assert "64x64 tiles of" in capsys.readouterr().out


def test_the_crop_is_where_results_differ(tmp_path: Path) -> None:
    rgb = np.full((300, 260, 3), 128, np.uint8)
    rgb[170:230, 20:90] = drawing(70, 60)
    write_png(tmp_path / "p.png", rgb)
    for models in (["bicubic"], ["bicubic", "lanczos3"]):
        [crop] = evaluate(models, EvalOptions(data=str(tmp_path), scale=2)).crops
        assert crop.original.shape == (96, 96, 3)
        assert crop.top <= 170 and crop.left <= 20
        assert crop.top + 96 >= 230 and crop.left + 96 >= 90
        np.testing.assert_array_equal(
            crop.original, rgb[crop.top : crop.top + 96, crop.left : crop.left + 96]
        )


def test_small_pictures_are_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, (60, 50), (18, 14))
    with pytest.raises(OptionError, match=r"p1 is 18x14: with a border of 2 left out, .* 15x15 pixels"):
        evaluate(["bicubic"], EvalOptions(data=str(folder), scale=2))


Refused = tuple[list[str], int, str]


def refused(folder: Path) -> dict[str, Refused]:
    """Arguments, exit codes, and what the sentence says."""
    good = folder_of(folder / "good", (40, 40))
    bad = folder / "bad"
    bad.mkdir()
    (bad / "text.png").write_text("no picture")
    empty = folder / "empty"
    empty.mkdir()
    weights = folder / "w.npz"
    np.savez(weights, a=np.zeros(3))
    clip = make(folder / "clip.mkv")
    return {
        "no images": (["bicubic", "--data", str(empty)], 2, "holds no images"),
        "no such file": (["bicubic", "--data", str(folder / "none")], 1, "no such file"),
        "unreadable": (["bicubic", "--data", str(bad)], 1, "text.png"),
        "no model": (["bicubix", "--data", str(good)], 2, "unknown model 'bicubix'"),
        "weights": (["bicubic", "--data", str(good), "--vgg", str(weights)], 2, "another network than VGG16"),
        "lr of a video": (["bicubic", "--data", str(clip), "--lr", str(good)], 2, "a video has no folder"),
        "no lr": (["bicubic", "--data", str(good), "--lr", str(folder / "lr")], 2, "lr is no folder of"),
        "threads": (["bicubic", "--data", str(good), "--threads", "-1"], 2, "--threads is -1"),
        "no data": (["bicubic"], 2, "--data"),
        "page": (["bicubic", "--data", str(good), "--html", str(folder)], 2, "--html"),
        "small": (["bicubic", "--data", str(good), "--scale", "16"], 2, "p0 is 32x32"),
    }


def test_refusals_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, (arguments, code, words) in refused(tmp_path).items():
        assert main(["eval", *arguments]) == code, name
        said: Any = capsys.readouterr()
        assert words in said.err and len(said.err.splitlines()) == 1, (name, said.err)
        assert not said.out
