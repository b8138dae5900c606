"""Drawings as pictures: each sample is the mean over the area of its pixel.

Every pixel is 4x4 cells. In a cell a shape covers what the distance of its edge from the centre says: exact
for an edge along the cell's sides, within a tenth of the cell for any other straight one. Shapes are laid
over each other cell by cell, and a pixel is the mean of its cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from vsr.data.drawing.shapes import Gradient, Paint, Shape, Stroke

Array = npt.NDArray[np.float32]
_CELLS = 4
_BLOCK = 256
"""Side in pixels of what is drawn at once: its cells are 12 MB, whatever the picture's size."""


def render(shapes: Sequence[Shape], background: Paint, width: int, height: int) -> Array:
    """Return the picture (3, height, width), R, G, B in 0..1; later shapes lie over earlier ones."""
    boxes = [_bounds(shape) for shape in shapes]
    picture = np.empty((3, height, width), np.float32)
    for top in range(0, height, _BLOCK):
        for left in range(0, width, _BLOCK):
            block = _Block(left, top, min(_BLOCK, width - left), min(_BLOCK, height - top), background)
            for shape, box in zip(shapes, boxes, strict=True):
                if block.touches(box):
                    block.draw(shape)
            picture[:, top : top + _BLOCK, left : left + _BLOCK] = block.pixels()
    return picture


def shrunk(picture: Array, scale: int) -> Array:
    """Return the picture that `render` would give of the drawing at a `scale`-th of the size.

    The mean over a large pixel's area is that of the means over the small ones in it: nothing is lost by the
    detour. Sides are multiples of the scale.
    """
    channels, height, width = picture.shape
    cells = picture.reshape(channels, height // scale, scale, width // scale, scale)
    result: Array = cells.mean(axis=(2, 4), dtype=np.float64).astype(np.float32)
    return result


def _bounds(shape: Shape) -> npt.NDArray[np.float64]:
    """Return left, top, right, bottom in pixels."""
    margin = shape.widths.max() / 2 + 1 if isinstance(shape, Stroke) else 1
    return np.concatenate([shape.points.min(axis=0) - margin, shape.points.max(axis=0) + margin])


class _Block:
    """The cells of a part of the picture. Coordinates within are in cells, from the block's corner."""

    def __init__(self, left: int, top: int, width: int, height: int, background: Paint) -> None:
        self._origin = np.array([left, top], np.float64)
        self._size = (width * _CELLS, height * _CELLS)
        self._pixel_box = (left, top, left + width, top + height)
        self._cells = np.empty((3, height * _CELLS, width * _CELLS), np.float32)
        self._cells[:] = self._colors(background, (0, 0, *self._size))

    def touches(self, box: npt.NDArray[np.float64]) -> bool:
        """True where a box in pixels and the block overlap."""
        left, top, right, bottom = self._pixel_box
        return bool(box[0] < right and box[1] < bottom and box[2] > left and box[3] > top)

    def pixels(self) -> Array:
        """Return the means over pixels, (3, height, width)."""
        channels, height, width = self._cells.shape
        shape = (channels, height // _CELLS, _CELLS, width // _CELLS, _CELLS)
        result: Array = self._cells.reshape(shape).mean(axis=(2, 4))
        return result

    def draw(self, shape: Shape) -> None:
        """Lay a shape over what is there."""
        points = ((shape.points - self._origin) * _CELLS).astype(np.float32)
        reach = 1.0
        if isinstance(shape, Stroke):
            radii = (shape.widths * (_CELLS / 2)).astype(np.float32)
            reach += float(radii.max())
        box = _clipped(points.min(axis=0) - reach, points.max(axis=0) + reach, self._size)
        if box is None:
            return
        coverage = (
            _stroke_coverage(points, radii, box)
            if isinstance(shape, Stroke)
            else _region_coverage(points, box)
        )
        left, top, right, bottom = box
        cells = self._cells[:, top:bottom, left:right]
        cells += coverage * (self._colors(shape.paint, box) - cells)

    def _colors(self, paint: Paint, box: tuple[int, int, int, int]) -> Array:
        """Return a paint's colours in the cells of a box, (3, rows or 1, columns or 1)."""
        if not isinstance(paint, Gradient):
            return np.array(paint, np.float32)[:, None, None]
        x, y = (_centers(box[axis], box[axis + 2]) / _CELLS + self._origin[axis] for axis in (0, 1))
        way = np.subtract(paint.end, paint.start)
        length = max(float(way @ way), 1e-9)
        place = ((x - paint.start[0]) * way[0] + ((y - paint.start[1]) * way[1])[:, None]) / length
        first, last = (np.array(each, np.float32)[:, None, None] for each in (paint.first, paint.last))
        result: Array = first + (last - first) * place.clip(0, 1).astype(np.float32)
        return result


def _centers(first: int, last: int) -> Array:
    return np.arange(first, last, dtype=np.float32) + np.float32(0.5)


def _clipped(low: Array, high: Array, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Return left, top, right, bottom of the cells from low to high, or None where there are none."""
    left, top = (max(0, int(np.floor(each))) for each in low)
    right, bottom = (min(side, int(np.ceil(each)) + 1) for each, side in zip(high, size, strict=True))
    return (left, top, right, bottom) if left < right and top < bottom else None


def _segments(
    points: Array, reach: Array, box: tuple[int, int, int, int]
) -> list[tuple[int, tuple[int, int, int, int]]]:
    """Return the segments that come within `reach` of a box, each with the cells that it can touch."""
    low = np.minimum(points[:-1], points[1:]) - reach[:, None]
    high = np.maximum(points[:-1], points[1:]) + reach[:, None]
    found = []
    for index in range(len(low)):
        part = _clipped(low[index] - box[:2], high[index] - box[:2], (box[2] - box[0], box[3] - box[1]))
        if part is not None:
            found.append((index, part))
    return found


def _nearest(
    points: Array, index: int, box: tuple[int, ...], part: tuple[int, int, int, int]
) -> tuple[Array, Array]:
    """Return how far each cell of a part lies from a segment, and where along that, 0..1, it is nearest."""
    left, top, right, bottom = part
    x = _centers(left, right) + np.float32(box[0]) - points[index, 0]
    y = (_centers(top, bottom) + np.float32(box[1]) - points[index, 1])[:, None]
    dx, dy = points[index + 1] - points[index]
    along = ((x * dx + y * dy) / max(dx * dx + dy * dy, np.float32(1e-9))).clip(0, 1)
    return np.hypot(x - along * dx, y - along * dy), along


def _stroke_coverage(points: Array, radii: Array, box: tuple[int, int, int, int]) -> Array:
    """Return how much of each cell of a box a stroke covers: at a cell, that segment which covers most."""
    coverage = np.zeros((box[3] - box[1], box[2] - box[0]), np.float32)
    for index, part in _segments(points, np.maximum(radii[:-1], radii[1:]) + 1, box):
        distance, along = _nearest(points, index, box, part)
        radius = radii[index] + (radii[index + 1] - radii[index]) * along
        inner = np.maximum(distance - np.float32(0.5), -radius)
        covered = (np.minimum(distance + np.float32(0.5), radius) - inner).clip(0, 1)
        target = coverage[part[1] : part[3], part[0] : part[2]]
        np.maximum(target, covered, out=target)
    return coverage


def _region_coverage(points: Array, box: tuple[int, int, int, int]) -> Array:
    """Return how much of each cell of a box a region covers: by the nearest edge, and on which side it is."""
    closed = np.concatenate([points, points[:1]])
    rows, columns = box[3] - box[1], box[2] - box[0]
    near = np.ones((rows, columns), np.float32)
    for index, part in _segments(closed, np.ones(len(points), np.float32), box):
        target = near[part[1] : part[3], part[0] : part[2]]
        np.minimum(target, _nearest(closed, index, box, part)[0], out=target)
    side = np.where(_inside(closed, box), np.float32(1), np.float32(-1))
    result: Array = (np.float32(0.5) + side * near).clip(0, 1)
    return result


def _inside(closed: Array, box: tuple[int, int, int, int]) -> npt.NDArray[np.bool_]:
    """Return which cells of a box have an odd number of crossings of a closed line left of their centre."""
    rows, columns = box[3] - box[1], box[2] - box[0]
    toggles = np.zeros((rows, columns + 1), np.uint8)
    y = _centers(box[1], box[3])
    for (ax, ay), (bx, by) in pairwise(closed):
        first, last = np.searchsorted(y, [min(ay, by), max(ay, by)])
        if first == last:
            continue
        crossing = ax + (y[first:last] - ay) * ((bx - ax) / (by - ay)) - box[0]
        column = np.ceil(crossing - 0.5).clip(0, columns).astype(np.int64)
        toggles[np.arange(first, last), column] ^= 1
    return np.bitwise_xor.accumulate(toggles, axis=1)[:, :columns].astype(bool)
