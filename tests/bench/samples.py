"""Cases that behave badly, and results that nobody measured."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from vsr.bench.harness import Case
from vsr.bench.machine import Machine
from vsr.bench.results import CaseResult, Method, Results
from vsr.bench.worker import Prepared
from vsr.errors import OptionError

FAST = Method(rounds=3, turn_seconds=0.02, noise_limit=1.0)
MACHINE = Machine(
    cpu="a processor", cores=2, isa="avx2", memory_bytes=1 << 33, system="a system", gpu=None, driver=None,
    frequency_mhz=2000.0, load=(0.1, 0.1, 0.1), packages={"numpy": "2.0"},
)  # fmt: skip


def case(name: str, group: str = "g", **parameters: Any) -> Case:
    """Return a case whose `prepare` is the function here of the first word of its name."""
    prepare = f"{__name__}:{name.partition(' ')[0]}"
    return Case(name=name, group=group, prepare=prepare, parameters=parameters)


def results(*cases: CaseResult, suite: Any = "models", **changes: Any) -> Results:
    """Return results of the machine here; `changes` are Results' fields."""
    plain = Results(
        suite=suite, method=FAST, cases=cases, machine=MACHINE, vsr={"version": "1", "commit": "abc"},
        made="2026-01-02T03:04:05+00:00",
    )  # fmt: skip
    return replace(plain, **changes)


def result(name: str, samples: Sequence[float], **changes: Any) -> CaseResult:
    """Return a case's result."""
    return replace(CaseResult(name=name, parameters={"threads": 2}, samples=tuple(samples)), **changes)


def quick(parameters: Mapping[str, Any]) -> Prepared:
    """A frame of a millisecond; it notes when it was run, and prints what no answer is."""
    sys.stdout.write("this is no answer\n")
    os.system("echo nor this; cat")
    log = parameters.get("log")

    def once() -> None:
        if log:
            with open(log, "a") as file:
                file.write(f"{os.getpid()}\n")
        time.sleep(1e-3)

    return Prepared(once=once, parameters={"pid": os.getpid()}, figures={"gmac": 2.0})


def raises(parameters: Mapping[str, Any]) -> Prepared:
    """It cannot be prepared, or fails in a frame."""
    if parameters.get("sentence"):
        raise OptionError(parameters["sentence"])
    calls = [0]

    def once() -> None:
        calls[0] += 1
        if calls[0] > 1:
            raise ValueError("a peer's own\nwords")

    return Prepared(once=once)


def memory(parameters: Mapping[str, Any]) -> Prepared:
    raise MemoryError


def dies(parameters: Mapping[str, Any]) -> Prepared:
    """It reads a null pointer; or is killed, or leaves."""
    how = parameters["how"]
    if how == "exit":
        sys.stderr.write("the last words\n")
        sys.stderr.flush()
        os._exit(7)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    ctypes.string_at(0)
    raise AssertionError


def hangs(parameters: Mapping[str, Any]) -> Prepared:
    """It never returns, nor does a process that it started."""
    os.system("sleep 1000 &")
    with open(parameters["log"], "w") as file:
        file.write(str(os.getpid()))
    time.sleep(1000)
    raise AssertionError


def holds(parameters: Mapping[str, Any]) -> Prepared:
    """It has started a process, and holds it."""
    child = subprocess.Popen(["sleep", "1000"])
    child.send_signal(signal.SIGSTOP)
    return Prepared(once=lambda: None, parameters={"child": child.pid})


def infinite(parameters: Mapping[str, Any]) -> Prepared:
    """It knows a figure that JSON cannot hold."""
    return Prepared(once=lambda: None, figures={"gmac": float("inf")})


def spins(parameters: Mapping[str, Any]) -> Prepared:
    """It works all the time."""

    def once() -> None:
        end = time.perf_counter() + 1e-3
        while time.perf_counter() < end:
            pass

    return Prepared(once=once)
