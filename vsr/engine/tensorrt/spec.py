"""What an engine is built from: a network, the sizes of pictures, a precision, and GPUs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from vsr.engine.step import Network
from vsr.engine.tensorrt.half import as_half, half_ends, is_half
from vsr.errors import OptionError
from vsr.nets.errors import OnnxError
from vsr.nets.graph import Graph
from vsr.nets.onnx import Precision, onnx_bytes
from vsr.nets.onnx.model import load_model

Side = tuple[int, int]
"""(height, width) in pixels, as in array shapes."""
_LARGEST_FILE = 1 << 31
_LEAST = 64
_MOST = (1080, 1920)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shapes:
    """The pictures that an optimisation profile takes: from `least` to `most`, best at `usual`.

    Each is (height, width) in pixels. Tight profiles make faster engines that need less memory.
    """

    least: Side
    usual: Side
    most: Side

    def __post_init__(self) -> None:
        sides = list(zip(self.least, self.usual, self.most, strict=True))
        if not all(1 <= low <= middle <= high for low, middle, high in sides):
            raise OptionError(
                f"sizes from {_text(self.least)} over {_text(self.usual)} to {_text(self.most)} do not rise; "
                "neither side may shrink from one to the next, and none is under 1"
            )

    @classmethod
    def fixed(cls, height: int, width: int) -> Shapes:
        """Return the profile of one size alone."""
        return cls(least=(height, width), usual=(height, width), most=(height, width))

    @property
    def sentence(self) -> str:
        """The sizes, (width)x(height), for people."""
        if self.least == self.most:
            return _text(self.usual)
        return f"{_text(self.least)} to {_text(self.most)}, best at {_text(self.usual)}"


@dataclass(frozen=True, kw_only=True, eq=False)
class EngineSpec:
    """What is to be built. Thread-safety: safe, immutable.

    Raises OptionError for sizes that the network does not take, and, when `onnx` is first read, OnnxError for
    weights that the precision does not hold, and a foreign network's file that cannot be read any more.
    """

    network: Network
    shapes: tuple[Shapes, ...]
    """One optimisation profile each."""
    precision: Precision = "fp16"
    """Of weights and everything between, of what goes in and what comes out.

    A foreign network that holds fp16 weights is taken as it is; one of fp32 is turned into fp16, all but the
    numbers that sizes are computed with.
    """
    targets: tuple[str, ...] = ()
    """Compute capabilities, e.g. ("sm_89",), for TensorRT-RTX; TensorRT builds for the GPU it runs on."""

    def __post_init__(self) -> None:
        if self.precision not in ("fp32", "fp16"):
            raise OptionError(f"precision is {self.precision!r}; TensorRT engines are built in fp32 or fp16")
        if not self.shapes:
            raise OptionError("no size is given; an engine takes pictures of at least one")
        block = self.network.multiple_of
        only = None if isinstance(self.network, Graph) else self.network.size
        for side in {side for each in self.shapes for side in (each.least, each.usual, each.most)}:
            if only is not None and side != only:
                raise OptionError(f"{self.network.name} takes {_text(only)} pixels only, not {_text(side)}")
            if side[0] % block or side[1] % block:
                raise OptionError(
                    f"{self.network.name} takes sides that are multiples of {block}, not {_text(side)}"
                )

    @cached_property
    def onnx(self) -> bytes:
        """The ONNX file that TensorRT reads, its weights in it."""
        if isinstance(self.network, Graph):
            data = onnx_bytes(self.network, precision=self.precision)
            return half_ends(data) if self.precision == "fp16" else data
        proto = load_model(self.network.path).proto
        if proto.ByteSize() >= _LARGEST_FILE:
            raise OnnxError(
                f"{self.network.path.name} is over 2 GiB with its weights, more than is read here"
            )
        holds_half = is_half(proto)
        if holds_half and self.precision == "fp32":
            raise OptionError(
                f"{self.network.name} holds fp16 weights, and TensorRT runs it as it is "
                f"({self.network.reason}): choose precision fp16, or export it in fp32"
            )
        if not holds_half and self.precision == "fp16":
            as_half(proto)
        return bytes(proto.SerializeToString())

    @cached_property
    def onnx_sha256(self) -> str:
        """The hash of `onnx`, in hex."""
        return sha256(self.onnx).hexdigest()

    @property
    def graph_digest(self) -> str:
        """The graph's digest; empty for a foreign network, which `onnx_sha256` identifies."""
        return self.network.digest if isinstance(self.network, Graph) else ""


def any_size(network: Network) -> Shapes:
    """Return the profile for pictures of 64x64 to 1920x1080, or of the only size that the network takes."""
    if not isinstance(network, Graph) and network.size is not None:
        return Shapes.fixed(*network.size)
    block = network.multiple_of
    low = -(-_LEAST // block) * block
    high = tuple(max(low, side // block * block) for side in _MOST)
    return Shapes(least=(low, low), usual=(high[0], high[1]), most=(high[0], high[1]))


def _text(side: Side) -> str:
    return f"{side[1]}x{side[0]}"
