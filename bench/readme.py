"""Write the figures of README.md from results that are kept: python -m bench.readme [--check]

They stand between markers, which name the file below bench/results and, where not all cases are meant, words
of the names of those that are:

    <!-- figures: 0.1.0/amd-epyc-2-cores-avx512/models.json 1080p -->
    <!-- end of figures -->

With --check nothing is written; exit code 1 where the README is another than it should be.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from vsr.bench.results import CaseResult, Results, read
from vsr.bench.text import COLUMNS, Column
from vsr.errors import OptionError, VsrError

ROOT = Path(__file__).resolve().parent.parent
MARKED = re.compile(
    r"(?P<begin><!-- figures: (?P<file>\S+\.json)(?P<words>[^>]*) -->\n).*?(?P<end><!-- end of figures -->)",
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
        after = filled(before, root / "bench" / "results")
    except VsrError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if check and after != before:
        print("README.md has other figures than bench/results; run python -m bench.readme", file=sys.stderr)
        return 1
    if not check:
        path.write_text(after, encoding="utf-8")
    return 0


def filled(text: str, results: Path) -> str:
    """Return the text with the figures between its markers. Raises OptionError, MediaError as `read` does."""

    def block(match: re.Match[str]) -> str:
        found = read(str(results / match["file"]))
        return match["begin"] + figures(found, match["words"].split()) + match["end"]

    if text.count("<!-- figures:") != len(MARKED.findall(text)):
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
    rows = [["", *(column.head for column in columns)], ["---", *("--:" for _ in columns)]]
    rows += [_row(case, columns) for case in trusted]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    refused = len(cases) - len(trusted)
    more = f" {refused} more were refused." if refused else ""
    return f"{table}\n\n({_where(results, trusted)}{more})\n"


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
