"""A network that is not made of our operations: what is known of it from outside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignNetwork:
    """An ONNX file with operators of its own, to be run whole by an engine that reads ONNX.

    As a Graph it reads planes (channels_in, height, width) of 0..1 and gives planes `scale` times as large.
    """

    name: str
    path: Path
    """The ONNX file; its external data, if it has any, lies in the same folder."""
    channels_in: int
    """1 (luma) or 3 (R, G, B)."""
    channels_out: int
    """1 or 3."""
    scale: int
    """How many times larger the result is, along each axis."""
    size: tuple[int, int] | None
    """(height, width) of the only picture it takes, in pixels; None: it takes any."""
    multiple_of: int
    """The input's sides must be multiples of this, as far as its shapes tell; 1 for a fixed size."""
    reason: str
    """The first thing in it that is not ours: an operator and the node's name, for people."""

    @property
    def sentence(self) -> str:
        """What it is, for people."""
        reads = "luma" if self.channels_in == 1 else "R, G, B"
        size = f", {self.size[1]}x{self.size[0]} pixels only" if self.size else ""
        return f"{self.name}: reads {reads}, {self.scale}x{size}; run whole: {self.reason}"
