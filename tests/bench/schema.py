"""The schema of results, which the files of every suite must satisfy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

BENCH = Path(__file__).resolve().parents[2] / "bench"
VALIDATOR = Draft202012Validator(json.loads((BENCH / "result.schema.json").read_text(encoding="utf-8")))


def problems(content: object) -> list[str]:
    """Return what is wrong with the content of a results file."""
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(content)]


def read_valid(path: Path) -> dict[str, Any]:
    """Return the content of a results file that satisfies the schema, in strict JSON."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    assert problems(content) == []
    return content


def _refuse(text: str) -> object:
    raise AssertionError(f"{text} is not JSON")
