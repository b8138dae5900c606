"""`ClampHighlights` on a GPU, in the two parts between which its inner steps run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vsr.device.cuda.launch import PLANE, Launch, Memory, View, blocks_over
from vsr.frame import PictureSpec
from vsr.ops.cuda.banks import bank_record
from vsr.ops.cuda.points import point_launch
from vsr.ops.shader_filters.textures import sampled

HIGHLIGHT_JOB = np.dtype(
    [
        ("red", PLANE),
        ("green", PLANE),
        ("blue", PLANE),
        ("target", PLANE),
        ("before", "i4"),
        ("after", "i4"),
    ],
    align=True,
)
_TILE = (32, 16)


class CudaHighlights:
    """The launches of a `ClampHighlights`: `measured`, then those of its inner steps, then `clamped`.

    The inner steps turn pictures of `source` into those of `output`; `before` and `after` are the window's.
    The samples are, bit for bit, those that the CPU kernels give. Ownership: tables and what was measured
    lie in `memory`; that makes it one frame at a time.
    """

    def __init__(
        self, source: PictureSpec, output: PictureSpec, before: int, after: int, memory: Memory
    ) -> None:
        self._window = (before, after)
        self._most = memory.plane(source.width, source.height, "f32")
        sides = (source.width, output.width), (source.height, output.height)
        columns, rows = (bank_record(sampled(*pair), memory) for pair in sides)
        self._way = (columns, rows)

    def measured(self, planes: Sequence[View]) -> tuple[Launch, ...]:
        """Return what keeps the largest luma around each pixel of the source's G, B, R `planes`."""
        green, blue, red = (plane.record for plane in planes)
        job = np.array((red, green, blue, self._most.record, *self._window), HIGHLIGHT_JOB)
        blocks = blocks_over(self._most.width, self._most.height, _TILE)
        return (Launch("filters_highlights", "highlights", blocks, job),)

    def clamped(self, planes: Sequence[View], into: Sequence[View]) -> tuple[Launch, ...]:
        """Return what writes the inner steps' result without what is too bright; `into` may be `planes`."""
        (green, blue, red), (green_out, blue_out, red_out) = planes, into
        ways = (None, None, None, self._way)
        sources, targets = (red, green, blue, self._most), (red_out, green_out, blue_out)
        return (point_launch("clamp_highlights", sources, targets, ways=ways),)
