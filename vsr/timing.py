"""Moments: parsing them, and moving them between time bases without error creeping in."""

import re
from fractions import Fraction

from vsr.errors import OptionError

_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d+)?)s?")


def parse_seconds(text: str, name: str) -> Fraction:
    """Return the seconds in "90", "1.5", "01:30" or "1:02:03.25", exactly. `name` is the option's."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        raise OptionError(f"{name}: {text!r} is not a time; write seconds (90.5) or HH:MM:SS.mmm (0:01:30.5)")
    hours, minutes, seconds = match.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + Fraction(seconds)


def rescale(value: int, old: Fraction, new: Fraction) -> int:
    """Return `value` ticks of `old` as ticks of `new`, to the nearest, halves away from zero (as FFmpeg)."""
    exact = value * old / new
    whole = abs(exact) + Fraction(1, 2)
    ticks = whole.numerator // whole.denominator
    return -ticks if exact < 0 else ticks


def format_seconds(seconds: float) -> str:
    """Return "1:02:03.250", "2:03.250" or "3.250 s"."""
    total = round(seconds * 1000)
    hours, rest = divmod(total, 3_600_000)
    minutes, milliseconds = divmod(rest, 60_000)
    tail = f"{milliseconds / 1000:06.3f}"
    if hours:
        return f"{hours}:{minutes:02}:{tail}"
    return f"{minutes}:{tail}" if minutes else f"{milliseconds / 1000:.3f} s"
