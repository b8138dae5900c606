"""The pass that warps a picture: each pixel is read a step away from where a field of vectors points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vsr.device import cpu
from vsr.frame import Plane
from vsr.ops.shader_filters.passes import Read
from vsr.ops.shader_filters.points import Values, length


@dataclass(frozen=True, eq=False)
class WarpPass:
    """The textures `pictures` read at p, which starts at the texel's own place and moves `iterations` times.

    Each time p becomes p - strength * g / (|g| + 0.01), in texels of the pictures, with g what the two
    `steers` have at p. All reads are bilinear, edges repeated. The steers' banks say how they are read the
    first time.
    """

    steers: tuple[Read, Read]
    pictures: tuple[str, ...]
    writes: tuple[str, ...]
    strength: float
    iterations: int

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of what it writes."""
        return self.steers[0].columns.size_out, self.steers[0].rows.size_out

    def run(self, textures: Mapping[str, Plane], threads: int) -> None:
        """Fill those of `textures` that this writes."""
        steers = tuple((textures[r.texture], r.columns.native, r.rows.native) for r in self.steers)
        pictures, outputs = (tuple(textures[n] for n in names) for names in (self.pictures, self.writes))
        cpu.kernels.warp((steers[0], steers[1]), pictures, outputs, self.strength, self.iterations, threads)

    def reference(self, textures: Mapping[str, Values]) -> tuple[Values, ...]:
        """Return what is written, computed by numpy in the textures' type."""
        steers = [textures[r.texture] for r in self.steers]
        pictures = [textures[name] for name in self.pictures]
        dtype = pictures[0].dtype
        strength = np.asarray(self.strength, dtype)[()]
        gradient = [r.rows.apply(r.columns.apply(s, 1), 0) for r, s in zip(self.steers, steers, strict=True)]
        moved = [np.zeros_like(gradient[0])] * 2
        for _ in range(1, self.iterations):
            moved = _stepped(moved, gradient, strength)
            ratios = [
                np.asarray(steers[0].shape[axis] / pictures[0].shape[axis], dtype)[()] for axis in (1, 0)
            ]
            offset = [value * ratio for value, ratio in zip(moved, ratios, strict=True)]
            gradient = [_read(steer, offset) for steer in steers]
        moved = _stepped(moved, gradient, strength)
        return tuple(_read(picture, moved) for picture in pictures)


def _stepped(moved: list[Values], gradient: list[Values], strength: Values) -> list[Values]:
    size = length(*gradient) + np.asarray(0.01, strength.dtype)
    return [value - (part / size) * strength for value, part in zip(moved, gradient, strict=True)]


def _read(texture: Values, offset: Sequence[Values]) -> Values:
    """Return the texture, read at the texels of `offset` (x, y) and as many of its own texels away."""
    (left, right, x), (top, bottom, y) = (
        _corners(texture.shape[axis], offset[1 - axis], axis) for axis in (1, 0)
    )
    upper = texture[top, left] * (1 - x) + texture[top, right] * x
    lower = texture[bottom, left] * (1 - x) + texture[bottom, right] * x
    result: Values = upper * (1 - y) + lower * y
    return result


def _corners(
    size: int, offset: Values, axis: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Values]:
    whole, exact = places(size, offset.shape[axis])
    part = exact.astype(offset.dtype)
    if axis == 0:
        whole, part = whole[:, None], part[:, None]
    place = part + offset
    floor = np.floor(place)
    first = whole + floor.astype(np.int64)
    return np.clip(first, 0, size - 1), np.clip(first + 1, 0, size - 1), place - floor


def places(size: int, count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return where `count` texels of an axis lie among `size` of a texture: whole parts and fractions."""
    whole, rest = np.divmod((2 * np.arange(count) + 1) * size - count, 2 * count)
    return whole, rest / (2 * count)
