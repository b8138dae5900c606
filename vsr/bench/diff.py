"""`vsr bench diff`: what became slower or faster between two results, and how sure that is.

A case's rounds are compared by ranks, so no shape of noise is assumed: the change is the median of all
ratios of a new round to an old one, its interval that of Mann and Whitney's test (Hodges and Lehmann, 1963),
exact for few rounds. A change counts where the interval leaves out 1 and it is at least the threshold.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Literal

from vsr.bench.results import CaseResult, Results
from vsr.errors import OptionError
from vsr.quality.text import text_table

CONFIDENCE = 0.99
"""Of each case's interval: of a hundred cases that did not change, one at most leaves 1 out by chance."""
_EXACT_PAIRS = 400
"""Up to so many pairs of rounds the test is counted out; above, the normal distribution is as good."""
Verdict = Literal["slower", "faster", "no difference shown", "too few rounds", "not judged"]
_IDENTITY = ("cpu", "cores", "isa", "gpu")
"""Where these differ it is another machine."""
_TASK = ("clip", "codec", "width", "height", "scale", "threads", "crf")
"""Parameters that were asked for and stand in no case's name; where one differs it is another task."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One case in both results. Times are medians of rounds, in seconds."""

    name: str
    old_seconds: float
    new_seconds: float
    ratio: float
    """Of the new time to the old: above 1 it is slower."""
    interval: tuple[float, float] | None
    """In which the true ratio lies, at CONFIDENCE; None where there are too few rounds for one."""
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class Diff:
    """What two results of one suite say together."""

    changes: tuple[Change, ...]
    warnings: tuple[str, ...]
    """What else differs, and what could not be compared."""

    @property
    def exit_code(self) -> int:
        """0 nothing is slower, 3 something is, 1 nothing could be judged."""
        if any(change.verdict == "slower" for change in self.changes):
            return 3
        judged = [c for c in self.changes if c.verdict not in ("too few rounds", "not judged")]
        return 0 if judged else 1


def compare(old: Results, new: Results, *, threshold_percent: float, any_machine: bool = False) -> Diff:
    """Compare the cases that are in both. Raises OptionError for results of two suites.

    Of another machine nothing is judged, unless `any_machine`, nor is a case that was given another task.
    """
    if old.suite != new.suite:
        raise OptionError(f"these are results of {old.suite} and of {new.suite}; give two of one suite")
    if not 0 <= threshold_percent <= 100:
        raise OptionError(f"--threshold is {threshold_percent:g}; give 0 to 100 percent")
    is_same = all(getattr(old.machine, name) == getattr(new.machine, name) for name in _IDENTITY)
    before, after = ({case.name: case for case in each.cases} for each in (old, new))
    changes = tuple(
        _change(before[name], after[name], threshold_percent / 100, judged=is_same or any_machine)
        for name in before
        if name in after
        and all(each[name].refused is None and each[name].samples for each in (before, after))
    )
    warnings = [*_differences(old, new), *_unusable(before, after)]
    if not is_same and not any_machine:
        warnings.append(
            "nothing is judged: this is another machine; measure both on one, or add --any-machine"
        )
    return Diff(changes=changes, warnings=tuple(warnings))


def _change(old: CaseResult, new: CaseResult, threshold: float, *, judged: bool) -> Change:
    logs = sorted(math.log(b / a) for a, b in product(old.samples, new.samples))
    ratio = math.exp(statistics.median(logs))
    rank = _rank(len(old.samples), len(new.samples))
    interval = (math.exp(logs[rank - 1]), math.exp(logs[-rank])) if rank else None
    verdict: Verdict = "no difference shown"
    if not judged or any(old.parameters.get(name) != new.parameters.get(name) for name in _TASK):
        verdict = "not judged"
    elif interval is None:
        verdict = "too few rounds"
    elif interval[0] > 1 and ratio >= 1 + threshold:
        verdict = "slower"
    elif interval[1] < 1 and ratio <= 1 / (1 + threshold):
        verdict = "faster"
    return Change(
        name=old.name, old_seconds=old.seconds, new_seconds=new.seconds, ratio=ratio, interval=interval,
        verdict=verdict,
    )  # fmt: skip


@cache
def _rank(old: int, new: int) -> int:
    """Return which of the ordered ratios, from either end, bound the interval; 0 where none are enough."""
    pairs, tail = old * new, (1 - CONFIDENCE) / 2
    if pairs > _EXACT_PAIRS:
        deviation = math.sqrt(pairs * (old + new + 1) / 12)
        return max(0, math.floor(pairs / 2 + deviation * statistics.NormalDist().inv_cdf(tail)))
    counts = _rank_sums(old, new)
    allowed, rank, below = tail * sum(counts), 0, 0
    while below + counts[rank] <= allowed:
        below += counts[rank]
        rank += 1
    return rank


def _rank_sums(old: int, new: int) -> list[int]:
    """Return in how many orders of old and new rounds 0, 1, 2, ... pairs have the new one below the old."""
    # Of `a` old and b new rounds, for every b: the largest of all is a new one, above all, or an old one.
    rows = [[1] for _ in range(new + 1)]
    for a in range(1, old + 1):
        longer = [[1]]
        for b in range(1, new + 1):
            counts = [0] * (a * b + 1)
            for index, count in enumerate(longer[b - 1]):
                counts[index] += count
            for index, count in enumerate(rows[b]):
                counts[index + b] += count
            longer.append(counts)
        rows = longer
    return rows[new]


def _differences(old: Results, new: Results) -> Iterator[str]:
    for name in (*_IDENTITY, "memory_bytes", "system", "driver"):
        before, after = getattr(old.machine, name), getattr(new.machine, name)
        if before != after:
            yield f"{name} was {before or 'none'}, now is {after or 'none'}"
    packages = sorted({*old.machine.packages, *new.machine.packages})
    for name in packages:
        before, after = (each.machine.packages.get(name, "none") for each in (old, new))
        if before != after:
            yield f"{name} was {before}, now is {after}"
    for name in ("rounds", "turn_seconds", "noise_limit"):
        before, after = getattr(old.method, name), getattr(new.method, name)
        if before != after:
            yield f"the method's {name} was {before:g}, now is {after:g}"
    known = {case.name: case for case in old.cases}
    for case in new.cases:
        earlier = known.get(case.name)
        if earlier is None or case.refused is not None or earlier.refused is not None:
            continue
        for name in sorted({*earlier.parameters, *case.parameters}):
            before, after = earlier.parameters.get(name), case.parameters.get(name)
            if before != after:
                judged = "; another task, not judged" if name in _TASK else ""
                yield f"{case.name}: {name} was {before}, now is {after}{judged}"


def _unusable(before: dict[str, CaseResult], after: dict[str, CaseResult]) -> Iterator[str]:
    for name, case in before.items():
        if name not in after:
            yield f"{name}: only in the old results"
        elif case.refused is not None:
            yield f"{name}: refused in the old results"
        elif not case.samples:
            yield f"{name}: has no times to compare"
    for name, case in after.items():
        if name not in before:
            yield f"{name}: only in the new results"
        elif case.refused is not None and before[name].refused is None:
            yield f"{name}: refused in the new results"


def lines(diff: Diff, threshold_percent: float) -> list[str]:
    """Return the changes as a table, the warnings, and what it comes to."""
    rows = [
        [
            change.name,
            _milliseconds(change.old_seconds),
            _milliseconds(change.new_seconds),
            _percent(change.ratio),
            "-" if change.interval is None else " to ".join(map(_percent, change.interval)),
            change.verdict,
        ]
        for change in diff.changes
    ]
    shown = text_table(["", "old ms", "new ms", "time %", f"at {CONFIDENCE:.0%}", ""], rows) if rows else []
    shown += [f"note     {text}" for text in diff.warnings]
    verdicts = [change.verdict for change in diff.changes]
    slower, faster = verdicts.count("slower"), verdicts.count("faster")
    rule = f"by {threshold_percent:g} % or more, at {CONFIDENCE:.0%} confidence for each case"
    if diff.exit_code == 1:
        return [*shown, "nothing could be judged"]
    return [*shown, f"{slower} slower, {faster} faster, of {len(diff.changes)}: {rule}"]


def _milliseconds(seconds: float) -> str:
    """Return three digits at least."""
    return f"{1e3 * seconds:,.{max(0, -1 - math.floor(math.log10(seconds)))}f}"


def _percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f}"
