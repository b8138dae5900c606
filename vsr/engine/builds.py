"""What engines build for a chain: once each, in threads of their own, while frames run on something else."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Event, Lock, Thread
from typing import Any, Generic, TypeAlias, TypeVar

from vsr.errors import VsrError

T = TypeVar("T")
Stop: TypeAlias = Callable[[], bool]
"""Whether to end early."""


class Build(Generic[T]):
    """Something that takes long to make: it is found at once, or made when it is started.

    Thread-safety: safe.
    """

    def __init__(
        self,
        network: str,
        engine: str,
        *,
        find: Callable[[], T | None],
        make: Callable[[Stop], T],
    ) -> None:
        """`network` and `engine` say for whom. `find` is called now; if it raises VsrError, this failed."""
        self.network = network
        self.engine = engine
        self.before = ""
        """The engine that runs until this is there; empty where nothing does."""
        self.seconds = 0.0
        """What making it took."""
        self._make = make
        self._made: Future[T] = Future()
        self._lock = Lock()
        self._stop = Event()
        self._thread: Thread | None = None
        try:
            found = find()
        except VsrError as error:
            self._made.set_exception(error)
        else:
            if found is not None:
                self._made.set_result(found)

    @property
    def done(self) -> bool:
        """True once it is there, or failed."""
        return self._made.done()

    @property
    def error(self) -> BaseException | None:
        """Why it failed; None where it did not, or not yet."""
        return self._made.exception() if self._made.done() else None

    def start(self, on_end: Callable[[Build[Any]], None], before: str = "") -> None:
        """Make it in a thread, the first time. That calls `on_end` when it is there, or failed."""
        with self._lock:
            if self._thread is None and not self.done:
                self.before = before
                # No daemon: a process that ends under a builder's feet crashes.
                self._thread = Thread(target=self._run, args=(on_end,), name=f"vsr-build-{self.network}")
                self._thread.start()

    def _run(self, on_end: Callable[[Build[Any]], None]) -> None:
        began = time.perf_counter()
        try:
            made = self._make(self._stop.is_set)
        except Exception as error:
            self._made.set_exception(error)
        else:
            self.seconds = time.perf_counter() - began
            self._made.set_result(made)
        on_end(self)

    def wait(self) -> None:
        """Return when it is there, or failed."""
        self._made.exception()

    def result(self) -> T:
        """Return it, once it is there. Raises what finding or making it raised."""
        return self._made.result()

    def close(self) -> bool:
        """Stop making it, and return whether that was so. Waits until its thread has ended."""
        is_running = not self.done
        self._stop.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()
        return is_running and thread is not None


class Builds:
    """What was built for a chain, is, or will be, by what decides it.

    Thread-safety: safe. Ownership: it keeps what was built until it is closed.
    """

    def __init__(
        self,
        say: Callable[[str], None] = lambda text: None,
        on_end: Callable[[Build[Any]], None] | None = None,
    ) -> None:
        """`say` gets what people should know at once; both are called from any thread."""
        self.say = say
        self._on_end = on_end
        self._lock = Lock()
        self._builds: dict[Hashable, Build[Any]] = {}

    def get(self, key: Hashable, new: Callable[[], Build[T]]) -> Build[T]:
        """Return the build of a key; `new` makes it, the first time, while others wait."""
        with self._lock:
            if key not in self._builds:
                self._builds[key] = new()
            return self._builds[key]

    def start(self, build: Build[Any], before: str = "") -> None:
        """Start a build; `before` is the engine that runs until it is there."""
        build.start(self._ended, before)

    def _ended(self, build: Build[Any]) -> None:
        on_end = self._on_end
        if on_end is not None:
            on_end(build)

    def close(self) -> None:
        """Stop all builds, and say which; forget what was built. Idempotent."""
        self._on_end = None
        with self._lock:
            builds, self._builds = list(self._builds.values()), {}
        for build in builds:
            if build.close():
                self.say(
                    f"{build.network}: the run ended before the engine of {build.engine} was built; "
                    "`vsr models build` builds it ahead"
                )
