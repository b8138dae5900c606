"""The file of results: what is written can be read, and what cannot be is refused in one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.bench.samples import result, results
from tests.bench.schema import VALIDATOR, problems
from vsr.bench.results import Absent, Results, from_json, read
from vsr.bench.text import lines
from vsr.errors import MediaError, OptionError


def full() -> Results:
    return results(
        result("a", [0.1, 0.11], figures={"fps": 9.5}, noise=(0.01, 0.02), detail={"queue": [1, 2]}),
        result("b", [], refused="it is not here"),
        absent=(Absent(name="c", why="not installed", remedy="pip install c"),),
    )


def written(content: dict[str, Any], folder: Path) -> str:
    path = folder / "results.json"
    path.write_text(json.dumps(content))
    return str(path)


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    assert read(written(full().to_json(), tmp_path)) == full()


def test_numbers_that_json_does_not_have(tmp_path: Path) -> None:
    one = result(
        "a",
        [float(np.float32(0.5))],
        figures={"psnr_db": float("inf"), "fps": np.float64(2.0), "frames": np.int64(3)},
        detail={"times": np.array([1.0, np.nan], np.float32), "open": (float("-inf"),)},
    )
    text = json.dumps(results(one).to_json(), allow_nan=False)
    [case] = json.loads(text)["cases"]
    assert case["figures"] == {"fps": 2.0, "frames": 3} and case["samples"] == [0.5]
    assert case["detail"] == {"times": [1.0, None], "open": [None]}
    from_json(json.loads(text), "x")
    assert problems(json.loads(text)) == []


def test_the_schema_is_one_and_knows_all_fields() -> None:
    VALIDATOR.check_schema(VALIDATOR.schema)
    assert problems(full().to_json()) == []
    for field in full().to_json():
        content = full().to_json()
        del content[field]
        assert problems(content) == [f"$: {field!r} is a required property"]


def test_exit_codes() -> None:
    good, bad = result("a", [1.0]), result("b", [], refused="no")
    codes = [results(*cases).exit_code for cases in ([good], [good, bad], [bad], [])]
    assert codes == [0, 3, 1, 1]
    assert results(good, interrupted=True).exit_code == 130


DAMAGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "'cases' is missing": lambda content: content.pop("cases"),
    "suite is 'speed'": lambda content: content.update(suite="speed"),
    "two cases have one name": lambda content: content["cases"][1].update(name="a"),
    "a: samples hold '1', which is no number": lambda content: content["cases"][0].update(samples="1"),
    "a: a sample is not above 0": lambda content: content["cases"][0].update(samples=[0.0]),
    "a: figures hold True, which": lambda content: content["cases"][0].update(figures={"fps": True}),
    "unexpected keyword argument 'more'": lambda content: content["cases"][0].update(more=1),
    "not iterable": lambda content: content.update(cases=3),
    "method hold 'x'": lambda content: content["method"].update(rounds="x"),
    "Invalid isoformat": lambda content: content.update(made="yesterday"),
    "must be a mapping": lambda content: content.update(machine=[]),
    "interrupted is neither": lambda content: content.update(interrupted=0),
}


@pytest.mark.parametrize("sentence", DAMAGES)
def test_damaged_files(sentence: str) -> None:
    content = full().to_json()
    DAMAGES[sentence](content)
    assert problems(content) or sentence in ("two cases have one name", "Invalid isoformat")
    with pytest.raises(OptionError) as caught:
        from_json(content, "old.json")
    text = str(caught.value)
    assert text.startswith("old.json: damaged results (") and sentence in text
    assert text.endswith("; measure again") and caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[1, 2", "no JSON (Expecting ',' delimiter"),
        ("[" * 100_000, "no JSON (maximum recursion depth"),
        ('{"format": "vsr-bench", "version": NaN}', "no JSON (NaN is no number of JSON)"),
        ("\xff", "no JSON ("),
        ("[]", "no results of vsr bench; name a file"),
        ('{"format": "pytest-benchmark"}', "no results of vsr bench; name a file"),
        ('{"format": "vsr-bench", "version": 7}', "results of version 7, this vsr reads version 1; measure"),
    ],
)
def test_other_files(text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(OptionError) as caught:
        read(str(path))
    assert sentence in str(caught.value) and str(caught.value).startswith(str(path))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="No such file or directory; name a file that"):
        read(str(tmp_path / "x.json"))


def test_text() -> None:
    shown = lines(full())
    assert shown[0] == "a processor, 2 cores, avx2, load 0.1"
    assert shown[2].split()[:4] == ["a", "-", "-", "9.5"]
    assert shown[3:] == ["refused  b: it is not here", "absent   c: not installed; pip install c"]
    assert lines(results(interrupted=True))[-1] == "interrupted: 0 cases were measured before"
    assert lines(results())[-1] == "nothing could be measured"
