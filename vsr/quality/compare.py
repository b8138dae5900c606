"""Two videos, or two and an original, measured frame by frame."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from vsr._version import __version__
from vsr.device import cpu
from vsr.errors import OptionError
from vsr.options import MAX_THREADS, CompareOptions
from vsr.quality.matching import Span, Videos
from vsr.quality.meter import METRICS, Common, Meter, Values
from vsr.quality.shown import Shown, read_shown, worst_frames
from vsr.quality.text import text_table
from vsr.timing import parse_seconds

_FRAMES = re.compile(r"([+-]?\d+)f")
_POWERS = {"psnr_y": 10, "psnr": 10, "xpsnr_y": 20, "xpsnr_cb": 20, "xpsnr_cr": 20}
"""Means are of squared errors for PSNR, and of their roots for XPSNR, as FFmpeg takes them."""


@dataclass(frozen=True, kw_only=True)
class VideoResult:
    """One video against the reference."""

    name: str
    num_frames: int
    frames: list[Values | None]
    """For each frame of the reference what was measured, or None where it has no partner."""

    @property
    def num_matched(self) -> int:
        """How many frames of the reference have a partner."""
        return sum(values is not None for values in self.frames)

    def mean(self, metric: str) -> float:
        """Return a metric of the whole video; infinite where all frames are equal."""
        values = np.array([frame[metric] for frame in self.frames if frame is not None])
        power = _POWERS.get(metric)
        if power is None:
            return float(values.mean())
        mean = float(np.mean(10 ** (-values / power)))
        return -power * math.log10(mean) if mean else math.inf

    def worst(self, metric: str) -> tuple[int, float]:
        """Return the index of the frame with the smallest value, and that."""
        found = [(frame[metric], index) for index, frame in enumerate(self.frames) if frame is not None]
        value, index = min(found)
        return index, value


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What was measured."""

    reference: str
    width: int
    height: int
    format: str
    """What all frames were brought to, to be compared."""
    first_frame: int
    """The number, in the reference, of the first frame that was compared."""
    seconds: list[float]
    """When each frame from that one on is shown, since the reference's first."""
    results: list[VideoResult]
    metrics: list[str]
    notes: tuple[str, ...]
    shown: list[Shown] = field(default_factory=list)

    def worst(self, result: VideoResult, metric: str) -> tuple[int, float, float]:
        """Return the number and the time of the reference's frame with the smallest value, and that."""
        index, value = result.worst(metric)
        return self.first_frame + index, self.seconds[index], value

    def to_json(self) -> dict[str, Any]:
        """Return it for programs. A PSNR of equal frames, which is infinite, is null."""
        return {
            "vsr": __version__,
            "reference": self.reference,
            "size": f"{self.width}x{self.height}",
            "format": self.format,
            "num_frames": len(self.seconds),
            "metrics": {metric: METRICS[metric].meaning for metric in self.metrics},
            "notes": list(self.notes),
            "results": [self._result_json(result) for result in self.results],
            "frames": [
                {
                    "frame": self.first_frame + index,
                    "seconds": seconds,
                    "results": [_json(r.frames[index]) for r in self.results],
                }
                for index, seconds in enumerate(self.seconds)
            ],
            "shown": [
                {
                    "frame": each.frame,
                    "left": each.left,
                    "top": each.top,
                    "seconds": self.seconds[each.frame - self.first_frame],
                    "videos": list(each.pictures),
                }
                for each in self.shown
            ],
        }

    def _result_json(self, result: VideoResult) -> dict[str, Any]:
        worst = {metric: self.worst(result, metric) for metric in self.metrics}
        return {
            "video": result.name,
            "num_frames": result.num_frames,
            "num_matched": result.num_matched,
            "whole": {metric: _rounded(result.mean(metric)) for metric in self.metrics},
            "worst": {
                metric: {"frame": frame, "seconds": seconds, "value": _rounded(value)}
                for metric, (frame, seconds, value) in worst.items()
            },
        }

    def lines(self) -> list[str]:
        """Return what was measured, for people."""
        lines = [f"reference  {self.reference}, {self.width}x{self.height}, compared as {self.format}"]
        for result in self.results:
            lines.append(
                f"video      {result.name}: {result.num_matched} of {len(self.seconds)} frames have a partner"
            )
            rows = []
            for metric in self.metrics:
                frame, seconds, value = self.worst(result, metric)
                shown = METRICS[metric]
                numbers = (f"{number:.{shown.digits}f}" for number in (result.mean(metric), value))
                rows.append([shown.head, *numbers, f"frame {frame} at {seconds:.3f} s"])
            lines += text_table(["", "whole", "worst", "where"], rows)
        return lines + [f"note       {note}" for note in self.notes]


Tell = Callable[[int], None]
"""Told the number of frames that are done."""


def compare(
    first: str, second: str, options: CompareOptions, *, pictures: bool, tell: Tell = lambda done: None
) -> Comparison:
    """Return how `second` differs from `first`, or both from the reference that the options name.

    `pictures`: the worst frames and those that are asked for are read again, to be shown. Raises OptionError
    for what cannot be compared, and DecodeError.
    """
    names = [first, second] if options.reference is None else [options.reference, first, second]
    _check(names, options, pictures=pictures)
    span = _span(options)
    threads = options.threads or cpu.usable_cores()
    with Videos(names, span) as videos:
        common = Common(videos.readers)
        meters = [Meter(common, threads) for _ in names[1:]]
        numbers: list[int] = []
        seconds: list[float] = []
        values: list[list[Values | None]] = [[] for _ in names[1:]]
        for moment in videos:
            tell(moment.index)
            numbers.append(moment.index)
            seconds.append(round(float(moment.seconds), 6))
            reference = common.planes(0, moment.frames[0])
            for number, (meter, frame) in enumerate(zip(meters, moment.frames[1:], strict=True)):
                other = None if frame is None else common.planes(number + 1, frame)
                values[number].append(meter(reference, other))
        counts = videos.counts
        damage = [f"{reader.name}: {text}" for reader in videos.readers for text in reader.faults.damage()]
        rates = [reader.video.frame_rate for reader in videos.readers]
    if not numbers:
        raise OptionError(f"--start {options.start}: {names[0]} ends before; begin earlier")
    results = [
        VideoResult(name=name, num_frames=count, frames=found)
        for name, count, found in zip(names[1:], counts, values, strict=True)
    ]
    notes = [*common.notes, *damage, *(note for r in results for note in _unmatched(names[0], r, rates))]
    comparison = Comparison(
        reference=names[0],
        width=common.width,
        height=common.height,
        format=common.format.name,
        first_frame=numbers[0],
        seconds=seconds,
        results=results,
        metrics=common.metrics,
        notes=tuple(notes),
    )
    return _with_pictures(comparison, names, options, span) if pictures else comparison


def _span(options: CompareOptions) -> Span:
    duration = None if options.duration is None else parse_seconds(options.duration, "--duration")
    if duration == 0:
        raise OptionError("--duration 0 leaves nothing to compare")
    start = Fraction(0) if options.start is None else parse_seconds(options.start, "--start")
    return Span(start=start, duration=duration, offset=_offset(options.offset))


def _offset(text: str | None) -> Fraction | int:
    """Return the seconds in "1.5" or "-0:30", or the frames in "48f"."""
    if text is None:
        return 0
    if match := _FRAMES.fullmatch(text.strip()):
        return int(match[1])
    sign, size = (-1, text.strip()[1:]) if text.strip().startswith("-") else (1, text)
    try:
        return sign * parse_seconds(size, "--offset")
    except OptionError:
        raise OptionError(
            f"--offset: {text!r} is no time and no number of frames; "
            "write seconds (12.5, -0:30) or frames (48f, -3f)"
        ) from None


def _check(names: list[str], options: CompareOptions, *, pictures: bool) -> None:
    if "-" in names:
        raise OptionError(
            "standard input can be read once only, and the worst frames are read again: name files"
        )
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise OptionError(f"{twice} is named twice; name videos that can differ")
    if options.worst < 0:
        raise OptionError(f"--worst is {options.worst}; give 0 or more")
    if options.frames and min(options.frames) < 0:
        raise OptionError(f"--frame is {min(options.frames)}; frames are counted from 0")
    if options.frames and not pictures:
        raise OptionError("--frame adds frames to the page, and there is none; add --html FILE")
    if not 0 <= options.threads <= MAX_THREADS:
        raise OptionError(f"--threads is {options.threads}; give 0 for one a core, or up to {MAX_THREADS}")


def _unmatched(reference: str, result: VideoResult, rates: Sequence[Fraction | None]) -> list[str]:
    """Return what to say of frames without partner. Raises OptionError where most have none."""
    total, matched = len(result.frames), result.num_matched
    if matched * 2 < min(total, result.num_frames):
        speeds = " and ".join(f"{float(rate):.3f} fps" for rate in dict.fromkeys(rates) if rate)
        raise OptionError(
            f"only {matched} of {total} frames of {reference} have a frame of {result.name} at their time "
            f"({speeds}): videos of different rates cannot be compared; bring one to the other's rate first"
        )
    missing, extra = total - matched, result.num_frames - matched
    notes = []
    if missing:
        notes.append(f"{missing} of {total} frames of {reference} have none of {result.name} at their time")
    if extra:
        notes.append(f"{extra} of {result.num_frames} frames of {result.name} have none of {reference}")
    return [f"{note}: they are left out" for note in notes]


def _with_pictures(
    comparison: Comparison, names: list[str], options: CompareOptions, span: Span
) -> Comparison:
    """Return it with the worst frames by XPSNR and those asked for, read again."""
    values = [
        (found["xpsnr_y"], index)
        for result in comparison.results
        for index, found in enumerate(result.frames)
        if found is not None
    ]
    first, count = comparison.first_frame, len(comparison.seconds)
    compared = range(first, first + count)
    worst = [first + index for index in worst_frames(values, comparison.seconds, options.worst)]
    wanted = list(dict.fromkeys([*worst, *(number for number in options.frames if number in compared)]))
    notes = [
        f"--frame {number}: {count} frames are compared, from {first} on"
        for number in options.frames
        if number not in compared
    ]
    shown = read_shown(names, wanted, span) if wanted else []
    return replace(comparison, shown=shown, notes=(*comparison.notes, *notes))


def _json(values: Values | None) -> dict[str, float | None] | None:
    return None if values is None else {metric: _rounded(value) for metric, value in values.items()}


def _rounded(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
