"""Planes brought to a common grid, the size of the target's luma, and from there to the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from vsr.color import Range
from vsr.frame import PictureSpec, Plane, format_name, pixel_format
from vsr.ops.matrices import components
from vsr.ops.resize import Resize, plane_banks, to_samples
from vsr.ops.scalers import SCALERS, FilterBank

Values = npt.NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Way:
    """Filters from a plane to the grid or back."""

    columns: FilterBank
    rows: FilterBank
    shift: int = 0
    """Rows of the plane are those of the grid, shifted right by this."""

    def apply(self, values: Values, gain: float = 1.0) -> Values:
        """Reference: filter along the rows, then across them."""
        return self.rows.scaled(gain).apply(self.columns.apply(values, 1), 0)


class Grid:
    """The ways of all colour planes between a source and a target through a 4:4:4 grid of the target's size.

    `up` names the scaler to the grid. From the grid, chroma is reduced by "bilinear", which when shrinking is
    a tent two samples wide: 1 2 1 for a sample that lies on a luma sample, 1 3 3 1 for one between two.
    Alpha does not pass through the grid: it is scaled by `up` alone, or opaque, or left out.
    """

    def __init__(self, source: PictureSpec, target: PictureSpec, *, up: str) -> None:
        full = pixel_format("yuv444p")
        self.target = target
        grid = PictureSpec(width=target.width, height=target.height, format=full, color=target.color)
        self.inputs = tuple(
            Way(*plane_banks(SCALERS[up], source, grid, plane, plane))
            for plane in range(components(source.format))
        )
        self.outputs = tuple(
            Way(
                *plane_banks(SCALERS["bilinear"], grid, target, plane, plane),
                shift=target.format.log2_chroma_h if target.format.is_chroma(plane) else 0,
            )
            for plane in range(components(target.format))
        )
        self.alpha_plan = _alpha_resize(source, target, up) if target.format.alpha else None

    def native_inputs(self, planes: Sequence[Plane]) -> tuple[Any, ...]:
        """Return the colour planes with their ways, as the kernels take them."""
        return tuple(
            (plane, way.columns.native, way.rows.native)
            for plane, way in zip(planes, self.inputs, strict=False)
        )

    def read(self, planes: Sequence[Plane], dtype: Any) -> list[Values]:
        """Reference: return the colour planes as values on the grid."""
        return [way.apply(plane.astype(dtype)) for plane, way in zip(planes, self.inputs, strict=False)]

    def write(self, values: Sequence[Values], biases: Sequence[float], gains: Sequence[float]) -> list[Plane]:
        """Reference: return colour planes of the target from values on the grid."""
        return [
            to_samples(way.apply(plane, gain), bias, self.target.format)
            for plane, way, bias, gain in zip(values, self.outputs, biases, gains, strict=False)
        ]

    def alpha(self, planes: Sequence[Plane], into: Sequence[Plane], threads: int) -> None:
        """Write the target's alpha, if it has one."""
        if isinstance(self.alpha_plan, Resize):
            self.alpha_plan(planes[-1:], into[-1:], threads=threads)
        elif self.alpha_plan is not None:
            into[-1][...] = self.alpha_plan


def _alpha_resize(source: PictureSpec, target: PictureSpec, scaler: str) -> Resize | int:
    """Return what scales alpha as a gray picture of full range, or the value of opaque alpha."""
    if not source.format.alpha:
        return target.format.max_value
    color = replace(source.color, range=Range.FULL)
    gray_in, gray_out = (pixel_format(format_name("gray", f.depth)) for f in (source.format, target.format))
    return Resize(
        replace(source, format=gray_in, color=color),
        target.width,
        target.height,
        scaler=scaler,
        target_format=gray_out,
    )
