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


def _extremes(values: Sequence[Values], factors: Sequence[Any]) -> tuple[Values, ...]:
    return np.minimum.reduce(values), np.maximum.reduce(values)


def _extremes_of(values: Sequence[Values], factors: Sequence[Any]) -> tuple[Values, ...]:
    return np.minimum.reduce(values[:3]), np.maximum.reduce(values[3:])


def _change_luma(values: Sequence[Values], change: Values) -> tuple[Values, ...]:
    """Return r g b changed alike, so that the luma (values[3]) changes so, within values[5]..values[6]."""
    moved = np.minimum(np.maximum(change + values[3], values[5]), values[6]) - values[3]
    return tuple(value + moved for value in values[:3])


def _sharpen(values: Sequence[Values], factors: Sequence[Any]) -> tuple[Values, ...]:
    return _change_luma(values, (values[3] - values[4]) * factors[0])


def _deblur(values: Sequence[Values], factors: Sequence[Any]) -> tuple[Values, ...]:
    strength, curve, least, reach, most = factors
    change = (values[3] - values[4]) * strength
    size = np.abs(change)
    within = (size > least) & (most > size)
    curved = power(np.where(within, (size - least) / reach, 1), curve) * reach + least
    return _change_luma(values, np.where(within, np.copysign(curved, change), change))


def power(base: Values, exponent: Any) -> Values:
    """Return base to the power of exponent; base is not below 0."""
    result: Values = np.power(base, exponent)
    return result


POLYNOMIAL = (11.68129591, -42.46906057, 60.28286266, -41.84451327, 14.05517353, -1.081521930)
"""Of the length of a gradient, from x^5 down to 1: how much of an edge there is. By Anime4K's author."""
EDGE = 0.1
"""Less of an edge than this is none."""


def _edge(values: Sequence[Values], factors: Sequence[Any]) -> tuple[Values, ...]:
    x = np.clip(length(values[0], values[1]), 0, 1)
    p = [np.asarray(factor, x.dtype)[()] for factor in POLYNOMIAL]
    x2 = x * x
    x3, x4, x5 = x2 * x, x2 * x2, x2 * (x2 * x)
    fit = ((((p[0] * x5 + p[1] * x4) + p[2] * x3) + p[3] * x2) + p[4] * x) + p[5]
    return x, np.clip(fit * factors[0] + factors[1], 0, 1)


def _masked(values: Sequence[Values], factors: Sequence[Any]) -> tuple[Values, ...]:
    none = _is_no_edge(values[2])
    return np.where(none, 0, values[0]), np.where(none, 0, values[1])


def _is_no_edge(edge: Values) -> npt.NDArray[np.bool_]:
    result: npt.NDArray[np.bool_] = edge < np.asarray(EDGE, edge.dtype)
    return result


def _refine(values: Sequence[Values], factors: Sequence[Any]) -> tuple[Values, ...]:
    edge = values[2]
    size = length(values[0], values[1])
    enough = size > np.asarray(0.001, size.dtype)
    x, y = (np.where(enough, value / np.where(enough, size, 1), 0) for value in values[:2])
    sum_of_both = np.abs(x) + np.abs(y)
    share = np.abs(x) / np.where(sum_of_both > 0, sum_of_both, 1)
    moves = ~_is_no_edge(edge) & (np.abs(x + y) > np.asarray(0.0001, x.dtype))
    results = []
    for here, left, right, above, below in (values[3 + i :: 3] for i in range(3)):
        across = np.where(x > 0, left, np.where(x < 0, right, here))
        down = np.where(y > 0, above, np.where(y < 0, below, here))
        mean = share * across + (1 - share) * down
        results.append(np.where(moves, mean * edge + here * (1 - edge), here))
    return tuple(results)


def length(x: Values, y: Values) -> Values:
    """Return the length of vectors."""
    result: Values = np.sqrt(x * x + y * y)
    return result


def _steepness(values: Sequence[Values], factors: Sequence[Any]) -> tuple[Values, ...]:
    return (power(length(values[0], values[1]), factors[0]),)


def _below(values: Sequence[Values], factors: Sequence[Any]) -> tuple[Values, ...]:
    return (np.minimum(values[0] - values[1], 0),)


def _add(values: Sequence[Values], factors: Sequence[Any]) -> tuple[Values, ...]:
    return tuple(value + values[3] * factors[0] for value in values[:3])


POINTS: Mapping[str, Point] = {
    "copy": _copy,
    "luma": _luma,
    "clamp_highlights": _clamp_highlights,
    "extremes": _extremes,
    "extremes_of": _extremes_of,
    "sharpen": _sharpen,
    "deblur": _deblur,
    "edge": _edge,
    "masked": _masked,
    "refine": _refine,
    "steepness": _steepness,
    "below": _below,
    "add": _add,
}
