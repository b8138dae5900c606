"""`vsr bench pipeline`: what its figures mean, in which order it measures, and what it refuses."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import pytest

from tests.bench.schema import problems
from tests.make_media import Clip, Picture, make
from vsr.bench import pipeline
from vsr.bench.harness import Case, CaseError
from vsr.bench.parts import PARTS
from vsr.bench.results import CaseResult, Results, from_json
from vsr.bench.text import lines
from vsr.cli.main import main
from vsr.errors import DecodeError, OptionError
from vsr.options import BenchPipelineOptions

FRAMES = 60
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of single threads")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    picture = Picture(width=320, height=192, frames=FRAMES)
    return make(tmp_path_factory.mktemp("bench") / "clip.mkv", Clip(picture=picture))


@pytest.fixture(scope="module")
def results(clip: Path) -> Results:
    """One round of a real clip; what others do to the machine does not matter."""
    options = BenchPipelineOptions(
        rounds=1, noise_limit=100, model=("lanczos3",), preset=("medium",), encoder="libx264", frames=56
    )
    return pipeline.run(str(clip), options)


@pytest.fixture
def case(results: Results) -> CaseResult:
    (case,) = results.cases
    assert case.refused is None
    return case


def test_a_case_says_what_ran(case: CaseResult) -> None:
    assert case.name == "clip.mkv lanczos3 medium"
    expected = {
        "width": 320,
        "height": 192,
        "scale": 2,
        "encoder": "libx264",
        "preset": "medium",
        "frames": 56,
    }
    assert {name: case.parameters[name] for name in expected} == expected


def test_frames_a_second_are_those_of_the_whole_run(case: CaseResult) -> None:
    trace = case.detail["trace"]
    assert trace["frames"] == 56
    assert case.figures["fps"] == pytest.approx(56 / trace["seconds"])
    for part in ("decode", "upscale", "encode"):
        assert case.figures[f"{part}_fps"] > 0
        assert case.figures[f"{part}_cpu_ms"] > 0
    # The cheapest stage for one frame, the dearest for the other: no stage got another's time.
    assert case.figures["encode_cpu_ms"] > 2 * case.figures["upscale_cpu_ms"]


@linux_only
def test_memory_is_that_of_the_run_and_of_its_encoder(case: CaseResult) -> None:
    assert 30 < case.figures["rss_mb"] < 1000
    # x264 has frames of its own: more of them than two, of 4:2:0.
    frame_mb = 640 * 384 * 1.5 / 1e6
    assert 2 * frame_mb < case.figures["encoder_mb"] < case.figures["rss_mb"]


@linux_only
def test_the_stages_account_for_the_core_time(case: CaseResult) -> None:
    """Processor time, and so the same however busy the machine is."""
    assert 95 <= case.figures["accounted_percent"] <= 101
    # A stage alone does what it does in the run: no more, but for a cold start, and hardly less.
    assert 70 <= case.figures["alone_percent"] <= 140
    parts = case.detail["core_seconds"]
    assert 1e3 * sum(parts.values()) / 56 == pytest.approx(case.figures["cpu_ms"])
    assert parts["write"] > parts["read"] and parts["write"] > parts["work"]


def test_efficiency_is_the_stages_core_time_over_that_of_the_cores(
    case: CaseResult, results: Results
) -> None:
    alone = sum(case.figures[f"{part}_cpu_ms"] for part in ("decode", "upscale", "encode")) / 1e3
    expected = 100 * alone * case.figures["fps"] / results.machine.cores
    assert case.figures["efficiency_percent"] == pytest.approx(expected)


def test_shares_are_shares(case: CaseResult) -> None:
    rows = case.detail["trace"]["shares"]
    assert {len(row) for row in rows.values()} == {len(rows["fill"])}
    assert all(0 <= share <= 1.001 for row in rows.values() for share in row)
    assert 0 < case.figures["queue_percent"] <= 100
    assert (
        case.figures["latency_p50_ms"] <= case.figures["latency_p95_ms"] <= case.figures["latency_longest_ms"]
    )


def test_results_come_back_from_their_file(results: Results) -> None:
    content = json.dumps(results.to_json(), allow_nan=False)
    assert problems(json.loads(content)) == []
    assert json.dumps(from_json(json.loads(content), "it").to_json()) == content
    assert results.exit_code == 0


def test_the_text_says_who_waits(results: Results, case: CaseResult) -> None:
    text = "\n".join(lines(results))
    assert f"{case.figures['fps']:.1f}" in text
    assert "the run waits for the encoder, busy" in text
    assert all(f"{word} " in text for word in ("decoding", "upscaling", "encoding"))


# -- with processes that only answer


def answer(case: Case, seconds: float = 2.0) -> dict[str, Any]:
    """What a part's process would say of 50 frames."""
    plain: dict[str, Any] = {"frames": 50, "seconds": seconds, "cpu_seconds": 1.0, "rss_mb": 100.0}
    plain["grown_mb"] = None
    if not case.name.endswith("whole"):
        return plain
    stage = {
        "threads": 1, "items": 50, "busy_seconds": 1.0, "input_wait_seconds": 0.5, "output_wait_seconds": 0.0,
        "cpu_seconds": 0.1,
    }  # fmt: skip
    return plain | {
        "open_seconds": 0.1,
        "verify_seconds": 0.1,
        "stages": {name: dict(stage) for name in ("read", "work", "write")},
        "cores": {"total": 3.0, "read": 0.5, "work": 1.0, "write": 1.4, "waiting": 0.02, "unknown": 0.0},
        "several_threads_a_frame": False,
        "copied_bytes": 0,
        "gpu": None,
        "trace": {
            "latency": {f"{name}_ms": 1.0 for name in ("p50", "p95", "p99", "longest")},
            "shares": {"fill": [0.5, 1.0]},
        },
    }


Answer = Callable[[Case], Mapping[str, Any]]
Play = Callable[[Answer], list[str]]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    """Put a function in the processes' place; returned are the names of the parts, as they are asked."""

    def begin(respond: Answer) -> list[str]:
        turns: list[str] = []

        class Playing:
            def __init__(self, case: Case) -> None:
                self._case = case

            def prepare(self) -> None:
                pass

            def turn(self, seconds: float) -> Mapping[str, Any]:
                turns.append(self._case.name.rpartition(" ")[2])
                return respond(self._case)

            def __enter__(self) -> Self:
                return self

            def __exit__(self, *exception: object) -> None:
                pass

        monkeypatch.setattr(pipeline, "Worker", Playing)
        return turns

    yield begin


def options(**changes: Any) -> BenchPipelineOptions:
    chosen: dict[str, Any] = {"rounds": 3, "noise_limit": 100, "model": ("bilinear",)}
    return BenchPipelineOptions(**(chosen | changes))


def test_what_auto_chose_is_said_and_kept_for_all_processes(play: Play, clip: Path) -> None:
    chosen: set[tuple[object, ...]] = set()

    def respond(case: Case) -> dict[str, Any]:
        chosen.add((case.parameters["engine"], case.parameters["precision"]))
        return answer(case)

    play(respond)
    network, scaler = pipeline.run(str(clip), options(rounds=1, model=("cnn-m-photo", "bilinear"))).cases
    assert network.parameters["engine"] in ("fused_cpu", "openvino")
    assert (scaler.parameters["engine"], scaler.parameters["precision"]) == ("-", "-")
    assert chosen == {
        (network.parameters["engine"], network.parameters["precision"]), ("auto", "auto")
    }  # fmt: skip


def test_the_order_turns_round_each_time(play: Play, clip: Path) -> None:
    turns = play(answer)
    (case,) = pipeline.run(str(clip), options()).cases
    assert turns == [*PARTS, *reversed(PARTS), *PARTS]
    assert case.samples == (0.04, 0.04, 0.04)
    assert case.figures["fps"] == 25


def test_noise_is_refused_and_said(play: Play, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Noisy:
        def others(self, own_seconds: float) -> float:
            return 0.6

    monkeypatch.setattr(pipeline, "NoiseMeter", Noisy)
    turns = play(answer)
    results = pipeline.run(str(clip), options(noise_limit=10))
    (case,) = results.cases
    assert len(turns) == 2 * 3 * len(PARTS)
    assert case.refused is not None and "others took up to 60 %" in case.refused
    assert not case.figures
    assert results.exit_code == 1


def test_a_part_that_fails_is_said_and_the_next_case_goes_on(play: Play, clip: Path) -> None:
    def respond(case: Case) -> dict[str, Any]:
        if case.name == "clip.mkv bilinear, encode":
            raise CaseError("it fell over")
        return answer(case)

    play(respond)
    results = pipeline.run(str(clip), options(model=("bilinear", "bicubic")))
    assert [case.refused for case in results.cases] == ["encode: it fell over", None]
    assert results.exit_code == 3


def test_an_interrupt_leaves_what_was_measured(
    play: Play, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def respond(case: Case) -> dict[str, Any]:
        if "bicubic" in case.name:
            raise KeyboardInterrupt
        return answer(case)

    play(respond)
    file = tmp_path / "results.json"
    arguments = [
        "--rounds",
        "1",
        "--noise-limit",
        "100",
        "-m",
        "bilinear",
        "-m",
        "bicubic",
        "--json",
        str(file),
    ]
    assert main(["bench", "pipeline", str(clip), *arguments]) == 130
    content = json.loads(file.read_text())
    assert content["interrupted"] is True
    assert [case["name"] for case in content["cases"]] == ["clip.mkv bilinear"]
    assert "interrupted: 1 case" in capsys.readouterr().out


def test_unsteady_runs_give_no_figures(play: Play, clip: Path) -> None:
    times = iter([2.0, 2.0, 4.0, 6.0])
    play(lambda case: answer(case, next(times) if case.name.endswith("whole") else 2.0))
    (case,) = pipeline.run(str(clip), options(rounds=4)).cases
    assert case.refused is not None and "whole: its rounds differ" in case.refused


# -- bad input


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"frames": 10}, "--frames is 10; give 48 to"),
        ({"rounds": 0}, "--rounds is 0; give 1 to"),
        ({"noise_limit": math.inf}, "--noise-limit is inf"),
        ({"size": ("480p",)}, "--size is that of a picture made here"),
        ({"model": ("bilinear", "bilinear")}, "--model names bilinear twice"),
        ({"size": ("64x48", "64x48")}, "--size names 64x48 twice"),
        ({"model": ("lanczos33",)}, "unknown model 'lanczos33'"),
        ({"soak": 0.0}, "--soak is 0; give minutes"),
        ({"threads": -1}, "--threads -1"),
    ],
)
def test_bad_options_are_refused_before_work(clip: Path, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OptionError) as raised:
        pipeline.run(str(clip), options(**changes))
    assert sentence in str(raised.value)


def test_a_short_clip_is_told_how_long_it_must_be(tmp_path: Path) -> None:
    short = make(tmp_path / "short.mkv", Clip(picture=Picture(frames=12)))
    with pytest.raises(OptionError, match=r"short\.mkv has 12 frames; .* at least 48, 1\.9 seconds"):
        pipeline.run(str(short), options())


def test_a_missing_clip_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DecodeError):
        pipeline.run(str(tmp_path / "none.mkv"), options())
    assert main(["bench", "pipeline", str(tmp_path / "none.mkv")]) == 1
    error = capsys.readouterr().err
    assert "none.mkv" in error and error.count("\n") == 1


def test_a_size_that_is_none_is_refused() -> None:
    with pytest.raises(OptionError, match="--size is 'large'; give WxH"):
        pipeline.run(None, options(size=("large",)))
