"""The engines of a GPU by name, and the choice between them: by what they can run, without trials."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vsr.device.cuda.gpu import Gpu
from vsr.device.cuda.launch import Memory
from vsr.engine.engines import Choice
from vsr.engine.step import Network, Precision
from vsr.errors import OptionError
from vsr.frame import PictureSpec
from vsr.ops.cuda.step import CudaStep
from vsr.registry import Registry


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where the steps of a chain are: on a GPU, with memory for one frame at a time."""

    gpu: Gpu
    memory: Memory
    found: int
    """The address of a Found (kernels/common/found.hpp), to be told of values that are no numbers."""


@dataclass(frozen=True, kw_only=True)
class CudaEngine:
    """A way to run networks on a GPU."""

    description: str
    build: Callable[[Network, PictureSpec, PictureSpec, Precision, Place], CudaStep]
    """From (network, source, target, precision, place) to the step."""
    problem: Callable[[Network, PictureSpec, Gpu], str | None]
    """Why it cannot run the network on pictures like that on this GPU, or None."""
    precisions: tuple[Precision, ...]
    """The fastest first."""


CUDA_PRECISIONS: tuple[Precision, ...] = ("fp16", "fp32")
CUDA_ENGINES: Registry[CudaEngine] = Registry("engine", {})
"""In the order in which they are preferred."""


def choose_cuda(
    network: Network,
    source: PictureSpec,
    target: PictureSpec,
    *,
    engine: str,
    precision: str,
    place: Place,
) -> Choice[CudaStep]:
    """Return the step for a network from `source` to `target`: of the first engine that can run it.

    Raises OptionError where none can, or not that which was asked for, with what each says.
    """
    names = list(CUDA_ENGINES) if engine == "auto" else [engine]
    problems: list[str] = []
    for name in names:
        found = CUDA_ENGINES[name]
        has = [each for each in found.precisions if precision in ("auto", each)]
        problem = found.problem(network, source, place.gpu)
        if not has:
            problem = f"it has no precision {precision}, only {', '.join(found.precisions)}"
        if problem is None:
            step = found.build(network, source, target, has[0], place)
            reason = f"after {'; '.join(problems)}" if problems else ""
            return Choice(step=step, engine=name, precision=has[0], reason=reason)
        problems.append(f"{name}: {problem}")
    raise OptionError(
        f"{network.name} cannot run on {place.gpu.device}: {'; '.join(problems)}; use --device cpu"
    )
