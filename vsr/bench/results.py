"""The file of a benchmark: cases with their samples, the machine, the method; read, written, refused."""

from __future__ import annotations

import json
import math
import numbers
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from vsr._version import __version__
from vsr.bench.machine import Machine, commit
from vsr.errors import MediaError, OptionError

FORMAT, VERSION = "vsr-bench", 1
Suite = Literal["models", "kernels", "pipeline", "peers"]
Value = str | int | float | bool | None


@dataclass(frozen=True, kw_only=True)
class CaseResult:
    """What was measured of one case."""

    name: str
    """Unique in the file; two files are compared by it."""
    parameters: Mapping[str, Value]
    """What was asked for and what was chosen: model, size, engine, precision, device, threads."""
    samples: tuple[float, ...] = ()
    """Wall seconds a frame (kernels: a call): the median of each round that counts."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """Everything derived, with its unit in its name: fps, p95_ms, rss_mb."""
    noise: tuple[float, ...] = ()
    """Of each counted round, the share of the processor (0 to 1) that others took meanwhile."""
    refused: str | None = None
    """Why the figures cannot be trusted, or why there are none; None where they can."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """What only its suite knows: histograms, timelines."""

    @property
    def seconds(self) -> float:
        """The median of the samples; NaN without any."""
        return statistics.median(self.samples) if self.samples else float("nan")


@dataclass(frozen=True, kw_only=True)
class Absent:
    """What could not be measured because it is not here."""

    name: str
    why: str
    remedy: str
    """The command or the device that would bring it."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """How it was measured."""

    rounds: int
    turn_seconds: float
    noise_limit: float
    """The share of the processor (0 to 1) that others may take in a round that counts."""


@dataclass(frozen=True, kw_only=True)
class Results:
    """One run of one suite."""

    suite: Suite
    method: Method
    cases: tuple[CaseResult, ...]
    absent: tuple[Absent, ...] = ()
    interrupted: bool = False
    """Ctrl-C came: only what was measured before is here."""
    machine: Machine
    """As it was before the first case: load and frequency afterwards are the benchmark's own."""
    vsr: Mapping[str, str | None] = field(
        default_factory=lambda: {"version": __version__, "commit": commit()}
    )
    made: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    """When, in UTC."""

    @property
    def exit_code(self) -> int:
        """0 all can be trusted, 1 nothing can, 3 some cannot, 130 interrupted."""
        if self.interrupted:
            return 130
        trusted = [case for case in self.cases if case.refused is None]
        if len(trusted) == len(self.cases) > 0:
            return 0
        return 3 if trusted else 1

    def to_json(self) -> dict[str, Any]:
        """The file's content, in JSON's own types.

        JSON has no infinities: a figure that is not finite is left out, elsewhere null stands for it.
        """
        content: dict[str, Any] = _plain({"format": FORMAT, "version": VERSION, **asdict(self)})
        for case in content["cases"]:
            case["figures"] = {name: value for name, value in case["figures"].items() if value is not None}
        return content


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else None
    return [_plain(each) for each in value]


def read(path: str) -> Results:
    """Return the results in a file.

    Raises MediaError where it cannot be read, OptionError where it is no results file of this version.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=_no_number)
    except OSError as error:
        raise MediaError(
            f"{path}: {error.strerror}; name a file that `vsr bench ... --json` wrote"
        ) from error
    except (ValueError, RecursionError) as error:
        raise OptionError(
            f"{path}: no JSON ({error}); name a file that `vsr bench ... --json` wrote"
        ) from error
    return from_json(content, path)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def from_json(content: object, name: str) -> Results:
    """Return results from the content of a file called `name`. Raises OptionError as `read` does."""
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise OptionError(f"{name}: no results of vsr bench; name a file that `vsr bench ... --json` wrote")
    if content.get("version") != VERSION:
        raise OptionError(
            f"{name}: results of version {content.get('version')}, this vsr reads version {VERSION}; "
            "measure again, or read it with the vsr that wrote it"
        )
    try:
        return _results(content)
    except (KeyError, TypeError, ValueError) as error:
        missing = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise OptionError(f"{name}: damaged results ({missing}); measure again") from error


def _results(content: dict[str, Any]) -> Results:
    """Raises KeyError, TypeError or ValueError for what is damaged."""
    _require(content["suite"] in get_args(Suite), f"suite is {content['suite']!r}")
    _require(isinstance(content["interrupted"], bool), "interrupted is neither true nor false")
    datetime.fromisoformat(content["made"])
    _require(all(isinstance(content["vsr"][key], str | None) for key in ("version", "commit")), "vsr")
    method, found = Method(**content["method"]), Machine(**content["machine"])
    _numbers(asdict(method), "method")
    _require(isinstance(found.cpu, str) and isinstance(found.packages, dict), "machine")
    cases = tuple(_case(case) for case in content["cases"])
    _require(len({case.name for case in cases}) == len(cases), "two cases have one name")
    return Results(
        suite=content["suite"],
        method=method,
        cases=cases,
        absent=tuple(Absent(**absent) for absent in content["absent"]),
        interrupted=content["interrupted"],
        machine=replace(found, load=tuple(found.load)),
        vsr=content["vsr"],
        made=content["made"],
    )


def _case(content: dict[str, Any]) -> CaseResult:
    lists = {name: tuple(content[name]) for name in ("samples", "noise")}
    case = CaseResult(**(content | lists))
    _require(isinstance(case.name, str) and isinstance(case.refused, str | None), "a case's name or refused")
    _require(isinstance(case.parameters, dict) and isinstance(case.detail, dict), f"{case.name}: parameters")
    _numbers(dict(enumerate(case.samples)), f"{case.name}: samples")
    _require(all(sample > 0 for sample in case.samples), f"{case.name}: a sample is not above 0")
    _numbers(dict(enumerate(case.noise)), f"{case.name}: noise")
    _numbers(case.figures, f"{case.name}: figures")
    return case


def _numbers(values: Mapping[Any, object], what: str) -> None:
    for value in values.values():
        known = isinstance(value, int | float) and not isinstance(value, bool)
        _require(known, f"{what} hold {value!r}, which is no number")


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)
