"""What takes part: a peer, the ways it can be asked, and what runs in the process that measures it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from vsr.bench.peers import turns
from vsr.bench.peers.clip import Clip, SmallFrames
from vsr.bench.results import Absent
from vsr.frame import Plane, empty_frame
from vsr.ops.step import Step

_VERSION_SECONDS = 30
Tensor = npt.NDArray[np.float32]
"""(1, channels, height, width)."""
Infer = Callable[[Tensor], Tensor]
"""A network that is loaded for one size."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a contender is to do."""

    clip: Clip
    way: str
    """One of its peer's ways; of peers that run networks, the network."""
    precision: str
    threads: int
    shader_dir: Path | None = None


class Contender(Protocol):
    """Enlarges a clip, over and over. Thread-safety: one thread."""

    def lumas(self) -> Iterator[Plane]:
        """Yield the luma of each enlarged frame of the clip, in order; each holds until the next."""

    def turn(self, seconds: float) -> dict[str, Any]:
        """Work for about `seconds`; return what vsr.bench.peers.turns.turn does."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Another upscaler."""

    name: str
    description: str
    absent: Callable[[], Absent | None]
    """Why it cannot take part here; it loads nothing heavy."""
    start: Callable[[Task], Contender]
    """Raises whatever the peer raises."""
    version: Callable[[], str]
    """Asked for where it is not absent."""
    ways: Sequence[str] = ()
    """What it is asked for; those that run networks are asked for each network too."""
    precisions: Sequence[str] = ()
    """In which it runs networks; empty where it runs none."""
    alone: Callable[[Task], Callable[[], object]] | None = None
    """Returns one call of the network alone; None where it cannot be told from the rest."""


@dataclass(kw_only=True)
class InProcess:
    """A step in the worker's own process: read a frame, enlarge it, drop it. See Contender."""

    clip: Clip
    step: Step
    threads: int

    def __post_init__(self) -> None:
        self._frames = SmallFrames(self.clip)
        target = self.clip.target
        self._into = empty_frame(target.width, target.height, target.format)

    def lumas(self) -> Iterator[Plane]:
        for _ in range(self.clip.frames):
            self._once()
            yield self._into.planes[0]

    def turn(self, seconds: float) -> dict[str, Any]:
        return turns.turn(self._once, seconds)

    def _once(self) -> None:
        self.step(self._frames.next(), self._into.planes, threads=self.threads)


def package_absent(name: str, packages: Sequence[str], imports: Sequence[str]) -> Absent | None:
    """Return why a peer of Python packages is absent: `imports` are their import names."""
    missing = [package for package, found in zip(packages, imports, strict=True) if find_spec(found) is None]
    if not missing:
        return None
    text = " ".join(missing)
    plural = "s are" if len(missing) > 1 else " is"
    return Absent(
        name=name,
        why=f"the Python package{plural} not installed: {text}",
        remedy=f"python -m pip install {text}",
    )


def program_version(words: Sequence[str], pattern: str) -> str:
    """Return the first group of `pattern` in what a program says of itself; "unknown" where it says else."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=_VERSION_SECONDS)
    match = re.search(pattern, done.stdout)
    return match[1] if match else "unknown"
