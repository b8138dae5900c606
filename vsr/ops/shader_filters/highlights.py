"""Anime4K's Clamp_Highlights: no pixel gets brighter than the source was around it, so that nothing rings.

M(p) = the largest luma, at least 0, of the source within 5 x 5 pixels of p. After the steps between, and
before the final resize, each pixel has the excess of its luma over M (read bilinearly, at the pixel's
place) taken from R, G and B alike. After bloc97's Anime4K 4.0; the luma is that of points.LUMA.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from vsr.device import cpu
from vsr.errors import OptionError
from vsr.frame import Frame, PictureSpec, Plane, empty_frame, pixel_format
from vsr.ops.shader_filters.passes import check_format, native_factors
from vsr.ops.shader_filters.points import POINTS, Values, luma
from vsr.ops.shader_filters.textures import sampled
from vsr.ops.step import Step

MAX_WINDOW = 63
"""The most pixels a window may span."""
_GREY = pixel_format("grayf32le")


class ClampHighlights:
    """Runs steps, and takes from their result what is brighter than the source was around each pixel.

    `before` and `after` say how far the window reaches left and above, right and below; 2 and 2 is Anime4K's.
    Thread-safety: safe; pictures between the steps are kept for the next call.
    """

    def __init__(
        self, source: PictureSpec, inner: Sequence[Step] = (), *, before: int = 2, after: int = 2
    ) -> None:
        """`inner` may be empty. Raises OptionError for a format but gbrpf32le, or too large a window."""
        if before < 0 or after < 0 or before + after >= MAX_WINDOW:
            raise OptionError(f"the window is {before} + 1 + {after} pixels; 1 to {MAX_WINDOW} are allowed")
        self.source = source
        self.inner = tuple(inner)
        self.output = self.inner[-1].output if self.inner else source
        check_format(source)
        check_format(self.output)
        self.before, self.after = before, after
        self._columns, self._most_columns = (
            sampled(size, self.output.width) for size in (self.output.width, source.width)
        )
        self._rows, self._most_rows = (
            sampled(size, self.output.height) for size in (self.output.height, source.height)
        )
        self._spare: tuple[deque[Frame], ...] = tuple(deque() for _ in self.inner)
        self._spare_most: deque[Frame] = deque()

    @property
    def sentence(self) -> str:
        """What this does, for people."""
        steps = "".join(f"{step.sentence}; " for step in self.inner)
        return f"{steps}highlights clamped to those of {self.source.width}x{self.source.height}"

    def __call__(self, planes: Sequence[Plane], into: Sequence[Plane], *, threads: int = 1) -> None:
        """Write the result of `planes` into `into`, other arrays of the output's shapes."""
        try:
            most = self._spare_most.popleft()
        except IndexError:
            most = empty_frame(self.source.width, self.source.height, _GREY)
        green, blue, red = planes
        cpu.kernels.highlights(red, green, blue, most.planes[0], self.before, self.after, threads)
        self._run_inner(planes, into, threads)
        self._clamp(into if self.inner else planes, most.planes[0], into, threads)
        self._spare_most.append(most)

    def _clamp(self, planes: Sequence[Plane], most: Plane, into: Sequence[Plane], threads: int) -> None:
        """Write what is left of `planes`, which may be `into`."""
        inputs = tuple((planes[i], self._columns.native, self._rows.native) for i in (2, 0, 1))
        limit = (most, self._most_columns.native, self._most_rows.native)
        outputs = (into[2], into[0], into[1])
        cpu.kernels.filter_points("clamp_highlights", (*inputs, limit), outputs, native_factors(()), threads)

    def _run_inner(self, planes: Sequence[Plane], into: Sequence[Plane], threads: int) -> None:
        taken: list[Frame] = []
        for step, spare in zip(self.inner[:-1], self._spare, strict=False):
            try:
                between = spare.popleft()
            except IndexError:
                between = empty_frame(step.output.width, step.output.height, step.output.format)
            step(planes, between.planes, threads=threads)
            planes = between.planes
            taken.append(between)
        if self.inner:
            self.inner[-1](planes, into, threads=threads)
        for frame, spare in zip(taken, self._spare, strict=False):
            spare.append(frame)

    def reference(self, planes: Sequence[Plane], dtype: Any = np.float32) -> tuple[Plane, ...]:
        """Return what a call writes, computed by numpy in `dtype`; the inner steps run as they are."""
        most = largest(largest(luma(*(planes[i].astype(dtype) for i in (2, 0, 1))), self, 1), self, 0)
        most = self._most_rows.apply(self._most_columns.apply(most, 1), 0)
        result = planes
        if self.inner:
            result = empty_frame(self.output.width, self.output.height, self.output.format).planes
            self._run_inner(planes, result, 1)
        red, green, blue = POINTS["clamp_highlights"](
            [*(result[i].astype(dtype) for i in (2, 0, 1)), most], ()
        )
        return green, blue, red


def largest(values: Values, window: ClampHighlights, axis: int) -> Values:
    """Reference: the largest value, 0 at least, in the window along axis; beyond the edge lies the edge."""
    index = np.arange(values.shape[axis])
    result = np.zeros_like(values)
    for offset in range(-window.before, window.after + 1):
        place = np.clip(index + offset, 0, len(index) - 1)
        result = np.maximum(result, np.take(values, place, axis))
    return result
