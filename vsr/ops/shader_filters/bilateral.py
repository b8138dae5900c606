"""Denoising by what is near and alike: Anime4K 3.2's Denoise_Bilateral_Mean, _Median and _Mode.

A neighbour i weighs w_i = g((v_i - v) / s) * g(|i| / spatial_sigma), g(x) = exp(-x^2 / 2), s =
intensity_sigma * (v + 0.0001)^intensity_power_curve. The mean weighs each component by its own values v,
over 2 spatial_sigma on either side, rounded up. Median and mode weigh by luma, over spatial_sigma on
either side, rounded down; one at least. The median is the first pixel (row by row) whose red has no more
than half of all weight above and none but half below; the mode the last of those with most weight. Before
that, a regularization r above 0 makes of each w_i the sum over j of w_j g((v_i - v_j) / r).

To a value below -0.0001, for which the shaders' arithmetic is undefined, only equal ones are alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from vsr.device import cpu
from vsr.errors import OptionError
from vsr.frame import PictureSpec, Plane
from vsr.ops.shader_filters.passes import RESULT, RGB, Build, FilterStep, Numbers
from vsr.ops.shader_filters.points import Values, luma, power

Kind = Literal["mean", "median", "mode"]
MAX_RADIUS = 8
"""Pixels on either side, the kernels' limit."""


def bilateral(
    kind: Kind,
) -> Build:
    """Return the builder of that kind.

    Numbers: intensity_sigma, spatial_sigma, intensity_power_curve; histogram_regularization but for the mean.
    """

    def build(source: PictureSpec, size: tuple[int, int], numbers: Numbers) -> FilterStep:
        intensity, spatial = numbers["intensity_sigma"][0], numbers["spatial_sigma"][0]
        regularization = numbers.get("histogram_regularization", (0.0,))[0]
        if not intensity > 0 or not spatial > 0 or (kind == "mode" and not regularization > 0):
            raise OptionError(
                f"INTENSITY_SIGMA is {intensity:g}, SPATIAL_SIGMA {spatial:g}, HISTOGRAM_REGULARIZATION "
                f"{regularization:g}; the sigmas are above 0, and for the mode the last as well"
            )
        radius = max(math.ceil(2 * spatial) if kind == "mean" else int(spatial), 1)
        if radius > MAX_RADIUS:
            raise OptionError(
                f"SPATIAL_SIGMA {spatial:g} looks {radius} pixels far; {MAX_RADIUS} is the most, give less"
            )
        curve = numbers["intensity_power_curve"][0]
        one = BilateralPass(
            kind, (source.width, source.height), radius, spatial, intensity, curve, regularization
        )
        return FilterStep(source, size, [one], f"denoised by a bilateral {kind},")

    return build


@dataclass(frozen=True, eq=False)
class BilateralPass:
    """The picture's three planes in, the results' out."""

    kind: Kind
    size: tuple[int, int]
    radius: int
    spatial_sigma: float
    sigma: float
    curve: float
    regularization: float
    writes: tuple[str, ...] = RESULT

    @cached_property
    def spatial(self) -> npt.NDArray[np.float32]:
        """The weights of places, row by row."""
        side = np.arange(-self.radius, self.radius + 1)
        squares = (side[:, None] ** 2 + side**2) / self.spatial_sigma**2
        return np.exp(-0.5 * squares).astype(np.float32).ravel()

    def run(self, textures: Mapping[str, Plane], threads: int) -> None:
        """Fill those of `textures` that this writes."""
        pictures, outputs = (tuple(textures[n] for n in names) for names in (RGB, self.writes))
        factors = np.array([self.sigma, self.curve, self.regularization], np.float32)
        cpu.kernels.bilateral(self.kind, pictures, outputs, self.radius, self.spatial, factors, threads)

    def reference(self, textures: Mapping[str, Values]) -> tuple[Values, ...]:
        """Return what is written, computed by numpy in the textures' type."""
        planes = [textures[name] for name in RGB]
        if self.kind == "mean":
            return tuple(self._mean(plane) for plane in planes)
        lumas, weights = self._weights(luma(*planes))
        if self.regularization > 0:
            weights = self._regularized(lumas, weights)
        if self.kind == "mode":
            chosen = len(weights) - 1 - np.argmax(weights[::-1], axis=0)
        else:
            chosen = self._median(np.stack(list(self._near(planes[0]))), weights)
        return tuple(
            np.take_along_axis(np.stack(list(self._near(plane))), chosen[None], 0)[0] for plane in planes
        )

    def _near(self, plane: Values) -> Iterator[Values]:
        """Yield the plane as seen from each neighbour, the edge repeated."""
        wide = np.pad(plane, self.radius, mode="edge")
        side = 2 * self.radius + 1
        for y in range(side):
            for x in range(side):
                yield wide[y : y + plane.shape[0], x : x + plane.shape[1]]

    def _weights(self, plane: Values) -> tuple[Values, Values]:
        """Return all neighbours of each value, and how much they weigh, as (neighbours, height, width)."""
        base = np.maximum(plane + np.asarray(0.0001, plane.dtype), 0)
        scale = power(base, np.asarray(self.curve, plane.dtype)) * np.asarray(self.sigma, plane.dtype)
        narrow = 1 / np.maximum(scale, np.asarray(1e-30, plane.dtype))
        near = np.stack(list(self._near(plane)))
        weights = _bell((near - plane) * narrow) * self.spatial.astype(plane.dtype)[:, None, None]
        return near, weights

    def _mean(self, plane: Values) -> Values:
        near, weights = self._weights(plane)
        result: Values = _sum(near * weights) / _sum(weights)
        return result

    def _regularized(self, lumas: Values, weights: Values) -> Values:
        spread = np.zeros_like(weights)
        narrow = 1 / np.asarray(self.regularization, weights.dtype)
        for i in range(len(weights)):
            spread[i] += weights[i]
            for j in range(i + 1, len(weights)):
                likeness = _bell((lumas[j] - lumas[i]) * narrow)
                spread[j] += likeness * weights[i]
                spread[i] += likeness * weights[j]
        return spread

    def _median(self, reds: Values, weights: Values) -> npt.NDArray[np.int64]:
        total = _sum(weights)
        chosen = np.full(total.shape, len(reds) // 2)
        for i in reversed(range(len(reds))):
            above, below = (_sum(np.where(mask, weights, 0)) for mask in (reds > reds[i], reds < reds[i]))
            chosen = np.where(((total - above) / total >= 0.5) & (below / total <= 0.5), i, chosen)
        return chosen


def _bell(distance: Values) -> Values:
    with np.errstate(over="ignore", under="ignore"):
        result: Values = np.exp(-0.5 * distance * distance)
    return result


def _sum(values: Any) -> Values:
    """Return the sum over the first axis, one after the other, as the kernels add."""
    total: Values = np.zeros_like(values[0])
    for value in values:
        total = total + value
    return total
