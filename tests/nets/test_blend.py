"""Networks between two trainings of one network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vsr.cli.main import main
from vsr.nets.checkpoint import read_checkpoint, read_tensors
from vsr.nets.checkpoint.safetensors import read_metadata, write_safetensors

Named = dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]


def espcn(seed: int, width: int = 6) -> Named:
    rng = np.random.default_rng(seed)
    shapes = {"conv1": (8, 1, 5, 5), "conv2": (width, 8, 3, 3), "conv3": (4, width, 3, 3)}
    weights = {f"{key}.weight": rng.normal(0, 1, shape).astype(np.float32) for key, shape in shapes.items()}
    biases = {f"{key}.bias": rng.normal(0, 1, shape[0]).astype(np.float32) for key, shape in shapes.items()}
    return weights | biases


@pytest.fixture
def two(tmp_path: Path) -> list[str]:
    for name, seed in (("a", 1), ("b", 2)):
        write_safetensors(tmp_path / f"{name}.safetensors", espcn(seed), {"vsr.activation": "relu"})
    return [str(tmp_path / f"{name}.safetensors") for name in "ab"]


def test_weights_lie_between_the_two(two: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out.safetensors"
    assert main(["models", "blend", *two, str(out), "--share", "0.25"]) == 0
    found = read_tensors(out)
    for key, value in espcn(1).items():
        np.testing.assert_allclose(found[key], 0.75 * value + 0.25 * espcn(2)[key], atol=1e-6)
    assert read_metadata(out) == {
        "vsr.activation": "relu",
        "vsr.blend": "0.75 a.safetensors + 0.25 b.safetensors",
    }
    assert "relu" in [type(node.op).__name__.lower() for node in read_checkpoint(out).nodes]


def test_what_is_said_is_what_holds_of_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [tmp_path / f"{name}.safetensors" for name in "ab"]
    for seed, (file, psnr) in enumerate(zip(files, ("30.1", "28.2"), strict=True)):
        said = {"vsr.network": "espcn", "vsr.recipe": f"r{seed}", "vsr.psnr.x2-bicubic": psnr}
        write_safetensors(file, espcn(seed), said | ({"vsr.activation": "relu"} if seed else {}))
    out = tmp_path / "out.safetensors"
    assert main(["models", "blend", *map(str, files), str(out), "--share", "0.5"]) == 0
    said = read_metadata(out)
    assert said.pop("vsr.blend") == "0.5 a.safetensors + 0.5 b.safetensors"
    assert said == {"vsr.network": "espcn", "vsr.activation": "relu"}
    write_safetensors(files[0], espcn(0), {"vsr.activation": "tanh"})
    assert main(["models", "blend", *map(str, files), str(out), "-y"]) == 2
    assert "their vsr.activation are tanh and relu" in capsys.readouterr().err


def test_files_of_one_name_are_told_apart_by_their_folders(
    two: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [tmp_path / folder / "weights.safetensors" for folder in ("one", "two")]
    for file, given in zip(files, two, strict=True):
        file.parent.mkdir()
        Path(given).rename(file)
    out = tmp_path / "out.safetensors"
    assert main(["models", "blend", *map(str, files), str(out), "--share", "0.25"]) == 0
    assert capsys.readouterr().out == f"{out}: 0.75 of {files[0]}, 0.25 of {files[1]}\n"


def test_the_metadata_says_the_activation_unless_the_caller_does(two: list[str]) -> None:
    def kinds(activation: str | None) -> set[str]:
        graph = read_checkpoint(Path(two[0]), activation=activation)
        return {type(node.op).__name__ for node in graph.nodes}

    assert "Relu" in kinds(None)
    assert "Tanh" in kinds("tanh")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--share", "1.5"], "0 (A alone) to 1 (B alone) is allowed"),
        (["x.pth"], "does not end in .safetensors"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str], sentence: str, two: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = [] if arguments[0] == "x.pth" else [str(tmp_path / "out.safetensors")]
    assert main(["models", "blend", *two, *out, *arguments]) == 2
    assert sentence in capsys.readouterr().err


WIDER = espcn(3, width=7)
OTHER = {key.replace("conv", "features."): value for key, value in espcn(3).items()}


@pytest.mark.parametrize(
    ("tensors", "reversed_order", "sentence"),
    [
        (
            WIDER,
            False,
            "a.safetensors and other.safetensors are not trainings of one network: their conv2.weight are "
            "6x8x3x3 and 7x8x3x3 weights; blend two files of the same width, depth and scale",
        ),
        (
            OTHER,
            False,
            "a.safetensors and other.safetensors are not trainings of one network: a.safetensors has "
            "conv1.bias, other.safetensors has none; blend two files of the same family and options",
        ),
        (
            OTHER,
            True,
            "other.safetensors and a.safetensors are not trainings of one network: a.safetensors has "
            "conv1.bias, other.safetensors has none; blend two files of the same family and options",
        ),
    ],
)
def test_two_networks_are_refused(
    tensors: Named,
    reversed_order: bool,
    sentence: str,
    two: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_safetensors(tmp_path / "other.safetensors", tensors, {})
    out = tmp_path / "out.safetensors"
    given = [two[0], str(tmp_path / "other.safetensors")]
    assert main(["models", "blend", *(given[::-1] if reversed_order else given), str(out)]) == 2
    assert capsys.readouterr().err == f"vsr: {sentence}\n"
    assert not out.exists()


def test_a_missing_file_is_named(two: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing, out = str(tmp_path / "none.safetensors"), tmp_path / "out.safetensors"
    for given in ((two[0], missing), (missing, two[0])):
        assert main(["models", "blend", *given, str(out)]) == 2
        assert "none.safetensors cannot be read: No such file" in capsys.readouterr().err
        assert not out.exists()
