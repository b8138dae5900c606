"""Which stage of a run took how much processor time, the threads of codecs and frameworks included."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Stage = Literal["read", "work", "write"]
_TASKS = Path("/proc/self/task")


@dataclass(frozen=True, kw_only=True)
class CoreSeconds:
    """Processor time of a run, in seconds summed over cores."""

    total: float
    """Of the whole process, while its stages ran."""
    read: float
    work: float
    write: float
    """Of each stage: its own threads, and those that were made for it."""
    waiting: float
    """Of the calling thread, which waits, tells how far the run is, and passes signals on."""
    unknown: float
    """Of threads that appeared while it ran, and were still there at its end."""

    @property
    def accounted(self) -> float:
        """The share (0 to 1) of the whole that the three stages took."""
        return (self.read + self.work + self.write) / self.total if self.total else 0.0


class CoreTimes:
    """Counts the processor time of every thread of this process, and knows for whom it was made.

    Before the run `claim` is called after the making of each stage: the threads that have appeared are its
    own, since decoders, engines and encoders make theirs when they are opened. The stages' own threads count
    themselves. Only Linux tells of single threads; elsewhere `seconds_of` is None.
    Thread-safety: one thread at a time.
    """

    def __init__(self) -> None:
        self._owners: dict[int, Stage | None] = dict.fromkeys(_thread_times())
        self._times: dict[int, float] = {}
        self._ended: dict[Stage, float] = {}
        self.seconds = 0.0
        """How long the run took, once it has ended."""

    def claim(self, stage: Stage) -> None:
        """Give all threads that nobody has to a stage."""
        for thread in _thread_times():
            self._owners.setdefault(thread, stage)

    def start(self) -> float:
        """Begin to count, on the thread that then waits for the run. Returns `time.perf_counter()`."""
        self._self_counting: set[int | None] = {threading.get_native_id()}
        # The whole's time begins before the threads' and ends after them: no thread has more than it.
        self._process, self._waiting = time.process_time(), time.thread_time()
        self._before = _thread_times()
        self._began = time.perf_counter()
        return self._began

    @contextmanager
    def ending(self, stage: Stage) -> Iterator[None]:
        """Count for a stage what threads that end inside the block took in it: the system forgets them."""
        # Here the whole lies within the threads, so that nothing is counted twice.
        before = _thread_times()
        process = time.process_time()
        self._remember(before)
        yield
        process = time.process_time() - process
        after = _thread_times()
        self._remember(after)
        lasting = sum(taken - before.get(thread, 0.0) for thread, taken in after.items())
        if before.keys() - after.keys():
            self._ended[stage] = self._ended.get(stage, 0.0) + max(0.0, process - lasting)

    def _remember(self, times: Mapping[int, float]) -> None:
        # A thread that Python has joined may be among the system's a little longer.
        self._self_counting |= {t.native_id for t in threading.enumerate() if t.name.startswith("vsr-")}
        self._times |= {thread: s for thread, s in times.items() if thread not in self._self_counting}

    def end(self) -> None:
        """Stop counting; on the thread that began."""
        self.seconds = time.perf_counter() - self._began
        self._remember(_thread_times())
        self._waiting = time.thread_time() - self._waiting
        self._process = time.process_time() - self._process

    def seconds_of(self, *, read: float, work: float, write: float) -> CoreSeconds | None:
        """Return the times; given are those that the stages' own threads counted. After the end."""
        if not self._before:
            return None
        sums: dict[Stage | None, float] = {"read": read, "work": work, "write": write, None: 0.0}
        for thread, taken in self._times.items():
            sums[self._owners.get(thread)] += taken - self._before.get(thread, 0.0)
        for stage, taken in self._ended.items():
            sums[stage] += taken
        return CoreSeconds(
            total=self._process,
            read=sums["read"],
            work=sums["work"],
            write=sums["write"],
            waiting=self._waiting,
            unknown=sums[None],
        )


def _thread_times() -> dict[int, float]:
    """Return the processor time in seconds of each thread of this process; nothing where it is not told."""
    found = {}
    for folder in _TASKS.iterdir() if _TASKS.is_dir() else ():
        try:
            found[int(folder.name)] = int((folder / "schedstat").read_text().split()[0]) / 1e9
        except OSError:  # it has just ended, or the system does not tell
            continue
    return found
