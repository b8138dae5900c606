"""All kinds of pictures that conversions know, for tests by hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.ops.pictures import DEPTHS, LOCATIONS, SUBSAMPLINGS
from vsr.color import Matrix, Range, luma_weights

MATRICES = tuple(m for m in Matrix if luma_weights(m) or m is Matrix.YCGCO)
RANGES = (Range.LIMITED, Range.FULL)
_FAMILIES = (*SUBSAMPLINGS, "yuva420p", "gbrp", "gbrap", "gray")

Kind = tuple[str, dict[str, Any]]
"""A pixel format's name, and what of the colour is not as usual, as `spec` takes them."""


def _kind(family: str, depth: str, matrix: Matrix, value_range: Range, location: int) -> Kind:
    matrix = Matrix.RGB if family.startswith("gbr") else matrix
    return family + depth, {"matrix": matrix, "range": value_range, "chroma_location": location}


KINDS = st.builds(_kind, *map(st.sampled_from, (_FAMILIES, DEPTHS, MATRICES, RANGES, LOCATIONS)))
