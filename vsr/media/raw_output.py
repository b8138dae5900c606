"""Frames as they are into standard output: yuv4mpegpipe, or samples alone."""

from __future__ import annotations

import io
import os
import select
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av

from vsr.color import ColorSpec
from vsr.errors import EncodeError
from vsr.frame import Frame, PictureSpec
from vsr.media._av import detailed, writing
from vsr.media.encoders import Encoding
from vsr.media.picture_stream import add_picture, tagged
from vsr.media.pixels import FramePool
from vsr.media.source import VideoInfo
from vsr.media.writer import Target

_SLICE_SECONDS = 0.1


class TimedPipe(io.RawIOBase):
    """A file descriptor that is written to in pieces, so that a reader which stands still blocks nobody.

    A reader may pause; once `stopped`, only for as long as the time limit. Thread-safety: one thread.
    """

    def __init__(self, number: int, timeout_seconds: float, stopped: Callable[[], bool]) -> None:
        self._number = number
        self._timeout = timeout_seconds
        self._stopped = stopped

    def writable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """False: a pipe has no way back."""
        return False

    def write(self, data: Any) -> int:
        """Write all of it. Raises EncodeError where that takes too long after the run was told to end."""
        rest, since = memoryview(data), time.monotonic()
        while rest:
            _, ready, _ = select.select([], [self._number], [], _SLICE_SECONDS)
            now = time.monotonic()
            if ready:
                # What a pipe says it has room for; more would wait inside the system.
                rest = rest[os.write(self._number, rest[: select.PIPE_BUF]) :]
                since = now
            elif not self._stopped():
                since = now
            elif now - since > self._timeout:
                raise EncodeError(f"standard output: it takes nothing since {self._timeout:g} s")
        return len(data)


class RawOutput:
    """Writes frames one after another; their times are not kept. `pool` gives the frames to write.

    The last frame is held, so that it can be written again.

    Thread-safety: one thread; `pool` and `bytes_written` may be used by any. Ownership: `write` gives frames
    back to the pool.
    """

    def __init__(
        self,
        target: Target,
        video: VideoInfo,
        picture: PictureSpec,
        encoding: Encoding,
        place: TimedPipe,
        *,
        sample_aspect_ratio: Fraction,
        tags: ColorSpec,
    ) -> None:
        self.pool = FramePool(picture.width, picture.height, picture.format, picture.color)
        self.bytes_written = 0
        self._name = target.name
        self._encoding, self._tags = encoding, tags
        self._frame_bytes = picture.format.frame_bytes(picture.width, picture.height)
        self._time_base = 1 / (video.frame_rate or Fraction(25))
        self._count = 0
        self._last: Frame | None = None
        with writing(target.name), detailed():
            self._container: Any = av.open(
                place, "w", format=target.container, container_options=dict(target.options)
            )
            self._video: Any = add_picture(
                self._container,
                video,
                picture,
                encoding,
                time_base=self._time_base,
                sample_aspect_ratio=sample_aspect_ratio,
                tags=tags,
            )

    def write(self, frame: Frame) -> None:
        """Write a frame, which comes after those before. Raises EncodeError."""
        if self._last is not None:
            self.pool.give(self._last)
        self._last = frame
        self.repeat()

    def repeat(self) -> None:
        """Write the last frame once more, if there is one. Raises EncodeError."""
        if self._last is None:
            return
        picture = tagged(self.pool.picture(self._last), self._encoding, self._tags)
        picture.pts, picture.time_base = self._count, self._time_base
        self._count += 1
        with writing(self._name):
            for packet in self._video.encode(picture):
                self._container.mux_one(packet)
        self.bytes_written += self._frame_bytes

    def close(self) -> None:
        """Write what is left. Idempotent."""
        if self._container is None:
            return
        container, self._container = self._container, None
        with writing(self._name):
            container.close()
        self._video = self._last = None
        self.pool.clear()
