"""vsr itself, measured as the others are: the command as a program, and its own engine for networks alone."""

from __future__ import annotations

import sys
from collections.abc import Callable

from vsr._version import __version__
from vsr.bench.models import drawing
from vsr.bench.peers.contender import Peer, Task
from vsr.bench.peers.networks import graph_of
from vsr.bench.peers.process import Program
from vsr.engine.engines import ENGINES
from vsr.engine.fused.step import FusedStep
from vsr.engine.step import Precision
from vsr.errors import OptionError
from vsr.frame import empty_frame


def start(task: Task) -> Program:
    """Return `vsr upscale` from pipe to pipe."""
    target = task.clip.target
    command = [
        sys.executable, "-P", "-m", "vsr.cli", "upscale", "-", "-", "--progress", "none", "--device", "cpu",
        "-m", task.way, "--size", f"{target.width}x{target.height}", "--threads", str(task.threads),
    ]  # fmt: skip
    if task.precision:
        command += ["--precision", task.precision]
    if task.shader_dir:
        command += ["--shader-dir", str(task.shader_dir)]
    return Program(clip=task.clip, shown=[*command, "-f", "rawvideo"], measured=[*command, "-f", "null"])


def alone(task: Task) -> Callable[[], object]:
    """Return one call of the fused engine.

    From 8-bit 4:2:0 to 8-bit 4:2:0, for it has no other ends: conversions and chroma, which the others'
    figures leave out, are in it.
    """
    graph, source, target = graph_of(task.way, task.shader_dir), task.clip.source, task.clip.target
    precision: Precision | None = next((p for p in _precisions() if p == task.precision), None)
    if precision is None:
        raise OptionError(f"this processor has no {task.precision}")
    step = FusedStep(graph, source, target, precision=precision)
    before, after = drawing(source), empty_frame(target.width, target.height, target.format)
    return lambda: step(before.planes, after.planes, threads=task.threads)


def _precisions() -> tuple[Precision, ...]:
    return ENGINES["fused_cpu"].precisions()


PEER = Peer(
    name="vsr",
    description="this program",
    absent=lambda: None,
    start=start,
    version=lambda: __version__,
    alone=alone,
    ways=("lanczos3", "anime4k-classic"),
    precisions=("fp32", "bf16"),
)
