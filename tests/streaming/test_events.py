"""What a log says of a live run: each thing that happens as it happens, once, with its time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.make_media import Clip, Picture, Text, make
from tests.streaming.statuses import running
from vsr.cli.live import _Display
from vsr.cli.main import main
from vsr.streaming.events import events_between
from vsr.streaming.report import LiveReport
from vsr.streaming.status import LiveStatus, OutputStatus


def happened(**changes: Any) -> list[tuple[str, dict[str, Any]]]:
    before = running()
    return [(event.name, event.facts) for event in events_between(before, replace(before, **changes))]


@pytest.mark.parametrize(
    ("changes", "want"),
    [
        ({}, []),
        ({"frames_in": 1300, "frames_out": 1290, "fps_in": 1.0}, []),
        ({"state": "stalled"}, [("state", {"state": "stalled", "was": "running"})]),
        ({"frames_dropped": 14}, [("drop", {"frames": 3, "total": 14})]),
        ({"step": 2}, [("step", {"model": "bilinear", "was": "bicubic", "chosen": False})]),
        ({"frames_paused": 20, "state": "paused"}, [("state", {"state": "paused", "was": "running"})]),
        ({"reconnects": 7}, [("reconnect", {"total": 7})]),
        ({"recording": None}, [("recording", {"file": None, "was": "take.mkv"})]),
    ],
)
def test_each_change_is_an_event(changes: dict[str, Any], want: list[Any]) -> None:
    assert happened(**changes) == want


def test_events_of_outputs_name_them() -> None:
    first, second = running().outputs
    second = replace(second, state="failed", errors=11, last_error="gone for good", packets_dropped=20)
    name = {"output": second.name}
    assert happened(outputs=(first, second)) == [
        ("output_error", {**name, "error": "gone for good", "total": 11}),
        ("output", {**name, "state": "failed", "was": "reconnecting"}),
        ("output_drop", {**name, "packets": 5, "total": 20}),
    ]


def test_a_run_begins_with_no_step() -> None:
    begun = [event.name for event in events_between(LiveStatus(), running())]
    assert "step" not in begun
    assert begun.count("output") == 2


def logged(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_log_has_events_at_once_and_whole_statuses_rarely(capsys: pytest.CaptureFixture[str]) -> None:
    display = _Display("json")
    for tick in range(100):
        display.status(replace(running(), uptime_seconds=tick / 4, step=1 if tick < 50 else 2))
    display.end(LiveReport(status=replace(running(), uptime_seconds=24.9), stopped=False, said=()))
    found = logged(capsys.readouterr().err)
    names = [line["event"] for line in found]
    assert names.count("status") == 3
    assert names.count("step") == 2, "the last status went back"
    assert names[-1] == "report"
    assert found[-1]["report"]["exit_code"] == 3


@pytest.mark.parametrize("mode", ["lines", "none"])
def test_drops_are_said_but_not_each(mode: Any, capsys: pytest.CaptureFixture[str]) -> None:
    display = _Display(mode)
    for tick in range(100):
        display.status(replace(running(), uptime_seconds=tick / 4, frames_dropped=tick))
    display.status(replace(running(), uptime_seconds=40, frames_dropped=81, frames_paused=500))
    said = [line for line in capsys.readouterr().err.splitlines() if "dropped frames: " in line]
    assert said == [
        "vsr: dropped frames: 1, 1 in all",
        "vsr: dropped frames: 40, 41 in all",
        "vsr: dropped frames: 40, 81 in all",
    ]


def test_a_run_that_took_no_frame_states_no_latency() -> None:
    report = LiveReport(status=LiveStatus(), stopped=True, said=())
    assert not any("latency" in line for line in report.lines())


def test_frames_that_came_late_are_told_from_those_that_this_machine_dropped() -> None:
    status = LiveStatus(frames_in=90, frames_out=85, frames_dropped=5)
    (dropped,) = LiveReport(status=status, stopped=False, said=()).lost
    (late,) = LiveReport(status=replace(status, frames_late=4), stopped=False, said=()).lost
    assert dropped == "5 of 90 frames were dropped"
    assert late == f"{dropped}, 4 of them because they came late from the source"


def test_an_output_that_was_not_finished_is_lost() -> None:
    whole = OutputStatus(name="a.mkv", state="closed", packets_written=1)
    outputs = (whole, OutputStatus(name="slow", state="writing"))
    report = LiveReport(status=LiveStatus(frames_out=1, outputs=outputs), stopped=False, said=())
    (sentence,) = report.lost
    assert sentence.startswith("slow: it did not take in time")
    assert report.exit_code == 3


def test_an_output_that_came_back_has_still_missed_something() -> None:
    away = OutputStatus(
        name="away", state="closed", packets_dropped=7, last_error="away: it closed", errors=1
    )
    full = OutputStatus(name="slow", state="closed", packets_dropped=2)
    broken = OutputStatus(name="cut", state="closed", packets_written=9, last_error="cut: it broke", breaks=1)
    late = OutputStatus(name="late", state="closed")
    outputs = (away, full, broken, late)
    report = LiveReport(status=LiveStatus(frames_out=1, outputs=outputs), stopped=False, said=())
    assert report.lost == (
        "away: it closed; 7 packets did not reach it",
        "slow: it took less than came; 2 packets did not reach it",
        "cut: it broke; what was on its way then did not reach it",
        "late: it got nothing; the run ended before it was open",
    )
    assert report.exit_code == 3


def test_the_log_of_a_real_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begin = datetime.now(UTC)
    words = ["testsrc2=s=64x48:r=25:d=1", "-F", "lavfi", "--pace", "-m", "bicubic,bilinear"]
    assert main(["live", *words, str(tmp_path / "out.mkv"), "--progress", "json"]) in (0, 3)
    found = logged(capsys.readouterr().err)
    times = [datetime.fromisoformat(line["time"]) for line in found]
    assert times == sorted(times)
    assert begin - timedelta(seconds=1) < times[0] <= times[-1] <= datetime.now(UTC)
    names = [line["event"] for line in found]
    assert names[-1] == "report" and names.count("status") == 1
    states = [line["state"] for line in found if line["event"] == "state"]
    assert states[0] in ("opening", "running") and states[-1] == "ended"
    assert [line["state"] for line in found if line["event"] == "output"][-1] == "closed"


def test_guesses_engines_and_a_ladder_upside_down_are_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = ["testsrc2=s=160x90:r=25:d=0.3,format=yuv420p", "-F", "lavfi", "--pace"]
    assert main(["live", *source, "-m", "bilinear,cnn-m-photo", str(tmp_path / "out.mkv")]) in (0, 3)
    said = capsys.readouterr().err.splitlines()
    begin = next(line for line in said if " -> " in line)
    assert begin.endswith("160x90 -> 320x180 by bilinear, cnn-m-photo; libx264 yuv420p")
    assert sum("ladder: cnn-m-photo takes" in line for line in said) == 1
    assert sum("is not tagged" in line for line in said) >= 1
    assert sum(line.startswith("vsr: cnn-m-photo: ") for line in said) <= 1


def test_a_stream_that_is_left_out_is_named_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = make(tmp_path / "clip.mkv", Clip(picture=Picture(frames=5), texts=(Text(),)))
    assert main(["live", str(clip), "-m", "bilinear", str(tmp_path / "out.flv")]) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if "subtitle" in line]
    assert len(said) == 1 and said[0].startswith("vsr: not kept: ")
