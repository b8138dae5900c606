"""Sizes that are not known yet: what `Shape` gives for a picture of any height and width."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

Axis = Literal["height", "width"]


@dataclass(frozen=True, slots=True)
class Size:
    """`factor` times the input's height or width. Times or over a number it is one again."""

    of: Axis
    factor: Fraction = Fraction(1)

    def __mul__(self, other: float | Fraction) -> Size:
        return Size(self.of, self.factor * Fraction(other))

    __rmul__ = __mul__

    def __truediv__(self, other: float | Fraction) -> Size:
        return Size(self.of, self.factor / Fraction(other))

    __floordiv__ = __truediv__  # sides are multiples of what divides them, or the graph refuses them


Extent: TypeAlias = int | Size


def ratio(larger: Extent, smaller: Extent) -> Fraction | Size | None:
    """Return larger / smaller: a Fraction, a Size where only `larger` is one, or None where it is neither."""
    if isinstance(smaller, Size):
        if isinstance(larger, Size) and larger.of == smaller.of:
            return larger.factor / smaller.factor
        return None
    return larger / smaller if isinstance(larger, Size) else Fraction(larger, smaller)


def multiple(larger: Extent, smaller: Extent) -> Extent | None:
    """Return larger / smaller where that is whole, else None. A Size is taken to be divisible by numbers."""
    quotient = ratio(larger, smaller)
    if isinstance(quotient, Fraction):
        return int(quotient) if quotient.denominator == 1 and quotient >= 1 else None
    return quotient


def factor_between(before: Extent, after: Extent) -> int | None:
    """Return how many times larger `after` is, a whole number of 1 or more; None where it is not."""
    quotient = multiple(after, before)
    return quotient if isinstance(quotient, int) else None
