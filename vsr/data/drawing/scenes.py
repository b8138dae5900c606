"""Whole drawings from a seed: a backdrop, figures, a caption."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vsr.data.drawing.backdrops import BACKDROPS, sky
from vsr.data.drawing.figures import FIGURES
from vsr.data.drawing.glyphs import line_of_text
from vsr.data.drawing.pen import Pen, mixed
from vsr.data.drawing.shapes import Paint, Shape, Stroke

_PIXELS_PER_FIGURE = 150.0**2
"""The area of the picture for each figure in it."""
_INK_SHARE = 0.12
"""Of the drawings: black lines on white, shaded by hatching, as printed comics are."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A drawing: shapes from back to front, over a background."""

    shapes: list[Shape]
    background: Paint


def draw_scene(rng: np.random.Generator, width: int, height: int) -> Scene:
    """Return a drawing for a picture of that size in pixels; all that is random is drawn from `rng`."""
    ink = bool(rng.random() < _INK_SHARE)
    line = (
        (0.05, 0.05, 0.05) if ink else mixed((0.05, 0.04, 0.08), (0.4, 0.2, 0.15), float(rng.uniform(0, 0.6)))
    )
    pen = Pen(rng, float(np.exp(rng.uniform(np.log(0.9), np.log(3.8)))), line, ink)
    shapes = list(BACKDROPS[int(rng.integers(len(BACKDROPS)))](pen, width, height))
    for _ in range(max(1, round(width * height / _PIXELS_PER_FIGURE))):
        center = (pen.uniform(0, width), pen.uniform(0, height))
        size = float(np.exp(rng.uniform(np.log(30), np.log(0.45 * max(width, height, 80)))))
        kind = int(rng.choice(len(FIGURES), p=[share for _, share in FIGURES]))
        shapes += FIGURES[kind][0](pen, center, size)
    if rng.random() < 0.45:
        shapes += _caption(pen, width, height)
    return Scene(shapes, sky(pen, width, height))


def _caption(pen: Pen, width: int, height: int) -> list[Shape]:
    """A line of text over the picture, light with a dark edge, as subtitles are."""
    size = pen.uniform(10, 34)
    strokes = line_of_text(pen.rng, size, width * pen.uniform(0.5, 0.9))
    corner = np.array([width * 0.05, pen.uniform(0.05, 0.95) * max(height - size, 1)])
    wide = size * pen.uniform(0.08, 0.16)
    fill = pen.color((0, 0.4), (0.9, 1)) if not pen.ink else (1.0, 1.0, 1.0)
    edge = wide + size * pen.uniform(0.06, 0.14)
    under = [Stroke(each + corner, np.full(len(each), edge), (0.0, 0.0, 0.0)) for each in strokes]
    over = [Stroke(each + corner, np.full(len(each), wide), fill) for each in strokes]
    return [*under, *over]
