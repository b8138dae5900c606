"""`vsr bench diff`: a change is found, noise is not, and what cannot be compared is said."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from tests.bench.samples import FAST, MACHINE, result, results
from vsr.bench import diff
from vsr.bench.diff import compare, lines
from vsr.bench.results import Results
from vsr.cli.main import main

THRESHOLD = 3.0


def drawn(rng: np.random.Generator, seconds: float, noise: float, rounds: int = 7) -> list[float]:
    """Rounds as machines give them: mostly near, some much slower, none much faster."""
    slow = rng.random(rounds) < 0.1
    return list(seconds * (1 + noise * np.abs(rng.standard_normal(rounds)) * np.where(slow, 5, 1)))


def verdicts(change: float, noise: float, *, draws: int, rounds: int = 7) -> dict[str, int]:
    """Count verdicts on cases that became slower by `change`, over seeded draws."""
    rng = np.random.default_rng(7)
    names = [str(number) for number in range(draws)]
    old, new = (
        results(*(result(name, drawn(rng, seconds, noise, rounds)) for name in names))
        for seconds in (0.01, 0.01 * (1 + change))
    )
    found = [each.verdict for each in compare(old, new, threshold_percent=THRESHOLD).changes]
    return {verdict: found.count(verdict) for verdict in found}


@pytest.mark.parametrize(
    ("noise", "rounds", "least"), [(0.002, 7, 500), (0.005, 7, 490), (0.01, 7, 400), (0.01, 15, 490)]
)
def test_five_percent_are_found(noise: float, rounds: int, least: int) -> None:
    """Of 500; more rounds find it in more noise."""
    assert verdicts(0.05, noise, draws=500, rounds=rounds)["slower"] >= least
    assert verdicts(-0.05, noise, draws=500, rounds=rounds)["faster"] >= least


@pytest.mark.parametrize(("noise", "most"), [(0.002, 0), (0.01, 2), (0.05, 20)])
def test_noise_alone_is_no_change(noise: float, most: int) -> None:
    """At 99 % confidence 20 of 2000 cases may be called changed; few of them are beyond the threshold."""
    found = verdicts(0.0, noise, draws=2000)
    assert found.get("slower", 0) + found.get("faster", 0) <= most


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(1000):
        old, new = drawn(rng, 1.0, 0.03), drawn(rng, 1.2, 0.03)
        interval = diff._change(result("a", old), result("a", new), 0.0, judged=True).interval
        assert interval is not None
        held += interval[0] <= 1.2 <= interval[1]
    assert held >= 985


def test_a_small_change_that_is_sure_is_below_the_threshold() -> None:
    old, new = results(result("a", [1.0] * 9)), results(result("a", [1.01] * 9))
    assert compare(old, new, threshold_percent=3).changes[0].verdict == "no difference shown"
    assert compare(old, new, threshold_percent=0.5).changes[0].verdict == "slower"


@pytest.mark.parametrize("sizes", [(1, 1), (3, 4), (5, 5), (7, 3)])
def test_ranks_are_counted_out(sizes: tuple[int, int]) -> None:
    old, new = sizes
    counts = [0] * (old * new + 1)
    for places in combinations(range(old + new), old):
        counts[sum(place - index for index, place in enumerate(places))] += 1
    assert diff._rank_sums(old, new) == counts


@pytest.mark.parametrize(("rounds", "rank"), [(3, 0), (4, 0), (5, 1), (7, 5), (20, 106)])
def test_which_ratios_bound_the_interval(rounds: int, rank: int) -> None:
    """As printed tables of U have them, two-sided at 1 %: 0, 4 and 105; below 5 rounds there is none."""
    assert diff._rank(rounds, rounds) == rank


def test_the_normal_distribution_goes_on_where_counting_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = diff._rank_sums(21, 21)
    allowed, below, rank = 0.005 * sum(exact), 0, 0
    while below + exact[rank] <= allowed:
        below, rank = below + exact[rank], rank + 1
    assert abs(diff._rank(21, 21) - rank) <= 2


def test_few_rounds_are_not_judged() -> None:
    one = compare(results(result("a", [1.0] * 3)), results(result("a", [2.0] * 3)), threshold_percent=3)
    assert one.changes[0].verdict == "too few rounds" and one.exit_code == 1


def test_another_task_is_not_judged() -> None:
    old, new = (
        results(result("a", [seconds] * 5, parameters={"threads": threads, "engine": engine}))
        for seconds, threads, engine in ((2.0, 1, "openvino"), (1.0, 2, "fused_cpu"))
    )
    found = compare(old, new, threshold_percent=3)
    assert found.changes[0].verdict == "not judged" and found.exit_code == 1
    assert found.warnings == (
        "a: engine was openvino, now is fused_cpu",
        "a: threads was 1, now is 2; another task, not judged",
    )


def test_a_soak_has_no_times() -> None:
    soak = results(result("a soak", []), suite="pipeline")
    found = compare(soak, soak, threshold_percent=3)
    assert found.exit_code == 1 and found.warnings == ("a soak: has no times to compare",)


def written(one: Results, path: Path) -> str:
    path.write_text(json.dumps(one.to_json()))
    return str(path)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steady, quick, slow = [1.0, 1.01, 0.99, 1.0, 1.02], [0.5] * 5, [1.1, 1.12, 1.11, 1.1, 1.1]
    old = results(
        result("a", steady), result("b", steady), result("gone", steady), result("c", [1.0], refused="no")
    )
    new = results(
        result("a", quick), result("b", slow), result("new", steady), result("c", steady),
        machine=replace(MACHINE, packages={"numpy": "2.1"}), method=replace(FAST, rounds=5),
    )  # fmt: skip
    files = [written(old, tmp_path / "old.json"), written(new, tmp_path / "new.json")]
    assert main(["bench", "diff", *files]) == 3
    out = capsys.readouterr().out.splitlines()
    assert [line.split() for line in out[1:3]] == [
        ["a", "1,000", "500", "-50.0", "-51.0", "to", "-49.5", "faster"],
        ["b", "1,000", "1,100", "+10.0", "+7.8", "to", "+13.1", "slower"],
    ]
    assert out[3:] == [
        "note     numpy was 2.0, now is 2.1",
        "note     the method's rounds was 3, now is 5",
        "note     gone: only in the old results",
        "note     c: refused in the old results",
        "note     new: only in the new results",
        "1 slower, 1 faster, of 2: by 3 % or more, at 99% confidence for each case",
    ]
    assert main(["bench", "diff", *files, "--threshold", "20"]) == 0
    assert main(["bench", "diff", files[0], files[0]]) == 0


def test_another_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = results(result("a", [1.0] * 5))
    new = results(result("a", [2.0] * 5), machine=replace(MACHINE, cpu="another"))
    files = [written(old, tmp_path / "old.json"), written(new, tmp_path / "new.json")]
    assert main(["bench", "diff", *files]) == 1
    out = capsys.readouterr().out
    assert "cpu was a processor, now is another" in out and "add --any-machine" in out
    assert "+100.0" in out and out.endswith("nothing could be judged\n")
    assert main(["bench", "diff", *files, "--any-machine"]) == 3


@pytest.mark.parametrize(
    ("suite", "words", "sentence"),
    [
        ("kernels", [], "these are results of models and of kernels; give two of one suite"),
        ("models", ["--threshold", "-1"], "--threshold is -1; give 0 to 100 percent"),
        ("models", ["--threshold", "nan"], "--threshold is nan; give 0 to 100 percent"),
    ],
)
def test_bad_input(
    suite: str, words: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [
        written(results(), tmp_path / "old.json"), written(results(suite=suite), tmp_path / "new.json")
    ]  # fmt: skip
    assert main(["bench", "diff", *files, *words]) == 2
    assert sentence in capsys.readouterr().err
    (tmp_path / "new.json").write_text('{"format": "vsr-bench", "version": 0}')
    assert main(["bench", "diff", *files]) == 2
    assert "results of version 0, this vsr reads version 1" in capsys.readouterr().err


def test_changed_parameters_are_said() -> None:
    old, new = (
        results(result("a", [1.0] * 5, parameters={"engine": engine})) for engine in ("openvino", "fused")
    )
    found = compare(old, new, threshold_percent=3)
    assert "a: engine was openvino, now is fused" in found.warnings
    assert lines(found, 3)[-1].startswith("0 slower, 0 faster, of 1")
