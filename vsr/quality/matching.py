"""Frames of several videos that are shown at the same time.

Times count from each video's first frame, so that containers that begin elsewhere do not matter. A frame's
partner is the nearest one of the other video; it must lie within what rounding to both time bases explains,
one tick of each, and within half the way to the frame's own neighbours.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

from vsr.errors import DecodeError, OptionError
from vsr.frame import Frame
from vsr.media.reader import Reader


@dataclass(frozen=True, kw_only=True, eq=False)
class Moment:
    """A frame of the first video and its partners."""

    index: int
    """The frame's number in the first video, from 0."""
    seconds: Fraction
    """Since that video's first frame."""
    frames: tuple[Frame | None, ...]
    """That of each video, the first one's first; None where a video has none at that time."""


class Videos:
    """Videos of one size, opened together; iterating yields their moments, once.

    Thread-safety: one thread. Raises DecodeError for files that cannot be read, OptionError for sizes that
    differ.
    """

    def __init__(self, names: Sequence[str], *, duration: Fraction | None = None) -> None:
        """The first name is that of the reference. `duration` is how many seconds are compared."""
        self.names = tuple(names)
        self._duration = duration
        with ExitStack() as opened:
            self.readers = [opened.enter_context(Reader(name)) for name in names]
            self._check_sizes()
            self._followers = [_Follower(reader) for reader in self.readers[1:]]
            self._opened = opened.pop_all()
        self.num_frames = 0
        """Frames of the reference, after iterating."""

    @property
    def counts(self) -> list[int]:
        """How many frames of each other video were read, after iterating."""
        return [follower.count for follower in self._followers]

    def __iter__(self) -> Iterator[Moment]:
        first, own_tick = self.readers[0], self.readers[0].video.time_base
        before: Fraction | None = None
        for index, (frame, at, after) in enumerate(_with_next(_timed(first))):
            if self._is_past(at):
                break
            gaps = [abs(at - other) for other in (before, after) if other is not None]
            half = min(gaps) / 2 if gaps else Fraction(1)
            partners = [f.at(at, min(half, own_tick + f.tick)) for f in self._followers]
            self.num_frames = index + 1
            yield Moment(index=index, seconds=at, frames=(frame, *partners))
            before = at
        for follower in self._followers:
            follower.drain(self._duration)

    def _is_past(self, seconds: Fraction) -> bool:
        return self._duration is not None and seconds >= self._duration

    def _check_sizes(self) -> None:
        first = self.readers[0].video
        for name, reader in zip(self.names[1:], self.readers[1:], strict=True):
            size = reader.video.width, reader.video.height
            if size != (first.width, first.height):
                raise OptionError(
                    f"{self.names[0]} is {first.width}x{first.height}, {name} is {size[0]}x{size[1]}: only "
                    f"videos of one size can be compared; bring one to the other's size, e.g. "
                    f"`vsr upscale {name} resized.mkv --size {first.width}x{first.height} --encoder ffv1`"
                )

    def close(self) -> None:
        """Close the files. Idempotent."""
        self._opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class _Follower:
    """A video whose frames are looked up by ascending times."""

    def __init__(self, reader: Reader) -> None:
        self.tick = reader.video.time_base
        self.count = 0
        self._frames = _timed(reader)
        self._current = self._next()
        self._following = self._next()

    def _next(self) -> tuple[Frame, Fraction] | None:
        found = next(self._frames, None)
        self.count += found is not None
        return found

    def at(self, seconds: Fraction, tolerance: Fraction) -> Frame | None:
        """Return the frame nearest to that time, not given before, or None where it lies further away."""
        while self._following is not None and (
            self._current is None or abs(self._following[1] - seconds) <= abs(self._current[1] - seconds)
        ):
            self._current, self._following = self._following, self._next()
        if self._current is None or abs(self._current[1] - seconds) > tolerance:
            return None
        frame, self._current = self._current[0], None
        return frame

    def drain(self, duration: Fraction | None) -> None:
        """Read to the end, or to the duration's, so that `count` is what there is."""
        while self._following is not None:
            if duration is not None and self._following[1] >= duration:
                self.count -= 1
                break
            self._following = self._next()


def _timed(reader: Reader) -> Iterator[tuple[Frame, Fraction]]:
    """Yield frames with their times in seconds since the first one."""
    origin: int | None = None
    size = (reader.video.width, reader.video.height)
    for frame in reader:
        origin = frame.pts if origin is None else origin
        seconds = (frame.pts - origin) * frame.time_base
        if (frame.width, frame.height) != size:
            raise DecodeError(
                f"{reader.name}: its size changes from {size[0]}x{size[1]} to {frame.width}x{frame.height} "
                f"at {float(seconds):.3f} s; compare what is before by --duration {float(seconds):.3f}"
            )
        yield frame, seconds


def _with_next(
    frames: Iterator[tuple[Frame, Fraction]],
) -> Iterator[tuple[Frame, Fraction, Fraction | None]]:
    """Yield each frame with its time and the next one's."""
    ended: Iterator[tuple[Frame, Fraction] | None] = itertools.chain(frames, [None])
    for here, after in itertools.pairwise(ended):
        assert here is not None
        yield (*here, None if after is None else after[1])
