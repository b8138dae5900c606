"""Filters by name: from a source, the output's size and the numbers of a shader's text to a step."""

from __future__ import annotations

from vsr.ops.shader_filters.bilateral import bilateral
from vsr.ops.shader_filters.darken import darken, darken_dtd
from vsr.ops.shader_filters.dog import deblur_dog, upscale_deblur_dog, upscale_dog
from vsr.ops.shader_filters.edges import deblur_original, upscale_original
from vsr.ops.shader_filters.passes import Build
from vsr.ops.shader_filters.resample import resample
from vsr.ops.shader_filters.thin import thin, thin_dtd
from vsr.registry import Registry

FILTERS: Registry[Build] = Registry(
    "shader filter",
    {
        "resample": lambda source, size, numbers: resample(source, *size),
        "deblur_dog": deblur_dog,
        "upscale_dog": upscale_dog,
        "upscale_deblur_dog": upscale_deblur_dog,
        "deblur_original": deblur_original,
        "upscale_original": upscale_original,
        "thin_hq": thin(1, 1),
        "thin_fast": thin(1, 2),
        "thin_veryfast": thin(2, 4),
        "darken_hq": darken(1, 1),
        "darken_fast": darken(1, 2),
        "darken_veryfast": darken(2, 4),
        "upscale_dtd_darken": darken_dtd,
        "upscale_dtd_thin": thin_dtd,
        "denoise_bilateral_mean": bilateral("mean"),
        "denoise_bilateral_median": bilateral("median"),
        "denoise_bilateral_mode": bilateral("mode"),
    },
)
"""All but Clamp_Highlights, which has two places: see highlights.ClampHighlights."""
