"""The figures of a drawing: faces, hair, cloth, lines."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vsr.data.drawing.pen import Pen, blob, darker, mixed
from vsr.data.drawing.shapes import (
    Color,
    Gradient,
    Points,
    Region,
    Shape,
    Stroke,
    ellipse,
    hatch_lines,
    spline,
    tapered,
)


def _cloth(pen: Pen, center: tuple[float, float], size: float) -> list[Shape]:
    """A flat region with a shadow, folds, perhaps hatching, and an outline."""
    shape = blob(pen, center, size, int(pen.rng.integers(4, 9)), 0.4)
    color = pen.color((0.2, 0.9), (0.4, 1))
    shapes: list[Shape] = [Region(shape, pen.shaded(color, shape))]
    inner = (shape - center) * pen.uniform(0.4, 0.7) + center + pen.rng.uniform(-0.2, 0.2, 2) * size
    if not pen.ink and pen.rng.random() < 0.6:
        shapes.append(Region(inner, darker(color, 0.75)))
    if pen.ink or pen.rng.random() < 0.3:
        ends = hatch_lines(inner, pen.uniform(3, 9), pen.uniform(0, np.pi))
        wide = pen.width * pen.uniform(0.3, 0.8)
        shapes += [Stroke(line, np.array([wide, wide * 0.3]), pen.line) for line in ends]
    fall = pen.rng.uniform(-0.5, 0.5, 2)
    for place in pen.rng.uniform(-0.6, 0.6, (int(pen.rng.integers(1, 6)), 2)):
        bends = np.linspace(place - fall, place + fall, 4) + pen.rng.uniform(-0.06, 0.06, (4, 2))
        shapes.append(pen.outline(spline(bends * size + center), 0.7))
    return [*shapes, pen.contour(shape)]


def _lock(pen: Pen, root: Points, tip: Points, wide: float, color: Color) -> list[Shape]:
    """A lock of hair: two bent sides that meet in a tip, an outline, and strands within."""
    way = tip - root
    side = np.array([-way[1], way[0]]) / max(float(np.hypot(*way)), 1e-6) * wide
    bend = side * pen.uniform(-1, 1)
    middle = root + way * 0.55 + bend
    left = spline(np.stack([root - side, middle - side * 0.8, tip]))
    right = spline(np.stack([root + side, middle + side * 0.8, tip]))
    points = np.concatenate([left, right[-2::-1]])
    strand = spline(np.stack([root, middle, tip]))
    shine = spline(
        np.stack(
            [root + way * 0.25 - side * 0.5, root + way * 0.3 + bend * 0.5, root + way * 0.25 + side * 0.5]
        )
    )
    light = mixed(color, (1.0, 1.0, 1.0), 0.5)
    shapes: list[Shape] = [Region(points, pen.shaded(color, points))]
    if not pen.ink and pen.rng.random() < 0.5:
        shapes.append(Stroke(shine, tapered(len(shine), wide * 0.35, 0.5, 0.5), light))
    return [*shapes, pen.outline(left), pen.outline(right), pen.outline(strand, 0.5)]


def _hair(pen: Pen, center: tuple[float, float], size: float) -> list[Shape]:
    """Locks that hang side by side."""
    color = pen.color((0.3, 0.9), (0.25, 0.95))
    shapes: list[Shape] = []
    count = int(pen.rng.integers(5, 12))
    for place in pen.rng.permutation(np.linspace(-1, 1, count)):
        root = center + np.array([place * size * 0.8, -0.5 * size * np.sqrt(max(0.0, 1 - place**2))])
        tip = center + np.array([place * size * 1.2, size * pen.uniform(0.2, 1.1)])
        shapes += _lock(pen, root, tip, size * pen.uniform(1, 2) / count, color)
    return shapes


def _eye(pen: Pen, center: tuple[float, float], size: float, iris: Color) -> list[Shape]:
    """White, iris with a gradient, pupil, two lights, a heavy upper lid with lashes, and a crease."""
    x, y = center
    white = ellipse(center, (size, size * 0.75))
    ball = ellipse((x, y + size * 0.05), (size * 0.55, size * 0.7))
    shade = Gradient(
        darker(iris, 0.35), mixed(iris, (1.0, 1.0, 1.0), 0.3), (x, y - size * 0.6), (x, y + size * 0.7)
    )
    lid = spline(
        np.array([[-1.1, 0.1], [-0.6, -0.62], [0.1, -0.82], [0.8, -0.5], [1.15, 0.0]]) * size + center
    )
    lower = spline(np.array([[-0.7, 0.6], [0, 0.78], [0.7, 0.55]]) * size + center)
    crease = spline(np.array([[-0.7, -0.85], [0.1, -1.1], [0.8, -0.8]]) * size + center)
    lashes = [
        np.array([[0.8 + k * 0.1, -0.5 + k * 0.15], [1.2 + k * 0.12, -0.75 + k * 0.25]]) for k in range(3)
    ]
    return [
        Region(white, (1.0, 1.0, 1.0)),
        Region(ball, shade),
        pen.contour(ball, 0.6),
        Region(ellipse((x, y + size * 0.05), (size * 0.22, size * 0.34)), darker(iris, 0.15)),
        Region(ellipse((x - size * 0.2, y - size * 0.28), (size * 0.2, size * 0.22)), (1.0, 1.0, 1.0)),
        Region(ellipse((x + size * 0.25, y + size * 0.4), (size * 0.1, size * 0.1)), (1.0, 1.0, 1.0)),
        Stroke(lid, tapered(len(lid), max(size * 0.22, pen.width), 0.6, 0.4), pen.line),
        *(Stroke(each * size + center, np.array([pen.width, 0.2]), pen.line) for each in lashes),
        pen.outline(lower, 0.6),
        pen.outline(crease, 0.6),
    ]


def _face(pen: Pen, center: tuple[float, float], size: float) -> list[Shape]:
    """A head: hair behind, skin with a shadow of the chin, two eyes, brows, nose, mouth, hair in front."""
    tone = pen.uniform(0, 0.35)
    skin = (1.0, 1.0, 1.0) if pen.ink else mixed((1.0, 0.9, 0.82), (0.62, 0.42, 0.3), tone)
    hair, iris = pen.color((0.3, 0.9), (0.25, 0.95)), pen.color((0.4, 0.9), (0.5, 0.95))
    place = np.array(center)
    oval = np.array(
        [
            [-0.8, -0.3],
            [-0.72, 0.35],
            [-0.3, 0.85],
            [0, 1],
            [0.3, 0.85],
            [0.72, 0.35],
            [0.8, -0.3],
            [0, -0.95],
        ]
    )
    head = spline(oval * size + place, closed=True)
    back = blob(pen, center, size * 1.15, 9, 0.08)
    shapes: list[Shape] = [Region(back, pen.shaded(darker(hair, 0.8), back)), pen.contour(back)]
    shapes += [Region(head, skin), pen.contour(head)]
    for side in (-1, 1):
        if not pen.ink:
            blush = ellipse(
                (center[0] + side * 0.48 * size, center[1] + 0.45 * size), (0.14 * size, 0.07 * size)
            )
            shapes.append(Region(blush, mixed(skin, (1.0, 0.4, 0.4), 0.4)))
        shapes += _eye(pen, (center[0] + side * 0.4 * size, center[1] + 0.12 * size), size * 0.22, iris)
        brow = np.array([[0.2, -0.22], [0.42, -0.3], [0.62, -0.2]]) * (side, 1)
        shapes.append(pen.outline(spline(brow * size + place), 1.2))
    mouth = np.array([[-0.16, 0.62], [0, 0.62 + pen.uniform(-0.03, 0.1)], [0.16, 0.62]])
    nose = np.array([[0.02, 0.36], [0.05, 0.44], [0.0, 0.45]])
    shapes += [pen.outline(spline(each * size + place), 0.8) for each in (mouth, nose)]
    for x in pen.rng.permutation(np.linspace(-0.8, 0.8, 7)):
        root = place + np.array([0.5 * x, -1.05]) * size
        tip = place + np.array([1.05 * x, pen.uniform(-0.35, 0.0) + abs(x) * 0.5]) * size
        shapes += _lock(pen, root, tip, 0.2 * size, hair)
    return shapes


def _scribble(pen: Pen, center: tuple[float, float], size: float) -> list[Shape]:
    """A few long bent lines, each of a width of its own."""
    return [
        pen.outline(spline(np.array(center) + pen.rng.uniform(-1, 1, (5, 2)) * size), pen.uniform(0.4, 2))
        for _ in range(int(pen.rng.integers(2, 6)))
    ]


FIGURES: tuple[tuple[Callable[[Pen, tuple[float, float], float], list[Shape]], float], ...] = (
    (_face, 0.3),
    (_cloth, 0.35),
    (_hair, 0.15),
    (_scribble, 0.2),
)
"""Each gives its shapes about a place, so many pixels from it; and its share of all figures."""
