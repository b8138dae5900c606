"""Compiled kernels on disk: a key for everything that decides their bytes, and whole files or none."""

import os
import shutil
from pathlib import Path

import pytest

from vsr._resources import CACHE_VARIABLE, cache_folder, tree
from vsr.device.cuda import kernels as cuda_kernels
from vsr.device.cuda import nvrtc
from vsr.device.cuda.launch import Generated, Source
from vsr.errors import DeviceError


def compiled(source: Source, architecture: str) -> bytes:
    """Return the cubin, which can be kept."""
    return cuda_kernels.compiled(source, architecture, pytest.fail)


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """A compiler that notes what it is asked for, on a copy of the sources."""
    asked: list[str] = []

    def compile_source(name: Source, architecture: str) -> tuple[bytes, str]:
        asked.append(f"{name} {architecture}")
        return b"machine code", ""

    shutil.copytree(tree("kernels"), tmp_path / "kernels")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(cuda_kernels, "tree", lambda name: tmp_path / name)
    monkeypatch.setattr(cuda_kernels, "compile_source", compile_source)
    monkeypatch.setattr(nvrtc, "version", lambda: (13, 0))
    monkeypatch.setattr(nvrtc, "architectures", lambda: (75, 80, 86, 90, 120, 121))
    return asked


def test_a_kernel_is_compiled_once(compiler: list[str]) -> None:
    assert [compiled("resize_u8", "sm_90") for _ in range(2)] == [b"machine code"] * 2
    assert compiler == ["resize_u8 sm_90"]
    (file,) = cache_folder("cubins").iterdir()
    assert file.name.startswith("resize_u8-sm_90-")


@pytest.mark.parametrize(
    "change", ["architecture", "version", "options", "source", "header", "shared header"]
)
def test_whatever_decides_the_bytes_is_in_the_key(
    change: str, compiler: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compiled("resize_u8", "sm_90")
    files = {"source": "cuda/resize_u8.cu", "header": "cuda/resize.cuh", "shared header": "common/half.hpp"}
    if change == "version":
        monkeypatch.setattr(nvrtc, "version", lambda: (13, 1))
    elif change == "options":
        monkeypatch.setattr(cuda_kernels, "OPTIONS", ("-std=c++20",))
    elif change in files:
        with (tmp_path / "kernels" / files[change]).open("a") as file:
            file.write("\n")
    compiled("resize_u8", "sm_80" if change == "architecture" else "sm_90")
    assert len(compiler) == len(list(cache_folder("cubins").iterdir())) == 2


@pytest.mark.parametrize(("gpu", "target"), [("sm_90", "sm_90"), ("sm_89", "sm_86"), ("sm_129", "sm_121")])
def test_a_gpu_that_nvrtc_does_not_know_runs_what_came_before_it(
    gpu: str, target: str, compiler: list[str]
) -> None:
    compiled("resize_u8", gpu)
    assert compiler == [f"resize_u8 {target}"]


@pytest.mark.parametrize(("gpu", "number"), [("sm_130", "13.0"), ("sm_100", "10.0")])
def test_a_generation_that_nvrtc_does_not_know_is_a_sentence(
    gpu: str, number: str, compiler: list[str]
) -> None:
    with pytest.raises(DeviceError, match=rf"NVRTC 13.0 compiles for .* 7.5 to 12.1, not {number}; a newer"):
        compiled("resize_u8", gpu)


def test_a_generated_source_is_its_text(compiler: list[str]) -> None:
    for text in ("one", "two", "one"):
        assert compiled(Generated("network", text), "sm_90") == b"machine code"
    assert len(compiler) == 2
    assert all(file.name.startswith("network-sm_90-") for file in cache_folder("cubins").iterdir())


def test_headers_are_in_the_key_of_a_generated_source(compiler: list[str], tmp_path: Path) -> None:
    compiled(Generated("network", "one"), "sm_90")
    with (tmp_path / "kernels/cuda/net.cuh").open("a") as file:
        file.write("\n")
    compiled(Generated("network", "one"), "sm_90")
    assert len(compiler) == 2


def test_where_the_sources_lie_is_not_in_the_key(
    compiler: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compiled("resize_u8", "sm_90")
    shutil.move(tmp_path / "kernels", tmp_path / "moved")
    monkeypatch.setattr(cuda_kernels, "tree", lambda name: tmp_path / "moved")
    compiled("resize_u8", "sm_90")
    assert len(compiler) == 1


def test_a_folder_that_takes_no_file_is_said(
    compiler: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    said: list[str] = []
    assert cuda_kernels.compiled("resize_u8", "sm_90", said.append) == b"machine code"
    [text] = said
    assert (
        text.startswith(f"compiled kernels cannot be kept in {tmp_path / 'file'}") and CACHE_VARIABLE in text
    )


def test_a_failed_write_leaves_nothing_and_is_said(
    compiler: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Path, target: Path) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "replace", fail)
    said: list[str] = []
    assert cuda_kernels.compiled("resize_u8", "sm_90", said.append) == b"machine code"
    assert "No space left" in said[0]
    assert list(cache_folder("cubins").iterdir()) == []
