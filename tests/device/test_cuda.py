"""What a machine without a GPU says: one sentence that names what is missing and how to get it."""

import ctypes
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from vsr.cli.main import main
from vsr.device import cuda
from vsr.device.cuda import nvrtc


def driver(*, init: int = 0, version: int = 13000, devices: int = 1) -> Callable[[], Any]:
    """A driver that answers so."""

    def put(value: int) -> Callable[[Any], int]:
        def answer(pointer: Any) -> int:
            ctypes.cast(pointer, ctypes.POINTER(ctypes.c_int))[0] = value
            return 0

        return answer

    return lambda: SimpleNamespace(
        cuInit=lambda flags: init, cuDriverGetVersion=put(version), cuDeviceGetCount=put(devices)
    )


def no_driver() -> Any:
    raise OSError("libcuda.so.1: cannot open shared object file")


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        (no_driver, "no NVIDIA driver .* install 580 or newer"),
        (driver(init=999), "does not start .*nvidia-smi"),
        (driver(init=100), "shows no GPU; look at CUDA_VISIBLE_DEVICES"),
        (driver(version=12080), "knows CUDA 12.8, 13.0 is needed; install driver 580"),
        (driver(devices=0), "shows no GPU; look at CUDA_VISIBLE_DEVICES"),
    ],
    ids=["none", "broken", "hidden", "old", "no GPU"],
)
def test_the_driver_is_looked_at(
    answers: Callable[[], Any], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vsr.device.cuda.driver.library", answers)
    monkeypatch.setattr(cuda, "_package_fault", lambda: None)
    sentence = cuda.unavailable()
    assert sentence is not None and "\n" not in sentence
    assert re.search(says, sentence)


def test_packages_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vsr.device.cuda.driver.library", driver())
    monkeypatch.setattr(nvrtc, "find", lambda: None)
    monkeypatch.setattr(cuda, "find_spec", lambda name: None)
    sentence = cuda.unavailable() or ""
    assert "CuPy" in sentence and "NVRTC" in sentence and "pip install 'vsr-realtime[cuda]'" in sentence


def test_nothing_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vsr.device.cuda.driver.library", driver())
    monkeypatch.setattr(cuda, "_package_fault", lambda: None)
    assert cuda.unavailable() is None


def test_importing_it_loads_nothing() -> None:
    code = (
        "import sys, vsr.device.cuda, vsr.device.cuda.kernels\n"
        "maps = open('/proc/self/maps').read() if sys.platform == 'linux' else ''\n"
        "print([m for m in ('cupy', 'cuda', 'nvidia') if m in sys.modules], 'nvrtc.so' in maps)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[] False"


@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_the_command_says_it_and_ends(
    device: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("vsr.device.cuda.driver.library", no_driver)
    result = tmp_path / "out.mkv"
    assert main(["upscale", "in.mkv", str(result), "--device", device]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"vsr: --device {device}: CUDA cannot be used: there is no NVIDIA driver")
    assert len(error.splitlines()) == 1
    assert not result.exists()


def test_an_unknown_device_is_a_matter_of_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["upscale", "in.mkv", "out.mkv", "--device", "cuda:x"]) == 2
    assert "available: auto, cpu, cuda" in capsys.readouterr().err
