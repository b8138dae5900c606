"""Filters by name: from a source, the output's size and the numbers of a shader's text to a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vsr.frame import PictureSpec
from vsr.ops.shader_filters.passes import FilterStep
from vsr.ops.shader_filters.resample import resample
from vsr.registry import Registry

Numbers = Mapping[str, tuple[float, ...]]
"""The values of a shader's definitions, by their names in lower case, in the order of its text."""
Build = Callable[[PictureSpec, tuple[int, int], Numbers], FilterStep]
"""From (source, (width, height) of the output, numbers). Raises OptionError for what is out of range."""

FILTERS: Registry[Build] = Registry(
    "shader filter",
    {
        "resample": lambda source, size, numbers: resample(source, *size),
    },
)
"""All but Clamp_Highlights, which has two places: see highlights.ClampHighlights."""
