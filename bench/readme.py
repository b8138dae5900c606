"""Write the figures of README.md from results that are kept: python -m bench.readme [--check]

They stand between markers, which name the file of `vsr bench` below bench/results and, where not all cases
are meant, words of the names of those that are; or the file of `vsr eval --json` below bench/quality:

    <!-- figures: 0.1.0/amd-epyc-2-cores-avx512/models.json 1080p -->
    <!-- end of figures -->
    <!-- quality: set5-x2.json -->
    <!-- end of figures -->

With --check nothing is written; exit code 1 where the README is another than it should be.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vsr.bench.results import CaseResult, Results, read
from vsr.bench.text import COLUMNS, Column
from vsr.errors import MediaError, OptionError, VsrError
from vsr.quality.evaluate import METRICS
from vsr.quality.text import fps_digits

ROOT = Path(__file__).resolve().parent.parent
MARKED = re.compile(
    r"(?P<begin><!-- (?P<kind>figures|quality): (?P<file>\S+\.json)(?P<words>[^>]*) -->\n).*?"
    r"(?P<end><!-- end of figures -->)",
    re.DOTALL,
)
SHOWN = {
    "models": ("engine", "precision", "fps", "spread_percent", "share_of_peak_percent", "rss_mb"),
    "kernels": ("p50_ms", "gb_per_second", "share_of_copy_percent", "times_libswscale", "error_rms"),
}
"""Figures of a suite that the README has; of other suites all that the terminal shows."""
LARGEST_NOISE = 0.1
"""The noise limit above which figures only show that there will be some: bench/README.md says why."""


def main(arguments: Sequence[str] | None = None, *, root: Path = ROOT) -> int:
    """Write the README, or check it; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    check = parser.parse_args(arguments).check
    path = root / "README.md"
    before = path.read_text(encoding="utf-8")
    try:
        after = filled(before, root / "bench")
    except VsrError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if check and after != before:
        print("README.md has other figures than bench; run python -m bench.readme", file=sys.stderr)
        return 1
    if not check:
        path.write_text(after, encoding="utf-8")
    return 0


def filled(text: str, bench: Path) -> str:
    """Return the text with the figures between its markers. Raises OptionError, MediaError as `read` does."""

    def block(match: re.Match[str]) -> str:
        if match["kind"] == "quality":
            return match["begin"] + qualities(bench / "quality" / match["file"]) + match["end"]
        found = read(str(bench / "results" / match["file"]))
        return match["begin"] + figures(found, match["words"].split()) + match["end"]

    if text.count("<!-- figures:") + text.count("<!-- quality:") != len(MARKED.findall(text)):
        raise OptionError("README.md: a marker of figures is not whole; see bench/readme.py")
    return MARKED.sub(block, text)


def figures(results: Results, words: Sequence[str]) -> str:
    """Return a table of the cases whose names have all of `words`, and what it was measured on."""
    cases = [case for case in results.cases if all(word in case.name.split() for word in words)]
    trusted = [case for case in cases if case.refused is None]
    if not trusted:
        raise OptionError(f"README.md: no case can be trusted that is called {' '.join(words)!r}")
    columns = [
        column
        for column in COLUMNS[results.suite]
        if column.name in SHOWN.get(results.suite, ()) or results.suite not in SHOWN
    ]
    refused = len(cases) - len(trusted)
    more = f" {refused} more were refused." if refused else ""
    rows = [_row(case, columns) for case in trusted]
    return f"{_table([column.head for column in columns], rows)}\n\n({_where(results, trusted)}{more})\n"


def qualities(path: Path) -> str:
    """Return the table of what `vsr eval --json` wrote. Raises MediaError where there is no such file."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MediaError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    rows = [
        [
            model["model"],
            *(f"{value:.{METRICS[name].digits}f}" for name, value in model["mean"].items()),
            f"{model['parameters']:,}",
            f"{model['macs_per_input_pixel']:,.0f}",
            f"{model['fps']:.{0 if model['fps'] >= 10 else fps_digits(model['fps'])}f}",
        ]
        for model in found["models"]
    ]
    size = found["models"][0]["fps_input"]
    heads = [*(METRICS[name].head for name in found["metrics"]), "parameters", "MAC/px", f"fps of {size}"]
    machine = found["machine"]
    where = f"{machine['cpu']}, {machine['cores']} cores, {machine['isa']}: `vsr eval` {found['vsr']}"
    return f"{_table(heads, rows)}\n\n({found['data']}; {where})\n"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown: the first column of a row is its name."""
    lines = [["", *heads], ["---", *("--:" for _ in heads)], *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def _row(case: CaseResult, columns: Sequence[Column]) -> list[str]:
    return [case.name, *(column.text(case) for column in columns)]


def _where(results: Results, cases: Sequence[CaseResult]) -> str:
    """Return machine, method and commit in a sentence or two."""
    machine, method = results.machine, results.method
    noise = max((value for case in cases for value in case.noise), default=None)
    others = "" if noise is None else f"; others took at most {100 * noise:.0f} % of the processor"
    gpu = f", {machine.gpu}" if machine.gpu else ""
    provisional = "Provisional, noise was let in: " if method.noise_limit > LARGEST_NOISE else ""
    return (
        f"{provisional}{machine.cpu}, {machine.cores} cores, {machine.isa}{gpu}: "
        f"`vsr bench {results.suite}` of {results.made[:10]}, commit {results.vsr['commit'] or 'unknown'}; "
        f"medians of {method.rounds} rounds of {method.turn_seconds:g} s{others}."
    )


if __name__ == "__main__":
    sys.exit(main())
