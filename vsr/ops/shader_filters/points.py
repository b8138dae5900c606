"""What a pass makes of its inputs at each pixel: the numpy reference of the native points, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.floating]
Point = Callable[[Sequence[Values], Sequence[Any]], tuple[Values, ...]]
LUMA = (0.299, 0.587, 0.114)
"""Of R, G and B: Rec. 601's, which all of Anime4K's filters use."""


def luma(red: Values, green: Values, blue: Values) -> Values:
    """Return the luma of R'G'B'."""
    r, g, b = (np.asarray(weight, red.dtype)[()] for weight in LUMA)
    result: Values = (red * r + green * g) + blue * b
    return result


def _copy(values: Sequence[Values], factors: Sequence[Any]) -> tuple[Values, ...]:
    return (values[0],)


def _luma(values: Sequence[Values], factors: Sequence[Any]) -> tuple[Values, ...]:
    return (luma(*values),)


def _clamp_highlights(values: Sequence[Values], factors: Sequence[Any]) -> tuple[Values, ...]:
    now = luma(*values[:3])
    excess = now - np.minimum(now, values[3])
    return tuple(value - excess for value in values[:3])


POINTS: Mapping[str, Point] = {
    "copy": _copy,
    "luma": _luma,
    "clamp_highlights": _clamp_highlights,
}
