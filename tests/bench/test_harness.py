"""Who is measured when, what counts, and what becomes of a case that misbehaves."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.bench.samples import FAST, case
from vsr.bench import harness, machine
from vsr.bench.harness import Case, Seen, Worker, measure
from vsr.bench.machine import NoiseMeter, resident_bytes
from vsr.bench.results import Method


class Quiet:
    """A NoiseMeter that was told what it will have seen, and saw nothing after that."""

    values: Iterator[float | None] = iter(())

    def others(self, own_seconds: float) -> float | None:
        return next(self.values, 0.0)


@pytest.fixture(autouse=True)
def quick_and_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(harness, "NoiseMeter", Quiet)
    monkeypatch.setattr(harness, "_LARGEST_SPREAD", 100.0)
    monkeypatch.setattr(Quiet, "values", iter(()))


def alone(one: Case, method: Method = FAST) -> Seen:
    [seen], interrupted = measure([one], method)
    assert not interrupted
    return seen


def is_running(pid: int) -> bool:
    """Zombies have ended: some containers have nobody who waits for orphans."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def members(session: int) -> list[int]:
    """Return the processes of a session that run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[3]) == session and words[0] != "Z":
            found.append(int(folder.name))
    return found


def test_the_order_alternates(tmp_path: Path) -> None:
    log = tmp_path / "log"
    cases = [case(f"quick {number}", log=str(log)) for number in range(3)]
    seen, _ = measure(cases, FAST)
    names = {each.parameters["pid"]: number for number, each in enumerate(seen)}
    turns: list[int] = []
    for line in log.read_text().split():
        if not turns or turns[-1] != names[int(line)]:
            turns.append(names[int(line)])
    # Getting ready and warming up, one after another; then there, back, there. Who is last is first again.
    assert turns == [0, 1, 2, 0, 1, 2, 1, 0, 1, 2]


def test_groups_come_one_after_another() -> None:
    told: list[str] = []
    measure([case("quick a", "first"), case("quick b", "second")], FAST, told.append)
    assert [text.split(":")[0] for text in told] == [
        "quick a", "first", "first", "first", "quick b", "second", "second", "second"
    ]  # fmt: skip
    assert told[3] == "first: quick a: round 3 of 3"


def test_a_noisy_round_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Quiet, "values", iter([0.02, 0.5, 0.03, 0.4, 0.01]))
    seen = alone(case("quick"), Method(rounds=3, turn_seconds=0.02, noise_limit=0.1))
    assert (seen.noise, seen.spoiled, len(seen.rounds)) == ([0.02, 0.03, 0.01], [0.5, 0.4], 3)
    assert seen.refusal(FAST) is None


def test_a_case_that_stays_noisy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Quiet, "values", iter([0.02, 0.3, 0.25, 0.3, 0.3, 0.4]))
    method = Method(rounds=3, turn_seconds=0.02, noise_limit=0.1)
    seen = alone(case("quick"), method)
    result = seen.result(method, lambda seen: {"never": 1.0})
    assert result.refused == (
        "the machine was too noisy: others took up to 40 % of the processor and spoiled 5 rounds, "
        "1 of 3 count; stop what else runs and measure again"
    )
    assert not result.figures and len(result.samples) == 1


def test_rounds_that_differ_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "_LARGEST_SPREAD", 0.1)
    seen = Seen(case=case("quick"), rounds=[[1.0], [1.3], [1.0], [1.3]])
    method = Method(rounds=4, turn_seconds=0.02, noise_limit=0.1)
    differ = "its rounds differ by 26 %, from 1e+03 to 1.3e+03 ms; "
    stop = differ + "stop what else runs and measure again"
    assert seen.refusal(method) == stop, "nobody knows what others took"
    seen.noise = [0.02, 0.09]
    assert seen.refusal(method) == stop
    seen.noise = [0.02, 0.03]
    assert str(seen.refusal(method)).startswith(f"{differ}others of this system took 3 % at most, so it is")
    seen.rounds = [[1.0], [1.01], [0.99], [9.0], [1.0]]
    assert seen.refusal(FAST) is None, "one bad round moves neither the median nor the middle half"


def test_figures() -> None:
    seen = alone(case("quick"))
    seen.rounds = [[1.0, 2.0, 2.0], [2.0], [3.0, 4.0, 4.0]]
    result = seen.result(FAST, lambda seen: {"gmac": seen.known["gmac"]})
    assert result.samples == (2.0, 2.0, 4.0)
    assert result.figures["fps"] == 0.5 and result.figures["gmac"] == 2.0
    assert result.figures["p50_ms"] == 2000 and result.figures["p95_ms"] == 4000
    assert result.figures["spread_percent"] == 100
    assert result.figures["rss_mb"] > 5 and result.figures["cpu_ms"] > 0


def test_own_work_is_not_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system counts is what we and our process take: nobody else is there."""
    monkeypatch.setattr(harness, "NoiseMeter", NoiseMeter)
    ours = os.times

    def busy() -> float:
        known = sum(ours()[:2])
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(words[1]) == os.getpid():
                known += sum(map(int, words[11:13])) / os.sysconf("SC_CLK_TCK")
        return known

    monkeypatch.setattr(machine, "_busy_seconds", busy)
    method = Method(rounds=2, turn_seconds=0.5, noise_limit=1.0)
    seen = alone(case("spins"), method)
    assert max(seen.noise) < 0.05 and seen.cpu_seconds_a_frame[0] > 1e-4


def test_others_are_noise() -> None:
    code = "import time\nend = time.time() + 20\nwhile time.time() < end: pass"
    cores = os.cpu_count() or 1
    busy = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(cores)]
    try:
        time.sleep(0.1)
        meter = NoiseMeter()
        time.sleep(0.5)
        noise = meter.others(0.0)
        assert noise is not None and noise > 0.5
        assert (meter.others(100.0) or 0.0) == 0.0
    finally:
        for each in busy:
            each.kill()
            each.wait()


def test_a_system_that_does_not_count_says_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "_STAT", tmp_path / "stat")
    assert NoiseMeter().others(1.0) is None
    for text in ("cpu 0 0 0 0 0 0 0 0 0 0\n", "cpu 1 2 3 4\n"):
        (tmp_path / "stat").write_text(text)
        assert NoiseMeter().others(1.0) is None


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        (case("raises a", sentence="weights are missing; get them"), "weights are missing; get them"),
        (case("raises b"), "ValueError: a peer's own"),
        (case("memory"), "out of memory; try a smaller size"),
        (case("dies a", how="exit"), "its process ended with status 7: the last words"),
        (
            case("dies b", how="kill"),
            "its process was killed, by a system out of memory most likely; try a smaller size",
        ),
        (
            case("dies c", how="null"),
            "its process ended by signal 11 (Segmentation fault): it said nothing",
        ),
        (case("unknown"), "AttributeError: module 'tests.bench.samples' has no attribute 'unknown'"),
        (case("infinite"), "ValueError: Out of range float values are not JSON compliant"),
    ],
    ids=lambda value: value.name if isinstance(value, Case) else "",
)
def test_a_case_that_fails_does_not_end_the_others(bad: Case, sentence: str) -> None:
    [first, failed, last], interrupted = measure([case("quick 1"), bad, case("quick 2")], FAST)
    assert not interrupted
    assert str(failed.refusal(FAST)).startswith(sentence)
    assert len(first.rounds) == len(last.rounds) == 3


def test_what_hangs_is_ended_with_all_that_it_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(harness, "_PREPARE_LIMIT_SECONDS", 3.0)
    seen = alone(case("hangs", log=str(tmp_path / "log")))
    assert seen.error == "no answer within 3 s; try a smaller size"
    session = int((tmp_path / "log").read_text())
    end = time.monotonic() + 5
    while members(session) and time.monotonic() < end:
        time.sleep(0.05)
    assert members(session) == []


def test_no_file_of_the_folder_is_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    assert alone(case("quick")).error is None


def interrupted_after(calls: int) -> Any:
    left = iter(range(calls))

    def tell(text: str) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    return tell


@pytest.mark.parametrize(("calls", "rounds"), [(2, []), (5, [1, 2]), (10, [4, 4])])
def test_what_was_measured_before_ctrl_c_stays(calls: int, rounds: Sequence[int]) -> None:
    method = Method(rounds=5, turn_seconds=0.02, noise_limit=1.0)
    seen, interrupted = measure([case("quick 1"), case("quick 2")], method, interrupted_after(calls))
    assert interrupted and [len(each.rounds) for each in seen] == rounds
    for each in seen:
        assert not is_running(each.parameters["pid"])
        few = len(each.rounds) < 3
        wanted = f"interrupted when {len(each.rounds)} of 5 rounds counted; measure again" if few else None
        assert each.refusal(method) == wanted


def test_nothing_is_left_where_the_harness_was_killed() -> None:
    """A process that is held does not notice that its pipe has ended; its worker does."""
    with Worker(case("holds")) as worker:
        child, _ = worker.prepare()
        assert worker._process.stdin is not None
        worker._process.stdin.close()
        worker._process.stdin = None
        worker._process.wait(30)
        deadline = time.monotonic() + 10
        while resident_bytes(str(child["child"])) is not None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
