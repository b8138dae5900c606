"""Filters as passes over textures, and the step that runs them on a picture's planes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from vsr.device import cpu
from vsr.errors import OptionError
from vsr.frame import PictureSpec, Plane, empty_frame, pixel_format
from vsr.ops.scalers import FilterBank
from vsr.ops.shader_filters.points import POINTS, Values

FORMAT = pixel_format("gbrpf32le")
"""What pictures between shaders are: planes G, B, R of gamma-coded float32, 1 for full scale, unclamped."""
RGB = ("red", "green", "blue")
RESULT = ("red out", "green out", "blue out")
"""The textures that become the output's planes."""
_PLANES = (2, 0, 1)
"""Where in G B R the planes of RGB are."""
_TEXTURE = pixel_format("grayf32le")


class Pass(Protocol):
    """One pass: textures in, textures of one size out. Thread-safe."""

    @property
    def writes(self) -> tuple[str, ...]:
        """The names of what it writes."""

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of what it writes."""

    def run(self, textures: Mapping[str, Plane], threads: int) -> None:
        """Fill those of `textures` that this writes."""

    def reference(self, textures: Mapping[str, Values]) -> tuple[Values, ...]:
        """Return what is written, computed by numpy in the textures' type."""


@dataclass(frozen=True, eq=False)
class Read:
    """A texture as seen from the texels of a pass."""

    texture: str
    columns: FilterBank
    rows: FilterBank


@dataclass(frozen=True, eq=False)
class PointPass:
    """Each texel from what is read at its place; `point` is one of POINTS."""

    point: str
    reads: tuple[Read, ...]
    writes: tuple[str, ...]
    factors: tuple[float, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of what it writes."""
        return self.reads[0].columns.size_out, self.reads[0].rows.size_out

    def run(self, textures: Mapping[str, Plane], threads: int) -> None:
        """Fill those of `textures` that this writes."""
        inputs = tuple((textures[r.texture], r.columns.native, r.rows.native) for r in self.reads)
        outputs = tuple(textures[name] for name in self.writes)
        cpu.kernels.filter_points(self.point, inputs, outputs, native_factors(self.factors), threads)

    def reference(self, textures: Mapping[str, Values]) -> tuple[Values, ...]:
        """Return what is written, computed by numpy in the textures' type."""
        values = [r.rows.apply(r.columns.apply(textures[r.texture], 1), 0) for r in self.reads]
        factors = [np.asarray(factor, values[0].dtype)[()] for factor in self.factors]
        return POINTS[self.point](values, factors)


def native_factors(factors: Sequence[float]) -> Any:
    """Return the factors as the kernels take them: 12 float32, zeros at the end."""
    padded = np.zeros(12, np.float32)
    padded[: len(factors)] = factors
    return padded


class FilterStep:
    """A filter: passes over the planes of a float picture, the last of which write RESULT.

    Thread-safety: safe; the textures between passes are kept for the next call, a set for each call at once.
    """

    def __init__(self, source: PictureSpec, size: tuple[int, int], passes: Sequence[Pass], name: str) -> None:
        """`size` is the output's (width, height). Raises OptionError for a picture that is not gbrpf32le."""
        check_format(source)
        self.source = source
        self.output = replace(source, width=size[0], height=size[1])
        self.passes = tuple(passes)
        self.name = name
        self._spare: deque[dict[str, Plane]] = deque()

    @property
    def sentence(self) -> str:
        """What this does, for people."""
        source, target = self.source, self.output
        return f"{self.name} {source.width}x{source.height} to {target.width}x{target.height}"

    def __call__(self, planes: Sequence[Plane], into: Sequence[Plane], *, threads: int = 1) -> None:
        """Write the filtered `planes` into `into`, other arrays of the output's shapes."""
        try:
            between = self._spare.popleft()
        except IndexError:
            between = self._textures()
        textures = between | {name: planes[i] for name, i in zip(RGB, _PLANES, strict=True)}
        textures |= {name: into[i] for name, i in zip(RESULT, _PLANES, strict=True)}
        for each in self.passes:
            each.run(textures, threads)
        self._spare.append(between)

    def _textures(self) -> dict[str, Plane]:
        return {
            name: empty_frame(*each.size, _TEXTURE).planes[0]
            for each in self.passes
            for name in each.writes
            if name not in RESULT
        }

    def reference(self, planes: Sequence[Plane], dtype: Any = np.float32) -> tuple[Plane, ...]:
        """Return what a call writes, computed by numpy in `dtype`."""
        textures: dict[str, Values] = {
            name: planes[i].astype(dtype) for name, i in zip(RGB, _PLANES, strict=True)
        }
        for each in self.passes:
            textures |= zip(each.writes, each.reference(textures), strict=True)
        return tuple(textures[RESULT[i]] for i in (1, 2, 0))


Numbers = Mapping[str, Sequence[float]]
"""The values of a shader's definitions, by their names in lower case, in the order of its text."""
Build = Callable[[PictureSpec, tuple[int, int], Numbers], FilterStep]
"""From (source, (width, height) of the output, numbers). Raises OptionError for what is out of range."""


def check_format(source: PictureSpec) -> None:
    """Raise OptionError unless the picture is one that filters work on."""
    if source.format != FORMAT:
        raise OptionError(
            f"shader filters work on {FORMAT.name}, not on {source.format.name}; use Convert before them"
        )
