"""Anime4K 0.9 ("classic"): enlarge, thin the lines, refine the edges. After bloc97's algorithm of 2019.

With S the scale, c a pixel, and L = (2R + 3G + B) / 6 on gamma-coded R'G'B' in 0..1:

1. Push colour: in eight directions, where the three lighter neighbours of c all have more L than the three
   darker ones, c may become (1 - a) c + a * (mean of the lighter); the candidate with most L is taken.
2. G = 1 - the length of Sobel's gradient of the new L, clamped to 0..1.
3. Push gradient: the same directions with G in place of L, strength b; the first that matches is taken.

a = min(S / 6, 1), b = min(S / 2, 1). Reads beyond the picture's edge give the edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from vsr.color import ColorSpec
from vsr.device import cpu
from vsr.errors import OptionError
from vsr.frame import PictureSpec, PixelFormat, Plane, empty_frame
from vsr.ops.grid import Grid, Values
from vsr.ops.levels import gain_and_bias
from vsr.ops.matrices import after, components, mix, padded, to_rgb
from vsr.ops.resize import check_size, keeps_components

Mask = npt.NDArray[np.bool_]

_LUMA = np.array([[2 / 6, 3 / 6, 1 / 6, 0.0]])
TL, T, TR, L, C, R, BL, B, BR = range(9)
"""The 3x3 neighbours, row by row."""


@dataclass(frozen=True, slots=True)
class Direction:
    """A way for a pixel to move: towards `light`, away from `dark`."""

    light: tuple[int, int, int]
    dark: tuple[int, int, int]
    beyond_centre: bool = False
    """True where the three light ones must exceed the pixel itself as well."""


DIRECTIONS = (
    Direction((TL, T, TR), (BR, B, BL), True),
    Direction((BR, B, BL), (TL, T, TR), True),
    Direction((R, T, TR), (C, L, B)),
    Direction((BL, L, B), (C, R, T)),
    Direction((R, BR, TR), (L, TL, BL), True),
    Direction((L, TL, BL), (R, BR, TR), True),
    Direction((R, BR, B), (C, L, T)),
    Direction((T, L, TL), (C, R, B)),
)


class Anime4k:
    """Frames of `source` to another size by Anime4K 0.9, in one pass over the rows.

    All components are first filtered to the target's size, each from where its samples lie; what follows
    works on them as they are, since R'G'B' and the means of pixels are linear in them. Chroma is brought back
    to where the target has it. float32 throughout, rounded once at the end, halves to even.

    Thread-safety: safe, immutable after construction. Raises OptionError for what it cannot do.
    """

    def __init__(
        self,
        source: PictureSpec,
        width: int,
        height: int,
        *,
        strength_color: float | None = None,
        strength_gradient: float | None = None,
        upscale: str = "bicubic",
        target_format: PixelFormat | None = None,
        target_color: ColorSpec | None = None,
    ) -> None:
        """Strengths are 0..1; None is the algorithm's own, by the scale. `upscale` names a scaler."""
        fmt, color = target_format or source.format, target_color or source.color
        check_size(source.width, source.height)
        check_size(width, height)
        if not keeps_components(source, fmt, color):
            raise OptionError(
                f"Anime4k cannot turn {source.format.name} into {fmt.name}; use Convert after it"
            )
        self.source = source
        self.output = PictureSpec(width=width, height=height, format=fmt, color=color)
        self.upscale = upscale
        scale = width / source.width
        self.strength_color = _strength("strength_color", strength_color, min(scale / 6, 1.0))
        self.strength_gradient = _strength("strength_gradient", strength_gradient, min(scale / 2, 1.0))
        self.grid = Grid(source, self.output, up=upscale)
        self.luma = after(_LUMA, to_rgb(source.format, source.color))
        self._factors = self._kernel_factors()
        levels = [
            gain_and_bias((source.format, source.color), (fmt, color), plane, plane)
            for plane in range(min(components(source.format), components(fmt)))
        ]
        self._gains, self._biases = zip(*levels, strict=True)
        self.outputs = tuple(
            (way.columns, way.rows.scaled(gain), bias, way.shift)
            for way, (gain, bias) in zip(self.grid.outputs, levels, strict=False)
        )

    def _kernel_factors(self) -> npt.NDArray[np.float32]:
        a, b = self.strength_color, self.strength_gradient
        return np.concatenate([padded(self.luma)[0], np.array([1 - a, a / 3, 1 - b, b / 3], np.float32)])

    @property
    def sentence(self) -> str:
        """What this does, for people."""
        source, target = self.source, self.output
        return (
            f"anime4k-classic {source.width}x{source.height} {source.format.name} to "
            f"{target.width}x{target.height} {target.format.name}: {self.upscale}, then lines thinned by "
            f"{self.strength_color:.2f}, edges refined by {self.strength_gradient:.2f}"
        )

    def __call__(self, planes: Sequence[Plane], into: Sequence[Plane], *, threads: int = 1) -> None:
        """Write the enlarged `planes` into `into`, arrays of the output's shapes and types."""
        outputs = tuple(
            (plane, columns.native, rows.native, bias, shift)
            for plane, (columns, rows, bias, shift) in zip(into, self.outputs, strict=False)
        )
        top = self.output.format.max_value
        cpu.kernels.anime4k(self.grid.native_inputs(planes), outputs, self._factors, top, threads)
        self._fill(planes, into, threads)

    def _fill(self, planes: Sequence[Plane], into: Sequence[Plane], threads: int) -> None:
        """Write what does not come from the grid: alpha, and the chroma of a gray source."""
        for plane in into[len(self.outputs) : components(self.output.format)]:
            plane[...] = 1 << (self.output.format.depth - 1)
        self.grid.alpha(planes, into, threads)

    def reference(self, planes: Sequence[Plane], dtype: Any = np.float32) -> tuple[Plane, ...]:
        """Return what a call writes, computed by numpy in `dtype`: float32 gives the kernels' very bits."""
        a, b = self.strength_color, self.strength_gradient
        values = self.grid.read(planes, dtype)
        luma = mix(values, self.luma[0])
        values = _moved(values, lightest(luma, a), a)
        gradient = flatness(mix(values, self.luma[0]))
        values = _moved(values, first_match(gradient), b)
        written = self.grid.write(values, self._biases, self._gains)
        target = empty_frame(self.output.width, self.output.height, self.output.format).planes
        for plane, result in zip(target, written, strict=False):
            plane[...] = result
        self._fill(planes, target, 1)
        return target


def neighbours(plane: Values) -> list[Values]:
    """Return the plane as seen from each of the 3x3 neighbours, the edge repeated."""
    height, width = plane.shape
    wide = np.pad(plane, 1, mode="edge")
    return [wide[y : y + height, x : x + width] for y in range(3) for x in range(3)]


def lightest(luma: Values, strength: float) -> list[Mask]:
    """Reference: for each direction the pixels that become lighter by it than by all before it."""
    near = neighbours(luma)
    keep, take = _weights(strength, luma)
    best, masks = luma, []
    for direction in DIRECTIONS:
        candidate = luma * keep + _sum(near, direction) * take
        mask = matches(near, direction) & (candidate > best)
        best = np.where(mask, candidate, best)
        masks.append(mask)
    return masks


def first_match(gradient: Values) -> list[Mask]:
    """Reference: for each direction the pixels that it is the first to match."""
    near = neighbours(gradient)
    found = np.zeros(gradient.shape, bool)
    masks = []
    for direction in DIRECTIONS:
        mask = matches(near, direction) & ~found
        found = found | mask
        masks.append(mask)
    return masks


def matches(near: Sequence[Values], direction: Direction) -> Mask:
    """Return where the least of the light neighbours exceeds the greatest of the dark ones."""
    low = np.minimum.reduce([near[i] for i in direction.light])
    mask: Mask = low > np.maximum.reduce([near[i] for i in direction.dark])
    return mask & (low > near[C]) if direction.beyond_centre else mask


def flatness(luma: Values) -> Values:
    """Reference: 1 - the length of Sobel's gradient, in 0..1."""
    p = neighbours(luma)
    gx = ((p[TR] - p[TL]) + (p[R] - p[L]) * 2) + (p[BR] - p[BL])
    gy = ((p[BL] - p[TL]) + (p[B] - p[T]) * 2) + (p[BR] - p[TR])
    result: Values = 1 - np.minimum(np.sqrt(gx * gx + gy * gy), 1)
    return result


def _moved(planes: Sequence[Values], masks: Sequence[Mask], strength: float) -> list[Values]:
    keep, take = _weights(strength, planes[0])
    return [_moved_plane(plane, masks, keep, take) for plane in planes]


def _moved_plane(plane: Values, masks: Sequence[Mask], keep: Any, take: Any) -> Values:
    near = neighbours(plane)
    total, moves = plane, np.zeros(plane.shape, bool)
    for mask, direction in zip(masks, DIRECTIONS, strict=True):
        total = np.where(mask, _sum(near, direction), total)
        moves |= mask
    return np.where(moves, plane * keep + total * take, plane)


def _sum(near: Sequence[Values], direction: Direction) -> Values:
    first, second, third = (near[i] for i in direction.light)
    return (first + second) + third


def _weights(strength: float, like: Values) -> tuple[Any, Any]:
    as_own = partial(np.asarray, dtype=like.dtype)
    return as_own(1 - strength)[()], as_own(strength / 3)[()]


def _strength(name: str, given: float | None, own: float) -> float:
    if given is not None and not 0 <= given <= 1:
        raise OptionError(f"{name} is {given}; allowed is 0 to 1")
    return own if given is None else given
