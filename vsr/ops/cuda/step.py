"""Steps on a GPU: what each does to a picture, as work for a stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vsr.device.cuda.gpu import Work
from vsr.device.cuda.launch import Kind, Memory, View
from vsr.frame import PictureSpec, PixelFormat


@dataclass(frozen=True, kw_only=True, eq=False)
class CudaStep:
    """One pass over a picture on a GPU.

    One frame at a time: what it keeps between its launches lies in the memory it was made with.
    """

    source: PictureSpec
    output: PictureSpec
    sentence: str
    """What this does, for people."""
    work: Callable[[Sequence[View], Sequence[View]], Sequence[Work]] = field(repr=False)
    """From views of the source's planes and of the output's to what writes the latter."""
    in_half: bool = False
    """True where it computes in float16: a value may then exceed what that holds, and become no number."""


def kind_of(fmt: PixelFormat) -> Kind:
    """Return the type of samples in which a format lies in a GPU's memory."""
    if fmt.is_float:
        return "f32"
    return "u8" if fmt.depth == 8 else "u16"


def picture(spec: PictureSpec, memory: Memory) -> tuple[View, ...]:
    """Return planes for a picture like that."""
    fmt, kind = spec.format, kind_of(spec.format)
    shapes = (fmt.plane_shape(plane, spec.width, spec.height) for plane in range(fmt.num_planes))
    return tuple(memory.plane(width, height, kind) for height, width in shapes)


def in_sequence(steps: Sequence[CudaStep], memory: Memory) -> CudaStep:
    """Return the steps one after the other, as one; the pictures between them lie in `memory`."""
    if len(steps) == 1:
        return steps[0]
    between = [picture(step.output, memory) for step in steps[:-1]]

    def work(planes: Sequence[View], into: Sequence[View]) -> list[Work]:
        pictures = [planes, *between, into]
        return [
            each
            for step, before, after in zip(steps, pictures, pictures[1:], strict=False)
            for each in step.work(before, after)
        ]

    return CudaStep(
        source=steps[0].source,
        output=steps[-1].output,
        sentence="; ".join(step.sentence for step in steps),
        work=work,
        in_half=any(step.in_half for step in steps),
    )
