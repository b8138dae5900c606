"""The page of a benchmark: every number is in the file, nothing is left out, and nothing must be there."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.bench.page_samples import AWKWARD, results, trace
from tests.bench.schema import problems, read_valid
from tests.page.parsed import Page, check_alone, check_numbers
from vsr.bench import models
from vsr.bench.page import results_page
from vsr.bench.page.names import digits, head
from vsr.bench.results import CaseResult, Results, Suite
from vsr.cli.main import main

SUITES: tuple[Suite, ...] = ("kernels", "models", "peers", "pipeline")


def facts_of(found: Results) -> dict[str, Any]:
    """Return what is read back from the file."""
    facts: dict[str, Any] = json.loads(json.dumps(found.to_json()))
    return facts


@pytest.mark.parametrize("suite", SUITES)
def test_every_number_is_in_the_file(suite: Suite) -> None:
    found = results(suite)
    assert problems(facts_of(found)) == []
    text = results_page(found)
    assert text == results_page(found)
    assert len(Page(text).values) > 30
    check_numbers(text, facts_of(found))
    check_alone(text)


@pytest.mark.parametrize("suite", SUITES)
def test_all_of_the_file_is_on_the_page(suite: Suite) -> None:
    found = results(suite)
    page = Page(results_page(found))
    values = {value for value, _ in page.values}
    for case in found.cases:
        assert set(case.figures.values()) | set(case.samples) | set(case.noise) <= values
    words = " ".join(page.words)
    for text in (AWKWARD, "differ by 23 %", "pip install ncnn", "A processor", "2.4.1", "abcdef0+"):
        assert text in words
    assert "b" not in {tag for tag, _ in page.tags}


@pytest.mark.parametrize(
    ("suite", "title"),
    [("models", "Roofline"), ("peers", "Quality and speed"), ("pipeline", "Who waited for whom")],
)
def test_charts_of_the_suite(suite: Suite, title: str) -> None:
    assert f"<h2>{title}</h2>" in results_page(results(suite))


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("interrupted", [False, True])
def test_a_file_without_cases_has_a_page(suite: Suite, interrupted: bool) -> None:
    found = replace(results(suite), cases=(), absent=(), interrupted=interrupted)
    text = results_page(found)
    assert "Nothing was measured." in text
    assert ("Interrupted" in text) == interrupted
    check_numbers(text, facts_of(found))


@pytest.mark.parametrize("suite", SUITES)
def test_cases_without_figures_have_a_page(suite: Suite) -> None:
    bare = CaseResult(name="bare", parameters={}, samples=(0.5,), detail={"trace": {}})
    found = replace(results(suite), cases=(bare,))
    check_numbers(results_page(found), facts_of(found))


@pytest.mark.parametrize("left_out", ["shares", "latency", "window"])
def test_a_trace_that_lacks_something(left_out: str) -> None:
    found = results("pipeline")
    kept = {name: value for name, value in trace().items() if name != left_out}
    case = replace(found.cases[0], detail={"trace": kept})
    text = results_page(replace(found, cases=(case,)))
    charts = {"shares": 2, "latency": 1, "window": 1}
    assert text.count("<svg") == sum(charts.values()) - charts[left_out]


def test_bars_are_as_long_as_their_figures() -> None:
    found = results("peers")
    text = results_page(found)
    widths = [float(width) for width in re.findall(r'class="bar" style="width:([\d.]+)%', text)]
    alone, *whole = widths
    speeds = [case.figures["fps"] for case in found.cases if case.parameters.get("what") == "whole"]
    assert [width / whole[0] for width in whole] == pytest.approx([s / speeds[0] for s in speeds], abs=1e-3)
    assert 90 < alone <= 100


def test_names_and_digits() -> None:
    assert head("gmac_per_second") == "GMAC/s"
    assert head("p95_ms") == "p95, ms"
    assert head("share_of_peak_percent") == "share of peak, %"
    assert [digits(value) for value in (0, 3.0, 1234.5, 12.345, 0.01234, 1e-12)] == [0, 0, 0, 2, 5, 6]


def test_the_command_writes_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(models, "run", lambda names, options, tell: results("models"))
    kept, page = tmp_path / "r.json", tmp_path / "r.html"
    assert main(["bench", "models", "--json", str(kept), "--html", str(page)]) == 3
    check_numbers(page.read_text(encoding="utf-8"), read_valid(kept))
