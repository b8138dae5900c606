"""Resize frames, and on the way change their depth, range, chroma subsampling and chroma location."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vsr.color import ChromaLocation, ColorSpec
from vsr.device import cpu
from vsr.errors import OptionError
from vsr.frame import PictureSpec, PixelFormat, Plane
from vsr.ops.levels import gain_and_bias
from vsr.ops.scalers import SCALERS, WEIGHT_BITS, FilterBank, Scaler, filter_bank

MAX_SIDE = 16384
"""The longest side of a picture, in samples."""


@dataclass(frozen=True, eq=False)
class PlanePlan:
    """How one plane of the target comes about."""

    source: int | None
    """The source's plane, or None for a plane of one value, the bias."""
    columns: FilterBank | None
    rows: FilterBank | None
    """Its weights carry the gain."""
    bias: float
    is_copy: bool
    """True where the samples stay as they are."""
    in_integers: bool
    """True where the kernels for integers do it, False where those for float32 do."""


def check_size(width: int, height: int) -> None:
    """Raise OptionError unless both sides are 1..MAX_SIDE."""
    for name, side in (("width", width), ("height", height)):
        if not 1 <= side <= MAX_SIDE:
            raise OptionError(f"{name} is {side}; allowed is 1 to {MAX_SIDE}")


def plane_banks(
    scaler: Scaler, source: PictureSpec, target: PictureSpec, plane: int, target_plane: int
) -> tuple[FilterBank, FilterBank]:
    """Return the banks along rows and columns that take a plane of `source` to one of `target`."""
    steps_in, offsets_in = plane_grid(source.format, source.color, plane)
    steps_out, offsets_out = plane_grid(target.format, target.color, target_plane)
    sizes = ((source.width, target.width), (source.height, target.height))
    columns, rows = (
        filter_bank(
            scaler,
            *sizes[axis],
            step_in=steps_in[axis],
            step_out=steps_out[axis],
            offset_in=offsets_in[axis],
            offset_out=offsets_out[axis],
        )
        for axis in (0, 1)
    )
    return columns, rows


def plane_grid(fmt: PixelFormat, color: ColorSpec, plane: int) -> tuple[tuple[int, int], tuple[float, float]]:
    """Return ((step x, step y), (offset x, offset y)) of a plane's samples, in luma samples.

    Raises OptionError for subsampled chroma of unspecified location.
    """
    if not fmt.is_chroma(plane) or not (fmt.log2_chroma_w or fmt.log2_chroma_h):
        return (1, 1), (0.0, 0.0)
    if color.chroma_location is ChromaLocation.UNSPECIFIED:
        raise OptionError(
            f"the chroma location of {fmt.name} is unspecified; give it, or use ColorSpec.guessed"
        )
    return (1 << fmt.log2_chroma_w, 1 << fmt.log2_chroma_h), color.chroma_offset(
        fmt.log2_chroma_w, fmt.log2_chroma_h
    )


def keeps_components(source: PictureSpec, fmt: PixelFormat, color: ColorSpec) -> bool:
    """True where each plane of the target comes from one of the source: no mixing of components."""
    if source.format.family == fmt.family:
        return fmt.family != "yuv" or source.color.matrix is color.matrix
    return {source.format.family, fmt.family} == {"yuv", "gray"}


class Resize:
    """Frames of `source` to another size, and where asked to another format of the same components.

    Each plane is filtered along its rows, then across them, and rounded to samples, halves to even. A plane
    of 8 bits that keeps its depth and range is filtered in integers, which takes about two thirds of the time
    and is within one value of exact arithmetic. All else, and what `suits_integers` refuses, is filtered in
    float32. Both give the same bits on every processor.

    Depth and range change in the same step, by a gain in the weights and a bias. Chroma is filtered from
    where its samples lie to where they shall lie. Gray becomes YUV with neutral chroma, YUV becomes gray by
    its luma; missing alpha is opaque.

    Thread-safety: safe, immutable after construction. Raises OptionError for what it cannot do.
    """

    def __init__(
        self,
        source: PictureSpec,
        width: int,
        height: int,
        *,
        scaler: str = "lanczos3",
        target_format: PixelFormat | None = None,
        target_color: ColorSpec | None = None,
        only: Collection[int] | None = None,
    ) -> None:
        """Prepare. `only` names the planes of the target that are written; without it all are."""
        fmt, color = target_format or source.format, target_color or source.color
        check_size(source.width, source.height)
        check_size(width, height)
        if not keeps_components(source, fmt, color):
            raise OptionError(
                f"a resize cannot turn {source.format.name} {source.color.matrix.name} into "
                f"{fmt.name} {color.matrix.name}; use Convert"
            )
        self.source = source
        self.output = PictureSpec(width=width, height=height, format=fmt, color=color)
        self.scaler = scaler
        self.plans = tuple(self._plan(SCALERS[scaler], plane) for plane in range(fmt.num_planes))
        self.written = frozenset(range(fmt.num_planes) if only is None else only)

    def _plan(self, scaler: Scaler, plane: int) -> PlanePlan:
        source, target = self.source, self.output
        origin = source_plane(source.format, target.format, plane)
        if origin is None:
            neutral = 1 << (target.format.depth - 1)
            value = neutral if target.format.is_chroma(plane) else target.format.max_value
            return PlanePlan(None, None, None, value, False, False)
        columns, rows = plane_banks(scaler, source, target, origin, plane)
        gain, bias = gain_and_bias(
            (source.format, source.color), (target.format, target.color), origin, plane
        )
        plain = (gain, bias) == (1, 0)
        is_copy = columns.is_identity and rows.is_identity and plain
        in_integers = (
            plain and source.format.depth == target.format.depth == 8 and suits_integers(columns, rows)
        )
        return PlanePlan(origin, columns, rows.scaled(gain), bias, is_copy, in_integers)

    @property
    def sentence(self) -> str:
        """What this does, for people."""
        source, target = self.source, self.output
        text = f"resize {source.width}x{source.height} {source.format.name} to {target.width}x{target.height}"
        text += f" by {self.scaler}"
        if source.format != target.format:
            text += f", as {target.format.name}"
        for name in ("range", "chroma_location"):
            before, after = getattr(source.color, name), getattr(target.color, name)
            if before is not after:
                text += f", {name.replace('_', ' ')} {before.name} to {after.name}"
        return text

    def __call__(self, planes: Sequence[Plane], into: Sequence[Plane], *, threads: int = 1) -> None:
        """Write the resized `planes` into `into`, arrays of the output's shapes and types."""
        for index, (plan, target) in enumerate(zip(self.plans, into, strict=True)):
            if index not in self.written:
                continue
            if plan.source is None:
                target[...] = plan.bias
            elif plan.is_copy:
                np.copyto(target, planes[plan.source])
            else:
                self._run(plan, planes[plan.source], target, threads)

    def _run(self, plan: PlanePlan, source: Plane, target: Plane, threads: int) -> None:
        assert plan.columns is not None and plan.rows is not None
        if plan.in_integers:
            columns, rows = plan.columns.integers.native_columns, plan.rows.integers.native_rows
            cpu.kernels.resize_integer(source, target, columns, rows, threads)
            return
        cpu.kernels.resize(
            source,
            target,
            plan.columns.native,
            plan.rows.native,
            plan.bias,
            self.output.format.max_value,
            threads,
        )

    def reference(self, planes: Sequence[Plane], dtype: Any = np.float32) -> tuple[Plane, ...]:
        """Return what a call writes, computed by numpy.

        float32 stands for the kernels' own arithmetic, integers where they use these, and gives their very
        bits. float64 is used for everything, and gives what exact arithmetic would.
        """
        return tuple(self._reference(index, planes, dtype) for index in range(len(self.plans)))

    def _reference(self, index: int, planes: Sequence[Plane], dtype: Any) -> Plane:
        plan, target = self.plans[index], self.output
        if plan.source is None:
            shape = target.format.plane_shape(index, target.width, target.height)
            return np.full(shape, int(plan.bias), target.format.dtype)
        assert plan.columns is not None and plan.rows is not None
        if plan.in_integers and dtype is np.float32:
            return resize_in_integers(planes[plan.source], plan.columns, plan.rows)
        values = plan.columns.apply(planes[plan.source].astype(dtype), 1)
        return to_samples(plan.rows.apply(values, 0), plan.bias, target.format)


_CENTRE = 128  # of samples of 8 bits, subtracted from them: their magnitudes are then at most this
_BETWEEN_BITS = 7  # fractional bits of the values between the two filters
_ACROSS_BITS = 6  # and of sums across rows


def suits_integers(columns: FilterBank, rows: FilterBank) -> bool:
    """True where samples of 8 bits can be filtered in int16, to at most one value from the exact result.

    Ranges, with a gain being the largest sum of |weights| of an output: values between the filters are at
    most 128 * gain along * 2^7 + 1/2, which is below 2^15 with a gain below 1.99; weights then are, too. Sums
    across rows are at most 128 * gain along * gain across * 2^6 and a step for each tap; partial sums may
    wrap around, but with 128 * 2^6 + 64 added the whole must stay below 2^15.

    Errors, in sample values: those of the weights along rows, times 128 and the gain across; those across,
    times 128 and the gain along; rounding between the filters, 2^-8 times the gain across; rounding of each
    product across, 2^-7. While they are at most 1/2, both results round to within 1, and flat areas stay as
    they are. Very long filters fail this.
    """
    along, across = columns.integers, rows.integers
    gain = along.gain * across.gain
    most = (_CENTRE * (gain + 1) + 1) * (1 << _ACROSS_BITS) + across.taps
    off = (along.error * across.gain + across.error * along.gain) * _CENTRE
    off += across.gain / (2 << _BETWEEN_BITS) + across.taps / (2 << _ACROSS_BITS)
    return max(along.gain, across.gain) < 1.99 and most < 1 << 15 and off <= 0.5


def resize_in_integers(samples: Plane, columns: FilterBank, rows: FilterBank) -> Plane:
    """Reference of the integer kernels.

    Between the filters halves go up in even rows and down in odd ones; samples are rounded halves to even.
    """
    dropped = WEIGHT_BITS - _BETWEEN_BITS
    sums = columns.integers.along_rows(samples.astype(np.int32) - _CENTRE)
    half = (1 << (dropped - 1)) - np.arange(len(samples), dtype=np.int32)[:, None] % 2
    total = rows.integers.across_rows((sums + half) >> dropped)
    odd = (total >> _ACROSS_BITS) & 1
    rounded = (total + odd + (1 << (_ACROSS_BITS - 1)) - 1) >> _ACROSS_BITS
    samples_out: Plane = np.clip(rounded + _CENTRE, 0, 255).astype(np.uint8)
    return samples_out


def source_plane(source: PixelFormat, target: PixelFormat, plane: int) -> int | None:
    """Return which plane of `source` becomes that plane of `target`, or None where none does."""
    if target.alpha and plane == target.num_planes - 1:
        return source.num_planes - 1 if source.alpha else None
    return None if source.family == "gray" and plane > 0 else plane


def to_samples(values: npt.NDArray[np.floating], bias: float, fmt: PixelFormat) -> Plane:
    """Return values + bias as samples: rounded, halves to even, and clamped to what the format holds.

    Samples of float32 are neither.
    """
    if fmt.is_float:
        return (values + values.dtype.type(bias)).astype(fmt.dtype)
    rounded = np.rint(values + values.dtype.type(bias))
    return np.clip(rounded, 0, fmt.max_value).astype(fmt.dtype)
