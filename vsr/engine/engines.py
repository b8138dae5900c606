"""The engines by name, and the choice between them by what they cost here."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np

from vsr.device import cpu
from vsr.engine import reference
from vsr.engine.fused.step import FusedStep
from vsr.engine.openvino import OpenVinoStep
from vsr.engine.step import FloatStep, Network, Precision, changes_luma_alone, float_picture
from vsr.errors import OptionError
from vsr.frame import PictureSpec, Plane, empty_frame
from vsr.nets.graph import Graph
from vsr.nets.ops import Conv
from vsr.ops.step import Step
from vsr.registry import Registry, nearest

PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16", "int8")
"""Those of the CPU."""
_AUTOMATIC_PRECISIONS = ("fp32", "bf16")
LEAST_PSNR = 55.0
"""What bfloat16 must reach against float32, in dB, to be chosen by itself; 0.02 dB of 30 are then lost."""
_GOOD_SHARE = 0.5
"""The share of what the processor can do above which nothing else is tried: it could not halve the time."""
_PROBE_SIDE = 256
_PROBE_PRODUCTS = 2e9
_PEAK_ROUNDS = 60_000
_LONG_SECONDS = 0.3


@dataclass(frozen=True, kw_only=True)
class Load:
    """How an engine will be called: `calls` at once, on `threads` threads each."""

    threads: int = 1
    calls: int = 1


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A way to run networks."""

    description: str
    build: Callable[[Network, PictureSpec, PictureSpec, Precision, Load], Step]
    """From (network, source, target, precision, load) to the step."""
    problem: Callable[[Network, PictureSpec], str | None]
    """Why it cannot run the network on pictures like that, or None."""
    precisions: Callable[[], tuple[Precision, ...]]
    """Those that the processor has."""


S = TypeVar("S")


@dataclass(frozen=True, kw_only=True)
class Choice(Generic[S]):
    """A step, and why it is this one."""

    step: S
    engine: str
    precision: Precision
    reason: str
    """For people; empty where the caller chose."""


class _ReferenceStep:
    """A graph in numpy, in float32."""

    def __init__(self, graph: Graph, source: PictureSpec) -> None:
        self.graph = graph
        self.source = source
        self.output = replace(source, width=source.width * graph.scale, height=source.height * graph.scale)

    @property
    def sentence(self) -> str:
        source, output = self.source, self.output
        return (
            f"{self.graph.name} {source.width}x{source.height} to {output.width}x{output.height}, "
            "reference in numpy"
        )

    def __call__(self, planes: object, into: object, *, threads: int = 1) -> None:
        order = [0] if self.graph.reads == "luma" else [2, 0, 1]
        result = reference.run(self.graph, np.stack([planes[i] for i in order]))  # type: ignore[index]
        for plane, values in zip(order, result, strict=True):
            into[plane][...] = values  # type: ignore[index]


def _fused(
    network: Network, source: PictureSpec, target: PictureSpec, precision: Precision, load: Load
) -> Step:
    assert isinstance(network, Graph)
    return FusedStep(network, source, target, precision=precision)


def _openvino(
    network: Network, source: PictureSpec, target: PictureSpec, precision: Precision, load: Load
) -> Step:
    seen = float_picture(network, source)
    assert precision in ("fp32", "bf16")
    step = OpenVinoStep(network, seen, precision=precision, threads=load.threads, streams=load.calls)
    return step if (source, target) == (step.source, step.output) else _around(network, step, source, target)


def _reference(
    network: Network, source: PictureSpec, target: PictureSpec, precision: Precision, load: Load
) -> Step:
    assert isinstance(network, Graph)
    return _around(network, _ReferenceStep(network, float_picture(network, source)), source, target)


def _around(network: Network, step: Step, source: PictureSpec, target: PictureSpec) -> Step:
    return FloatStep(step, source, target, luma_only=changes_luma_alone(network, source, target))


def _not_for_reference(network: Network, source: PictureSpec) -> str | None:
    if not isinstance(network, Graph):
        return f"{network.name} is not made of our operations: {network.reason}"
    block = network.multiple_of
    if source.width % block or source.height % block:
        return f"{network.name} takes sides that are multiples of {block}, not {source.width}x{source.height}"
    return None


def _not_for_fused(network: Network, source: PictureSpec) -> str | None:
    problem = _not_for_reference(network, source)
    if problem is not None:
        return problem
    assert isinstance(network, Graph)
    if _depth(network) > _MOST_DEPTH:
        return f"{network.name} has {_depth(network)} operations one after another, more than {_MOST_DEPTH}"
    for node in network.nodes:
        factor = max(node.op.scale, 1 / node.op.scale)
        if factor > _MOST_FACTOR:
            return f"{node.name} changes the size {factor} times at once, more than {_MOST_FACTOR}"
        if isinstance(node.op, Conv) and node.op.radius > _MOST_REACH:
            return f"{node.name} reads {node.op.radius} pixels far, more than {_MOST_REACH}"
    if network.scale > _MOST_SCALE:
        return f"{network.name} enlarges {network.scale} times, more than {_MOST_SCALE}"
    return None


def _depth(graph: Graph) -> int:
    """Return the most operations that follow one another."""
    found: dict[str, int] = {}
    for node in graph.nodes:
        found[node.name] = 1 + max((found[name] for name in node.inputs), default=0)
    return found[graph.output.name]


def _native_precisions() -> tuple[Precision, ...]:
    has = zip(PRECISIONS, (True, *cpu.kernels.net_formats()), strict=True)
    return tuple(precision for precision, is_there in has if is_there)


def _openvino_precisions() -> tuple[Precision, ...]:
    return tuple(precision for precision in _native_precisions() if precision != "int8")


ENGINES: Registry[Engine] = Registry(
    "engine",
    {
        "fused_cpu": Engine(
            description="the whole network in one pass over the picture: narrow networks in real time",
            build=_fused,
            problem=_not_for_fused,
            precisions=_native_precisions,
        ),
        "openvino": Engine(
            description="OpenVINO: wide networks, and ONNX files with operators of their own",
            build=_openvino,
            problem=lambda network, source: None,
            precisions=_openvino_precisions,
        ),
        "reference": Engine(
            description="numpy: the measure of the others, seconds a frame",
            build=_reference,
            problem=_not_for_reference,
            precisions=lambda: ("fp32",),
        ),
    },
)
_MOST_DEPTH = 850
"""Of networks that are fused: each layer calls the one before, and Python allows 1000 such calls."""
_MOST_FACTOR, _MOST_REACH, _MOST_SCALE = 8, 1024, 64
"""What the kernels' tables hold (kernels/cpu/net_owned.cpp): of one operation, and of a whole network."""
_WIDE_PRODUCTS = 200_000
"""Products per pixel of the input from which OpenVINO is tried first: every trial then takes long."""


def _automatic(network: Network, source: PictureSpec) -> list[str]:
    """Return the engines to try, the likeliest first."""
    names = ["fused_cpu", "openvino"]
    if isinstance(network, Graph) and network.macs_per_input_pixel >= _WIDE_PRODUCTS:
        names.reverse()
    return [name for name in names if not ENGINES[name].problem(network, source)]


def check_names(engine: str, precision: str) -> None:
    """Raise OptionError for the name of an engine or a precision that the CPU does not have."""
    check_known("engine", engine, ENGINES)
    check_known("precision", precision, PRECISIONS)


def check_known(what: str, name: str, known: Iterable[str]) -> None:
    """Raise OptionError, with the near names, unless the name is one of those known, or auto."""
    names = list(known)
    if name not in ("auto", *names):
        hint = nearest(name, names)
        raise OptionError(f"unknown {what} {name!r}; available: auto, {', '.join(names)}.{hint}")


def choose(
    network: Network,
    source: PictureSpec,
    target: PictureSpec,
    *,
    engine: str = "auto",
    precision: str = "auto",
    load: Load | None = None,
) -> Choice[Step]:
    """Return the step for a network from `source` to `target`, which is larger by the network's scale.

    "auto" takes the engine that costs least. The likelier one is timed on a small picture: the fused engine,
    or OpenVINO for wide networks. Where that does less than half of what the processor can do at all, the
    other is timed, too. bfloat16 is chosen where the processor has it and the result stays within LEAST_PSNR
    of float32's on that picture. Raises OptionError for an unknown engine or precision, and for what the
    engine that was asked for cannot do.
    """
    load = load or Load()
    check_names(engine, precision)
    if engine != "auto":
        problem = ENGINES[engine].problem(network, source)
        if problem:
            raise OptionError(f"engine {engine} cannot run it: {problem}; use --engine auto")
    names = [engine]
    if engine == "auto":
        names = _automatic(network, source)
    if precision != "auto":
        names = _with_precision(names, precision)
    planned = _Planned(network=network, source=source, target=target, load=load)
    if len(names) == 1:
        has = [each for each in ENGINES[names[0]].precisions() if precision in ("auto", each)]
        if len(has) == 1:  # nothing to choose
            return _chosen(names[0], network, source, target, has[0], load, "")
    trials: list[_Trial] = []
    for name in names:
        trials.append(_Trial(name, planned, precision))
        if trials[-1].share >= _GOOD_SHARE:
            break
    best = min(trials, key=lambda trial: trial.seconds)
    reason = best.reason
    others = [f"{trial.name} {trial.precision} {trial.cost}" for trial in trials if trial is not best]
    if others:
        reason += f"; {', '.join(others)}"
    return _chosen(best.name, network, source, target, best.precision, load, reason)


def _chosen(
    name: str,
    network: Network,
    source: PictureSpec,
    target: PictureSpec,
    precision: Precision,
    load: Load,
    why: str,
) -> Choice[Step]:
    step = ENGINES[name].build(network, source, target, precision, load)
    return Choice(step=step, engine=name, precision=precision, reason=why)


def _with_precision(names: list[str], precision: str) -> list[str]:
    able = [name for name in names if precision in ENGINES[name].precisions()]
    if not able:
        has = ", ".join(ENGINES[names[0]].precisions())
        raise OptionError(
            f"precision {precision} is not to be had with engine {names[0]}: this processor runs {has} there"
        )
    return able


class _Trial:
    """An engine timed on a small picture, in the best precision that is allowed and close enough."""

    def __init__(self, name: str, planned: _Planned, precision: str) -> None:
        self.name = name
        network, source, load = planned.network, planned.source, planned.load
        self._size = f"{source.width}x{source.height}"
        wanted = _AUTOMATIC_PRECISIONS if precision == "auto" else (precision,)
        allowed = [p for p in ENGINES[name].precisions() if p in wanted]
        self._threads = load.threads
        self._psnr = math.inf
        if len(allowed) > 1:
            seen = float_picture(network, planned.small)
            results = [_results(name, planned, seen, seen, each) for each in allowed]
            self._psnr = _psnr(*results)
        self.precision: Precision = allowed[-1] if self._psnr >= LEAST_PSNR else "fp32"
        share = planned.small.width * planned.small.height / (source.width * source.height)
        self.seconds = _seconds(name, planned, self.precision) / share
        """For one picture of the source's size."""
        products = network.macs_per_input_pixel if isinstance(network, Graph) else 0
        done = 2.0 * products * source.width * source.height / self.seconds
        self.share = done / (peak(self.precision) * load.threads)
        """Of what the processor can do."""

    @property
    def cost(self) -> str:
        """What a picture costs, for people."""
        if self.seconds >= 1:
            return f"{self.seconds:.1f} s a frame"
        return f"{self.seconds * 1e3:.3g} ms a frame"

    @property
    def reason(self) -> str:
        """What was found, for people."""
        text = f"{self.cost} of {self._size} on {self._threads} thread{'s' if self._threads > 1 else ''}"
        if self.share >= _GOOD_SHARE:
            text += f", {self.share:.0%} of what the processor can do"
        if self._psnr < LEAST_PSNR:
            text += f"; bf16 is only {self._psnr:.0f} dB from fp32"
        return text


@dataclass(frozen=True, kw_only=True)
class _Planned:
    """What engines are tried for."""

    network: Network
    source: PictureSpec
    target: PictureSpec
    load: Load

    @property
    def small(self) -> PictureSpec:
        """A picture like the source's, of a size whose work is worth timing and soon done."""
        network, source = self.network, self.source
        if not isinstance(network, Graph):
            height, width = network.size or (_PROBE_SIDE // 2, _PROBE_SIDE)
            return replace(source, width=width, height=height)
        block = network.multiple_of
        pixels = _PROBE_PRODUCTS / max(1, network.macs_per_input_pixel)
        longest = _PROBE_SIDE if network.macs_per_input_pixel < _WIDE_PRODUCTS else _PROBE_SIDE // 4
        shortest = int(min(max(pixels / longest, _PROBE_SIDE // 4), _PROBE_SIDE))
        sides = (min(side, own) for side, own in ((longest, source.width), (shortest, source.height)))
        width, height = (max(block, side // block * block) for side in sides)
        return replace(source, width=width, height=height)

    def step(self, name: str, source: PictureSpec, like: PictureSpec, precision: Precision) -> Step:
        """Return the engine's step from a small source to a target with the format and colour of `like`."""
        scale = self.network.scale
        target = replace(like, width=source.width * scale, height=source.height * scale)
        return ENGINES[name].build(self.network, source, target, precision, self.load)


def _results(
    name: str, planned: _Planned, source: PictureSpec, like: PictureSpec, precision: Precision
) -> list[Plane]:
    step = planned.step(name, source, like, precision)
    after = empty_frame(step.output.width, step.output.height, step.output.format).planes
    step(_drawing(source), after, threads=planned.load.threads)
    return list(after)


def _seconds(name: str, planned: _Planned, precision: Precision) -> float:
    """Return the processor time of a small picture over its threads: the best of a few.

    Processor time, because others may be using the processor while this is measured.
    """
    step = planned.step(name, planned.small, planned.target, precision)
    before = _drawing(step.source)
    after = empty_frame(step.output.width, step.output.height, step.output.format).planes
    best = math.inf
    for attempt in range(4):
        began = time.process_time()
        step(before, after, threads=planned.load.threads)
        took = (time.process_time() - began) / planned.load.threads
        if attempt or took > _LONG_SECONDS:
            best = min(best, took)
        if took > _LONG_SECONDS:
            break
    return best


def _drawing(picture: PictureSpec) -> list[Plane]:
    """Return planes of flat areas, slopes and thin lines, the same every time."""
    planes = list(empty_frame(picture.width, picture.height, picture.format).planes)
    for index, plane in enumerate(planes):
        y, x = np.mgrid[: plane.shape[0], : plane.shape[1]]
        value = 60 + 70 * ((x // 13 + y // 9) % 2) + 60 * ((x + 2 * y + index) % 23 < 2) + x // 4 % 20
        plane[...] = value / 255 * picture.format.max_value
    return planes


def _psnr(first: list[Plane], second: list[Plane]) -> float:
    with np.errstate(invalid="ignore"):  # what is no number reaches no bound
        clipped = [(np.clip(a, 0, 1), np.clip(b, 0, 1)) for a, b in zip(first, second, strict=True)]
        parts = [np.square(a - b, dtype=float).mean() for a, b in clipped]
    error = float(np.mean(parts))
    return math.inf if error == 0 else -10 * math.log10(error)


def peak(precision: Precision) -> float:
    """Return the operations a second, two for each product, that one core does in registers: measured now."""
    best = 0.0
    for _ in range(3):
        began = time.thread_time()
        done = cpu.kernels.exert(PRECISIONS.index(precision), _PEAK_ROUNDS)
        best = max(best, done / (time.thread_time() - began))
    return best
