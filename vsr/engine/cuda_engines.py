"""The engines of a GPU by name, and the choice between them: by what they can run, without trials."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from vsr.device.cuda.gpu import Gpu
from vsr.engine.builds import Build
from vsr.engine.cuda_step import Place
from vsr.engine.engines import Choice
from vsr.engine.fused_cuda import engine as fused_cuda
from vsr.engine.step import Network, Precision
from vsr.engine.tensorrt import running
from vsr.engine.tensorrt.step import engine_step
from vsr.errors import OptionError, VsrError
from vsr.frame import PictureSpec
from vsr.nets.graph import Graph
from vsr.ops.cuda.step import CudaStep
from vsr.registry import Registry


@dataclass(frozen=True, kw_only=True)
class CudaEngine:
    """A way to run networks on a GPU."""

    description: str
    build: Callable[[Network, PictureSpec, PictureSpec, Precision, Place], CudaStep]
    """From (network, source, target, precision, place) to the step; what is awaited is there."""
    problem: Callable[[Network, PictureSpec, Gpu], str | None]
    """Why it cannot run the network on pictures like that on this GPU, or None."""
    precisions: tuple[Precision, ...]
    """The fastest first."""
    awaits: Callable[[Network, PictureSpec, Precision, Place], Build[Any]] | None = None
    """What must be built before its step; None: it needs nothing, and can stand in for those that wait."""


def _tensorrt(name: str, description: str) -> CudaEngine:
    def build(
        network: Network, source: PictureSpec, target: PictureSpec, precision: Precision, place: Place
    ) -> CudaStep:
        loaded = running.build_for(name, network, source, precision, place).result()
        return engine_step(network, source, target, precision, place, loaded)

    return CudaEngine(
        description=description,
        build=build,
        problem=partial(running.problem, name),
        precisions=running.PRECISIONS,
        awaits=partial(running.build_for, name),
    )


CUDA_PRECISIONS: tuple[Precision, ...] = ("fp16", "fp32")
CUDA_ENGINES: Registry[CudaEngine] = Registry(
    "engine",
    {
        "fused_cuda": CudaEngine(
            description="narrow networks as kernels generated for them: nothing to build, starts at once",
            build=fused_cuda.fused_step,
            problem=fused_cuda.problem,
            precisions=fused_cuda.PRECISIONS,
        ),
        "tensorrt": _tensorrt("tensorrt", "TensorRT 11: any network, in kernels timed on this GPU"),
        "tensorrt_rtx": _tensorrt(
            "tensorrt_rtx", "TensorRT-RTX: any network on GeForce and RTX GPUs; built in a second, anywhere"
        ),
    },
)
"""In the order in which they are preferred for narrow networks: those that build nothing come first."""
_WIDE_PRODUCTS = 100_000
"""Products per pixel of the input from which what is built and timed for the GPU is preferred."""


def choose_cuda(
    network: Network,
    source: PictureSpec,
    target: PictureSpec,
    *,
    engine: str,
    precision: str,
    place: Place,
    at_once: bool = False,
) -> Choice[CudaStep]:
    """Return the step for a network from `source` to `target`: of the first engine that can run it.

    Where that engine must build something first, the first one that can run the network without is in its
    place, and says so: when the place's builds tell that it is there, the next call gives the right step.
    Where there is none, this waits, and says that before. `at_once` prefers engines that build nothing.

    Raises OptionError where none can, or not that which was asked for, with what each says.
    """
    chosen = _Choosing(network, source, target, precision, place)
    names = list(CUDA_ENGINES) if engine == "auto" else [engine]
    if at_once:
        names.sort(key=lambda name: CUDA_ENGINES[name].awaits is not None)
    elif isinstance(network, Graph) and network.macs_per_input_pixel >= _WIDE_PRODUCTS:
        names.sort(key=lambda name: CUDA_ENGINES[name].awaits is None)
    for name in names:
        choice = chosen.of(name)
        if choice is not None:
            return choice
    raise OptionError(
        f"{network.name} cannot run on {place.gpu.device}: {'; '.join(chosen.problems)}; use --device cpu"
    )


class _Choosing:
    """One choice on its way: what was asked for, and what spoke against engines so far."""

    def __init__(
        self, network: Network, source: PictureSpec, target: PictureSpec, precision: str, place: Place
    ) -> None:
        self._network = network
        self._source = source
        self._target = target
        self._precision = precision
        self._place = place
        self.problems: list[str] = []

    def of(self, name: str) -> Choice[CudaStep] | None:
        """Return the choice of an engine, or of what stands in for it; None, and one problem more, if not."""
        precision, problem = self._suited(name)
        if precision is None:
            self.problems.append(f"{name}: {problem}")
            return None
        awaits = CUDA_ENGINES[name].awaits
        if awaits is None:
            return self._made(name, precision)
        build, stand_in = awaits(self._network, self._source, precision, self._place), self._stand_in(name)
        if not build.done and stand_in is not None:
            self._place.builds.start(build, before=stand_in[0])
            reason = f"{stand_in[0]} until its engine is built"
            return replace(self._made(*stand_in), engine=name, precision=precision, reason=reason)
        if not build.done:
            self._wait(build, precision)
        if build.error is None:
            return self._made(name, precision)
        if not isinstance(build.error, VsrError):
            raise build.error
        self.problems.append(f"{name}: {build.error}")
        return None if stand_in is None else self._made(*stand_in)

    def _suited(self, name: str) -> tuple[Precision | None, str]:
        """Return the precision in which an engine can run the network, or None and why it cannot."""
        engine = CUDA_ENGINES[name]
        has = [each for each in engine.precisions if self._precision in ("auto", each)]
        if not has:
            return None, f"it has no precision {self._precision}, only {', '.join(engine.precisions)}"
        problem = engine.problem(self._network, self._source, self._place.gpu)
        return (has[0], "") if problem is None else (None, problem)

    def _stand_in(self, name: str) -> tuple[str, Precision] | None:
        """Return the first other engine that can run the network and builds nothing, and its precision."""
        for other, engine in CUDA_ENGINES.items():
            precision, _ = self._suited(other) if engine.awaits is None and other != name else (None, "")
            if precision is not None:
                return other, precision
        return None

    def _wait(self, build: Build[Any], precision: Precision) -> None:
        size = f"{self._source.width}x{self._source.height}"
        self._place.builds.say(
            f"{self._network.name}: waiting while {build.engine} builds its engine for {size} in "
            f"{precision}; `vsr models build` builds it ahead"
        )
        self._place.builds.start(build)
        build.wait()

    def _made(self, name: str, precision: Precision) -> Choice[CudaStep]:
        build = CUDA_ENGINES[name].build
        step = build(self._network, self._source, self._target, precision, self._place)
        reason = f"after {'; '.join(self.problems)}" if self.problems else ""
        return Choice(step=step, engine=name, precision=precision, reason=reason)
