"""Ending a call into FFmpeg that waits: for a connection, for data."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import av.container.core

_LATE_SECONDS = 1e9
"""More than any time limit."""


class _Clock(threading.local):
    """What PyAV's containers take for the module `time`: each thread has a clock of its own.

    While FFmpeg waits it asks PyAV ten times a second whether to go on, and PyAV asks this clock whether the
    time limit is over. Where no thread says otherwise it is Python's, with no bytecode of ours in between:
    an exception of a signal handler would be lost there.
    """

    monotonic = staticmethod(time.monotonic)


_CLOCK = _Clock()
av.container.core.time = _CLOCK  # type: ignore[attr-defined]


@contextmanager
def interrupted_when(stopped: Callable[[], bool]) -> Iterator[None]:
    """Inside the block, let what FFmpeg waits for on this thread end within 0.1 s once `stopped` says so.

    Only what has a time limit ends: a container that was opened with `timeout`. It then fails as it does when
    the time is over. Not on the main thread, where signal handlers run; not for looking up names. Blocks may
    lie in each other: what ends the outer one ends the inner one, too.
    """
    late = itertools.count(1)
    outer = _CLOCK.monotonic

    def monotonic() -> float:
        # Later each time: whatever begins now has to end, too.
        return outer() + (next(late) * _LATE_SECONDS if stopped() else 0.0)

    _CLOCK.monotonic = monotonic
    try:
        yield
    finally:
        if outer is time.monotonic:
            del _CLOCK.monotonic
        else:
            _CLOCK.monotonic = outer
