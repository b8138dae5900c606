"""`vsr models build`, from the shell's side."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from tests.nets.exported import numbers
from vsr.cli.main import main
from vsr.engine.tensorrt import library
from vsr.nets.builder import Builder
from vsr.nets.onnx import write_onnx
from vsr.nets.ops import PixelShuffle

NEEDS_RTX = "tensorrt-rtx is not installed: pip install 'vsr-realtime[rtx]'"


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("VSR_CACHE_DIR", str(tmp_path / "cache"))
    b = Builder(1)
    b.add(PixelShuffle(2), b.conv(b.input, numbers(4, 1, 3, 3)))
    path = tmp_path / "tiny.onnx"
    write_onnx(b.build("tiny"), path)
    return str(path)


def test_an_engine_is_built_into_the_cache(
    model: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tensorrt_rtx", reason=NEEDS_RTX)
    arguments = ["models", "build", model, "--size", "64x32", "--size", "128x64", "--gpu", "sm_89"]
    assert main(arguments) == 0
    first = capfd.readouterr()
    [file] = (tmp_path / "cache" / "engines").iterdir()
    assert re.fullmatch(
        rf"{file}: tiny, 2x, fp16, 64x32 and 128x64, for sm_89, by TensorRT-RTX [\d.]+; [\d,]+ bytes, "
        r"built in \d\.\d\d s; key [0-9a-f]{64}\n",
        first.out,
    )
    assert first.err == ""
    assert main(arguments) == 0
    assert "it was there already, -y builds it again" in capfd.readouterr().out
    file.write_bytes(file.read_bytes()[:-1])
    assert main(arguments) == 0
    mended = capfd.readouterr()
    assert re.search(
        r"is damaged: [\d,]+ bytes of engine, [\d,]+ were written; it is built again", mended.err
    )
    assert "built in" in mended.out
    assert main([*arguments, "-y"]) == 0
    assert "built in" in capfd.readouterr().out


def test_a_cache_that_cannot_be_written(
    model: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tensorrt_rtx", reason=NEEDS_RTX)
    (tmp_path / "cache").write_text("a file")
    assert main(["models", "build", model, "--gpu", "sm_89"]) == 1
    said = capfd.readouterr()
    assert said.out == ""
    assert re.fullmatch(
        r"vsr: the engine is not kept: \S+\.engine cannot be written: Not a directory; "
        r"VSR_CACHE_DIR names another folder\n",
        said.err,
    )


def test_an_engine_is_built_into_a_file(
    model: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tensorrt_rtx", reason=NEEDS_RTX)
    result = tmp_path / "tiny.engine"
    arguments = ["models", "build", model, "--precision", "fp32", "-o", str(result)]
    assert main(arguments) == 0
    assert "fp32, 64x64 to 1920x1080, best at 1920x1080, for sm_75 sm_80 " in capfd.readouterr().out
    assert result.stat().st_size > 10_000
    assert not (tmp_path / "cache").exists()
    assert main(arguments) == 2
    assert "exists; choose another name, or replace it with -y" in capfd.readouterr().err
    assert main([*arguments[:-1], str(tmp_path / "nowhere" / "tiny.engine")]) == 1
    assert "cannot be written: No such file or directory; choose" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--size", "big"], "--size 'big' is not a size; write WxH like 1920x1080"),
        (["--size", "0x64"], "--size 0x64: each side is 1 to 16384 pixels"),
        (["--gpu", "sm_90"], "does not build for 'sm_90'; available: sm_75, "),
        (["--precision", "int8"], "--precision 'int8': TensorRT engines are built in fp16 or fp32"),
    ],
)
def test_bad_arguments(
    arguments: list[str], sentence: str, model: str, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tensorrt_rtx", reason=NEEDS_RTX)
    assert main(["models", "build", model, *arguments]) == 2
    said = capfd.readouterr()
    assert sentence in said.err
    assert said.out == ""
    assert said.err.count("\n") == 1


def test_what_is_no_network(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "build", "bicubic"]) == 2
    assert "bicubic is no network" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("raised", "sentence"),
    [
        (
            ModuleNotFoundError("No module named 'tensorrt_rtx'", name="tensorrt_rtx"),
            "TensorRT-RTX is not installed: pip install 'vsr-realtime[rtx]'",
        ),
        (
            ImportError("libtensorrt_rtx.so.1: cannot open shared object file"),
            "TensorRT-RTX does not load (libtensorrt_rtx.so.1: cannot open shared object file): "
            "pip install 'vsr-realtime[rtx]'",
        ),
    ],
)
def test_without_tensorrt(
    raised: Exception,
    sentence: str,
    model: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def missing(name: str) -> Any:
        raise raised

    library.load.cache_clear()
    monkeypatch.setattr(importlib, "import_module", missing)
    assert main(["models", "build", model]) == 1
    assert capfd.readouterr() == ("", f"vsr: {sentence}\n")


def test_an_old_tensorrt(
    monkeypatch: pytest.MonkeyPatch, model: str, capfd: pytest.CaptureFixture[str]
) -> None:
    class Old:
        __version__ = "1.2.0.54"

    library.load.cache_clear()
    monkeypatch.setattr(importlib, "import_module", lambda name: Old)
    assert main(["models", "build", model]) == 1
    said = capfd.readouterr().err
    assert said == (
        "vsr: TensorRT-RTX 1.2.0.54 is installed, 1.7 or newer is needed: "
        "pip install --upgrade 'vsr-realtime[rtx]'\n"
    )
