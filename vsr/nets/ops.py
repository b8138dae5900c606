"""The operations a network is made of.

Each takes planes (channels, height, width) and gives planes. All are data: arrays in them are float32,
contiguous and read-only. An operation checks itself when it is made, and what it is given in `channels`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from vsr.nets.errors import GraphError

Array = npt.NDArray[np.float32]
Border = Literal["zero", "replicate"]
"""What lies outside the picture: zeros, or the nearest sample."""
ShuffleOrder = Literal["yx", "xy"]
"""Which sub-pixel a channel of a group of factor^2 is: "yx" is iy * factor + ix, as PyTorch and ONNX's CRD;
"xy" is ix * factor + iy, as FSRCNNX."""
ResizeKind = Literal["nearest", "bilinear", "bicubic"]


def constant(values: npt.ArrayLike, ndim: int, what: str) -> Array:
    """Return a read-only float32 copy. Raises GraphError unless it is finite and of that many dimensions."""
    array = np.array(values, dtype=np.float32, order="C")
    if array.ndim != ndim:
        raise GraphError(f"{what} has shape {array.shape}; {ndim} dimensions are wanted")
    if array.size == 0:
        raise GraphError(f"{what} has shape {array.shape}: it is empty")
    if not np.isfinite(array).all():
        raise GraphError(f"{what} holds values that are not finite")
    array.flags.writeable = False
    return array


def require(condition: bool, sentence: str) -> None:
    """Raise GraphError with that sentence unless the condition holds."""
    if not condition:
        raise GraphError(sentence)


class Op(ABC):
    """One operation. Thread-safety: safe, immutable."""

    arity: ClassVar[tuple[int, int | None]] = (1, 1)
    """The least and the most inputs; None is any number."""

    def channels(self, inputs: tuple[int, ...]) -> int:
        """Return the channels of the result; `inputs` are those of the inputs. Raises GraphError."""
        return inputs[0]

    @property
    def scale(self) -> Fraction:
        """Samples of the result per sample of the input, along each axis."""
        return Fraction(1)

    @property
    def num_parameters(self) -> int:
        """Trained numbers: weights, biases, slopes. Fixed constants (Scale, Clamp) do not count."""
        return 0

    @property
    def macs(self) -> int:
        """Multiply-adds per sample of the input (all channels together); only convolutions count."""
        return 0

    def reads(self, first: int, last: int) -> tuple[int, int]:
        """Return the first and last input sample along an axis that the results first..last depend on."""
        return first, last

    @property
    @abstractmethod
    def sentence(self) -> str:
        """What this does, for people, e.g. "3x3 convolution, 8 to 4 channels"."""


@dataclass(frozen=True, eq=False)
class GlobalInput(Op):
    """What the network reads: 1 plane of luma or 3 planes R, G, B, code values over the largest, so 0..1."""

    arity = (0, 0)
    num_channels: int

    def __post_init__(self) -> None:
        require(
            self.num_channels in (1, 3), f"a network reads 1 or 3 planes, this one reads {self.num_channels}"
        )

    def channels(self, inputs: tuple[int, ...]) -> int:
        return self.num_channels

    @property
    def sentence(self) -> str:
        return "luma" if self.num_channels == 1 else "R, G, B"


@dataclass(frozen=True, eq=False)
class Conv(Op):
    """Correlation with a square kernel of odd side, the result as large as the input.

    out[o, y, x] = bias[o] + sum over i, ty, tx of
        weight[o, i, ty, tx] * in[i, y + (ty - k // 2) * dilation, x + (tx - k // 2) * dilation]
    """

    weight: Array
    """(out, in, k, k)."""
    bias: Array
    """(out,)."""
    border: Border
    dilation: int = 1
    """Distance between taps, in samples."""

    def __post_init__(self) -> None:
        weight = constant(self.weight, 4, "the convolution's weight")
        bias = constant(self.bias, 1, "the convolution's bias")
        out, _, rows, columns = weight.shape
        require(
            rows == columns and rows % 2 == 1, f"the kernel is {columns}x{rows}; it must be square and odd"
        )
        require(bias.size == out, f"the bias has {bias.size} values for {out} output channels")
        require(self.border in ("zero", "replicate"), f"border is {self.border!r}; zero and replicate exist")
        require(self.dilation >= 1, f"dilation is {self.dilation}; 1 or more is allowed")
        object.__setattr__(self, "weight", weight)
        object.__setattr__(self, "bias", bias)

    @property
    def size(self) -> int:
        """The side of the kernel, in taps."""
        return int(self.weight.shape[2])

    @property
    def radius(self) -> int:
        """How far it reads on each side, in samples."""
        return self.size // 2 * self.dilation

    def channels(self, inputs: tuple[int, ...]) -> int:
        wanted = self.weight.shape[1]
        require(inputs[0] == wanted, f"the convolution takes {wanted} channels, its input has {inputs[0]}")
        return int(self.weight.shape[0])

    @property
    def num_parameters(self) -> int:
        return int(self.weight.size + self.bias.size)

    @property
    def macs(self) -> int:
        return int(self.weight.size)

    def reads(self, first: int, last: int) -> tuple[int, int]:
        return first - self.radius, last + self.radius

    @property
    def sentence(self) -> str:
        out, into = self.weight.shape[:2]
        text = f"{self.size}x{self.size} convolution, {into} to {out} channels, {self.border} border"
        return text + (f", dilation {self.dilation}" if self.dilation > 1 else "")


@dataclass(frozen=True, eq=False)
class ConvTranspose(Op):
    """Transposed convolution that enlarges by `stride`; nothing lies outside the picture (zeros).

    out[o, v, u] = bias[o] + sum over i, y, x, ty, tx with y * stride + ty - padding = v (and x, tx, u alike)
    of weight[i, o, ty, tx] * in[i, y, x]. PyTorch's, with k - 2 * padding + output_padding = stride, so that
    the result is exactly stride times as large.
    """

    weight: Array
    """(in, out, k, k)."""
    bias: Array
    """(out,)."""
    stride: int
    padding: int
    output_padding: int

    def __post_init__(self) -> None:
        weight = constant(self.weight, 4, "the transposed convolution's weight")
        bias = constant(self.bias, 1, "the transposed convolution's bias")
        _, out, rows, columns = weight.shape
        require(rows == columns, f"the kernel is {columns}x{rows}; it must be square")
        require(bias.size == out, f"the bias has {bias.size} values for {out} output channels")
        require(self.stride >= 1, f"stride is {self.stride}; 1 or more is allowed")
        require(0 <= self.padding < rows, f"padding is {self.padding} for a kernel of {rows}")
        require(
            rows - 2 * self.padding + self.output_padding == self.stride and self.output_padding >= 0,
            f"kernel {rows}, padding {self.padding} and output padding {self.output_padding} "
            f"do not enlarge by exactly {self.stride}",
        )
        object.__setattr__(self, "weight", weight)
        object.__setattr__(self, "bias", bias)

    @property
    def size(self) -> int:
        """The side of the kernel, in taps."""
        return int(self.weight.shape[2])

    def channels(self, inputs: tuple[int, ...]) -> int:
        wanted = self.weight.shape[0]
        require(
            inputs[0] == wanted,
            f"the transposed convolution takes {wanted} channels, its input has {inputs[0]}",
        )
        return int(self.weight.shape[1])

    @property
    def scale(self) -> Fraction:
        return Fraction(self.stride)

    @property
    def num_parameters(self) -> int:
        return int(self.weight.size + self.bias.size)

    @property
    def macs(self) -> int:
        return int(self.weight.size)

    def reads(self, first: int, last: int) -> tuple[int, int]:
        lowest = -((self.size - 1 - self.padding - first) // self.stride)
        return lowest, (last + self.padding) // self.stride

    @property
    def sentence(self) -> str:
        into, out = self.weight.shape[:2]
        return (
            f"{self.size}x{self.size} transposed convolution, {into} to {out} channels, {self.stride}x larger"
        )


@dataclass(frozen=True, eq=False)
class Relu(Op):
    """max(x, 0)."""

    @property
    def sentence(self) -> str:
        return "relu"


@dataclass(frozen=True, eq=False)
class LeakyRelu(Op):
    """x where x >= 0, else slope * x."""

    slope: float

    def __post_init__(self) -> None:
        require(isfinite(self.slope), f"the slope is {self.slope}; it must be finite")

    @property
    def sentence(self) -> str:
        return f"leaky relu, slope {self.slope:g}"


@dataclass(frozen=True, eq=False)
class PRelu(Op):
    """x where x >= 0, else slope[c] * x."""

    slope: Array
    """(channels,): a slope shared by all channels is repeated, see `shared`."""
    shared: bool = False
    """True when the checkpoint has one slope for all; it then counts as one parameter."""

    def __post_init__(self) -> None:
        slope = constant(self.slope, 1, "the slope")
        require(not self.shared or bool((slope == slope[0]).all()), "a shared slope has several values")
        object.__setattr__(self, "slope", slope)

    def channels(self, inputs: tuple[int, ...]) -> int:
        require(
            inputs[0] == self.slope.size,
            f"there are {self.slope.size} slopes, the input has {inputs[0]} channels",
        )
        return inputs[0]

    @property
    def num_parameters(self) -> int:
        return 1 if self.shared else int(self.slope.size)

    @property
    def sentence(self) -> str:
        return f"prelu, {'one slope' if self.shared else 'a slope for each channel'}"


@dataclass(frozen=True, eq=False)
class Tanh(Op):
    """Hyperbolic tangent."""

    @property
    def sentence(self) -> str:
        return "tanh"


@dataclass(frozen=True, eq=False)
class Sigmoid(Op):
    """1 / (1 + exp(-x))."""

    @property
    def sentence(self) -> str:
        return "sigmoid"


@dataclass(frozen=True, eq=False)
class CRelu(Op):
    """Twice the channels: max(x, 0) of all, then max(-x, 0) of all."""

    def channels(self, inputs: tuple[int, ...]) -> int:
        return 2 * inputs[0]

    @property
    def sentence(self) -> str:
        return "crelu: positive parts, then negative parts"


@dataclass(frozen=True, eq=False)
class Add(Op):
    """The sum of two inputs; one of 1 channel is added to every channel of the other."""

    arity = (2, 2)

    def channels(self, inputs: tuple[int, ...]) -> int:
        first, second = inputs
        require(first == second or 1 in inputs, f"{first} and {second} channels cannot be added")
        return max(inputs)

    @property
    def sentence(self) -> str:
        return "sum"


@dataclass(frozen=True, eq=False)
class Concat(Op):
    """All channels of the first input, then of the second, and so on."""

    arity = (2, None)

    def channels(self, inputs: tuple[int, ...]) -> int:
        return sum(inputs)

    @property
    def sentence(self) -> str:
        return "concatenation"


@dataclass(frozen=True, eq=False)
class Scale(Op):
    """gain[c] * x + offset[c], fixed constants; one value serves all channels."""

    gain: Array
    """(channels,) or (1,)."""
    offset: Array
    """(channels,) or (1,)."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "gain", constant(self.gain, 1, "the gain"))
        object.__setattr__(self, "offset", constant(self.offset, 1, "the offset"))

    def channels(self, inputs: tuple[int, ...]) -> int:
        for what, values in (("gains", self.gain), ("offsets", self.offset)):
            require(
                values.size in (1, inputs[0]),
                f"there are {values.size} {what}, the input has {inputs[0]} channels",
            )
        return inputs[0]

    @property
    def sentence(self) -> str:
        return f"times {_some(self.gain)}" + (f" plus {_some(self.offset)}" if self.offset.any() else "")


@dataclass(frozen=True, eq=False)
class Clamp(Op):
    """min(max(x, low), high)."""

    low: float
    high: float

    def __post_init__(self) -> None:
        require(self.low <= self.high, f"clamp from {self.low} to {self.high}: the range is empty")

    @property
    def sentence(self) -> str:
        return f"clamp to {self.low:g}..{self.high:g}"


@dataclass(frozen=True, eq=False)
class PixelShuffle(Op):
    """Groups of factor^2 successive channels become one channel, factor times as large.

    out[c, y * factor + iy, x * factor + ix] = in[c * factor^2 + index, y, x], index by `order`.
    """

    factor: int
    order: ShuffleOrder = "yx"

    def __post_init__(self) -> None:
        require(self.factor >= 2, f"the factor is {self.factor}; 2 or more is allowed")
        require(self.order in ("yx", "xy"), f"order is {self.order!r}; yx and xy exist")

    def channels(self, inputs: tuple[int, ...]) -> int:
        group = self.factor**2
        require(inputs[0] % group == 0, f"{inputs[0]} channels are not whole groups of {group}")
        return inputs[0] // group

    @property
    def scale(self) -> Fraction:
        return Fraction(self.factor)

    def reads(self, first: int, last: int) -> tuple[int, int]:
        return first // self.factor, last // self.factor

    @property
    def sentence(self) -> str:
        note = "" if self.order == "yx" else ", columns first"
        return f"channels to {self.factor}x{self.factor} pixels{note}"


@dataclass(frozen=True, eq=False)
class PixelUnshuffle(Op):
    """out[c * factor^2 + iy * factor + ix, y, x] = in[c, y * factor + iy, x * factor + ix].

    The sides of its input must be multiples of `factor`: see Graph.multiple_of.
    """

    factor: int

    def __post_init__(self) -> None:
        require(self.factor >= 2, f"the factor is {self.factor}; 2 or more is allowed")

    def channels(self, inputs: tuple[int, ...]) -> int:
        return int(inputs[0] * self.factor**2)

    @property
    def scale(self) -> Fraction:
        return Fraction(1, self.factor)

    def reads(self, first: int, last: int) -> tuple[int, int]:
        return first * self.factor, last * self.factor + self.factor - 1

    @property
    def sentence(self) -> str:
        return f"{self.factor}x{self.factor} pixels to channels"


@dataclass(frozen=True, eq=False)
class Resize(Op):
    """Enlarge by an integer factor; pixel centres coincide: u = (x + 0.5) / factor - 0.5.

    nearest   in[x // factor]
    bilinear  the two samples around u; indices outside are the border's sample (OpenGL LINEAR with
              CLAMP_TO_EDGE, PyTorch bilinear with align_corners=False)
    bicubic   the four samples around u, Keys' cubic with a = -0.5; indices outside mirror, the border sample
              repeated (MATLAB imresize)
    """

    kind: ResizeKind
    factor: int

    def __post_init__(self) -> None:
        require(self.factor >= 2, f"the factor is {self.factor}; 2 or more is allowed")
        require(
            self.kind in ("nearest", "bilinear", "bicubic"),
            f"kind is {self.kind!r}; nearest, bilinear and bicubic exist",
        )

    @property
    def scale(self) -> Fraction:
        return Fraction(self.factor)

    def reads(self, first: int, last: int) -> tuple[int, int]:
        if self.kind == "nearest":
            return first // self.factor, last // self.factor
        around = 0 if self.kind == "bilinear" else 1
        return self.base(first) - around, self.base(last) + 1 + around

    def base(self, index: int) -> int:
        """Return floor(u): the sample left of where the result's sample `index` lies."""
        return (2 * index + 1 - self.factor) // (2 * self.factor)

    @property
    def sentence(self) -> str:
        return f"{self.kind} {self.factor}x larger"


def _some(values: Array) -> str:
    shown: list[Any] = [f"{value:g}" for value in values[:4]]
    return shown[0] if values.size == 1 else f"({', '.join(shown)}{', ...' if values.size > 4 else ''})"
