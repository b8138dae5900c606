"""Operations of the CPU as what does the same on a GPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from vsr.device.cuda.launch import Launch, Memory, View
from vsr.ops.anime4k import Anime4k
from vsr.ops.convert import Convert
from vsr.ops.cuda.anime4k import CudaAnime4k
from vsr.ops.cuda.convert import CudaConvert
from vsr.ops.cuda.dither import CudaDither
from vsr.ops.cuda.filters import CudaFilter
from vsr.ops.cuda.resize import CudaResize
from vsr.ops.dither import Dither
from vsr.ops.resize import Resize
from vsr.ops.shader_filters.passes import FilterStep
from vsr.ops.step import Step


class CudaOperation(Protocol):
    """What operations on a GPU have."""

    def launches(self, planes: Sequence[View], into: Sequence[View]) -> tuple[Launch, ...]:
        """Return what writes the result of `planes` into `into`, one after another."""


_CLASSES: Mapping[type[Step | Dither], Callable[[Any, Memory], CudaOperation]] = {
    Anime4k: CudaAnime4k,
    Convert: CudaConvert,
    Dither: lambda operation, memory: CudaDither(operation),
    FilterStep: CudaFilter,
    Resize: CudaResize,
}


def lowered(operation: Step | Dither, memory: Memory) -> CudaOperation:
    """Return the launches of an operation, with tables and planes in `memory`.

    Not of ClampHighlights, in the middle of which other steps run: see CudaHighlights.
    """
    return _CLASSES[type(operation)](operation, memory)
