"""What the kernels run: buffers, which are rings of rows, and the stages that write them."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, TypeAlias

from vsr.engine.fused.terms import Linear, Weights
from vsr.nets.ops import Clamp, LeakyRelu, PRelu, Relu, Resize, Sigmoid, Tanh

Part: TypeAlias = Literal["whole", "positive", "negative"]
Format: TypeAlias = Literal["float32", "bfloat16", "bytes"]
FORMATS: tuple[Format, ...] = ("float32", "bfloat16", "bytes")
"""In the order of the kernels' NetFormat."""
Activation: TypeAlias = Relu | LeakyRelu | PRelu | Clamp | Tanh | Sigmoid


@dataclass(eq=False)
class Buffer:
    """Rows that one stage writes, or the picture's components."""

    channels: int
    scale: Fraction
    maker: Stage | None = None
    pad: int = 0
    borders: set[str] = field(default_factory=set)
    rows: int = 1
    format: Format = "float32"
    most: Weights | None = None
    """Of bytes, what 255 stands for: the largest positive part of each channel, then the largest negative."""

    @property
    def planes(self) -> int:
        """Planes of the ring: channels, pairs of them, or fours of positive, then of negative parts."""
        if self.format == "bfloat16":
            return -(-self.channels // 2)
        if self.most is not None:
            return self.channels // 4 * len(self.most)
        return self.channels

    def places(self, channel: int) -> list[tuple[int, int, int]]:
        """Return where a channel lies: (plane, place in its words, 1, or -1 for its negative part)."""
        if self.format == "bfloat16":
            return [(channel // 2, channel % 2, 1)]
        if self.most is None:
            return [(channel, 0, 1)]
        signs = (1, -1)[: len(self.most)]
        return [(channel // 4 + self.channels // 4 * i, channel % 4, sign) for i, sign in enumerate(signs)]


@dataclass(frozen=True)
class Lane:
    """A channel of a buffer, or what of it is positive, or negative (and then its magnitude)."""

    buffer: Buffer
    channel: int
    part: Part = "whole"


@dataclass(eq=False)
class Stage:
    """What the kernels run for one buffer; see kernels/cpu/net.hpp."""

    kind: Literal["convolve", "shuffle", "unshuffle", "enlarge"]
    out: Buffer
    lanes: list[Lane]
    """What it reads; of a convolution, one for each input channel."""
    linear: Linear | None = None
    activation: Activation | None = None
    added: list[Lane] = field(default_factory=list)
    factor: int = 1
    resize: Resize | None = None

    @property
    def inputs(self) -> list[Buffer]:
        """The buffers it reads, each once, in the order it reads them."""
        return list(dict.fromkeys(lane.buffer for lane in (*self.lanes, *self.added)))

    @property
    def rows(self) -> int:
        """Rows of the result that are made together."""
        return self.factor if self.kind == "convolve" else 1

    def stands_for(self, row: int, height: int) -> int:
        """Return the row inside a picture that one outside of it stands for."""
        if self.resize is None or self.resize.kind != "bicubic":
            return min(max(row, 0), height - 1)
        folded = row % (2 * height)
        return folded if folded < height else 2 * height - 1 - folded

    def reads(self, y: int) -> tuple[int, int]:
        """Return the first and last row of its lanes that row y of the result needs, unbounded."""
        if self.linear is not None:
            at = y // self.factor
            return at - self.linear.reach, at + self.linear.reach
        if self.resize is not None:
            return self.resize.reads(y, y)
        if self.kind == "shuffle":
            return y // self.factor, y // self.factor
        return y * self.factor, y * self.factor + self.factor - 1
