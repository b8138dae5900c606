"""Convert frames between YUV, RGB and gray, any matrix, range, depth, subsampling and chroma location."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from vsr.color import ColorSpec
from vsr.device import cpu
from vsr.frame import PictureSpec, PixelFormat, Plane, empty_frame
from vsr.ops.grid import Grid
from vsr.ops.matrices import after, components, from_rgb, mix, padded, to_rgb
from vsr.ops.resize import Resize, keeps_components


class Convert:
    """Frames of `source` to another format and colour of the same size.

    Chroma is brought to each luma sample by bilinear interpolation from where it lies, mixed by one matrix
    that carries ranges and depths, and brought back by a tent filter centred where it shall lie; all in
    float32, rounded once, halves to even. Where no components mix (another subsampling, range or depth of
    one matrix, YUV and gray) each plane goes straight, by the same filters. Transfer and primaries stay.

    YUV matrices: those H.273 defines by Kr and Kb, and YCGCO, whose limited range has the scale of RGB.
    Others (BT2020_CL, ICTCP, ...) are not linear in R'G'B'. Alpha passes; where it is missing it is opaque.

    Thread-safety: safe, immutable after construction. Raises OptionError for what it cannot do.
    """

    def __init__(
        self, source: PictureSpec, target_format: PixelFormat, target_color: ColorSpec | None = None
    ) -> None:
        color = target_color or source.color
        self.source = source
        self.output = replace(source, format=target_format, color=color)
        self.direct: Resize | None = None
        if keeps_components(source, target_format, color):
            self.direct = Resize(
                source,
                source.width,
                source.height,
                scaler="bilinear",
                target_format=target_format,
                target_color=color,
            )
            return
        self.factors = after(from_rgb(target_format, color), to_rgb(source.format, source.color))
        self._native_factors = np.ascontiguousarray(padded(self.factors).reshape(-1))
        self.grid = Grid(source, self.output, up="bilinear")

    @property
    def sentence(self) -> str:
        """What this does, for people."""
        source, target = self.source, self.output
        return (
            f"convert {source.format.name} {source.color.matrix.name} {source.color.range.name} "
            f"to {target.format.name} {target.color.matrix.name} {target.color.range.name}"
        )

    def __call__(self, planes: Sequence[Plane], into: Sequence[Plane], *, threads: int = 1) -> None:
        """Write the converted `planes` into `into`, arrays of the output's shapes and types."""
        if self.direct is not None:
            return self.direct(planes, into, threads=threads)
        outputs = tuple(
            (plane, way.columns.native, way.rows.native, 0.0, way.shift)
            for plane, way in zip(into, self.grid.outputs, strict=False)
        )
        top = self.output.format.max_value
        cpu.kernels.convert(self.grid.native_inputs(planes), outputs, self._native_factors, top, threads)
        self.grid.alpha(planes, into, threads)
        return None

    def reference(self, planes: Sequence[Plane], dtype: Any = np.float32) -> tuple[Plane, ...]:
        """Return what a call writes, computed by numpy in `dtype`: float32 gives the kernels' very bits."""
        if self.direct is not None:
            return self.direct.reference(planes, dtype)
        values = self.grid.read(planes, dtype)
        mixed = [mix(values, row) for row in self.factors]
        count = components(self.output.format)
        results = self.grid.write(mixed, [0.0] * count, [1.0] * count)
        if self.output.format.alpha:
            whole = empty_frame(self.output.width, self.output.height, self.output.format).planes
            self.grid.alpha(planes, whole, 1)
            results.append(whole[-1])
        return tuple(results)
