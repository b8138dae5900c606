"""A picture read by a GPU's sampler at another size: what Anime4K's AutoDownscalePre files do."""

from __future__ import annotations

from vsr.frame import PictureSpec
from vsr.ops.resize import check_size
from vsr.ops.shader_filters.passes import RESULT, RGB, FilterStep, PointPass, Read
from vsr.ops.shader_filters.textures import sampled


def resample(source: PictureSpec, width: int, height: int) -> FilterStep:
    """Return the step that reads the picture bilinearly at the texel centres of another size.

    Nothing widens the filter when shrinking: each pixel sees 2 x 2 of the source. Raises OptionError for a
    size or a format that is not supported.
    """
    check_size(width, height)
    columns, rows = sampled(source.width, width), sampled(source.height, height)
    passes = [
        PointPass("copy", (Read(name, columns, rows),), (result,))
        for name, result in zip(RGB, RESULT, strict=True)
    ]
    return FilterStep(source, (width, height), passes, "bilinear read")
