"""Small random networks, of every operation, and one of each family."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from vsr.nets.builder import Builder
from vsr.nets.graph import Graph
from vsr.nets.ops import (
    Add,
    Clamp,
    Concat,
    Conv,
    ConvTranspose,
    CRelu,
    LeakyRelu,
    Op,
    PixelShuffle,
    PixelUnshuffle,
    PRelu,
    Relu,
    Resize,
    Scale,
    Sigmoid,
    Tanh,
)

MOST_CHANNELS = 64
MOST_SCALE = 6


class Drawn:
    """A network that grows by operations that hypothesis chooses; weights keep values near 1."""

    def __init__(self, data: st.DataObject, *, reads: int, block: int = 1) -> None:
        self.data = data
        self.rng = np.random.default_rng(data.draw(st.integers(0, 1 << 16), label="seed"))
        self.builder = Builder(reads)
        self.reads = reads
        self.block = block
        self.made = [(self.builder.input, reads, Fraction(1))]
        """Name, channels and scale of each node."""

    def numbers(self, *shape: int) -> Any:
        return self.rng.standard_normal(shape).astype(np.float32)

    def add(self, op: Op, *sources: tuple[str, int, Fraction]) -> tuple[str, int, Fraction]:
        name = self.builder.add(op, *(source[0] for source in sources))
        node = name, op.channels(tuple(source[1] for source in sources)), sources[0][2] * op.scale
        self.made.append(node)
        return node

    def conv(
        self,
        source: tuple[str, int, Fraction],
        out: int,
        size: int = 1,
        border: Any = "zero",
        dilation: int = 1,
    ) -> tuple[str, int, Fraction]:
        fan = source[1] * size * size
        weight = self.numbers(out, source[1], size, size) / np.float32(fan**0.5)
        weight[self.rng.random(weight.shape) < 0.1] = 0
        return self.add(Conv(weight, self.numbers(out) / 4, border, dilation), source)

    def drawn_conv(self, source: tuple[str, int, Fraction]) -> tuple[str, int, Fraction]:
        size = self.data.draw(st.sampled_from((1, 3, 3, 5, 7)), label="size")
        out = self.data.draw(st.one_of(st.integers(1, 9), st.integers(1, MOST_CHANNELS)), label="out")
        most = MOST_CHANNELS * 9 * 16
        out = max(1, min(out, most // (source[1] * size * size)))
        border = self.data.draw(st.sampled_from(("zero", "replicate")), label="border")
        return self.conv(source, out, size, border, self.data.draw(st.integers(1, 3), label="dilation"))

    def grow(self) -> None:
        """Append one operation to one of the nodes."""
        source = self.data.draw(st.sampled_from(self.made[-4:]), label="source")
        _, channels, scale = source
        kinds = ["conv", "conv", "activation", "activation", "scale", "add", "concat", "identity"]
        kinds += ["crelu"] if 2 * channels <= MOST_CHANNELS else []
        kinds += ["resize", "transpose", "shuffle"] if scale < MOST_SCALE else []
        blocks = [f for f in (2, 3, 4) if scale * self.block % f == 0 and channels * f**2 <= MOST_CHANNELS]
        kinds += ["unshuffle"] if blocks else []
        match self.data.draw(st.sampled_from(kinds), label="kind"):
            case "conv":
                self.drawn_conv(source)
            case "activation":
                self.add(self.activation(channels), source)
            case "crelu":
                self.add(CRelu(), source)
            case "scale":
                count = self.data.draw(st.sampled_from((1, channels)))
                self.add(
                    Scale(self.numbers(count), self.numbers(self.data.draw(st.sampled_from((1, channels))))),
                    source,
                )
            case "identity":
                places = self.rng.permutation(channels)
                self.add(
                    Conv(
                        np.eye(channels, dtype=np.float32)[places][:, :, None, None],
                        np.zeros(channels, np.float32),
                        "zero",
                    ),
                    source,
                )
            case "add":
                alike = [
                    n for n in self.made if n[2] == scale and (n[1] == channels or 1 in (n[1], channels))
                ]
                self.add(Add(), source, self.data.draw(st.sampled_from(alike)))
            case "concat":
                alike = [n for n in self.made if n[2] == scale and n[1] + channels <= MOST_CHANNELS] or [
                    source
                ]
                self.add(Concat(), source, self.data.draw(st.sampled_from(alike)))
            case "unshuffle":
                self.add(PixelUnshuffle(self.data.draw(st.sampled_from(blocks))), source)
            case "resize":
                kind: Any = self.data.draw(st.sampled_from(("nearest", "bilinear", "bicubic")))
                self.add(Resize(kind, self.factor(scale)), source)
            case "transpose":
                stride = self.factor(scale)
                size = self.data.draw(st.integers(1, 2 * stride + 3))
                padding = max(0, -(-(size - stride) // 2))
                if padding >= size:
                    padding = size - 1
                if size - 2 * padding <= stride:
                    out = self.data.draw(st.integers(1, 4))
                    weight = self.numbers(channels, out, size, size) / np.float32((channels * size) ** 0.5)
                    self.add(
                        ConvTranspose(
                            weight, self.numbers(out), stride, padding, stride - size + 2 * padding
                        ),
                        source,
                    )
            case "shuffle":
                factor = self.factor(scale)
                wide = source
                if channels % factor**2:
                    size = self.data.draw(st.sampled_from((1, 3)))
                    wide = self.conv(source, factor**2 * self.data.draw(st.integers(1, 3)), size)
                    if self.data.draw(st.booleans()):
                        wide = self.add(self.activation(wide[1]), wide)
                order: Any = self.data.draw(st.sampled_from(("yx", "xy")))
                self.add(PixelShuffle(factor, order), wide)

    def factor(self, scale: Fraction) -> int:
        return self.data.draw(st.integers(2, max(2, min(4, int(MOST_SCALE / scale)))), label="factor")

    def activation(self, channels: int) -> Op:
        slopes = self.numbers(channels)
        ops: list[Op] = [
            Relu(),
            LeakyRelu(0.2),
            PRelu(slopes),
            Clamp(-0.5, 0.75),
            Clamp(0, np.inf),
            Tanh(),
            Sigmoid(),
        ]
        return self.data.draw(st.sampled_from(ops), label="activation")

    def finish(self) -> Graph:
        """End with as many planes as went in, at a whole multiple of the input's size."""
        node = self.made[-1]
        if node[2].denominator > 1:
            factor = node[2].denominator
            node = self.add(PixelShuffle(factor), self.conv(node, self.reads * factor**2))
        ending = self.data.draw(st.sampled_from(("as is", "conv", "residual", "activation")), label="ending")
        if ending == "residual" and self.reads == 3:
            plane = self.conv(node, 1, 3)
            scale = int(node[2])
            kind: Any = self.data.draw(st.sampled_from(("nearest", "bilinear", "bicubic")))
            base = self.add(Resize(kind, scale), self.made[0]) if scale > 1 else self.made[0]
            self.add(Add(), *self.data.draw(st.permutations((plane, base))))
        elif ending != "as is" or node[1] != self.reads or len(self.made) == 1:
            node = self.conv(node, self.reads, self.data.draw(st.sampled_from((1, 3))))
            if ending == "activation":
                self.add(self.activation(self.reads), node)
        return self.builder.build("drawn")


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Networks of 1 to 9 operations, each reading one of the last four or, sums and joins, any."""
    data: Any = draw(st.data())
    drawn = Drawn(data, reads=draw(st.sampled_from((1, 3))), block=draw(st.sampled_from((1, 1, 2, 3, 4))))
    for _ in range(draw(st.integers(0, 8))):
        drawn.grow()
    return drawn.finish()
