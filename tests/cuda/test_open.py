"""Opening a GPU: what it says of itself, and one sentence for each that cannot be used."""

import ctypes
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.cuda.fake_cupy import CAPABILITY, FakeCupyError, fake_compiled, fake_cupy
from tests.make_media import Clip, make
from vsr.device.cuda import nvidia, nvrtc
from vsr.device.cuda.gpu import OutOfMemoryError
from vsr.device.cuda.launch import Source
from vsr.errors import DeviceError
from vsr.frame import PictureSpec, empty_frame, pixel_format
from vsr.options import UpscaleOptions
from vsr.pipeline.job import Job
from vsr.upscaler import Upscaler, opened


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


@pytest.mark.parametrize(
    ("refusal", "says"),
    [
        (
            "cudaErrorMemoryAllocation: out of memory",
            r"the machine, not cuda:0, is out of memory: it has no 0\.2 MB .*--threads",
        ),
        ("cudaErrorIllegalAddress", "cuda:0 failed: cudaErrorIllegalAddress"),
    ],
)
def test_memory_that_the_host_lacks_is_not_the_gpus_fault(cupy: Any, refusal: str, says: str) -> None:
    def refuses(size: int) -> None:
        raise FakeCupyError(refusal)

    gpu = nvidia.open_gpu(0)
    cupy.cuda.alloc_pinned_memory = refuses
    with pytest.raises(DeviceError, match=says) as caught:
        gpu.host_array((400, 500), np.dtype(np.uint8))
    assert not isinstance(caught.value, OutOfMemoryError)


def test_what_a_gpu_has_to_say_is_kept_once(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kernel that is compiled finds the same folder closed."""

    def compiled(source: Source, architecture: str, say: Callable[[str], None]) -> bytes:
        say("compiled kernels cannot be kept")
        return fake_compiled(source, architecture, say)

    monkeypatch.setattr(nvidia, "compiled", compiled)
    gpu = nvidia.open_gpu(0)
    frame = empty_frame(16, 16, pixel_format("yuv420p"))
    spec = PictureSpec(width=16, height=16, format=frame.format, color=frame.color)
    for model in ("bicubic", "anime4k-classic"):
        with Upscaler(model, source=spec, device=gpu) as upscaler:
            upscaler(frame)
    assert gpu.notes == ["compiled kernels cannot be kept"]


def test_a_run_tells_what_its_gpu_has_to_say(
    cupy: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def compiled(source: Source, architecture: str, say: Callable[[str], None]) -> bytes:
        say("compiled kernels cannot be kept")
        return fake_compiled(source, architecture, say)

    monkeypatch.setattr(nvidia, "compiled", compiled)
    source = make(tmp_path / "in.mkv", Clip())
    told: list[tuple[str, ...]] = []
    for _ in range(2):  # the second finds the kernels loaded
        with Job(str(source), str(tmp_path / "x"), UpscaleOptions(device="cuda", format="null")) as job:
            told.append(job.run().said)
    assert told == [("compiled kernels cannot be kept",), ()]
