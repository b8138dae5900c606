"""`Convert` on a GPU: every component read where it lies, mixed, and written, in one kernel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vsr.device.cuda.launch import PLANE, Launch, Memory, Record, View, blocks_over
from vsr.ops.convert import Convert
from vsr.ops.cuda.banks import WAY, way_record
from vsr.ops.cuda.resize import CudaResize, fill
from vsr.ops.grid import Grid
from vsr.ops.matrices import components, padded
from vsr.ops.resize import Resize

CONVERT_JOB = np.dtype(
    [
        ("sources", PLANE, 3),
        ("targets", PLANE, 3),
        ("to_grid", WAY, 3),
        ("from_grid", WAY, 3),
        ("matrix", "f4", (3, 4)),
        ("top", "f4"),
        ("inputs", "i4"),
        ("outputs", "i4"),
        ("width", "i4"),
        ("height", "i4"),
    ],
    align=True,
)


class CudaConvert:
    """The launches of a `Convert`. The samples are, bit for bit, those that its CPU kernels give.

    Planes of float16 stand for float32: they are converted when read and written, and mixed in float32.
    Thread-safety: safe, immutable after construction. Ownership: the tables lie in `memory`.
    """

    def __init__(self, convert: Convert, memory: Memory) -> None:
        self._convert = convert
        self._resize = None if convert.direct is None else CudaResize(convert.direct, memory)
        if self._resize is None:
            self._job = _prepared(convert, memory)
            self._alpha = CudaAlpha(convert.grid, memory)

    def launches(self, planes: Sequence[View], into: Sequence[View]) -> tuple[Launch, ...]:
        """Return what writes the converted `planes` into `into`, one after another."""
        if self._resize is not None:
            return self._resize.launches(planes, into)
        job = self._job.copy()
        for index in range(int(job["inputs"])):
            job["sources"][index] = planes[index].record
        for index in range(int(job["outputs"])):
            job["targets"][index] = into[index].record
        fmt = self._convert.output.format
        name = "convert_reduced" if fmt.log2_chroma_w or fmt.log2_chroma_h else "convert"
        source = f"{name}_{planes[0].kind}"
        mixing = Launch(source, f"{source}_{into[0].kind}", blocks_over(into[0].width, into[0].height), job)
        return mixing, *self._alpha.launches(planes, into)


class CudaAlpha:
    """The launches that write a target's alpha: scaled, opaque, or none."""

    def __init__(self, grid: Grid, memory: Memory) -> None:
        plan = grid.alpha_plan
        self._opaque = plan if isinstance(plan, int) else None
        self._resize = CudaResize(plan, memory) if isinstance(plan, Resize) else None

    def launches(self, planes: Sequence[View], into: Sequence[View]) -> tuple[Launch, ...]:
        """Return what writes the last plane of `into`."""
        if self._resize is not None:
            return self._resize.launches(planes[-1:], into[-1:])
        if self._opaque is not None:
            return (fill(into[-1], self._opaque, self._opaque),)
        return ()


def _prepared(convert: Convert, memory: Memory) -> Record:
    """Return the kernel's argument, but for the planes."""
    job = np.zeros((), CONVERT_JOB)
    for index, way in enumerate(convert.grid.inputs):
        job["to_grid"][index] = way_record(way, memory)
    for index, way in enumerate(convert.grid.outputs):
        job["from_grid"][index] = way_record(way, memory)
    job["matrix"] = padded(convert.factors)
    job["top"] = convert.output.format.max_value
    job["inputs"], job["outputs"] = components(convert.source.format), components(convert.output.format)
    job["width"], job["height"] = convert.output.width, convert.output.height
    return job
