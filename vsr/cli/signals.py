"""SIGINT, SIGTERM and SIGHUP during a run: the first finishes the file, the second ends it at once."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

from vsr.pipeline.stages import StopToken

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_GRACE_SECONDS = 5.0
"""How long an abort may take before the process is ended: a read from a silent pipe never returns."""
EXIT_INTERRUPTED = 130


class StopOnSignals:
    """Turns signals into a stop token while it is entered. The former handlers come back after it.

    A signal that the process was told to ignore (a background job of a script) stays ignored. `say` gets one
    sentence for each signal, when `speak` is called next: not in the handler, which may have interrupted a
    write to the same stream. Enter and leave it on the main thread.
    """

    def __init__(self, say: Callable[[str], None], first: str = "finishing the file") -> None:
        """`first` is what the first signal leads to."""
        self.token = StopToken()
        self._say = say
        self._first = first
        self._unsaid: list[str] = []
        self._former: dict[signal.Signals, Any] = {}
        self._watchdog: threading.Timer | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._former[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        if self._watchdog is not None:
            self._watchdog.cancel()
        self.speak()

    def speak(self) -> None:
        """Say what there is to say."""
        while self._unsaid:
            self._say(self._unsaid.pop(0))

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self.token.requested:
            self.token.request()
            self._unsaid.append(f"stopping: {self._first}; again to stop at once")
        elif not self.token.aborted:
            self.token.abort()
            self._unsaid.append("stopping at once")
            self._watchdog = threading.Timer(_GRACE_SECONDS, os._exit, (EXIT_INTERRUPTED,))
            self._watchdog.daemon = True
            self._watchdog.start()
        else:
            os._exit(EXIT_INTERRUPTED)


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt inside the block, as Ctrl-C does."""
    former = {n: signal.getsignal(n) for n in _SIGNALS if signal.getsignal(n) is signal.SIG_DFL}
    if threading.current_thread() is not threading.main_thread():
        former = {}
    for number in former:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextmanager
def ended_by_interrupt() -> Iterator[None]:
    """Let Ctrl-C end the process at once inside the block, where nothing has been written yet.

    Opening a silent pipe blocks inside FFmpeg, where Python's own handler would never get to run.
    """
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not ours or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
