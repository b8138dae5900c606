"""Opening a GPU: what it says of itself, and one sentence for each that cannot be used."""

import ctypes
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cuda.fake_cupy import CAPABILITY, fake_cupy
from vsr.device.cuda import nvidia, nvrtc
from vsr.errors import DeviceError
from vsr.upscaler import opened


@pytest.fixture
def cupy(host: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A CuPy that loads, on a machine where nothing is missing."""
    fake = fake_cupy(host)
    monkeypatch.setitem(sys.modules, "cupy", fake)
    monkeypatch.setattr(nvidia, "unavailable", lambda: None)
    monkeypatch.setattr(nvrtc, "version", lambda: (13, 0))
    monkeypatch.setattr(nvrtc, "architectures", lambda: (75, 80, 90))
    nvidia.open_gpu.cache_clear()
    yield fake
    nvidia.open_gpu.cache_clear()


def of_capability(cupy: Any, capability: str) -> None:
    device = SimpleNamespace(compute_capability=capability, use=lambda: None)
    cupy.cuda.Device = lambda index: device


def test_it_says_what_it_is(cupy: Any) -> None:
    gpu = nvidia.open_gpu(0)
    assert (gpu.name, gpu.device, gpu.index) == ("Fake H1", "cuda:0", 0)
    assert (gpu.architecture, gpu.driver) == (f"sm_{CAPABILITY}", "13.0")
    assert opened("cuda") is opened("cuda:0") is gpu


@pytest.mark.parametrize(
    ("capability", "says"),
    [
        ("70", "Fake H1 of compute capability 7.0; CUDA 13 needs 7.5 or newer"),
        ("130", "NVRTC 13.0 compiles for GPUs of compute capability 7.5 to 9.0, not 13.0"),
    ],
)
def test_a_gpu_too_old_or_too_new_is_a_sentence(cupy: Any, capability: str, says: str) -> None:
    of_capability(cupy, capability)
    with pytest.raises(DeviceError, match=f"--device cuda: .*{says}.*--device cpu gives the same") as caught:
        opened("cuda")
    assert str(caught.value).count("--device cpu") == 1


def test_a_number_that_is_not_there_is_a_sentence(cupy: Any) -> None:
    with pytest.raises(DeviceError, match="there is no GPU cuda:3; available: cuda:0"):
        opened("cuda:3")


def test_a_cupy_that_does_not_fit_is_a_sentence(cupy: Any) -> None:
    def refuses() -> int:
        raise RuntimeError("cudaErrorInsufficientDriver")

    cupy.cuda.runtime.getDeviceCount = refuses
    with pytest.raises(
        DeviceError, match=r"CuPy cannot use the GPU \(cudaErrorInsufficientDriver\); .*CUDA 13"
    ):
        opened("cuda")


def test_a_cupy_that_does_not_load_is_a_sentence(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(DeviceError, match=r"CuPy does not load .*pip install 'vsr-realtime\[cuda\]'"):
        opened("cuda")
