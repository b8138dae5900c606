"""What doctor says of GPUs: with none, and with a stand-in for the driver and for one GPU."""

from __future__ import annotations

import ctypes
import importlib
import json
from types import SimpleNamespace
from typing import Any

import pytest

from vsr.cli import doctor_gpu
from vsr.cli.main import main
from vsr.device import cuda
from vsr.device.cuda import driver, nvcuvid, nvidia, pycuda_report
from vsr.device.cuda.nvcuvid import Abilities
from vsr.errors import DeviceError
from vsr.media.nvenc import Nvenc

CARD = driver.Card(index=0, name="NVIDIA Stand-in", capability="8.9", memory_bytes=24 << 30)


def put(pointer: Any, kind: Any, value: int) -> int:
    ctypes.cast(pointer, ctypes.POINTER(kind))[0] = value
    return 0


class Library:
    """A driver with one GPU, as ctypes sees it."""

    def cuInit(self, flags: int) -> int:  # noqa: N802
        return 0

    def cuDriverGetVersion(self, number: Any) -> int:  # noqa: N802
        return put(number, ctypes.c_int, 13000)

    def cuDeviceGetCount(self, number: Any) -> int:  # noqa: N802
        return put(number, ctypes.c_int, 1)

    def cuDeviceGet(self, device: Any, index: int) -> int:  # noqa: N802
        return put(device, ctypes.c_int, index)

    def cuDeviceGetName(self, name: Any, size: int, device: Any) -> int:  # noqa: N802
        name.value = CARD.name.encode()
        return 0

    def cuDeviceTotalMem_v2(self, size: Any, device: Any) -> int:  # noqa: N802
        return put(size, ctypes.c_size_t, CARD.memory_bytes)

    def cuDeviceGetAttribute(self, number: Any, attribute: int, device: Any) -> int:  # noqa: N802
        return put(number, ctypes.c_int, {75: 8, 76: 9}[attribute])


def no_driver() -> Any:
    raise OSError("libcuda.so.1: cannot open shared object file")


def test_without_a_driver_it_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(driver, "library", no_driver)
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "NVIDIA" in line] == [line for line in lines if line.startswith("gpu ")]
    assert "install 580 or newer" in next(line for line in lines if line.startswith("gpu "))
    assert main(["doctor", "--json"]) == 0
    gpu = json.loads(capsys.readouterr().out)["gpu"]
    assert (gpu["usable"], gpu["driver"], gpu["cards"]) == (False, None, [])


def test_the_driver_tells_of_its_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "library", Library)
    found = driver.examine()
    assert found is not None
    assert (found.cuda, found.cards) == ("13.0", (CARD,))


def test_a_gpu_without_the_packages_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "library", Library)
    monkeypatch.setattr(cuda, "_package_fault", lambda: "CuPy (cupy-cuda13x) not installed: pip install it")
    text = doctor_gpu.lines(doctor_gpu.examine())
    assert "CuPy (cupy-cuda13x) not installed" in text[0]
    assert "knows CUDA 13.0" in text[1]
    assert text[2] == "cuda:0    NVIDIA Stand-in, compute capability 8.9, 24.0 GiB"


@pytest.fixture
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    able = Abilities(num_decoders=2, min_size=(48, 16), max_size=(8192, 8192), max_macroblocks=262144)
    gpu = SimpleNamespace(device="cuda:0", index=0, name=CARD.name, architecture="sm_90")
    refusals = {"av1_nvenc": "No capable devices found"}
    monkeypatch.setattr(driver, "library", Library)
    monkeypatch.setattr(cuda, "unavailable", lambda: None)
    monkeypatch.setattr(nvidia, "open_gpu", lambda index: gpu)
    monkeypatch.setattr(
        nvcuvid,
        "abilities",
        lambda gpu, codec, chroma, depth: able if (codec, chroma) == ("hevc", "420") else None,
    )
    monkeypatch.setattr(Nvenc, "refusal", lambda self, encoder, layout: refusals.get(encoder))


def test_what_a_gpu_decodes_and_encodes(one_gpu: None) -> None:
    facts = doctor_gpu.examine()
    text = "\n".join(doctor_gpu.lines(facts))
    assert "decodes hevc (8 bit 420, 10 bit 420, 12 bit 420)" in text
    assert "encodes h264_nvenc nv12, h264_nvenc p010le, hevc_nvenc nv12, hevc_nvenc p010le\n" in text
    assert "does not encode av1_nvenc nv12, av1_nvenc p010le: No capable devices found" in text
    assert facts["cards"][0]["nvdec"]["decoders"] == {"hevc": "2"}
    if facts["packages"]["tensorrt_rtx"]:
        assert "tensorrt_rtx builds for it: no: sm_90 is not one of" in text
    device = doctor_gpu.auto(facts)
    assert device["auto"] == "cpu" and "not been run on hardware" in device["why"]


def test_a_gpu_that_does_not_open_is_shown(one_gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(index: int) -> Any:
        raise DeviceError("cuda:0 failed: it fell off the bus")

    monkeypatch.setattr(nvidia, "open_gpu", broken)
    assert "NOT WORKING: cuda:0 failed" in doctor_gpu.lines(doctor_gpu.examine())[-1]


def test_a_driver_without_video_is_shown(one_gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*kind: Any) -> Any:
        raise DeviceError("there is no NVDEC library")

    monkeypatch.setattr(nvcuvid, "abilities", absent)
    assert "decodes nothing: there is no NVDEC library" in "\n".join(doctor_gpu.lines(doctor_gpu.examine()))


# -- pycuda


class Pycuda:
    """The part of pycuda.driver that is used."""

    class Error(Exception):
        pass

    def __init__(self, *, refuses: bool = False) -> None:
        self.calls: list[str] = []
        self._refuses = refuses
        self.device_attribute = SimpleNamespace(**{name: name for name in pycuda_report._ATTRIBUTES})

    def init(self) -> None:
        if self._refuses:
            raise self.Error("cuInit failed: no device")
        self.calls.append("init")

    def Device(self, index: int) -> Any:  # noqa: N802
        calls = self.calls
        context = SimpleNamespace(push=lambda: calls.append("push"), pop=lambda: calls.append("pop"))

        def retain() -> Any:
            calls.append("retain")
            return context

        return SimpleNamespace(
            get_attribute=lambda name: "DEFAULT" if name == "COMPUTE_MODE" else 7,
            retain_primary_context=retain,
        )

    def mem_get_info(self) -> tuple[int, int]:
        self.calls.append("memory")
        return 1, 2


def test_pycuda_borrows_the_primary_context(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = Pycuda()
    monkeypatch.setattr(importlib, "import_module", lambda name: stand_in)
    found = pycuda_report.report(0)
    assert (found["compute_mode"], found["ecc_enabled"], found["total_bytes"]) == ("DEFAULT", 7, 2)
    assert stand_in.calls == ["init", "retain", "push", "memory", "pop"]


def test_what_pycuda_cannot_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DeviceError, match=r"pip install 'vsr-realtime\[pycuda\]'"):
        pycuda_report.report(0)
    monkeypatch.setattr(importlib, "import_module", lambda name: Pycuda(refuses=True))
    with pytest.raises(DeviceError, match="the driver refuses cuda:0: cuInit failed"):
        pycuda_report.report(0)
