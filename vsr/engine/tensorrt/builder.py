"""From a network to a serialised engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from vsr.engine.tensorrt.library import Library
from vsr.engine.tensorrt.messages import is_noise, reason
from vsr.engine.tensorrt.spec import EngineSpec, Shapes
from vsr.engine.tensorrt.surface import Builder, Config, Network, Parser, TimingCache
from vsr.errors import DeviceError, OptionError

_one_at_a_time = Lock()
"""Errors of a build are found in the library's one log, and builds that time kernels disturb each other."""


@dataclass(frozen=True, kw_only=True)
class Built:
    """A serialised engine, fresh."""

    plan: bytes = field(repr=False)
    seconds: float
    """Wall clock of parsing and building."""
    timings: bytes = field(repr=False)
    """The timing cache as it is now; empty where the library keeps none."""


def build(
    spec: EngineSpec, library: Library, *, timings: bytes = b"", stop: Callable[[], bool] | None = None
) -> Built:
    """Return the engine of `spec`: strongly typed, one optimisation profile for each of its shapes.

    fp32 is IEEE float32: TensorFloat-32, which TensorRT would use by itself, is off. `timings` is the timing
    cache of an earlier build on this GPU. TensorRT-RTX builds without a GPU; TensorRT needs the one that will
    run the engine, current on the calling thread. Builds of one process run one after the other, without the
    interpreter's lock. `stop` is asked often, from any thread, whether to end early. Raises OptionError for a
    network that TensorRT cannot read or type, and for targets that the library has not; DeviceError where
    building fails or is ended.
    """
    library.check_targets(spec.targets)
    data = spec.onnx
    with _one_at_a_time:
        began = time.perf_counter()
        library.log.errors.clear()
        builder = library.module.Builder(library.log)
        network = builder.create_network(0)
        parser = library.module.OnnxParser(network, library.log)
        if not parser.parse(data):
            raise OptionError(_parser_text(parser, spec, library))
        config = builder.create_builder_config()
        config.clear_flag(library.module.BuilderFlag.TF32)
        library.set_targets(config, spec.targets)
        for shapes in spec.shapes:
            _add_profile(builder, network, config, shapes, spec, library)
        kept = _timing_cache(config, timings) if library.keeps_timings else None
        monitor = library.stopping(config, stop) if stop is not None else None
        plan = builder.build_serialized_network(network, config)
        del monitor  # not before the build is over
        if plan is None:
            raise DeviceError(_failure(spec, library, "no engine came out"))
        return Built(
            plan=bytes(plan),
            seconds=time.perf_counter() - began,
            timings=bytes(kept.serialize()) if kept is not None else b"",
        )


def _add_profile(
    builder: Builder, network: Network, config: Config, shapes: Shapes, spec: EngineSpec, library: Library
) -> None:
    profile = builder.create_optimization_profile()
    sides = (shapes.least, shapes.usual, shapes.most)
    least, usual, most = ((1, spec.network.channels_in, *side) for side in sides)
    profile.set_shape(network.get_input(0).name, least, usual, most)
    if config.add_optimization_profile(profile) < 0:
        raise DeviceError(_failure(spec, library, f"{shapes.sentence} is refused"))


def _timing_cache(config: Config, timings: bytes) -> TimingCache:
    """Return the timing cache that the build uses and fills; an old one of another GPU is left out."""
    kept = config.create_timing_cache(timings)
    if not config.set_timing_cache(kept, False):
        kept = config.create_timing_cache(b"")
        config.set_timing_cache(kept, False)
    return kept


def _parser_text(parser: Parser, spec: EngineSpec, library: Library) -> str:
    """Return what the parser refuses, in one sentence: the first error is the cause of the others."""
    name, what = spec.network.name, f"{library.name} cannot read"
    if not parser.num_errors:
        return _failure(spec, library, "it is refused")
    error = parser.get_error(0)
    where = f", node {error.node_name()!r} ({error.node_operator()})" if error.node_operator() else ""
    return (
        f"{what} {name}{where}: {reason(error.desc())}; "
        "export it with other operators, or run it with another engine"
    )


def _failure(spec: EngineSpec, library: Library, what: str) -> str:
    """Return that the build failed, with the first error in TensorRT's log: later ones follow from it."""
    told = [message for message in library.log.errors if not is_noise(message)]
    why = reason(told[0]) if told else what
    sizes = " and ".join(shapes.sentence for shapes in spec.shapes)
    return (
        f"{library.name} cannot build {spec.network.name} for {sizes}: {why}; "
        "try smaller sizes, or another engine"
    )
