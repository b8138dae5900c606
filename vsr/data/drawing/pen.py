"""What draws: random numbers, the width of lines and the colours that a drawing has in common."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from vsr.data.drawing.shapes import Color, Gradient, Paint, Points, Stroke, spline, tapered


@dataclass(frozen=True)
class Pen:
    """What one drawing has in common: its random numbers, the width of its lines, and its colours."""

    rng: np.random.Generator
    width: float
    """Of an outline, in pixels."""
    line: Color
    ink: bool

    def uniform(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def color(self, saturation: tuple[float, float], value: tuple[float, float]) -> Color:
        """Return a colour of any hue; of an ink drawing white or a gray."""
        if self.ink:
            gray = 1.0 if self.rng.random() < 0.7 else self.uniform(0.3, 0.9)
            return (gray, gray, gray)
        return colorsys.hsv_to_rgb(self.uniform(0, 1), self.uniform(*saturation), self.uniform(*value))

    def outline(self, points: Points, thick: float = 1.0) -> Stroke:
        """Return a line of the drawing along points, thinner towards its ends."""
        begin, end = self.uniform(0.05, 0.5), self.uniform(0.05, 0.5)
        return Stroke(points, tapered(len(points), self.width * thick, begin, end), self.line)

    def contour(self, points: Points, thick: float = 1.0) -> Stroke:
        """Return a line all around a region, whose width swells and shrinks."""
        closed = np.concatenate([points, points[:1]])
        place = np.linspace(0, 2 * np.pi, len(closed))
        swell = 1 + self.uniform(0, 0.45) * np.sin(place * int(self.rng.integers(1, 4)) + self.uniform(0, 6))
        return Stroke(closed, self.width * thick * swell, self.line)

    def shaded(self, color: Color, points: Points) -> Paint:
        """Return a colour, or now and then a gradient from it to a darker one across a region."""
        if self.ink or self.rng.random() < 0.6:
            return color
        low, high = points.min(axis=0), points.max(axis=0)
        return Gradient(
            color, darker(color, 0.65), (float(low[0]), float(low[1])), (float(low[0]), float(high[1]))
        )


def darker(color: Color, factor: float) -> Color:
    return (color[0] * factor, color[1] * factor, color[2] * factor)


def mixed(one: Color, other: Color, share: float) -> Color:
    r, g, b = (a + (c - a) * share for a, c in zip(one, other, strict=True))
    return (r, g, b)


def blob(pen: Pen, center: tuple[float, float], size: float, corners: int, rough: float) -> Points:
    """Return a closed bent line about a place, `size` pixels from it, more or less."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False) + pen.uniform(0, 6)
    radius = size * (1 + rough * pen.rng.uniform(-1, 1, corners))
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1) + center
    return spline(points, closed=True)
