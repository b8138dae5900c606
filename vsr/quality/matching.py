"""Frames of several videos that are shown at the same time.

Times count from each video's first frame, so that containers that begin elsewhere do not matter, or from the
frame that an offset brings together with the other's first. A frame's partner is the nearest one of the other
video; it must lie within what rounding to both time bases explains, one tick of each, and within half the way
to the frame's own neighbours.
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


@dataclass(frozen=True, kw_only=True)
class Span:
    """Which parts of the videos are compared."""

    start: Fraction = Fraction(0)
    """Seconds of the first video, since its first frame, that are left out."""
    duration: Fraction | None = None
    """Seconds that are compared; None for all that there are."""
    offset: Fraction | int = 0
    """Where in the first video the others begin: at the frame nearest to those seconds, or at that frame,
    counted from 0. Below 0 it is where in the others the first one begins."""


class Videos:
    """Videos of one size, opened together; iterating yields their moments, once.

    Thread-safety: one thread. Raises DecodeError for files that cannot be read, OptionError for sizes that
    differ and for an offset that leaves nothing of a video.
    """

    def __init__(self, names: Sequence[str], span: Span) -> None:
        """The first name is that of the reference."""
        self.names = tuple(names)
        self._span = span
        with ExitStack() as opened:
            self.readers = [opened.enter_context(Reader(name)) for name in names]
            self._check_sizes()
            self._followers = [_Follower(reader, -span.offset) for reader in self.readers[1:]]
            self._opened = opened.pop_all()

    @property
    def counts(self) -> list[int]:
        """How many frames of each other video there were to be compared, after iterating."""
        return [follower.count for follower in self._followers]

    def __iter__(self) -> Iterator[Moment]:
        own_tick = self.readers[0].video.time_base
        frames = _begun(self.readers[0], self._span.offset)
        head = next(frames)
        begin = max(self._span.start, head.seconds)
        end = None if self._span.duration is None else begin + self._span.duration
        before: Fraction | None = None
        for here, after in _with_next(itertools.chain([head], frames)):
            if end is not None and here.seconds >= end:
                break
            if here.seconds >= begin:
                at = here.seconds - head.seconds
                if before is not None and before < begin:
                    for follower in self._followers:
                        follower.skip_to(at)
                others = [other for other in (before, after.seconds if after else None) if other is not None]
                half = min((abs(here.seconds - other) for other in others), default=Fraction(2)) / 2
                partners = [f.at(at, min(half, own_tick + f.tick)) for f in self._followers]
                yield Moment(index=here.index, seconds=here.seconds, frames=(here.frame, *partners))
            before = here.seconds
        for follower in self._followers:
            follower.drain(None if end is None else end - head.seconds)

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


@dataclass(frozen=True, slots=True, eq=False)
class _Timed:
    """A frame with its number in its video, and when it is shown, since the first one."""

    index: int
    frame: Frame
    seconds: Fraction


class _Follower:
    """A video whose frames are looked up by ascending times, since the first one that counts."""

    def __init__(self, reader: Reader, offset: Fraction | int) -> None:
        self.tick = reader.video.time_base
        self.count = 0
        self._frames = _begun(reader, offset)
        self._current = self._next()
        self._begin = self._current.seconds if self._current else Fraction(0)
        self._following = self._next()

    def _next(self) -> _Timed | None:
        found = next(self._frames, None)
        self.count += found is not None
        return found

    def _distance(self, timed: _Timed, seconds: Fraction) -> Fraction:
        return abs(timed.seconds - self._begin - seconds)

    def skip_to(self, seconds: Fraction) -> None:
        """Leave out what is before the frame nearest to that time."""
        while (
            self._current is not None
            and self._following is not None
            and self._distance(self._following, seconds) <= self._distance(self._current, seconds)
        ):
            self._current, self._following = self._following, self._next()
            self.count -= 1

    def at(self, seconds: Fraction, tolerance: Fraction) -> Frame | None:
        """Return the frame nearest to that time, not given before, or None where it lies further away."""
        while self._following is not None and (
            self._current is None
            or self._distance(self._following, seconds) <= self._distance(self._current, seconds)
        ):
            self._current, self._following = self._following, self._next()
        if self._current is None or self._distance(self._current, seconds) > tolerance:
            return None
        frame, self._current = self._current.frame, None
        return frame

    def drain(self, duration: Fraction | None) -> None:
        """Read to the end, or to the duration's, so that `count` is what there is."""
        while self._following is not None:
            if duration is not None and self._following.seconds - self._begin >= duration:
                self.count -= 1
                break
            self._following = self._next()


def _begun(reader: Reader, offset: Fraction | int) -> Iterator[_Timed]:
    """Yield a video's frames from `offset` on: all where it is not above 0.

    Raises OptionError where the video ends before that.
    """
    frames = _with_next(_timed(reader))
    here = None
    for here, after in frames:
        if isinstance(offset, int):
            begun = here.index >= offset
        else:
            begun = here.seconds >= offset or (
                after is not None and after.seconds - offset > offset - here.seconds
            )
        if begun:
            yield here
            yield from (later for later, _ in frames)
            return
    if here is not None:
        raise OptionError(
            f"--offset lies beyond the end of {reader.name}, whose last frame is number {here.index} "
            f"at {float(here.seconds):.3f} s"
        )


def _timed(reader: Reader) -> Iterator[_Timed]:
    """Yield all frames."""
    origin: int | None = None
    size = (reader.video.width, reader.video.height)
    for index, frame in enumerate(reader):
        origin = frame.pts if origin is None else origin
        seconds = (frame.pts - origin) * frame.time_base
        if (frame.width, frame.height) != size:
            raise DecodeError(
                f"{reader.name}: its size changes from {size[0]}x{size[1]} to {frame.width}x{frame.height} "
                f"at {float(seconds):.3f} s; compare what is before by --duration {float(seconds):.3f}"
            )
        yield _Timed(index, frame, seconds)


def _with_next(frames: Iterator[_Timed]) -> Iterator[tuple[_Timed, _Timed | None]]:
    """Yield each frame with the next one."""
    ended: Iterator[_Timed | None] = itertools.chain(frames, [None])
    for here, after in itertools.pairwise(ended):
        assert here is not None
        yield here, after
