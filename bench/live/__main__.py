"""Measure what a live run must hold, with real servers on loopback.

    python -m bench.live rtmp   [--seconds 600] [-m MODELS] [--size 360p]
    python -m bench.live spike  [--seconds 120] [-m MODELS] [--size 360p] [--hogs N]

Each takes --json FILE and --keep DIR. Exit code 0 where all holds, 1 where something does not, 2 where a
program is not installed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from bench.live import material, rtmp, spike
from bench.live.servers import NotInstalledError
from bench.live.table import Row, missed, text, told
from vsr.bench.machine import commit, machine


def main() -> int:
    """Parse the command line, measure, print the table and return the exit code."""
    arguments = _parser().parse_args()
    with contextlib.ExitStack() as stack:
        if arguments.keep:
            folder = Path(arguments.keep)
            folder.mkdir(parents=True, exist_ok=True)
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        measure: Callable[[Path, argparse.Namespace], list[Row]] = arguments.measure
        try:
            rows = measure(folder.resolve(), arguments)
        except NotInstalledError as error:
            print(error, file=sys.stderr)
            return 2
    rows.append(_machine_row())
    print(text(rows))
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    return 1 if missed(rows) else 0


def _machine_row() -> Row:
    """What it was measured on, and how much else there was to do."""
    here = machine()
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    return told("machine", f"{here.cpu}, {here.cores} cores, load {load}; commit {commit() or 'unknown'}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    scenarios = parser.add_subparsers(required=True, metavar="SCENARIO")

    def added(name: str, measure: object, seconds: float) -> argparse.ArgumentParser:
        made = scenarios.add_parser(name)
        made.set_defaults(measure=measure)
        made.add_argument("--seconds", type=float, default=seconds)
        made.add_argument("--json", type=Path)
        made.add_argument("--keep", metavar="DIR", help="keep the files there")
        return made

    for made in (added("rtmp", _rtmp, 600), spiked := added("spike", _spike, 120)):
        made.add_argument("-m", "--model", metavar="MODELS", help="vsr live's; one alone is never left")
        made.add_argument("--size", choices=material.SIZES, default="360p")
    spiked.add_argument("--hogs", type=int, default=1, help="busy processes, each on a core")
    return parser


def _chosen(arguments: argparse.Namespace) -> list[str]:
    return [] if arguments.model is None else ["-m", arguments.model]


def _rtmp(folder: Path, arguments: argparse.Namespace) -> list[Row]:
    return rtmp.run(folder, arguments.seconds, size=arguments.size, options=_chosen(arguments))


def _spike(folder: Path, arguments: argparse.Namespace) -> list[Row]:
    tried = [(arguments.size, arguments.model)] if arguments.model else None
    return spike.run(folder, arguments.seconds, tried, hogs=arguments.hogs)


if __name__ == "__main__":
    sys.exit(main())
