"""What waits for the upscaler: a bounded number of frames, some of which may be dropped, and all packets."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

from vsr.options import DropMode

T = TypeVar("T")
MOST_PASSING = 4096
"""Packets that are not frames: more of them wait outside, so that memory has a bound."""


class ItemQueue(Generic[T]):
    """A queue of frames, and of packets that pass with them, in one order.

    At most `capacity` frames wait. One that comes when so many do is dropped itself (`newest`), takes the
    place of the oldest (`oldest`), or waits outside (`none`). Packets are never dropped.

    Thread-safety: safe; one thread puts, one takes. Both waits end with `close`.
    """

    def __init__(self, capacity: int, drop: DropMode) -> None:
        self.capacity = capacity
        self.dropped = 0
        """Frames, so far."""
        self._drop = drop
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        # -- protected by _lock
        self._items: deque[tuple[T, bool]] = deque()
        self._frames = 0
        self._ended = False
        self._closed = False

    @property
    def frames(self) -> int:
        """How many frames wait."""
        return self._frames

    def put(self, item: T, *, is_frame: bool) -> bool:
        """Append an item. Returns False if the queue was closed: read no more."""
        with self._lock:
            if is_frame and self._frames >= self.capacity and not self._make_room():
                return not self._closed
            while not is_frame and len(self._items) - self._frames >= MOST_PASSING and not self._closed:
                self._changed.wait()
            if self._closed:
                return False
            self._items.append((item, is_frame))
            self._frames += is_frame
            self._changed.notify_all()
            return True

    def _make_room(self) -> bool:
        """Return whether there is room for a frame now."""
        match self._drop:
            case "newest":
                self.dropped += 1
                return False
            case "oldest":
                place = next(n for n, (_, is_frame) in enumerate(self._items) if is_frame)
                del self._items[place]
                self._frames -= 1
                self.dropped += 1
                return True
            case _:
                while self._frames >= self.capacity and not self._closed:
                    self._changed.wait()
                return not self._closed

    def take(self, timeout_seconds: float | None = None) -> T | None:
        """Return the next item; None after `end` or `close`, or where none came in time."""
        with self._lock:
            if not self._changed.wait_for(
                lambda: self._items or self._ended or self._closed, timeout_seconds
            ):
                return None
            if self._closed or not self._items:
                return None
            item, is_frame = self._items.popleft()
            self._frames -= is_frame
            self._changed.notify_all()
            return item

    @property
    def done(self) -> bool:
        """True once no item will come out any more."""
        with self._lock:
            return self._closed or (self._ended and not self._items)

    def end(self) -> None:
        """Say that no item follows; those that wait are still taken."""
        with self._lock:
            self._ended = True
            self._changed.notify_all()

    def close(self) -> None:
        """Drop everything and wake everybody."""
        with self._lock:
            self._closed = True
            self._items.clear()
            self._frames = 0
            self._changed.notify_all()
