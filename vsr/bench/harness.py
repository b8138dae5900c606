"""Measures cases fairly: each in a process of its own, in alternating order, with an eye on noise.

A round gives each case of a group one turn; every second round goes backwards, so that none always follows
the same other. Between turns there is a pause, for threads of frameworks that spin after their work. A turn
in which others took more of the processor than the limit does not count and is tried again; a case with too
few that count is refused. The method is written down in bench/README.md.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from types import TracebackType
from typing import Any, Self

from vsr.bench.machine import NoiseMeter
from vsr.bench.results import CaseResult, Method, Value
from vsr.errors import VsrError

_PAUSE_SECONDS = 0.2
_PREPARE_LIMIT_SECONDS, _TURN_LIMIT_SECONDS = 900.0, 300.0
_END_SECONDS = 10.0
"""For a process to end that has closed its end."""
TRIES = 2
"""At most so many times the rounds asked for are run, where noise spoils some."""
_LARGEST_SPREAD = 0.10
"""Of the middle half of a case's rounds, over their median; above it there is no figure."""
_FEWEST_ROUNDS = 3
"""So many make a median that one bad round does not move: enough where Ctrl-C left no more."""


class CaseError(VsrError):
    """A case that cannot be measured here; the sentence says why."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One thing to measure."""

    name: str
    """Unique in a run."""
    group: str
    """Cases of one group take turns; groups come one after another."""
    prepare: str
    """ "module:function" of a function from parameters to vsr.bench.worker.Prepared."""
    parameters: Mapping[str, Value]


@dataclass(kw_only=True)
class Seen:
    """What one case's rounds showed."""

    case: Case
    parameters: dict[str, Any] = field(default_factory=dict)
    known: dict[str, float] = field(default_factory=dict)
    """What its `prepare` knew without timing."""
    rounds: list[list[float]] = field(default_factory=list)
    """Seconds of each frame, for each round that counts."""
    cpu_seconds_a_frame: list[float] = field(default_factory=list)
    noise: list[float] = field(default_factory=list)
    spoiled: list[float] = field(default_factory=list)
    """The noise of the rounds that do not count."""
    rss_mb: float = 0.0
    error: str | None = None
    interrupted: bool = False
    """Ctrl-C came before all of its rounds."""

    @property
    def samples(self) -> tuple[float, ...]:
        """The median frame of each counted round, in seconds."""
        return tuple(statistics.median(frames) for frames in self.rounds)

    def refusal(self, method: Method) -> str | None:
        """Return why there is no figure to trust, or None."""
        if self.error:
            return self.error
        if self.interrupted and len(self.rounds) < min(_FEWEST_ROUNDS, method.rounds):
            return f"interrupted when {len(self.rounds)} of {method.rounds} rounds counted; measure again"
        if not self.interrupted and len(self.rounds) < method.rounds:
            worst = 100 * max(self.spoiled, default=0.0)
            return (
                f"the machine was too noisy: others took up to {worst:.0f} % of the processor and spoiled "
                f"{len(self.spoiled)} rounds, {len(self.rounds)} of {method.rounds} count; "
                "stop what else runs and measure again"
            )
        spread = _spread(self.samples)
        if spread > _LARGEST_SPREAD:
            low, high = 1e3 * min(self.samples), 1e3 * max(self.samples)
            return (
                f"its rounds differ by {100 * spread:.0f} %, from {low:.3g} to {high:.3g} ms; "
                f"{self._advice(method)}"
            )
        return None

    def _advice(self, method: Method) -> str:
        """Return what to do about rounds that differ."""
        worst = max(self.noise, default=1.0)
        if worst > method.noise_limit / 2:
            return "stop what else runs and measure again"
        return (
            f"others of this system took {100 * worst:.0f} % at most, so it is the clock, the memory or a "
            "neighbour of a virtual machine: measure again at another time"
        )

    def result(self, method: Method, derive: Callable[[Seen], Mapping[str, float]]) -> CaseResult:
        """Return the case's result; `derive` adds the suite's own figures."""
        refused = self.refusal(method)
        return CaseResult(
            name=self.case.name,
            parameters={**self.case.parameters, **self.parameters},
            samples=self.samples,
            figures={} if refused else {**self._timing(), **derive(self)},
            noise=tuple(self.noise),
            refused=refused,
        )

    def _timing(self) -> dict[str, float]:
        frames = sorted(seconds for each in self.rounds for seconds in each)
        middle = statistics.median(self.samples)
        return {
            "fps": 1 / middle,
            "p50_ms": 1e3 * statistics.median(frames),
            "p95_ms": 1e3 * frames[min(len(frames) - 1, round(0.95 * len(frames)))],
            "spread_percent": 100 * (max(self.samples) - min(self.samples)) / middle,
            "cpu_ms": 1e3 * statistics.median(self.cpu_seconds_a_frame),
            "rss_mb": self.rss_mb,
        }


def measure(
    cases: Iterable[Case], method: Method, tell: Callable[[str], None] = lambda text: None
) -> tuple[list[Seen], bool]:
    """Measure the cases; return what was seen, in their order, and whether Ctrl-C ended it.

    `tell` gets what is being done, for a status line. Cases of one group must follow one another; the
    processes of a group all live until it ends, so their memory adds up.
    """
    seen: list[Seen] = []
    try:
        for name, group in groupby(cases, key=lambda case: case.group):
            mine = [Seen(case=case) for case in group]
            seen += mine
            _measure_group(name, mine, method, tell)
    except KeyboardInterrupt:
        for each in seen:
            each.interrupted = len(each.rounds) < method.rounds
        return [each for each in seen if each.rounds or each.error], True
    return seen, False


def _measure_group(name: str, seen: Sequence[Seen], method: Method, tell: Callable[[str], None]) -> None:
    with contextlib.ExitStack() as stack:
        workers: list[tuple[Seen, Worker]] = []
        for each in seen:
            tell(f"{each.case.name}: getting ready")
            worker = stack.enter_context(Worker(each.case))
            with _noting(each):
                each.parameters, each.known = worker.prepare()
                worker.turn(method.turn_seconds / 2)
                workers.append((each, worker))
        for number in range(TRIES * method.rounds):
            wanting = [(s, w) for s, w in workers if len(s.rounds) < method.rounds and not s.error]
            if not wanting:
                return
            for each, worker in wanting if number % 2 == 0 else reversed(wanting):
                tell(f"{name}: {each.case.name}: round {len(each.rounds) + 1} of {method.rounds}")
                with _noting(each):
                    _take_turn(each, worker, method)


def _take_turn(seen: Seen, worker: Worker, method: Method) -> None:
    time.sleep(_PAUSE_SECONDS)
    meter, own = NoiseMeter(), time.process_time()
    answer = worker.turn(method.turn_seconds)
    noise = meter.others(answer["cpu_seconds"] + time.process_time() - own)
    seen.rss_mb = max(seen.rss_mb, answer["rss_mb"])
    if noise is not None and noise > method.noise_limit:
        seen.spoiled.append(noise)
        return
    seen.noise += [] if noise is None else [noise]
    seen.rounds.append(answer["frames"])
    seen.cpu_seconds_a_frame.append(answer["cpu_seconds"] / answer["frames_run"])


@contextlib.contextmanager
def _noting(seen: Seen) -> Iterator[None]:
    """Keep what a case cannot do as its result."""
    try:
        yield
    except CaseError as error:
        seen.error = str(error)


def _spread(samples: Sequence[float]) -> float:
    if len(samples) < 2:
        return 0.0
    first, middle, third = statistics.quantiles(samples, n=4, method="inclusive")
    return (third - first) / middle


class Worker:
    """The process of one case. A context manager: leaving it ends the process, and those that it started.

    Thread-safety: one thread.
    """

    def __init__(self, case: Case) -> None:
        self._case = case
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (closed by __exit__)
        # A session of its own: Ctrl-C is for us, who then end it. -P: not what lies in the current folder.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "vsr.bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            start_new_session=True,
            text=True,
            bufsize=1,
        )

    def prepare(self) -> tuple[dict[str, Any], dict[str, float]]:
        """Return the parameters it chose and the figures it knows. Raises CaseError."""
        order = {
            "path": sys.path,
            "prepare": self._case.prepare,
            "parameters": dict(self._case.parameters),
        }
        answer = self._ask(order, _PREPARE_LIMIT_SECONDS)
        return answer["parameters"], answer["figures"]

    def turn(self, seconds: float) -> dict[str, Any]:
        """Return what a turn of about `seconds` showed. Raises CaseError."""
        return self._ask({"seconds": seconds}, _TURN_LIMIT_SECONDS + seconds)

    def _ask(self, question: Mapping[str, Any], limit_seconds: float) -> dict[str, Any]:
        """Return the answer. Raises CaseError, and the process is then gone or ends by itself."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
        except BrokenPipeError:
            raise CaseError(self._end()) from None
        ready, _, _ = select.select([self._process.stdout], [], [], limit_seconds)
        if not ready:
            self._kill()  # or it would take the processor from the others
            raise CaseError(f"no answer within {limit_seconds:g} s; try a smaller size")
        line = self._process.stdout.readline()
        if not line.endswith("\n"):
            raise CaseError(self._end())
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise CaseError(answer["error"])
        return answer

    def _end(self) -> str:
        """Say how the process ended by itself, which said no more."""
        try:
            code = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill()
            return "its process went on without answering, and was ended"
        self._said.seek(0)
        last = self._said.read().decode(errors="replace").strip().splitlines()[-1:]
        if code == -signal.SIGKILL:
            return "its process was killed, by a system out of memory most likely; try a smaller size"
        how = f"by signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"with status {code}"
        return f"its process ended {how}: {last[0] if last else 'it said nothing'}"

    def _kill(self) -> None:
        """End its whole session: a peer may run as a process of its own. Idempotent."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._kill()
        self._process.communicate()
        self._said.close()
