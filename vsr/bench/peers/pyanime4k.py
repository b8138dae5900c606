"""pyanime4k, the Python package of Anime4KCPP: ACNet and its kin."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np

from vsr.bench.peers.clip import SCALE
from vsr.bench.peers.contender import Contender, InProcess, Peer, Task, package_absent
from vsr.engine.step import Rest
from vsr.errors import DeviceError
from vsr.frame import Plane


class Pyanime4kStep:
    """Luma by pyanime4k, all that its networks look at; chroma by our resize. See Step.

    Thread-safety: one call at a time. Raises DeviceError where the peer does.
    """

    def __init__(self, task: Task) -> None:
        package: Any = import_module("pyanime4k")
        self.source, self.output = task.clip.source, task.clip.target
        self._processor = package.Processor("cpu", 0, task.way)
        if not self._processor.ok():
            raise DeviceError(f"pyanime4k cannot run {task.way}: {self._processor.error()}")
        self._rest = Rest(self.source, self.output, [0])

    @property
    def sentence(self) -> str:
        """What this does, for people."""
        return "luma by pyanime4k"

    def __call__(self, planes: Sequence[Plane], into: Sequence[Plane], *, threads: int = 1) -> None:
        """Write the result of `planes` into `into`; it uses all cores that the process may."""
        into[0][...] = self._processor(np.ascontiguousarray(planes[0]), float(SCALE))
        self._rest(planes, into, threads=threads)


def start(task: Task) -> Contender:
    """Return the peer on the clip."""
    return InProcess(clip=task.clip, step=Pyanime4kStep(task), threads=task.threads)


PEER = Peer(
    name="pyanime4k",
    description="Anime4KCPP's networks by its Python package",
    absent=lambda: package_absent("pyanime4k", ("pyanime4k",), ("pyanime4k",)),
    start=start,
    version=lambda: version("pyanime4k"),
    ways=("acnet-hdn0", "arnet-hdn"),
)
