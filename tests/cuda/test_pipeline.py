"""Whole runs with --device cuda."""

import json
from pathlib import Path

import pytest

from tests.make_media import Clip, Picture, make
from vsr.cli.main import main
from vsr.device.cuda import nvidia
from vsr.device.cuda.gpu import Gpu


@pytest.fixture(autouse=True)
def the_gpu(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvidia, "open_gpu", lambda index: gpu)


@pytest.mark.parametrize("name", ["yuv420p", "yuv420p10le"])
def test_the_frames_and_times_are_those_of_the_cpu(gpu: Gpu, tmp_path: Path, name: str) -> None:
    source = make(tmp_path / "in.mkv", Clip(picture=Picture(pix_fmt=name)))
    sums = {}
    for device in ("cpu", "cuda"):
        where = ["--device", device, "--decoder", "cpu"]
        result = tmp_path / f"{device}.txt"
        assert main(["upscale", str(source), str(result), "-m", "lanczos3", "-f", "framemd5", *where]) == 0
        sums[device] = result.read_text()
    assert sums["cpu"] == sums["cuda"]
    assert gpu.moved.uploaded_bytes, "nothing went to the GPU"


def test_the_report_says_where_it_ran(gpu: Gpu, tmp_path: Path) -> None:
    source, report = make(tmp_path / "in.mkv", Clip()), tmp_path / "report.json"
    command = [
        "upscale",
        str(source),
        str(tmp_path / "out.mkv"),
        "-m",
        "lanczos3",
        "--device",
        "cuda:0",
        "--decoder",
        "cpu",
    ]
    assert main([*command, "--report", str(report)]) == 0
    facts = json.loads(report.read_text())
    assert facts["plan"]["device"] == f"cuda:0 ({gpu.name}), 3 frames at once"
    assert facts["gpu"]["redone_frames"] == 0
    assert facts["gpu"]["uploaded_bytes"] > 0
