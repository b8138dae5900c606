"""`Dither` on a GPU."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vsr.device.cuda.launch import PLANE, Launch, View, blocks_over
from vsr.ops.dither import Dither, seed

DITHER_JOB = np.dtype(
    [("source", PLANE), ("target", PLANE), ("gain", "f4"), ("bias", "f4"), ("top", "f4"), ("seed", "u4")],
    align=True,
)


class CudaDither:
    """The launches of a `Dither`. The samples are, bit for bit, those of its reference in float32.

    Thread-safety: safe, immutable after construction.
    """

    def __init__(self, operation: Dither) -> None:
        self._operation = operation

    def launches(self, planes: Sequence[View], into: Sequence[View], *, frame: int = 0) -> tuple[Launch, ...]:
        """Return what writes the `planes` of frame number `frame` into `into`, with fewer bits."""
        top = self._operation.output.format.max_value
        return tuple(
            Launch(
                "dither",
                f"dither_{source.kind}_{target.kind}",
                blocks_over(target.width, target.height),
                np.array(
                    (source.record, target.record, *self._operation.levels[index], top, seed(frame, index)),
                    DITHER_JOB,
                ),
            )
            for index, (source, target) in enumerate(zip(planes, into, strict=True))
        )
