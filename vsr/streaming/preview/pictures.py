"""The latest frame before and after, for whoever looks; nothing is copied or coded while nobody does."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace

import numpy as np

from vsr.frame import Frame
from vsr.media.jpeg import JpegEncoder

_INTEREST_SECONDS = 3.0
"""How long after a question somebody counts as looking: a browser asks again within a second."""
_INTERVAL_SECONDS = 1 / 15
"""Between two pairs: smooth enough to judge a picture by, and a fraction of the run's own work."""
_MAX_WIDTH = 1920
_QUANTIZER = 4


@dataclass(frozen=True, slots=True)
class Pair:
    """One frame before and after, as JPEG files."""

    number: int
    """Grows with each pair."""
    original: bytes
    upscaled: bytes


class Pictures:
    """Between the run, which has frames, and the threads of a server, which want pictures.

    Thread-safety: safe; `show` never waits. Ownership: what is shown is copied, frames of a GPU are kept
    until the next one. At most two pairs of frames and one of JPEG files are held.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._wanted_until = 0.0
        """Read without the lock: a moment too early or late harms nothing."""
        self._shown_at = 0.0
        # -- protected by _lock
        self._number = 0
        self._frames: tuple[Frame, Frame] | None = None
        self._closed = False
        # -- protected by _coding
        self._coding = threading.Lock()
        self._encoders = tuple(JpegEncoder(max_width=_MAX_WIDTH, quantizer=_QUANTIZER) for _ in range(2))
        self._coded: Pair | None = None

    def want(self) -> None:
        """Say that somebody is about to look."""
        self._wanted_until = time.monotonic() + _INTEREST_SECONDS

    def show(self, original: Frame, upscaled: Frame) -> None:
        """Take a frame before and after, if somebody looks and the last one is not too fresh."""
        now = time.monotonic()
        if now >= self._wanted_until or now - self._shown_at < _INTERVAL_SECONDS:
            return
        frames = _kept(original), _kept(upscaled)
        if not self._lock.acquire(blocking=False):
            return  # somebody is just taking the last one
        try:
            self._shown_at, self._frames = now, frames
            self._number += 1
            self._changed.notify_all()
        finally:
            self._lock.release()

    def pair(self, after: int, wait_seconds: float) -> Pair | None:
        """Return the latest pair if it is not the one numbered `after`, waiting for one; None if none came.

        A number above all that there were is of an earlier run, whose page is still open.
        """
        self.want()
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._number not in (0, after), wait_seconds)
            number, frames = self._number, self._frames
        if number == after or frames is None:
            return None
        with self._coding:
            if self._coded is None or self._coded.number < number:
                original, upscaled = (
                    encode(frame) for encode, frame in zip(self._encoders, frames, strict=True)
                )
                self._coded = Pair(number, original, upscaled)
            return self._coded

    def close(self) -> None:
        """Wake whoever waits. Idempotent."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def _kept(frame: Frame) -> Frame:
    """Return a frame that stays as it is. The memory of one on the host may belong to a pool."""
    if frame.device != "cpu":
        return frame
    return replace(frame, planes=tuple(np.array(plane) for plane in frame.planes), owner=None)
