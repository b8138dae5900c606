"""Filter banks that read textures as a GPU's sampler does: bilinear, edges repeated, at texel centres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from vsr.ops.scalers import FilterBank

Tap = tuple[float | Fraction, float]
"""(offset, weight)."""
CENTRE: tuple[Tap, ...] = ((0, 1.0),)


def difference(step: float = 1, gain: float = 1.0) -> tuple[Tap, ...]:
    """Sobel's difference along an axis: what follows less what comes before."""
    return (-step, -gain), (step, gain)


def smoothing(step: float = 1, gain: float = 1.0) -> tuple[Tap, ...]:
    """Sobel's sum across it: 1 2 1."""
    return (-step, gain), (0, 2 * gain), (step, gain)


def gaussian(sigma: float) -> tuple[Tap, ...]:
    """A Gaussian, summing to 1, over 2 sigma on either side rounded up, and one texel at least."""
    radius = max(math.ceil(2 * sigma), 1)
    weights = [math.exp(-0.5 * (i / sigma) ** 2) for i in range(-radius, radius + 1)]
    total = sum(weights)
    return tuple((i - radius, weight / total) for i, weight in enumerate(weights))


def sampled(size_in: int, size_out: int, taps: Sequence[Tap] = CENTRE, *, unit: int = 0) -> FilterBank:
    """Return the bank of one axis whose output i is the sum of weighted reads at i's place plus an offset.

    Texel i of `size_out` lies at (i + 1/2) / size_out of the way. Offsets are counted in texels of a texture
    of `unit` texels (0: of the input), in eighths at the finest.
    """
    step = unit or size_in
    index, weights = [], []
    for offset, weight in taps:
        # Positions are exact fractions: a read at a texel's very centre must be that texel.
        shift = Fraction(offset)
        denominator = 2 * size_out * step * shift.denominator
        numerator = (
            (2 * np.arange(size_out, dtype=np.int64) + 1) * size_in * step * shift.denominator
            + 2 * shift.numerator * size_in * size_out
            - size_out * step * shift.denominator
        )
        whole, remainder = np.divmod(numerator, denominator)
        phase = remainder / denominator
        index += [whole, whole + 1]
        weights += [weight * (1 - phase), weight * phase]
    return _bank(np.clip(np.stack(index, 1), 0, size_in - 1), np.stack(weights, 1), size_in)


def compose(outer: FilterBank, inner: FilterBank) -> FilterBank:
    """Return the bank that gives outer(inner(x)), to rounding."""
    middle = outer.start[:, None] + np.arange(outer.taps)
    index = inner.start[middle][:, :, None] + np.arange(inner.taps)
    weights = outer.weights[:, :, None] * inner.weights[middle]
    rows = len(outer.start)
    return _bank(index.reshape(rows, -1), weights.reshape(rows, -1), inner.size_in)


def chained(*banks: FilterBank) -> FilterBank:
    """Return the bank that applies these one after the other, the first first."""
    result = banks[0]
    for bank in banks[1:]:
        result = compose(bank, result)
    return result


def _bank(index: npt.NDArray[np.int64], weights: npt.NDArray[np.float64], size_in: int) -> FilterBank:
    """Return the bank of (outputs, n) weights at (outputs, n) inputs, those at equal inputs added."""
    used = weights != 0
    first = np.where(used, index, size_in - 1).min(axis=1)
    start = np.minimum.accumulate(first[::-1])[::-1]
    taps = int(np.where(used, index - start[:, None], 0).max()) + 1
    start = np.minimum(start, size_in - taps)
    rows = np.arange(len(start))[:, None]
    places = np.where(used, rows * taps + index - start[:, None], rows * taps)
    total = np.bincount(places.ravel(), np.where(used, weights, 0).ravel(), len(start) * taps)
    sums = total.reshape(len(start), taps).astype(np.float64)
    return FilterBank(start.astype(np.int32), sums, size_in)
