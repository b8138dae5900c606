"""The bounded queue between the stages: worked on in any order, left in the order of arrival."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
U = TypeVar("U")

_ITEM_FLOOR_BYTES = 1024
"""What the smallest item counts for, so that the byte bound also bounds the number of tiny packets."""


@dataclass(slots=True, eq=False)
class Moments:
    """When what happened to one item, in seconds of `time.perf_counter` or from a run's beginning.

    In the order of the fields, none earlier than the one before it. Whoever holds the slot writes here.
    """

    read_begin: float
    read_end: float
    put: float = 0.0
    """The queue had room for it."""
    work_begin: float = 0.0
    work_end: float = 0.0
    write_begin: float = 0.0
    write_end: float = 0.0
    worker: int = 0
    """Which of the workers had it, counted from 0."""

    def shift(self, seconds: float) -> None:
        """Count from another moment."""
        self.read_begin += seconds
        self.read_end += seconds
        self.put += seconds
        self.work_begin += seconds
        self.work_end += seconds
        self.write_begin += seconds
        self.write_end += seconds


@dataclass(slots=True, eq=False)
class Slot(Generic[T, U]):
    """One place in the queue. Whoever holds the slot (worker, then writer) owns what is in it."""

    item: T | None
    """The input; dropped once the work is done, so that its memory is free while the result waits."""
    size_bytes: int
    needs_work: bool
    done: bool
    result: U | None = None
    moments: Moments | None = None
    """Of an item that a recorder watches."""


@dataclass(slots=True)
class Fill:
    """How full a queue is, and has been at most. Items that only pass through count in bytes alone."""

    work_items: int = 0
    work_items_max: int = 0
    size_bytes: int = 0
    size_bytes_max: int = 0

    def add(self, slot: Slot[T, U]) -> None:
        """Count a slot that enters."""
        self.size_bytes += slot.size_bytes
        self.size_bytes_max = max(self.size_bytes_max, self.size_bytes)
        self.work_items += slot.needs_work
        self.work_items_max = max(self.work_items_max, self.work_items)

    def remove(self, slot: Slot[T, U]) -> None:
        """Count a slot that leaves."""
        self.size_bytes -= slot.size_bytes
        self.work_items -= slot.needs_work

    def share(self, max_items: int, max_bytes: int) -> float:
        """Return how full it is, 0 to 1, by items or bytes, whichever is nearer to its bound."""
        return min(max(self.work_items / max_items, self.size_bytes / max_bytes), 1.0)


class ReorderQueue(Generic[T, U]):
    """A first-in first-out queue whose items are worked on inside it, by many threads at once.

    One reader calls `put` and `end`; any number of workers call `take` and `complete`; one writer calls
    `head` and `release`. An item stays counted from `put` to `release`, so the bounds hold for all that is
    in flight: at most `max_items` items that need work, and at most `max_bytes` bytes of all items. An item
    larger than `max_bytes` passes when it is alone. Items that need no work are bounded by bytes only
    (never less than 1024 each): a burst of audio packets must not starve the workers of frames.

    Thread-safety: safe. `put`, `take` and `head` block; `fail` and `abort` wake everybody, from any thread
    (not from a signal handler: they take a lock).
    """

    def __init__(
        self, *, max_items: int, max_bytes: int, on_fill: Callable[[Fill], None] | None = None
    ) -> None:
        """`on_fill` is called after each change of the fill, with the lock held: it must be quick."""
        self.max_items = max_items
        self.max_bytes = max_bytes
        self._on_fill = on_fill
        self._lock = threading.Lock()
        self._space = threading.Condition(self._lock)
        self._work = threading.Condition(self._lock)
        self._ready = threading.Condition(self._lock)
        # -- protected by _lock
        self._slots: deque[Slot[T, U]] = deque()
        self._todo: deque[Slot[T, U]] = deque()
        self._fill = Fill()
        self._ended = False
        self._closed = False
        self._error: BaseException | None = None

    @property
    def fill(self) -> Fill:
        """The counters, live: read them from any thread, write them from none."""
        return self._fill

    @property
    def error(self) -> BaseException | None:
        """The first error given to `fail`."""
        return self._error

    @property
    def closed(self) -> bool:
        """True after `fail` or `abort`: what was in flight is dropped."""
        return self._closed

    def put(self, item: T, *, size_bytes: int, needs_work: bool, moments: Moments | None = None) -> bool:
        """Append an item, waiting for room. Returns False if the queue was closed: stop reading."""
        size_bytes = max(size_bytes, _ITEM_FLOOR_BYTES)
        with self._lock:
            while not self._closed and not self._has_room(size_bytes, needs_work):
                self._space.wait()
            if self._closed:
                return False
            if moments is not None:
                moments.put = time.perf_counter()
            slot: Slot[T, U] = Slot(item, size_bytes, needs_work, done=not needs_work, moments=moments)
            self._slots.append(slot)
            self._fill.add(slot)
            if self._on_fill is not None:
                self._on_fill(self._fill)
            if needs_work:
                self._todo.append(slot)
                self._work.notify()
            elif self._slots[0] is slot:
                self._ready.notify()
            return True

    def end(self) -> None:
        """Say that no item follows. Workers and writer finish what is there."""
        with self._lock:
            self._ended = True
            self._work.notify_all()
            self._ready.notify_all()

    def take(self) -> Slot[T, U] | None:
        """Return the oldest item that waits for a worker; None when there will be no more."""
        with self._lock:
            while not self._todo and not self._ended and not self._closed:
                self._work.wait()
            return None if self._closed or not self._todo else self._todo.popleft()

    def complete(self, slot: Slot[T, U], result: U) -> None:
        """Put the result in its place."""
        with self._lock:
            slot.item, slot.result, slot.done = None, result, True
            if self._slots and self._slots[0] is slot:
                self._ready.notify()

    def head(self) -> Slot[T, U] | None:
        """Return the oldest item once it is done, still counted; None when all are released."""
        with self._lock:
            while not self._closed and not (self._slots[0].done if self._slots else self._ended):
                self._ready.wait()
            return None if self._closed or not self._slots else self._slots[0]

    def release(self, slot: Slot[T, U]) -> None:
        """Take the head, which `head` returned, out of the queue."""
        with self._lock:
            if self._slots and self._slots[0] is slot:
                self._slots.popleft()
                self._fill.remove(slot)
                if self._on_fill is not None:
                    self._on_fill(self._fill)
                self._space.notify()

    def fail(self, error: BaseException) -> None:
        """Close the queue because of an error. The first error is kept, later ones are its echoes."""
        with self._lock:
            if self._error is None and not self._closed:
                self._error = error
        self.abort()

    def abort(self) -> None:
        """Close the queue and drop everything in it."""
        with self._lock:
            self._closed = True
            self._slots.clear()
            self._todo.clear()
            for condition in (self._space, self._work, self._ready):
                condition.notify_all()

    def _has_room(self, size_bytes: int, needs_work: bool) -> bool:
        if not self._slots:
            return True
        if needs_work and self._fill.work_items >= self.max_items:
            return False
        return self._fill.size_bytes + size_bytes <= self.max_bytes
