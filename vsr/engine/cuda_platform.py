"""A GPU, seen by what lays chains: operations and networks become steps whose memory lies there."""

from __future__ import annotations

from collections.abc import Sequence

from vsr.device.cuda.gpu import Work
from vsr.device.cuda.launch import Memory, View
from vsr.engine.cuda_engines import Place, choose_cuda
from vsr.engine.engines import Choice
from vsr.engine.platform import Running
from vsr.engine.step import REST_SCALER, Network, Rest
from vsr.frame import PictureSpec
from vsr.ops.cuda.convert import CudaAlpha
from vsr.ops.cuda.highlights import CudaHighlights
from vsr.ops.cuda.lowering import lowered
from vsr.ops.cuda.resize import CudaResize
from vsr.ops.cuda.step import CudaStep, in_sequence
from vsr.ops.step import Step


class CudaPlatform:
    """A GPU, and the memory for the steps of one chain. They serve one frame at a time."""

    def __init__(self, place: Place, running: Running) -> None:
        self._place = place
        self._memory = place.memory
        self._running = running

    def operation(self, operation: Step) -> CudaStep:
        """Return an operation as launches."""
        return CudaStep(
            source=operation.source,
            output=operation.output,
            sentence=operation.sentence,
            work=lowered(operation, self._memory).launches,
        )

    def network(
        self, network: Network, source: PictureSpec, target: PictureSpec, number: int
    ) -> Choice[CudaStep]:
        """Return the step of the engine that was asked for, or decided on, or is the first that can."""
        engine, precision = self._running.engine, self._running.precision
        if number < len(self._running.decided):
            engine, precision = self._running.decided[number]
        return choose_cuda(network, source, target, engine=engine, precision=precision, place=self._place)

    def highlights(self, source: PictureSpec, inner: Sequence[CudaStep], before: int, after: int) -> CudaStep:
        """Return them as one step."""
        middle = in_sequence(inner, self._memory) if inner else None
        output = middle.output if middle else source
        around = CudaHighlights(source, output, before, after, self._memory)

        def work(planes: Sequence[View], into: Sequence[View]) -> list[Work]:
            between = middle.work(planes, into) if middle else ()
            return [*around.measured(planes), *between, *around.clamped(into if middle else planes, into)]

        steps = f"{middle.sentence}; " if middle else ""
        return CudaStep(
            source=source,
            output=output,
            sentence=f"{steps}highlights clamped to those of {source.width}x{source.height}",
            work=work,
            in_half=middle is not None and middle.in_half,
        )

    def beside_alpha(self, steps: Sequence[CudaStep], source: PictureSpec, target: PictureSpec) -> CudaStep:
        """Return them as one step."""
        inner, written = in_sequence(steps, self._memory), target.format.num_planes - 1
        rest = CudaRest(source, target, range(written), self._memory)

        def work(planes: Sequence[View], into: Sequence[View]) -> list[Work]:
            opaque = planes[: inner.source.format.num_planes]
            return [*inner.work(opaque, into[:written]), *rest.work(planes, into)]

        return CudaStep(
            source=source,
            output=target,
            sentence=f"{inner.sentence}; alpha by {REST_SCALER}",
            work=work,
            in_half=inner.in_half,
        )


class CudaRest:
    """`Rest` on a GPU: enlarges the planes of a target that something else does not write."""

    def __init__(
        self, source: PictureSpec, target: PictureSpec, written: Sequence[int], memory: Memory
    ) -> None:
        rest = Rest(source, target, written)
        self._parts: list[CudaResize | CudaAlpha] = []
        if rest.resize is not None:
            self._parts.append(CudaResize(rest.resize, memory))
        if rest.grid is not None:
            self._parts.append(CudaAlpha(rest.grid, memory))

    def work(self, planes: Sequence[View], into: Sequence[View]) -> list[Work]:
        """Return what writes those planes of `into`."""
        return [launch for part in self._parts for launch in part.launches(planes, into)]
