"""An engine from the cache, or built and kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from vsr.engine.tensorrt.builder import build
from vsr.engine.tensorrt.cache import EngineCache
from vsr.engine.tensorrt.key import Gpu, Key, engine_key, timing_key
from vsr.engine.tensorrt.library import Library
from vsr.engine.tensorrt.spec import EngineSpec
from vsr.errors import OptionError


@dataclass(frozen=True, kw_only=True)
class Obtained:
    """A serialised engine, and where it comes from."""

    plan: bytes = field(repr=False)
    key: Key
    build_seconds: float | None
    """Wall clock of the build; None where it was in the cache."""
    notes: tuple[str, ...]
    """What was stale or damaged, and built again. For people."""
    problem: str
    """Why it could not be kept in the cache, for people; empty where it is there."""


def obtain(
    spec: EngineSpec,
    library: Library,
    cache: EngineCache,
    *,
    gpu: Gpu | None = None,
    fresh: bool = False,
    stop: Callable[[], bool] | None = None,
) -> Obtained:
    """Return the engine of `spec`, built where the cache has none that is whole and right.

    `gpu`: the one it is built on, which TensorRT's engines and timings depend on; None where `spec.targets`
    says what it is for. `fresh` builds in any case; `stop` ends a build early. A cache that cannot be written
    is a problem that is said; the engine is there. Raises what `build` raises.
    """
    library.check_targets(spec.targets)
    if gpu is None and not spec.targets:
        raise OptionError(f"{library.name} builds for one GPU, and none is given")
    key = engine_key(spec, library, gpu)
    found = cache.read(key)
    if found.plan is not None and not fresh:
        return Obtained(plan=found.plan, key=key, build_seconds=None, notes=(), problem="")
    timings = timing_key(library, gpu) if gpu is not None and library.keeps_timings else None
    known = cache.read(timings).plan if timings is not None else None
    built = build(spec, library, timings=known or b"", stop=stop)
    problem = cache.write(key, built.plan)
    if timings is not None and built.timings != known:
        problem = cache.write(timings, built.timings) or problem
    return Obtained(
        plan=built.plan,
        key=key,
        build_seconds=built.seconds,
        notes=(f"{found.note}; it is built again",) if found.note else (),
        problem=problem,
    )
