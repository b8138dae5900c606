"""`vsr bench models`, run for a moment."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.bench.schema import read_valid
from tests.cuda.host import build
from tests.cuda.host_gpu import HostGpu
from vsr import upscaler
from vsr.bench import harness, models
from vsr.cli.main import main
from vsr.device import cpu
from vsr.frame import PictureSpec, pixel_format

QUICK = ["--size", "64x48", "--rounds", "1", "--turn", "0.02", "--noise-limit", "100"]


@pytest.fixture(scope="module")
def host() -> ctypes.CDLL:
    return build()


def test_models(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "r.json"
    isa = cpu.features()[-1]
    words = ["bilinear", "cnn-m-photo", "--isa", isa, "--threads", "1", "--json", str(path)]
    assert main(["bench", "models", *words, *QUICK]) == 0
    scaler, network = read_valid(path)["cases"]
    assert (scaler["name"], network["name"]) == (f"bilinear 64x48 {isa}", f"cnn-m-photo 64x48 {isa}")
    assert scaler["parameters"]["engine"] == "-" and scaler["parameters"]["isa"] == isa
    assert network["parameters"]["scale"] == 2 and network["parameters"]["frames_in"] == "cpu"
    figures = network["figures"]
    assert figures["fps"] == pytest.approx(1 / network["samples"][0])
    assert figures["gmac_per_second"] == pytest.approx(figures["gmac"] * figures["fps"])
    assert 0 < figures["share_of_peak_percent"] < 120
    assert "gmac" not in scaler["figures"]
    assert "cnn-m-photo 64x48" in capsys.readouterr().out


@pytest.mark.parametrize("suite", ["models", "kernels"])
def test_the_machine_is_as_it_was_before(suite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began = harness.Worker.__init__
    load = [0.0]

    def begin(worker: harness.Worker, case: harness.Case) -> None:
        load[0] = 2.0  # the benchmark's own
        began(worker, case)

    monkeypatch.setattr(harness.Worker, "__init__", begin)
    monkeypatch.setattr(os, "getloadavg", lambda: tuple(load * 3))
    path = tmp_path / "r.json"
    words = ["lanczos3"] if suite == "models" else ["convert", "gbrp"]
    main(["bench", suite, *words, *QUICK, "--json", str(path)])
    assert load == [2.0] and read_valid(path)["machine"]["load"] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nothing"], "unknown model 'nothing'"),
        (["area", "area"], "a model is named twice"),
        (["area", "--size", "big"], "--size is 'big'; give WxH, or 360p"),
        (["area", "--rounds", "0"], "--rounds is 0; give 1 to 1000"),
        (["area", "--turn", "nan"], "--turn is nan; give 0.02 to 60"),
        (["area", "--size", "360p", "--size", "360p"], "--size names 360p twice"),
        (["area", "--precision", "fp32", "--precision", "fp32"], "--precision names fp32 twice"),
        (["area", "--threads", "-1"], "--threads is -1; give 0 for one a core, or up to 1024"),
        (["area", "--isa", "sse"], "--isa is 'sse'; this processor runs"),
    ],
)
def test_bad_input(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "models", *words]) == 2
    assert sentence in capsys.readouterr().err


def test_what_cannot_run_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "models", "area", "--scale", "9999", *QUICK]) == 1
    out = capsys.readouterr().out
    assert "refused  area 64x48: width is 639936; allowed is 1 to 16384" in out
    assert out.endswith("nothing could be measured\n")


INTERRUPTED = """
import os, signal, sys
from vsr.bench import harness
from vsr.cli.main import main

# A test run in the background ignores the signal, and so would what it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
SIGNAL = sys.argv.pop(1)
take_turn, turns, pids = harness._take_turn, [], set()

def taken(seen, worker, method):
    take_turn(seen, worker, method)
    turns.append(seen)
    pids.add(worker._process.pid)
    if len(turns) == 8:
        print(*pids, file=sys.stderr)
        os.kill(os.getpid(), getattr(signal, SIGNAL))

harness._take_turn, harness._LARGEST_SPREAD = taken, 1e9
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_ctrl_c(name: str, tmp_path: Path) -> None:
    """Of the whole command: what was measured is written, 130, and nobody is left."""
    path = tmp_path / "r.json"
    words = ["bench", "models", "bilinear", "area", *QUICK, "--rounds", "1000", "--json", str(path)]
    process = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, name, *words], capture_output=True, text=True
    )
    assert process.returncode == 130, process.stderr
    pids = process.stderr.split()
    assert len(pids) == 2 and not any(Path(f"/proc/{pid}").exists() for pid in pids)
    content = read_valid(path)
    assert content["interrupted"] and [len(case["samples"]) for case in content["cases"]] == [4, 4]
    assert all(case["figures"]["fps"] > 0 for case in content["cases"])
    assert "interrupted: 2 cases were measured before" in process.stdout


def test_on_a_gpu_frames_stay_there(host: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a CPU in the GPU's place: no picture crosses the bus while it is measured."""
    gpu = HostGpu(host)
    monkeypatch.setattr(upscaler, "opened", lambda device: gpu)
    prepared = models.prepare(
        {
            "model": "bicubic", "width": 30, "height": 20, "scale": 2, "device": "cuda", "engine": "auto",
            "precision": "auto", "isa": "auto", "threads": 1, "shader_dir": None,
        }
    )  # fmt: skip
    assert prepared.parameters["frames_in"] == "cuda:0"
    before = gpu.moved.uploaded_bytes
    prepared.once()
    assert before == (30 * 20 + 60 * 40) * 3 // 2 and gpu.moved.uploaded_bytes == before
    spec = PictureSpec(width=30, height=20, format=pixel_format("yuv420p"))
    frame = models.drawing(spec)
    for plane, there in zip(frame.planes, models.on_gpu(frame, gpu).host_planes(), strict=True):
        np.testing.assert_array_equal(plane, there)


def test_the_isa_stays_in_its_process() -> None:
    assert cpu.ISA_VARIABLE not in os.environ
