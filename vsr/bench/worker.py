"""A process that measures one case: it prepares it, then runs turns on demand.

It is driven by lines of JSON over its standard input and output. First comes an order,
{"path": [where modules are looked for], "prepare": "module:function", "parameters": {...}}, answered by
{"parameters": {...}, "figures": {...}}; then any number of {"seconds": S}, each answered by
{"frames": [seconds of each], "frames_run": N, "cpu_seconds": C, "rss_mb": R}; the first half of a turn only
warms up, but is in the last three.
{"error": sentence} may come instead of any answer, and is the last.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import IO, Any

from vsr.bench.machine import peak_rss_bytes
from vsr.errors import VsrError

_SAMPLE_SECONDS = 1e-3
"""What is shorter than this is timed several times at once, so that the clock does not count."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What a case's `prepare` function returns."""

    once: Callable[[], object]
    """One frame, or one call."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """What was chosen where the order said "auto"."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """What is known without timing: gmac, bytes; used by the suite for figures of its own."""
    answer: Callable[[float], Mapping[str, Any]] | None = None
    """A turn in place of calls of `once`, which then only warms up. It gets the seconds asked for and returns
    the whole answer."""


def main() -> None:
    """Serve until standard input ends, or nobody reads the answers; then end all that was started, too.

    Who asks may have been killed: a peer's program that is held between turns would stay for ever.
    """
    with contextlib.suppress(BrokenPipeError):
        _serve(*_private_streams())
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)


def _serve(orders: IO[str], answers: IO[str]) -> None:
    try:
        order = json.loads(orders.readline())
        sys.path[:] = order["path"]
        module, _, name = order["prepare"].partition(":")
        prepared: Prepared = getattr(import_module(module), name)(order["parameters"])
        prepared.once()
        _answer(answers, {"parameters": dict(prepared.parameters), "figures": dict(prepared.figures)})
        run = prepared.answer or partial(turn, prepared.once)
        for line in orders:
            _answer(answers, run(json.loads(line)["seconds"]))
    except MemoryError:
        _answer(answers, {"error": "out of memory; try a smaller size"})
    except (VsrError, OSError) as error:
        _answer(answers, {"error": str(error)})
    except Exception as error:  # of a peer: whatever it raises must not end the others
        _answer(answers, {"error": f"{type(error).__name__}: {error}".splitlines()[0].removesuffix(": ")})


def turn(once: Callable[[], object], seconds: float) -> dict[str, Any]:
    """Run frames for about `seconds` and return the answer."""
    cpu_began, began = _cpu_seconds(), time.perf_counter()
    half, end = began + seconds / 2, began + seconds
    repeats = _repeats(once)
    frames: list[float] = []
    frames_run = 1
    while True:
        before = time.perf_counter()
        for _ in range(repeats):
            once()
        after = time.perf_counter()
        frames_run += repeats
        if before >= half:
            frames.append((after - before) / repeats)
        if after >= end and frames:
            break
    return {
        "frames": frames,
        "frames_run": frames_run,
        "cpu_seconds": _cpu_seconds() - cpu_began,
        "rss_mb": peak_rss_bytes() / 1e6,
    }


def _repeats(once: Callable[[], object]) -> int:
    before = time.perf_counter()
    once()
    took = max(time.perf_counter() - before, 1e-9)
    return max(1, round(_SAMPLE_SECONDS / took))


def _cpu_seconds() -> float:
    """Return the processor time of this process and of those it has waited for."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def _private_streams() -> tuple[IO[str], IO[str]]:
    """Return where orders come from and answers go to, which nobody else has.

    What libraries and their processes print goes to standard error; what they read is empty.
    """
    orders, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return orders, answers


def _answer(answers: IO[str], content: Mapping[str, Any]) -> None:
    answers.write(json.dumps(content, allow_nan=False) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
