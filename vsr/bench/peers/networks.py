"""Networks that peers run too: by name, as they are here; and what is around a runtime that only infers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from vsr.bench.peers.clip import SCALE
from vsr.bench.peers.contender import Contender, Infer, InProcess, Peer, Task, package_absent
from vsr.chain import Chain
from vsr.engine.step import CHANNELS, FloatStep, changes_luma_alone, float_picture
from vsr.errors import OptionError
from vsr.frame import PictureSpec, Plane
from vsr.models import Recipe
from vsr.nets.graph import Graph

Load = Callable[[Graph, tuple[int, int], int, str], Infer]
"""From (network, (width, height), threads, precision) to the network loaded for that size."""


def graph_of(text: str, shader_dir: Path | None = None) -> Graph:
    """Return the network that a model's text names. Raises OptionError where peers cannot have it."""
    model = Recipe(text, shader_dir=shader_dir).model
    if not isinstance(model, Chain):
        raise OptionError(f"{text} is no network; name one, such as cnn-m-photo, for --network")
    graph = model.network()
    if not isinstance(graph, Graph):
        raise OptionError(f"{text} is not made of our operations ({graph.reason}); name another network")
    if graph.scale != SCALE:
        raise OptionError(
            f"{text} enlarges by {graph.scale}; peers are compared at {SCALE}: name another network"
        )
    return graph


class InferStep:
    """Float pictures through a runtime that takes and gives a tensor; see Step.

    Thread-safety: one call at a time.
    """

    def __init__(self, graph: Graph, source: PictureSpec, target: PictureSpec, infer: Infer) -> None:
        self.source, self.output = source, target
        self._infer = infer
        self._name = graph.name
        self._channels = CHANNELS[source.format.name]
        self._tensor = np.empty((1, len(self._channels), source.height, source.width), np.float32)

    @property
    def sentence(self) -> str:
        """What this does, for people."""
        return f"{self._name} by a peer"

    def __call__(self, planes: Sequence[Plane], into: Sequence[Plane], *, threads: int = 1) -> None:
        """Write the result of `planes` into `into`. The runtime's own number of threads counts."""
        for channel, plane in zip(self._tensor[0], self._channels, strict=True):
            channel[...] = planes[plane]
        result = self._infer(self._tensor)[0]
        for channel, plane in zip(result, self._channels, strict=True):
            into[plane][...] = channel


def runtime(
    name: str,
    description: str,
    load: Load,
    *,
    packages: Sequence[str],
    imports: Sequence[str],
    precisions: Sequence[str] = ("fp32",),
) -> Peer:
    """Return a peer that only infers.

    A user has to convert its pictures: our kernels do it, and enlarge chroma. They are faster than what is
    usual in Python, but the runtime waits for them; "alone" leaves them out.
    """

    def start(task: Task) -> Contender:
        graph, source, target = graph_of(task.way, task.shader_dir), task.clip.source, task.clip.target
        infer = load(graph, (source.width, source.height), task.threads, task.precision)
        seen, made = float_picture(graph, source), float_picture(graph, target)
        luma_only = changes_luma_alone(graph, source, target)
        step = FloatStep(InferStep(graph, seen, made, infer), source, target, luma_only=luma_only)
        return InProcess(clip=task.clip, step=step, threads=task.threads)

    def alone(task: Task) -> Callable[[], object]:
        graph, clip = graph_of(task.way, task.shader_dir), task.clip
        infer = load(graph, (clip.width, clip.height), task.threads, task.precision)
        shape = (1, graph.channels_in, clip.height, clip.width)
        tensor = np.random.default_rng(0).random(shape, np.float32)
        return lambda: infer(tensor)

    return Peer(
        name=name,
        description=description,
        absent=lambda: package_absent(name, packages, imports),
        start=start,
        version=lambda: version(packages[0]),
        alone=alone,
        precisions=precisions,
    )
