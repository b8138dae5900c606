"""The distance by VGG16's features: the network against numpy, and what files are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from tests.quality.samples import SET5, VGG16, drawing
from vsr.errors import OptionError
from vsr.media.rgb import read_rgb
from vsr.quality.perceptual import WEIGHTS_VARIABLE, PerceptualDistance, weights_path
from vsr.quality.pictures import resized

BLOCKS = {1: (2, 64), 2: (2, 128), 3: (3, 256), 4: (3, 512), 5: (3, 512)}


@pytest.fixture(scope="module")
def weights() -> dict[str, Any]:
    rng = np.random.default_rng(2)
    found, before = {}, 3
    for block, (count, channels) in BLOCKS.items():
        for number in range(1, count + 1):
            scale = np.float32(np.sqrt(2 / (9 * before)))
            weight = rng.standard_normal((channels, before, 3, 3), np.float32) * scale
            found[f"conv{block}_{number}.weight"] = weight.astype(np.float16)
            found[f"conv{block}_{number}.bias"] = rng.standard_normal(channels).astype(np.float16)
            before = channels
    return found


@pytest.fixture(scope="module")
def file(weights: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vgg") / "weights.npz"
    np.savez(path, **weights)
    return path


def features(weights: dict[str, Any], rgb: Any) -> list[Any]:
    """VGG16 in numpy: the last rectified convolution of each block."""
    x = rgb[::-1] - np.array([104.007, 116.669, 122.679])[:, None, None]
    found = []
    for block, (count, _) in BLOCKS.items():
        if block > 1:
            height, width = x.shape[1] // 2, x.shape[2] // 2
            x = x[:, : height * 2, : width * 2].reshape(-1, height, 2, width, 2).max(axis=(2, 4))
        for number in range(1, count + 1):
            weight = weights[f"conv{block}_{number}.weight"].astype(np.float32)
            windows = sliding_window_view(
                np.pad(x, ((0, 0), (1, 1), (1, 1))).astype(np.float32), (3, 3), (1, 2)
            )
            x = np.tensordot(weight, windows, axes=([1, 2, 3], [0, 3, 4]))
            x = np.maximum(x + weights[f"conv{block}_{number}.bias"][:, None, None], 0)
        found.append(x)
    return found


def test_it_is_the_mean_of_one_less_the_cosine(weights: dict[str, Any], file: Path) -> None:
    a, b = (drawing(37, 34, seed).transpose(2, 0, 1).astype(float) for seed in (1, 2))
    b = b[:, ::-1]
    wanted = []
    for x, y in zip(features(weights, a), features(weights, b), strict=True):
        cosine = (x * y).sum(axis=0) / np.sqrt((x * x).sum(axis=0) * (y * y).sum(axis=0))
        wanted.append(1 - cosine.mean())
    distance = PerceptualDistance(file)
    assert distance(a, b) == pytest.approx(np.mean(wanted), rel=1e-4)
    assert distance(a, a) == pytest.approx(0, abs=1e-6)
    with pytest.raises(OptionError, match="needs 32x32 pixels, 31x40 are left"):
        distance(np.zeros((3, 40, 31)), np.zeros((3, 40, 31)))


def test_files_that_are_something_else(weights: dict[str, Any], tmp_path: Path) -> None:
    def refused(path: Path, *words: str) -> None:
        with pytest.raises(OptionError) as error:
            PerceptualDistance(path)
        assert all(word in str(error.value) for word in (str(path), *words)), error.value

    refused(tmp_path / "none.npz", "cannot be read", "--vgg")
    text = tmp_path / "text.npz"
    text.write_text("not weights")
    refused(text, "no .npz file")
    np.savez(tmp_path / "less.npz", **{k: v for k, v in weights.items() if k != "conv4_2.bias"})
    refused(tmp_path / "less.npz", "another network", "conv4_2.bias it has none, (512,)")
    narrow = weights | {"conv1_2.weight": np.zeros((32, 64, 3, 3))}
    np.savez(tmp_path / "narrow.npz", **narrow)
    refused(tmp_path / "narrow.npz", "conv1_2.weight it has (32, 64, 3, 3), (64, 64, 3, 3) is wanted")
    np.save(tmp_path / "one.npy", np.zeros(3))
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    refused(tmp_path / "one.npz", "no .npz file")


def test_the_environment_names_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(WEIGHTS_VARIABLE, raising=False)
    assert weights_path(None) is None
    monkeypatch.setenv(WEIGHTS_VARIABLE, "a.npz")
    assert weights_path(None) == Path("a.npz")
    assert weights_path("b.npz") == Path("b.npz")


@pytest.mark.skipif(not (VGG16.exists() and SET5.is_dir()), reason="../shared/data is not here")
def test_what_was_reduced_further_lies_further_away() -> None:
    distance = PerceptualDistance(VGG16)
    picture = read_rgb(SET5 / "butterfly.png")[:, :96, :96]
    found = []
    for scale in (2, 3, 4):
        low = resized(picture, 96 // scale, 96 // scale)
        found.append(distance(picture * 255.0, np.clip(resized(low, 96, 96), 0, 1) * 255.0))
    assert found == sorted(found)
    assert found[0] > 0.01
