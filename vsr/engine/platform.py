"""What a chain is laid on: where operations, networks and what surrounds them become steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from vsr.engine.cuda_engines import CUDA_ENGINES, CUDA_PRECISIONS
from vsr.engine.engines import ENGINES, Choice, Load, check_known, choose
from vsr.engine.engines import check_names as check_cpu_names
from vsr.engine.step import BesideAlpha, Network
from vsr.errors import OptionError
from vsr.frame import PictureSpec
from vsr.ops.shader_filters.highlights import ClampHighlights
from vsr.ops.step import Step

S = TypeVar("S")
"""What a step is there: `Step` on the CPU, `CudaStep` on a GPU."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """How networks are run."""

    engine: str = "auto"
    """A name of an engine, or auto."""
    precision: str = "auto"
    """A precision that the engine has, or auto."""
    load: Load = field(default_factory=Load)
    decided: tuple[tuple[str, str], ...] = ()
    """Engine and precision of each network in order, where they are known: nothing is tried then."""
    at_once: bool = False
    """Prefer engines that need not build anything first."""


class Platform(Protocol[S]):
    """A device, seen by what lays chains."""

    def operation(self, operation: Step) -> S:
        """Return an operation as a step."""

    def network(self, network: Network, source: PictureSpec, target: PictureSpec, number: int) -> Choice[S]:
        """Return the step of network `number` of a chain, counted from 0."""

    def highlights(self, source: PictureSpec, inner: Sequence[S], before: int, after: int) -> S:
        """Return `inner` with highlights clamped after it; see ClampHighlights."""

    def beside_alpha(self, steps: Sequence[S], source: PictureSpec, target: PictureSpec) -> S:
        """Return `steps`, which know no alpha, with alpha resized beside them."""


class CpuPlatform:
    """The CPU. Thread-safety: safe, immutable."""

    def __init__(self, running: Running) -> None:
        self._running = running

    def operation(self, operation: Step) -> Step:
        """Return it: operations are steps of the CPU."""
        return operation

    def network(
        self, network: Network, source: PictureSpec, target: PictureSpec, number: int
    ) -> Choice[Step]:
        """Return the step of the engine that was asked for, or decided on, or costs least."""
        running = self._running
        engine, precision = running.engine, running.precision
        if number < len(running.decided):
            known = running.decided[number]
            if not ENGINES[known[0]].problem(network, source):
                engine, precision = known
        return choose(network, source, target, engine=engine, precision=precision, load=running.load)

    def highlights(self, source: PictureSpec, inner: Sequence[Step], before: int, after: int) -> Step:
        """Return them as one step."""
        return ClampHighlights(source, inner, before=before, after=after)

    def beside_alpha(self, steps: Sequence[Step], source: PictureSpec, target: PictureSpec) -> Step:
        """Return them as one step."""
        return BesideAlpha(steps, source, target)


def check_names(engine: str, precision: str, *, on_gpu: bool) -> None:
    """Raise OptionError for the name of an engine or a precision that the device does not have."""
    if not on_gpu and (engine in CUDA_ENGINES or precision == "fp16"):
        what = f"engine {engine}" if engine in CUDA_ENGINES else "precision fp16"
        raise OptionError(f"{what} is for GPUs: add --device cuda, or leave it to auto")
    if on_gpu and engine in ENGINES:
        raise OptionError(f"engine {engine} is for the CPU: use --device cpu, or leave it to auto")
    if on_gpu:
        check_known("engine", engine, CUDA_ENGINES)
        check_known("precision", precision, CUDA_PRECISIONS)
    else:
        check_cpu_names(engine, precision)
