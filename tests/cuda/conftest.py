"""What the tests of CUDA kernels share."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cuda.engines import network, with_gray
from tests.cuda.fake_cupy import fake_compiled, fake_cupy
from tests.cuda.host import build
from tests.cuda.host_gpu import HostGpu
from vsr.device import cuda
from vsr.device.cuda import nvidia
from vsr.device.cuda.gpu import Gpu
from vsr.device.cuda.nvidia import NvidiaGpu, open_gpu
from vsr.engine import cuda_engines, cuda_platform
from vsr.nets.onnx import write_onnx


@pytest.fixture(scope="session")
def host() -> ctypes.CDLL:
    """The kernels, built for the host."""
    return build()


def real_gpu() -> Gpu:
    """The first GPU. Skips the test where there is none, or fails it with VSR_REQUIRE_GPU=1."""
    missing = cuda.unavailable()
    if missing and os.environ.get("VSR_REQUIRE_GPU") == "1":
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)
    return open_gpu(0)


@pytest.fixture(params=["host", "cupy", pytest.param("nvidia", marks=pytest.mark.gpu)])
def gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Gpu:
    """A CPU in the GPU's place, our GPU over a CuPy that is not one, and a GPU."""
    if request.param == "nvidia":
        return real_gpu()
    return stand_in_gpu(request.param, request.getfixturevalue("host"), monkeypatch)


@pytest.fixture(params=["host", "cupy"])
def no_gpu(request: pytest.FixtureRequest, host: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> Gpu:
    """The first two of `gpu`, for pictures that lie in host memory though they say otherwise."""
    return stand_in_gpu(request.param, host, monkeypatch)


def stand_in_gpu(name: str, library: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> Gpu:
    """Return the GPU that is none of that name."""
    if name == "host":
        return HostGpu(library)
    monkeypatch.setattr(nvidia, "compiled", fake_compiled)
    return NvidiaGpu(fake_cupy(library), 0)


@pytest.fixture
def model(tmp_path: Path) -> Callable[..., str]:
    """Write a network, see tests/cuda/engines.py, and return its file."""

    def write(channels: int = 3, factor: int = 2, *, name: str = "net") -> str:
        path = tmp_path / f"{name}.onnx"
        if not path.exists():
            write_onnx(network(channels, factor, name=name), path)
        return str(path)

    return write


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An engine that builds nothing; what it ran in."""
    ran: list[str] = []
    engines = with_gray(ran)
    monkeypatch.setattr(cuda_engines, "CUDA_ENGINES", engines)
    monkeypatch.setattr(cuda_platform, "CUDA_ENGINES", engines)
    return ran
