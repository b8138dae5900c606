"""Measure what a live run must hold, with real servers on loopback.

    python -m bench.live rtmp   [--seconds 600] [-m cnn-m-photo] [--size 360p]
    python -m bench.live spike  [--seconds 120] [-m MODELS [--size 360p]] [--hogs 1]
    python -m bench.live unkind [--seconds 180] [-m bilinear]
    python -m bench.live soak   [--seconds 3600] [-m auto] [--size 90p] [--speed 20]

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

from bench.live import material, rtmp, soak, spike, unkind
from bench.live.process import LiveError
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
        except LiveError as error:
            print(f"MISSED: {error}", file=sys.stderr)
            return 1
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

    streamed, spiked = added("rtmp", _rtmp, 600), added("spike", _spike, 120)
    broken, soaked = added("unkind", _unkind, 180), added("soak", _soak, 3600)
    for made, models in ((streamed, "cnn-m-photo"), (spiked, None), (broken, "bilinear"), (soaked, "auto")):
        made.add_argument(
            "-m", "--model", metavar="MODELS", default=models, help="vsr live's; auto is its own ladder"
        )
    for made, size in ((streamed, "360p"), (spiked, "360p"), (soaked, "90p")):
        made.add_argument("--size", choices=material.SIZES, default=size)
    spiked.add_argument("--hogs", type=int, default=1, help="busy processes, each on a core")
    soaked.add_argument("--speed", type=float, default=20, help="as vsr live's, where the machine can")
    return parser


def _rtmp(folder: Path, arguments: argparse.Namespace) -> list[Row]:
    return rtmp.run(folder, arguments.seconds, size=arguments.size, models=arguments.model)


def _spike(folder: Path, arguments: argparse.Namespace) -> list[Row]:
    tried = [(arguments.size, arguments.model)] if arguments.model else spike.TRIED
    return spike.run(folder, arguments.seconds, tried, hogs=arguments.hogs)


def _unkind(folder: Path, arguments: argparse.Namespace) -> list[Row]:
    return unkind.run(folder, arguments.seconds, models=arguments.model)


def _soak(folder: Path, arguments: argparse.Namespace) -> list[Row]:
    return soak.run(
        folder, arguments.seconds, speed=arguments.speed, size=arguments.size, models=arguments.model
    )


if __name__ == "__main__":
    sys.exit(main())
