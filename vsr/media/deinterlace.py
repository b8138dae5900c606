"""Deinterlacing with FFmpeg's bwdif: one frame out for each frame in, with its time."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
from av.filter import Graph

from vsr.timing import rescale


class Deinterlacer:
    """bwdif at frame rate (send_frame), so that no time is made up. Rebuilt when the size changes.

    Thread-safety: one thread at a time.
    """

    def __init__(self, time_base: Fraction, *, only_flagged: bool) -> None:
        self._time_base = time_base
        self._arguments = f"mode=send_frame:parity=auto:deint={'interlaced' if only_flagged else 'all'}"
        self._graph: Graph | None = None
        self._source: Any = None
        self._sink: Any = None
        self._shape: tuple[int, int, str] | None = None

    def push(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """Take one decoded frame and yield those that are finished; bwdif lags one frame behind."""
        shape = (frame.width, frame.height, frame.format.name)
        if shape != self._shape:
            yield from self.flush()
            self._build(frame)
            self._shape = shape
        self._source.push(frame)
        yield from self._pull()

    def flush(self) -> Iterator[av.VideoFrame]:
        """Yield the frames still inside."""
        if self._graph is not None:
            self._source.push(None)
            yield from self._pull()
            self._graph = None
            self._shape = None

    def _build(self, frame: av.VideoFrame) -> None:
        graph = Graph()
        self._source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=self._time_base
        )
        deinterlace = graph.add("bwdif", self._arguments)
        self._sink = graph.add("buffersink")
        graph.link_nodes(self._source, deinterlace, self._sink).configure()
        self._graph = graph

    def _pull(self) -> Iterator[av.VideoFrame]:
        while True:
            try:
                frame = self._sink.pull()
            except (BlockingIOError, av.error.EOFError):
                return
            base = Fraction(frame.time_base)
            duration = rescale(frame.duration or 0, base, self._time_base)
            frame.pts = rescale(frame.pts, base, self._time_base)
            frame.time_base = self._time_base
            frame.duration = duration
            yield frame
