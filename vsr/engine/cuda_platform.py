"""A GPU, seen by what lays chains: operations and networks become steps whose memory lies there."""

from __future__ import annotations

from collections.abc import Sequence

from vsr.device.cuda.gpu import Work
from vsr.device.cuda.launch import View
from vsr.engine.cuda_engines import CUDA_ENGINES, choose_cuda
from vsr.engine.cuda_step import CudaRest, Place
from vsr.engine.engines import Choice
from vsr.engine.platform import Running
from vsr.engine.step import REST_SCALER, Network
from vsr.frame import PictureSpec
from vsr.ops.cuda.highlights import CudaHighlights
from vsr.ops.cuda.lowering import lowered
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
        running, place = self._running, self._place
        engine, precision = running.engine, running.precision
        if number < len(running.decided):
            known = running.decided[number]
            if not CUDA_ENGINES[known[0]].problem(network, source, place.gpu):
                engine, precision = known
        return choose_cuda(
            network, source, target, engine=engine, precision=precision, place=place, at_once=running.at_once
        )

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
