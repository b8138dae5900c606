"""Between code values and R'G'B': the matrices of ITU-T H.273, with ranges and depths folded in."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from vsr.color import ColorSpec, Matrix, luma_weights
from vsr.errors import OptionError
from vsr.frame import PixelFormat
from vsr.ops.levels import levels

Affine: TypeAlias = npt.NDArray[np.float64]
"""(outputs, inputs + 1): factors of the inputs, and in the last column what is added."""

_GBR = (1, 2, 0)
"""Which of R G B each plane holds."""


def components(fmt: PixelFormat) -> int:
    """Return the number of planes without alpha."""
    return fmt.num_planes - fmt.alpha


def to_rgb(fmt: PixelFormat, color: ColorSpec) -> Affine:
    """Return the (3, components + 1) map from code values, in the order of the planes, to R G B in 0..1."""
    values: npt.NDArray[np.float64] = _to_values(fmt, color)
    if fmt.family == "gray":
        return values[[0, 0, 0]]
    if fmt.family == "rgb":
        return values[np.argsort(_GBR)]
    result: Affine = _yuv_to_rgb(color.matrix) @ values
    return result


def from_rgb(fmt: PixelFormat, color: ColorSpec) -> Affine:
    """Return the (components, 4) map from R G B in 0..1 to code values in the order of the planes."""
    if fmt.family == "rgb":
        rows: npt.NDArray[np.floating] = np.eye(3)[list(_GBR)]
    else:
        rows = np.linalg.inv(_yuv_to_rgb(color.matrix))[: components(fmt)]
    scales, offsets = np.array([levels(fmt, color, plane) for plane in range(components(fmt))]).T
    return np.column_stack([rows * scales[:, None], offsets])


def after(second: Affine, first: Affine) -> Affine:
    """Return the map that applies `first`, then `second`."""
    result = second[:, :-1] @ first
    result[:, -1] += second[:, -1]
    return result


def mix(
    planes: list[npt.NDArray[np.floating]], factors: npt.NDArray[np.floating]
) -> npt.NDArray[np.floating]:
    """Reference: the planes times factors[:-1], plus factors[-1], in this order and their precision."""
    own = factors.astype(planes[0].dtype)
    total: npt.NDArray[np.floating] = planes[0] * own[0]
    for plane, factor in zip(planes[1:], own[1:-1], strict=True):
        total = total + plane * factor
    total = total + own[-1]
    return total


def padded(factors: Affine) -> npt.NDArray[np.float32]:
    """Return rows of four as the kernels take them: three factors, unused ones 0, and what is added."""
    rows = np.zeros((3, 4), np.float32)
    rows[: len(factors), : factors.shape[1] - 1] = factors[:, :-1]
    rows[: len(factors), 3] = factors[:, -1]
    return rows


def _to_values(fmt: PixelFormat, color: ColorSpec) -> Affine:
    scales, offsets = np.array([levels(fmt, color, plane) for plane in range(components(fmt))]).T
    return np.column_stack([np.diag(1 / scales), -offsets / scales])


def _yuv_to_rgb(matrix: Matrix) -> npt.NDArray[np.float64]:
    """Return the 3x3 matrix from (Y, Cb, Cr) to (R, G, B), H.273 section 8.3, or raise OptionError."""
    if matrix is Matrix.YCGCO:  # Cg in the place of Cb, Co in that of Cr
        return np.array([[1, -1, 1], [1, 1, 0], [1, -1, -1]], float)
    weights = luma_weights(matrix)
    if weights is None:
        known = ", ".join(m.name for m in Matrix if luma_weights(m) or m is Matrix.YCGCO)
        raise OptionError(
            f"matrix {matrix.name} has no conversion to or from RGB here; "
            f"keep the source's format and matrix, or tag the source as one of {known}"
        )
    kr, kb = weights
    kg = 1 - kr - kb
    return np.array(
        [
            [1, 0, 2 * (1 - kr)],
            [1, -2 * kb * (1 - kb) / kg, -2 * kr * (1 - kr) / kg],
            [1, 2 * (1 - kb), 0],
        ]
    )
