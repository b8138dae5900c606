"""What lies behind the figures of a drawing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vsr.data.drawing.pen import Pen, blob, mixed
from vsr.data.drawing.shapes import Color, Gradient, Paint, Region, Shape, Stroke


def sky(pen: Pen, width: int, height: int) -> Paint:
    if pen.ink:
        return (1.0, 1.0, 1.0)
    first, last = pen.color((0.05, 0.6), (0.5, 1)), pen.color((0.05, 0.6), (0.5, 1))
    if pen.rng.random() < 0.3:
        return first
    return Gradient(first, last, (0.0, 0.0), (pen.uniform(-0.5, 0.5) * width, float(height)))


def _plain(pen: Pen, width: int, height: int) -> list[Shape]:
    return []


def _speed_lines(pen: Pen, width: int, height: int) -> list[Shape]:
    """Wedges that point at a place, as where something moves fast."""
    center = np.array([pen.uniform(0.2, 0.8) * width, pen.uniform(0.2, 0.8) * height])
    reach, color = float(np.hypot(width, height)), pen.color((0, 0.3), (0.8, 1)) if not pen.ink else pen.line
    shapes: list[Shape] = []
    for angle in np.sort(pen.rng.uniform(0, 2 * np.pi, int(pen.rng.integers(30, 90)))):
        way = np.array([np.cos(angle), np.sin(angle)])
        points = np.stack([center + way * reach * pen.uniform(0.1, 0.4), center + way * reach])
        shapes.append(Stroke(points, np.array([0.0, pen.uniform(1, 10)]), color))
    return shapes


def _houses(pen: Pen, width: int, height: int) -> list[Shape]:
    """Blocks with rows of windows, their edges straight and a little off the grid of the pixels."""
    shapes: list[Shape] = []
    x = -pen.uniform(0, 60)
    while x < width:
        wide, top = pen.uniform(40, 160), pen.uniform(0.15, 0.7) * height
        lean = pen.uniform(-0.04, 0.04)
        wall = np.array([[x, top], [x + wide, top + lean * wide], [x + wide, height], [x, height]])
        color = pen.color((0.05, 0.4), (0.3, 0.9))
        shapes += [Region(wall, pen.shaded(color, wall)), pen.contour(wall, 0.7)]
        shapes += _windows(pen, x, top, wide, height, mixed(color, (1.0, 1.0, 0.8), 0.6))
        x += wide * pen.uniform(0.8, 1.3)
    return shapes


def _windows(pen: Pen, x: float, top: float, wide: float, height: float, color: Color) -> list[Shape]:
    step = pen.uniform(14, 34)
    shapes: list[Shape] = []
    for row in np.arange(top + step, height, step):
        for left in np.arange(x + step / 2, x + wide - step, step):
            corners = np.array([[0, 0], [0.55, 0], [0.55, 0.6], [0, 0.6]]) * step + (left, row)
            shapes += [Region(corners, color), Stroke(corners, np.full(4, pen.width * 0.4), pen.line)]
    return shapes


def _clouds(pen: Pen, width: int, height: int) -> list[Shape]:
    shapes: list[Shape] = []
    for _ in range(int(pen.rng.integers(3, 9))):
        center = (pen.uniform(0, width), pen.uniform(0, 0.7 * height))
        puff = blob(pen, center, pen.uniform(20, 120), 11, 0.25)
        shapes.append(Region(puff, pen.shaded(pen.color((0, 0.12), (0.85, 1)), puff)))
    return shapes


def _screentone(pen: Pen, width: int, height: int) -> list[Shape]:
    """Dots on a turned grid, larger towards one side, as comics are shaded."""
    step, angle = pen.uniform(5, 11), pen.uniform(0.2, 0.8)
    count = int(np.hypot(width, height) / step) // 2
    color = pen.line if pen.ink else pen.color((0.2, 0.6), (0.5, 0.9))
    along = np.array([np.cos(angle), np.sin(angle)]) * step
    across = np.array([-along[1], along[0]])
    shapes: list[Shape] = []
    band = range(-int(pen.uniform(4, 14)), int(pen.uniform(4, 14)))
    for row in band:
        wide = step * (0.2 + 0.7 * (row - band.start) / len(band))
        for column in range(-count, count):
            place = np.array([width / 2, height / 2]) + row * across + column * along
            dot = np.stack([place, place + 0.01])
            shapes.append(Stroke(dot, np.array([wide, wide]), color))
    return shapes


BACKDROPS: tuple[Callable[[Pen, int, int], list[Shape]], ...] = (
    _plain,
    _speed_lines,
    _houses,
    _clouds,
    _screentone,
)
"""Each gives its shapes for a picture of a width and height in pixels."""
