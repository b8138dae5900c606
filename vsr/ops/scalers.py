"""The filters that scale pictures, and the filter banks they make for one axis of one plane."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from vsr.device import cpu
from vsr.registry import Registry

if TYPE_CHECKING:
    from vsr._cpu import Bank, PairBank, ShortBank

Array: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int32]
WEIGHT_BITS = 14
"""Fractional bits of integer weights."""


@dataclass(frozen=True, slots=True)
class Scaler:
    """A filter of one dimension. Distances are in input samples."""

    description: str
    radius: Callable[[float], float]
    """From the ratio (input samples per output sample) to the distance from which weights are 0."""
    weigh: Callable[[Array, float], Array]
    """From (distances, ratio) to weights, not normalised."""


def _interpolating(description: str, radius: float, kernel: Callable[[Array], Array]) -> Scaler:
    """A kernel that interpolates when enlarging and is widened, against aliasing, when shrinking."""
    return Scaler(
        description,
        lambda ratio: radius * max(ratio, 1.0),
        lambda distance, ratio: kernel(np.abs(distance) / max(ratio, 1.0)),
    )


def triangle(x: Array) -> Array:
    """The weights of linear interpolation at distances x."""
    result: Array = np.maximum(1 - x, 0)
    return result


def keys_cubic(x: Array) -> Array:
    """Keys' cubic at distances x, a = -0.5 (IEEE ASSP-29, 1981): that of MATLAB's imresize."""
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _lanczos3(x: Array) -> Array:
    return np.where(x < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


def _spline36(x: Array) -> Array:
    """The cubic spline through 6 samples, from the panorama tools."""
    a, b, c = x, x - 1, x - 2
    first = ((13 / 11 * a - 453 / 209) * a - 3 / 209) * a + 1
    second = ((-6 / 11 * b + 270 / 209) * b - 156 / 209) * b
    third = ((1 / 11 * c - 45 / 209) * c + 26 / 209) * c
    return np.select([x < 1, x < 2, x < 3], [first, second, third], 0.0)


def _overlap(distance: Array, ratio: float) -> Array:
    """How much of an input sample, 1 wide, lies under an output sample, `ratio` wide."""
    right = np.minimum(distance + 0.5, ratio / 2)
    left = np.maximum(distance - 0.5, -ratio / 2)
    result: Array = np.maximum(right - left, 0)
    return result


SCALERS: Registry[Scaler] = Registry(
    "scaler",
    {
        "bilinear": _interpolating("2 samples, soft, fastest", 1, triangle),
        "bicubic": _interpolating("4 samples, as MATLAB's imresize", 2, keys_cubic),
        "lanczos3": _interpolating("6 samples, sharp, slight ringing", 3, _lanczos3),
        "spline36": _interpolating("6 samples, sharp, less ringing", 3, _spline36),
        "area": Scaler("mean of the area that a sample covers", lambda ratio: (1 + ratio) / 2, _overlap),
    },
)


@dataclass(frozen=True, eq=False)
class FilterBank:
    """A filter along one axis: out[i] = sum over t of weights[i, t] * in[start[i] + t].

    Windows lie within the input and their starts ascend. Immutable; thread-safe.
    """

    start: npt.NDArray[np.int32]
    """(size_out,) first input sample of each output."""
    weights: Array
    """(size_out, taps); each row sums to 1, times the gain."""
    size_in: int

    @property
    def size_out(self) -> int:
        """Number of output samples."""
        return len(self.start)

    @property
    def taps(self) -> int:
        """Input samples that each output looks at."""
        return int(self.weights.shape[1])

    @property
    def is_identity(self) -> bool:
        """True where output is input."""
        return (
            self.size_in == self.size_out
            and self.taps == 1
            and bool((self.weights == 1).all())
            and bool((self.start == np.arange(self.size_out)).all())
        )

    @cached_property
    def native(self) -> Bank:
        """The bank as the kernels take it, in float32."""
        weights = np.ascontiguousarray(self.weights, np.float32)
        return cpu.kernels.bank(np.ascontiguousarray(self.start), weights, self.size_in)

    @cached_property
    def integers(self) -> IntegerBank:
        """The bank in integers; weights must sum to 1.

        They are rounded down, and what is missing is handed to those with the largest remainders.
        """
        exact = self.weights * (1 << WEIGHT_BITS)
        floor = np.floor(exact)
        missing = (1 << WEIGHT_BITS) - floor.sum(axis=1, keepdims=True)
        rank = np.argsort(np.argsort(floor - exact, axis=1, kind="stable"), axis=1)
        weights = floor + (rank < missing)
        error = float(np.abs(weights - exact).sum(axis=1).max()) / (1 << WEIGHT_BITS)
        return IntegerBank(self.start, weights.astype(np.int32), self.size_in, error)

    def scaled(self, gain: float) -> FilterBank:
        """Return the bank with all weights times `gain`."""
        return self if gain == 1 else FilterBank(self.start, self.weights * gain, self.size_in)

    def apply(self, samples: npt.NDArray[np.floating], axis: int) -> npt.NDArray[np.floating]:
        """Reference: filter a (height, width) array along its axis 0 or 1, in the array's own precision.

        Taps are added in ascending order by separate multiplications and additions, as the kernels do.
        """
        if self.is_identity:
            return samples
        lines = np.moveaxis(samples, axis, 0)
        weights = self.weights.astype(samples.dtype)[:, :, None]
        total = weights[:, 0] * lines[self.start]
        for tap in range(1, self.taps):
            total = total + weights[:, tap] * lines[self.start + tap]
        return np.moveaxis(total, 0, axis)


@dataclass(frozen=True, eq=False)
class IntegerBank:
    """A filter bank in integers: 2^14 stands for 1, and each row sums to exactly that.

    Immutable; thread-safe.
    """

    start: npt.NDArray[np.int32]
    """(size_out,) first input sample of each output."""
    weights: Integers
    """(size_out, taps); within int16 where `gain` is below 2."""
    size_in: int
    error: float
    """The largest sum over a row of how far its weights are off."""

    @property
    def taps(self) -> int:
        """Input samples that each output looks at."""
        return int(self.weights.shape[1])

    @property
    def gain(self) -> float:
        """By how much a row can raise the largest magnitude of its inputs."""
        return float(np.abs(self.weights).sum(axis=1).max()) / (1 << WEIGHT_BITS)

    @cached_property
    def native_columns(self) -> PairBank:
        """For filtering along rows: two weights in a word, the first in its lower half."""
        even = np.pad(self.weights, ((0, 0), (0, self.taps % 2)))
        words = (even[:, ::2] & 0xFFFF) | (even[:, 1::2] << 16)
        return cpu.kernels.pair_bank(
            np.ascontiguousarray(self.start), np.ascontiguousarray(words), self.size_in
        )

    @cached_property
    def native_rows(self) -> ShortBank:
        """For filtering across rows: weights of odd taps are negated."""
        weights = self.weights.astype(np.int16)
        weights[:, 1::2] *= -1
        return cpu.kernels.short_bank(np.ascontiguousarray(self.start), weights, self.size_in)

    def along_rows(self, samples: Integers) -> Integers:
        """Reference: filter a (height, width) array; the result has 14 bits more."""
        products = (self.weights[:, tap] * samples[:, self.start + tap] for tap in range(self.taps))
        return functools.reduce(np.add, products)

    def across_rows(self, samples: Integers) -> Integers:
        """Reference: filter a (height, width) array.

        Each product loses 15 bits, halves up for even taps and down for odd ones, so that it evens out.
        """
        weights = self.weights[:, :, None]
        products = (weights[:, tap] * samples[self.start + tap] for tap in range(self.taps))
        half = 1 << 14
        return functools.reduce(
            np.add, ((product + half - tap % 2) >> 15 for tap, product in enumerate(products))
        )


def filter_bank(
    scaler: Scaler,
    size_in: int,
    size_out: int,
    *,
    step_in: int = 1,
    step_out: int = 1,
    offset_in: float = 0.0,
    offset_out: float = 0.0,
) -> FilterBank:
    """Return the bank that takes a plane from one size to another along one axis.

    Sizes are those of the picture, in luma samples. `step_*` is how many luma samples a sample of the plane
    spans (1 for luma, 1 2 4 for chroma), `offset_*` how far its first sample lies from the first luma sample,
    a multiple of 0.5. Sample j of the output thus lies at luma position x = j * step_out + offset_out, that
    is at (x + 0.5) * size_in / size_out - 0.5 in the input's luma. Borders mirror about the picture's edge,
    half a sample beyond the last one, and are folded onto the samples that exist.
    """
    samples_in, samples_out = -(-size_in // step_in), -(-size_out // step_out)
    ratio = size_in * step_out / (size_out * step_in)
    # Positions are exact fractions, so that equal phases give equal weights whatever their place.
    numerator = (
        np.arange(samples_out, dtype=np.int64) * (2 * step_out) + round(2 * offset_out) + 1
    ) * size_in - size_out * (1 + round(2 * offset_in))
    denominator = 2 * size_out * step_in
    whole, remainder = np.divmod(numerator, denominator)
    phase = remainder / denominator
    radius = scaler.radius(ratio)
    left = np.floor(phase - radius).astype(np.int64) + 1
    reach = left[:, None] + np.arange(int(np.ceil(2 * radius)))
    weights = scaler.weigh(reach - phase[:, None], ratio)
    weights[np.abs(weights) < 1e-9 * weights.max(axis=1, keepdims=True)] = 0
    used = np.flatnonzero(weights.any(axis=0))
    columns = slice(int(used[0]), int(used[-1]) + 1)
    return _folded((whole[:, None] + reach)[:, columns], weights[:, columns], samples_in)


def _folded(index: npt.NDArray[np.int64], weights: Array, size: int) -> FilterBank:
    """Mirror what lies outside 0..size-1 onto the inside and return the bank, each row normalised to 1."""
    taps = min(index.shape[1], size)
    start = np.clip(index[:, 0], 0, size - taps)
    turned = index % (2 * size)
    mirrored = np.where(turned < size, turned, 2 * size - 1 - turned)
    folded = np.zeros((len(index), taps))
    rows = np.arange(len(index))
    for tap in range(index.shape[1]):
        column = mirrored[:, tap] - start
        inside = (column >= 0) & (column < taps)  # outside: weight 0, in a window that the clip has moved
        np.add.at(folded, (rows[inside], column[inside]), weights[inside, tap])
    folded /= folded.sum(axis=1, keepdims=True)
    return FilterBank(start.astype(np.int32), folded, size)
