"""Programs as peers: fed, held still between turns, accounted for, and their last words kept."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from tests.bench.small_clips import small
from vsr.bench.peers.process import Program, Running
from vsr.errors import DeviceError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="programs are accounted for through /proc")
SPIN = ["sh", "-c", "echo ready; while :; do :; done"]


def test_a_held_program_uses_no_time_and_goes_on_afterwards() -> None:
    running = Running(SPIN)
    try:
        running.receive(6)
        running.pause()
        time.sleep(0.05)
        held = running.cpu_seconds()
        time.sleep(0.3)
        assert running.cpu_seconds() == held
        running.resume()
        deadline = time.monotonic() + 20
        while running.cpu_seconds() < held + 0.1:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert running.rss_mb() > 0.3
    finally:
        running.end()
    assert running.cpu_seconds() == 0


def test_children_of_the_program_count_too() -> None:
    running = Running(["sh", "-c", "sh -c 'while :; do :; done' & echo ready; wait"])
    try:
        running.receive(6)
        deadline = time.monotonic() + 20
        while running.cpu_seconds() < 0.1:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        running.end()


def test_what_a_program_said_last_is_the_reason() -> None:
    running = Running(["sh", "-c", "echo first >&2; echo 'no such filter' >&2; exit 3"])
    with pytest.raises(DeviceError, match=r"^sh ended with status 3: no such filter$"):
        running.receive(1)
    running.end()


def test_a_program_that_stops_reading_is_noticed(tmp_path: Path) -> None:
    made = small(tmp_path)
    script = "head -c 20000 > /dev/null; echo enough >&2"
    program = Program(clip=made, shown=["false"], measured=["sh", "-c", script])
    with pytest.raises(DeviceError, match="sh ended with status 0: enough"):
        program.turn(20)
    program.end()


def test_a_program_that_gives_too_little_is_no_result(tmp_path: Path) -> None:
    made = small(tmp_path)
    program = Program(clip=made, shown=["sh", "-c", "head -c 10000; echo full >&2"], measured=["true"])
    with pytest.raises(DeviceError, match="sh ended with status 0: full"):
        list(program.lumas())


def test_a_program_that_reads_the_clip_itself_says_when_a_frame_is_made(tmp_path: Path) -> None:
    script = "while :; do printf .; sleep 0.05; done"
    program = Program(clip=small(tmp_path), shown=["true"], measured=["sh", "-c", script], reads_pipe=False)
    answer = program.turn(0.5)
    program.end()
    assert len(answer["frames"]) == 1 and answer["frames"][0] > 0.03
    assert answer["frames_run"] <= 12 and answer["rss_mb"] > 0.3


def test_only_the_mean_says_how_fast_bursts_come(tmp_path: Path) -> None:
    """Of four frames at once and a pause, the median would be no time at all."""
    script = "while :; do printf ....; sleep 0.1; done"
    program = Program(clip=small(tmp_path), shown=["true"], measured=["sh", "-c", script], reads_pipe=False)
    answer = program.turn(1.5)
    program.end()
    assert answer["frames"][0] > 0.02
