"""Other upscalers beside ours: who takes part, in what order, and that they are given the same work."""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import numpy as np
import pytest

from tests.bench.schema import problems
from tests.bench.small_clips import enlarged, rgb_network, small, video
from vsr.bench.harness import Case, Seen
from vsr.bench.machine import machine
from vsr.bench.peers import libplacebo, suite
from vsr.bench.peers.clip import SmallFrames
from vsr.bench.peers.contender import Task
from vsr.bench.peers.networks import graph_of
from vsr.bench.peers.table import PEERS
from vsr.bench.results import Method, Results
from vsr.bench.text import lines
from vsr.cli.main import main
from vsr.engine.fused.step import FusedStep
from vsr.errors import OptionError
from vsr.frame import empty_frame
from vsr.options import BenchPeersOptions
from vsr.quality.metrics import psnr

NETWORK = "cnn-m-photo"


def options(*peers: str, **others: object) -> BenchPeersOptions:
    """Return options of a short run in which any noise is allowed."""
    quick = {"rounds": 1, "turn": 0.05, "noise_limit": 100.0, "frames": 2, "threads": 1}
    return BenchPeersOptions(peer=peers, **{**quick, **others})  # type: ignore[arg-type]


@pytest.fixture
def clip(tmp_path: Path) -> str:
    return str(video(tmp_path / "clip.mkv", frames=2))


def program(folder: Path, name: str, script: str) -> None:
    """Put a shell script on a folder of programs."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_absent_peers_are_listed_with_what_installs_them(
    clip: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("vsr.bench.peers.contender.find_spec", lambda name: None)
    results = suite.run(clip, options(*(name for name in PEERS if name != "vsr")), print)
    assert [each.name for each in results.absent] == [name for name in PEERS if name != "vsr"]
    remedies = {each.name: each.remedy for each in results.absent}
    assert remedies["ncnn"] == "python -m pip install ncnn pnnx"
    assert "pip install vapoursynth" in remedies["vapoursynth"] and "ffmpeg" in remedies["ffmpeg"]
    assert results.exit_code == 1 and "nothing could be measured" in lines(results)


def test_results_can_be_kept(
    clip: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    words = [clip, "--peer", "ffmpeg", "--frames", "2", "--keep", str(tmp_path)]
    assert main(["bench", "peers", *words]) == 1
    assert "not kept: there is nothing in it to trust" in capsys.readouterr().out


def test_libplacebo_wants_a_real_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    said = "case $* in *-filters*) echo ' ..C libplacebo V->V';; *) echo 'Device 0 selected: {}' >&2;; esac"
    program(tmp_path, "ffmpeg", said.format("llvmpipe (LLVM 15, 256 bits) (software) (0x0)"))
    absent = libplacebo.absent()
    assert absent is not None and "llvmpipe" in absent.why and "GPU" in absent.remedy
    program(tmp_path, "ffmpeg", said.format("NVIDIA H200 (discrete) (0x2335)"))
    assert libplacebo.absent() is None
    program(tmp_path, "ffmpeg", "echo nothing")
    absent = libplacebo.absent()
    assert absent is not None and "no filter libplacebo" in absent.why
    monkeypatch.setenv("PATH", str(tmp_path))  # else another ffmpeg is found where this one does not run
    (tmp_path / "ffmpeg").write_bytes(b"\x7fELF of another processor")
    absent = libplacebo.absent()
    assert absent is not None and "does not say what it has" in absent.why


@pytest.mark.skipif(find_spec("onnxruntime") is None, reason="onnxruntime is not installed")
def test_a_peer_that_fails_does_not_end_the_run(
    clip: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    program(tmp_path / "bin", "ffmpeg", "echo 'ffmpeg: it does not like the clip' >&2; exit 7")
    results = suite.run(clip, options("ffmpeg", "onnxruntime", network=(NETWORK,)))
    by_name = {case.name: case for case in results.cases}
    failed = by_name["ffmpeg lanczos"].refused or ""
    assert failed == "ffmpeg ended with status 7: ffmpeg: it does not like the clip"
    done = by_name[f"onnxruntime {NETWORK} fp32"]
    assert done.refused is None and done.figures["fps"] > 0 and done.figures["psnr_y_db"] > 20
    assert by_name[f"onnxruntime {NETWORK} fp32 alone"].figures["fps"] > 0
    assert results.exit_code == 3
    shown = "\n".join(lines(results))
    assert f"refused  ffmpeg lanczos: {failed}" in shown


def test_a_picture_is_what_it_is_however_noisy_the_machine() -> None:
    case = Case(name="a peer", group="whole run", prepare="", parameters={})
    seen = Seen(case=case, known={"psnr_y_db": 40.25, "start_seconds": 1.0}, rounds=[[1.0], [2.0]])
    method = Method(rounds=2, turn_seconds=1, noise_limit=0.1)
    result = suite._result(seen, method)
    assert result.refused is not None and result.figures == {"psnr_y_db": 40.25}
    shown = lines(Results(suite="peers", method=method, cases=(result,), machine=machine()))
    assert any(line.startswith("refused  a peer (PSNR dB 40.25): its rounds differ") for line in shown)


@pytest.fixture(scope="module")
def run_of_ffmpeg(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, list[str]]:
    """Return the results of two rounds of FFmpeg's scalers, and what was told meanwhile."""
    if which("ffmpeg") is None:
        pytest.skip("no ffmpeg on PATH")
    told: list[str] = []
    clip = video(tmp_path_factory.mktemp("clip") / "clip.mkv", frames=2)
    return suite.run(str(clip), options("ffmpeg", rounds=2), told.append), told


def test_contenders_take_turns_and_every_second_round_goes_backwards(
    run_of_ffmpeg: tuple[Results, list[str]],
) -> None:
    results, told = run_of_ffmpeg
    turns = [re.fullmatch(r"whole run: (.+): round (\d) of 2", text) for text in told]
    order = [(int(match[2]), match[1]) for match in turns if match]
    first = [name for number, name in order if number == 1]
    assert first == ["ffmpeg bicubic", "ffmpeg lanczos", "ffmpeg zimg-lanczos"]
    assert [name for number, name in order if number == 2] == first[::-1]
    assert all(len(case.samples) == 2 for case in results.cases)


def test_results_say_what_was_done_and_nothing_of_where(run_of_ffmpeg: tuple[Results, list[str]]) -> None:
    content = run_of_ffmpeg[0].to_json()
    assert "vsr-bench-" not in str(content)
    assert problems(content) == []
    expected = {"peer": "ffmpeg", "width": 64, "height": 48, "scale": 2, "frames": 2, "threads": 1}
    for case in content["cases"]:
        assert expected.items() <= case["parameters"].items()
        assert re.match(r"[\dNn]", case["parameters"]["version"])
        if case["refused"] is None:  # two rounds may differ too much on a loaded machine
            assert case["figures"]["cpu_ms"] > 0 and case["figures"]["rss_mb"] > 5
            assert case["figures"]["psnr_y_db"] > 30 and case["figures"]["start_seconds"] > 0


@pytest.mark.parametrize("peer", ["vsr", "onnxruntime", "openvino", "torch", "ncnn"])
def test_the_same_network_gives_the_same_picture(peer: str, tmp_path: Path) -> None:
    for needed in {"vsr": [], "ncnn": ["ncnn", "pnnx"]}.get(peer, [peer]):
        if find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed")
    made = small(tmp_path)
    for way in (NETWORK, str(rgb_network(tmp_path / "rgb.onnx"))):
        step = FusedStep(graph_of(way), made.source, made.target)
        into = empty_frame(made.target.width, made.target.height, made.target.format)
        frames, ours = SmallFrames(made), []
        for _ in range(made.frames):
            step(frames.next(), into.planes)
            ours.append(into.planes[0].copy())
        assert psnr(np.stack(ours), enlarged(peer, way, made)) > 60


@pytest.mark.skipif(which("ffmpeg") is None, reason="no ffmpeg on PATH")
def test_ffmpeg_gives_a_picture_for_each_frame_in_order(tmp_path: Path) -> None:
    made = small(tmp_path)
    contender = PEERS["ffmpeg"].start(Task(clip=made, way="lanczos", precision="", threads=1))
    pairs = list(zip(made.originals(), contender.lumas(), strict=True))
    own = [psnr(original, luma) for original, luma in pairs]
    assert min(own) > 30
    assert max(psnr(pairs[0][0], luma) for _, luma in pairs[1:]) < min(own)


def test_networks_that_peers_cannot_have_are_refused() -> None:
    with pytest.raises(OptionError, match="lanczos3 is no network; name one"):
        graph_of("lanczos3")
    with pytest.raises(OptionError, match=r"unknown model 'cnn-m-foto'.*Did you mean 'cnn-m-photo'"):
        graph_of("cnn-m-foto")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--peer", "ffmpg"], "unknown peer 'ffmpg'"),
        (["--peer", "ffmpeg", "--peer", "ffmpeg"], "--peer names ffmpeg twice"),
        (["--frames", "0"], "--frames is 0; give 1 to 1000"),
        (["--threads", "-1"], "--threads is -1"),
        (["--network", "bicubic"], "bicubic is no network"),
    ],
)
def test_bad_options_get_a_sentence(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "peers", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_clip_that_is_too_small_or_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny = video(tmp_path / "tiny.mkv", width=48, height=48, frames=1)
    assert main(["bench", "peers", str(tiny), "--peer", "vsr"]) == 2
    assert "tiny.mkv is 48x48; peers are compared on clips of 64x64 or more" in capsys.readouterr().err
    assert main(["bench", "peers", str(tmp_path / "none.mkv"), "--peer", "vsr"]) == 1
    assert "none.mkv" in capsys.readouterr().err
