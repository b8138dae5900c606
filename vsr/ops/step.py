"""What every operation on pictures has: upscalers chain them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vsr.frame import PictureSpec, Plane


class Step(Protocol):
    """One pass over a picture: planes of `source` in, planes of `output` out. Thread-safe."""

    source: PictureSpec
    output: PictureSpec

    @property
    def sentence(self) -> str:
        """What this does, for people."""

    def __call__(self, planes: Sequence[Plane], into: Sequence[Plane], *, threads: int = 1) -> None:
        """Write the result of `planes` into `into`."""
