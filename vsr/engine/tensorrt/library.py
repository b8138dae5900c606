"""TensorRT 11 and TensorRT-RTX, loaded when they are used; where they differ is said here alone."""

from __future__ import annotations

import importlib
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, cast

from vsr.engine.tensorrt.surface import (
    Config,
    Engine,
    Module,
    RtxConfig,
    RtxModule,
    RtxRuntimeCache,
    RtxRuntimeConfig,
    RuntimeConfig,
)
from vsr.errors import DeviceError, OptionError
from vsr.registry import nearest

Kind = Literal["rtx", "tensorrt"]
KINDS: dict[str, Kind] = {"tensorrt": "tensorrt", "tensorrt_rtx": "rtx"}
"""By the names that users choose by; the first has more kernels to choose from, and times them."""
_KEPT_MESSAGES = 32
_OLDEST = {"rtx": (1, 7), "tensorrt": (11, 0)}
_MODULES = {"rtx": "tensorrt_rtx", "tensorrt": "tensorrt"}
_NAMES = {"rtx": "TensorRT-RTX", "tensorrt": "TensorRT"}


@dataclass(frozen=True, eq=False, kw_only=True)
class Library:
    """One of the two, imported. Thread-safety: safe; what it makes belongs to one thread."""

    kind: Kind
    version: str
    module: Module
    log: Any
    """TensorRT's logger: it keeps the last errors in `log.errors`, and prints nothing."""
    targets: tuple[str, ...]
    """The compute capabilities that it builds for, e.g. "sm_89"; none: only the GPU it runs on."""

    @property
    def name(self) -> str:
        """Its name, for people."""
        return _NAMES[self.kind]

    @property
    def keeps_timings(self) -> bool:
        """Whether a build times kernels and can reuse the times; in TensorRT-RTX timing caches do nothing."""
        return self.kind == "tensorrt"

    def check_targets(self, wanted: tuple[str, ...]) -> None:
        """Raise OptionError unless it builds for these compute capabilities, and needs no others."""
        if not self.targets:
            if wanted:
                raise OptionError(
                    f"{self.name} builds for the GPU it runs on, not for {', '.join(wanted)}; "
                    "name none, or use TensorRT-RTX (pip install 'vsr-realtime[rtx]')"
                )
            return
        for name in wanted:
            if name not in self.targets:
                raise OptionError(
                    f"{self.name} {self.version} does not build for {name!r}; "
                    f"available: {', '.join(self.targets)}.{nearest(name, list(self.targets))}"
                )
        if not wanted:
            raise OptionError(f"name the GPUs to build for, of {', '.join(self.targets)}")

    def targets_on(self, architecture: str) -> tuple[str, ...]:
        """Return what an engine that is to run on a GPU, e.g. "sm_89", is built for."""
        return (architecture,) if self.targets else ()

    def problem_on(self, architecture: str) -> str | None:
        """Return why it cannot run on a GPU, or None."""
        if not self.targets or architecture in self.targets:
            return None
        return (
            f"{self.name} {self.version} runs on {', '.join(self.targets)}, not on {architecture}; "
            "TensorRT does: pip install 'vsr-realtime[tensorrt]'"
        )

    def runtime_config(self, engine: Engine, kernels: bytes) -> tuple[RuntimeConfig, RtxRuntimeCache | None]:
        """Return how contexts of an engine run, and where TensorRT-RTX keeps what it compiles meanwhile.

        Memory between the layers is ours, exactly as much as the size needs. CUDA graphs are left to whoever
        owns the stream: theirs hold the conversions, too. TensorRT-RTX compiles kernels for this GPU when a
        size first runs, all of them at once: the quick ones that it would begin with must not be what a graph
        captures. `kernels` are those of an earlier run; they are passed over where they are of another GPU.
        """
        config = engine.create_runtime_config()
        strategies = self.module.ExecutionContextAllocationStrategy
        config.set_execution_context_allocation_strategy(strategies.USER_MANAGED)
        if self.kind == "tensorrt":
            return config, None
        rtx, module = cast(RtxRuntimeConfig, config), cast(RtxModule, self.module)
        rtx.dynamic_shapes_kernel_specialization_strategy = (
            module.DynamicShapesKernelSpecializationStrategy.EAGER
        )
        compiled = rtx.create_runtime_cache()
        if kernels:
            compiled.deserialize(kernels)
        rtx.set_runtime_cache(compiled)
        return config, compiled

    def stopping(self, config: Config, stop: Callable[[], bool]) -> Any:
        """Make a build end early once `stop` says so. What is returned must live as long as the build."""
        config.progress_monitor = monitor = _monitor(self.module, stop)
        return monitor

    def set_targets(self, config: Config, wanted: tuple[str, ...]) -> None:
        """Make a build for these compute capabilities, which `check_targets` has passed."""
        if not wanted:
            return
        rtx, capabilities = cast(RtxConfig, config), cast(RtxModule, self.module).ComputeCapability
        rtx.num_compute_capabilities = len(wanted)
        for index, name in enumerate(wanted):
            rtx.set_compute_capability(getattr(capabilities, name.replace("sm_", "SM")), index)


@cache
def load(kind: Kind) -> Library:
    """Return the library. Raises DeviceError where it is not installed, does not load, or is too old."""
    module = _import(kind)
    oldest = _OLDEST[kind]
    if tuple(int(part) for part in module.__version__.split(".")[:2]) < oldest:
        raise DeviceError(
            f"{_NAMES[kind]} {module.__version__} is installed, {oldest[0]}.{oldest[1]} or newer is needed: "
            f"pip install --upgrade 'vsr-realtime[{kind}]'"
        )
    members = cast(RtxModule, module).ComputeCapability.__members__ if kind == "rtx" else ()
    numbers = sorted(int(name[2:]) for name in members if re.fullmatch(r"SM\d+", name))
    return Library(
        kind=kind,
        version=module.__version__,
        module=module,
        log=_logger(module),
        targets=tuple(f"sm_{number}" for number in numbers),
    )


def _import(kind: Kind) -> Module:
    try:
        return cast(Module, importlib.import_module(_MODULES[kind]))
    except ImportError as error:
        is_absent = isinstance(error, ModuleNotFoundError) and error.name == _MODULES[kind]
        what = "is not installed" if is_absent else f"does not load ({error})"
        raise DeviceError(f"{_NAMES[kind]} {what}: pip install 'vsr-realtime[{kind}]'") from error


def _logger(module: Module) -> Any:
    """Return a logger of that library that keeps errors. TensorRT calls it from any thread."""
    kept = (module.ILogger.INTERNAL_ERROR, module.ILogger.ERROR)

    class Log(module.ILogger):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.errors: deque[str] = deque(maxlen=_KEPT_MESSAGES)

        def log(self, severity: Any, message: str) -> None:
            if severity in kept:
                self.errors.append(message)

    return Log()


def _monitor(module: Module, stop: Callable[[], bool]) -> Any:
    """Return a progress monitor of that library. TensorRT calls it from any thread."""

    class Monitor(module.IProgressMonitor):  # type: ignore[misc, name-defined]
        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            pass

        def phase_finish(self, phase_name: str) -> None:
            pass

        def step_complete(self, phase_name: str, step: int) -> bool:
            return not stop()

    return Monitor()
