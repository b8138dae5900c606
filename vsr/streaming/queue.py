"""What waits for the upscaler: a bounded number of frames, some of which may be dropped, and all packets."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from vsr.options import DropMode

T = TypeVar("T")
_MOST_BYTES = 256 << 20
"""Of frames that wait, as long as that are two."""
MOST_PASSING = 4096
"""Packets that are not frames: more of them wait outside, so that memory has a bound."""


def capacity_for(latency_seconds: float, interval_seconds: float, frame_bytes: int) -> int:
    """Return how many frames may wait: those of the latency, but no more than memory should hold, and two."""
    return max(2, min(round(latency_seconds / interval_seconds), _MOST_BYTES // max(1, frame_bytes)))


class ItemQueue(Generic[T]):
    """A queue of frames, and of packets that pass with them, in one order.

    At most `capacity` frames wait. One that comes when so many do is dropped itself (`newest`), takes the
    place of the oldest (`oldest`), or waits outside (`none`). But for `none`, one that has waited for longer
    than `limit_seconds` is dropped as well once another waits behind it: to a taker that is slow, a few
    frames are a long wait. Packets are never dropped.

    Thread-safety: safe; one thread puts, one takes. Both waits end with `close`.
    """

    def __init__(
        self,
        capacity: int,
        drop: DropMode,
        limit_seconds: float = math.inf,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` gives seconds and does not go back."""
        self.capacity = capacity
        """May be set by the thread that puts."""
        self.dropped = 0
        """Frames, so far."""
        self._drop, self._limit, self._clock = drop, limit_seconds, clock
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        # -- protected by _lock
        self._items: deque[tuple[T, bool]] = deque()
        self._since: deque[float] = deque()
        """When each of the frames came."""
        self._ended = False
        self._closed = False

    @property
    def frames(self) -> int:
        """How many frames wait."""
        return len(self._since)

    def put(self, item: T, *, is_frame: bool) -> bool:
        """Append an item. Returns False if the queue was closed: read no more."""
        with self._lock:
            if is_frame and not self._make_room():
                return not self._closed
            while not is_frame and len(self._items) - self.frames >= MOST_PASSING and not self._closed:
                self._changed.wait()
            if self._closed:
                return False
            self._items.append((item, is_frame))
            if is_frame:
                self._since.append(self._clock())
            self._changed.notify_all()
            return True

    def _make_room(self) -> bool:
        """Return whether there is room for a frame now."""
        if self._drop == "none":
            while self.frames >= self.capacity and not self._closed:
                self._changed.wait()
            return not self._closed
        if self.frames >= self.capacity:
            if self._drop == "newest":
                self.dropped += 1
                return False
            self._drop_oldest()
        return True

    def _drop_oldest(self) -> None:
        place = next(n for n, (_, is_frame) in enumerate(self._items) if is_frame)
        del self._items[place]
        self._since.popleft()
        self.dropped += 1

    def take(self, timeout_seconds: float | None = None) -> T | None:
        """Return the next item; None after `end` or `close`, or where none came in time."""
        with self._lock:
            if not self._changed.wait_for(
                lambda: self._items or self._ended or self._closed, timeout_seconds
            ):
                return None
            if self._closed or not self._items:
                return None
            while self._drop != "none" and self.frames > 1 and self._clock() - self._since[0] > self._limit:
                self._drop_oldest()
            item, is_frame = self._items.popleft()
            if is_frame:
                self._since.popleft()
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
            self._since.clear()
            self._changed.notify_all()
