"""Where a run stands, several times a second."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from vsr.media.source import SourceInfo
from vsr.media.writer import Writer
from vsr.pipeline.stages import Statistics


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run stands."""

    frames: int
    frames_total: int | None
    """None where the source does not say; an estimate from duration and rate otherwise."""
    seconds_done: float
    """Of the video."""
    seconds_total: float | None
    elapsed_seconds: float
    fps: float
    """Over the last moments."""
    queue_fill: float
    """0 to 1: near 1 the encoder is what everything waits for."""
    bytes_written: int
    phase: Literal["upscale", "verify"]


class Tracker:
    """Turns the stages' statistics into progress."""

    def __init__(
        self,
        info: SourceInfo,
        span: Fraction | None,
        writer: Writer,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._writer = writer
        self._on_progress = on_progress
        self._span = span
        rate = info.video.frame_rate
        self._frames_total = round(span * rate) if span and rate else info.video.num_frames_from_header
        self._recent: list[tuple[float, int]] = [(0.0, 0)]
        self._last = Statistics()

    def tick(self, statistics: Statistics) -> None:
        """Report, from the run's own thread."""
        self._last = statistics
        self._recent.append((statistics.elapsed_seconds, statistics.frames_done))
        del self._recent[:-20]
        self.phase("upscale")

    def phase(self, phase: Literal["upscale", "verify"]) -> None:
        """Report where the run stands now."""
        if self._on_progress is None:
            return
        (begin, first), (end, last) = self._recent[0], self._recent[-1]
        times = self._writer.frame_times
        done = float((times[-1] - times[0]) * self._writer.time_base) if times else 0.0
        self._on_progress(
            Progress(
                frames=self._last.frames_done,
                frames_total=self._frames_total,
                seconds_done=done,
                seconds_total=float(self._span) if self._span else None,
                elapsed_seconds=self._last.elapsed_seconds,
                fps=(last - first) / (end - begin) if end > begin else 0.0,
                queue_fill=self._last.queue_fill,
                bytes_written=self._writer.bytes_written,
                phase=phase,
            )
        )
