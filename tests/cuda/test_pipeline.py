"""Whole runs with --device cuda, a CPU in the GPU's place."""

import ctypes
import json
from pathlib import Path

import pytest

from tests.cuda.host_gpu import HostGpu
from tests.make_media import Clip, Picture, make
from vsr.cli.main import main
from vsr.device.cuda import nvidia


@pytest.fixture
def gpu(host: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> HostGpu:
    stand_in = HostGpu(host)
    monkeypatch.setattr(nvidia, "open_gpu", lambda index: stand_in)
    return stand_in


@pytest.mark.parametrize("name", ["yuv420p", "yuv420p10le"])
def test_the_frames_and_times_are_those_of_the_cpu(gpu: HostGpu, tmp_path: Path, name: str) -> None:
    source = make(tmp_path / "in.mkv", Clip(picture=Picture(pix_fmt=name)))
    sums = {}
    for device in ("cpu", "cuda"):
        result = tmp_path / f"{device}.txt"
        assert main(["upscale", str(source), str(result), "-f", "framemd5", "--device", device]) == 0
        sums[device] = result.read_text()
    assert sums["cpu"] == sums["cuda"]
    assert gpu.kernels, "nothing ran in the GPU's place"


def test_the_report_says_where_it_ran(gpu: HostGpu, tmp_path: Path) -> None:
    source, report = make(tmp_path / "in.mkv", Clip()), tmp_path / "report.json"
    command = ["upscale", str(source), str(tmp_path / "out.mkv"), "--device", "cuda:0"]
    assert main([*command, "--report", str(report)]) == 0
    facts = json.loads(report.read_text())
    assert facts["plan"]["device"] == "cuda:0 (host), 3 frames at once"
    assert facts["gpu"]["redone_frames"] == 0
    assert facts["gpu"]["uploaded_bytes"] > 0
