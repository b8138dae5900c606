"""What a drawing is made of: strokes whose width varies, regions, and what they are painted with.

Lengths are in pixels of the large picture; x goes right, y goes down, the first pixel's centre is (0.5, 0.5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
"""(points, 2): x and y."""
Color = tuple[float, float, float]
"""R, G, B as they are stored (gamma), 0..1."""
_SEGMENT = 4.0


@dataclass(frozen=True)
class Gradient:
    """A paint that changes evenly from one point to another, and stays as it is beyond them."""

    first: Color
    last: Color
    start: tuple[float, float]
    end: tuple[float, float]


Paint = Color | Gradient


@dataclass(frozen=True, eq=False)
class Stroke:
    """A line through points, as wide at each as `widths` says; straight and evenly tapered in between."""

    points: Points
    widths: npt.NDArray[np.float64]
    """(points,)"""
    paint: Paint


@dataclass(frozen=True, eq=False)
class Region:
    """What a closed line through points encloses, by the even-odd rule."""

    points: Points
    """Its last point is joined with its first."""
    paint: Paint


Shape = Stroke | Region


def spline(points: Points, *, closed: bool = False) -> Points:
    """Return the Catmull-Rom spline through points, as points about 4 pixels apart."""
    before, after = (points[-1:], points[:2]) if closed else (points[:1], points[-1:])
    p = np.concatenate([before, points, after])
    pieces = []
    for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False):
        steps = max(2, int(np.hypot(*(c - b)) / _SEGMENT) + 1)
        t = (np.arange(steps) / steps)[:, None]
        bend = 2 * a - 5 * b + 4 * c - d
        twist = 3 * (b - c) + d - a
        pieces.append(b + t * ((c - a) + t * (bend + t * twist)) / 2)
    return np.concatenate(pieces if closed else [*pieces, points[-1:]])


def tapered(count: int, width: float, begin: float, end: float) -> npt.NDArray[np.float64]:
    """Return the widths of a pen's stroke: it grows over the share `begin` and thins over the share `end`."""
    place = np.linspace(0, 1, count)
    rise = np.clip(place / begin, 0, 1) if begin else np.ones(count)
    fall = np.clip((1 - place) / end, 0, 1) if end else np.ones(count)
    widths: npt.NDArray[np.float64] = width * np.sin(np.minimum(rise, fall) * np.pi / 2)
    return widths


def ellipse(center: tuple[float, float], radii: tuple[float, float], turn: float = 0.0) -> Points:
    """Return points on an ellipse, about 4 pixels apart, turned by an angle in radians."""
    count = max(12, int(2 * np.pi * max(radii) / _SEGMENT))
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    x, y = radii[0] * np.cos(angle), radii[1] * np.sin(angle)
    c, s = np.cos(turn), np.sin(turn)
    return np.stack([x * c - y * s, x * s + y * c], axis=1) + center


def hatch_lines(region: Points, spacing: float, angle: float) -> list[Points]:
    """Return straight lines across a region, so far apart and at that angle: the two ends of each."""
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    u, v = region @ along, region @ across
    next_u, next_v = np.roll(u, -1), np.roll(v, -1)
    lines = []
    for level in np.arange(v.min() + spacing / 2, v.max(), spacing):
        crossed = (v <= level) != (next_v <= level)
        share = (level - v[crossed]) / (next_v[crossed] - v[crossed])
        ends = np.sort(u[crossed] + share * (next_u[crossed] - u[crossed]))
        for first, last in zip(ends[::2], ends[1::2], strict=True):
            lines.append(np.stack([first * along + level * across, last * along + level * across]))
    return lines
