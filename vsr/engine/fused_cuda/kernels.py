"""The kernels of a network: instances of the templates of kernels/cuda/net.cuh and net_moves.cuh."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from vsr.device.cuda.launch import Generated, Kind
from vsr.engine.fused.stages import Activation
from vsr.engine.fused_cuda.layout import Window
from vsr.nets.ops import Clamp, LeakyRelu, PRelu, Relu, Sigmoid, Tanh

Text: TypeAlias = str
_HEADERS = ("net.cuh", "net_moves.cuh")
_TYPES: dict[Kind, Text] = {"u8": "vsr::u8", "u16": "vsr::u16", "f16": "vsr::Half", "f32": "float"}
_ACTIVATIONS: dict[type[Activation], Text] = {
    Relu: "kRelu",
    LeakyRelu: "kSloped",
    PRelu: "kSloped",
    Clamp: "kClamp",
    Tanh: "kTanh",
    Sigmoid: "kSigmoid",
}


@dataclass(frozen=True)
class Kernel:
    """One kernel. Equal ones have equal names."""

    what: str
    definition: Text
    """Of the type `Own`, which `NAME` stands for below, and of the kernel."""

    @property
    def name(self) -> str:
        """What the cubin calls it."""
        return f"{self.what}_{hashlib.sha256(self.definition.encode()).hexdigest()[:8]}"

    @property
    def line(self) -> Text:
        """C++."""
        return self.definition.replace("NAME", self.name)


def source_of(kernels: Iterable[Kernel]) -> Generated:
    """Return the source that has all of them, each once."""
    lines = sorted({kernel.line for kernel in kernels})
    includes = [f'#include "{header}"' for header in _HEADERS]
    return Generated("network", "\n".join([*includes, *lines, ""]))


def in_picture(kind: Kind, *, is_direct: bool) -> Text:
    """Return the type that reads components; directly where all have the luma's size."""
    return f"vsr::{'Direct' if is_direct else 'Brought'}<{_TYPES[kind]}>"


def lanes_of_picture(kind: Kind) -> Text:
    """Return the type that reads lanes of the picture."""
    return f"vsr::InPicture<{in_picture(kind, is_direct=True)}>"


def lanes_of_buffers(value: Kind) -> Text:
    """Return the type that reads lanes of buffers."""
    return f"vsr::InBuffers<{_TYPES[value]}>"


def from_buffers(value: Kind, groups: int) -> Text:
    """Return the type that copies slabs into shared memory."""
    return f"vsr::FromBuffers<{_TYPES[value]}, {groups}>"


def from_picture(value: Kind, components: Text, count: int, across: int) -> Text:
    """Return the type that copies the picture into shared memory."""
    return f"vsr::FromPicture<{_TYPES[value]}, {components}, {count}, {across}>"


def to_buffer(value: Kind, width: int) -> Text:
    """Return the type that writes a buffer of slabs."""
    return f"vsr::ToBuffer<{_TYPES[value]}, {width}>"


def to_planes(kind: Kind) -> Text:
    """Return the type that writes planes."""
    return f"vsr::ToPlanes<{_TYPES[kind]}>"


def same_size(reader: Text, factor: int) -> Text:
    """Return the type that adds lanes of the size of a result `factor` times as large as its pixels."""
    return f"vsr::SameSize<{reader}, {factor}>"


def enlarged(reader: Text, taps: int, count: int, tile: tuple[int, int]) -> Text:
    """Return the type that adds `count` lanes enlarged; a block is for a `tile` (width, height) of pixels."""
    return f"vsr::Enlarged<{reader}, {taps}, {count}, {tile[0]}, {tile[1]}>"


def finish(activation: Activation | None, added: Text | None, factor: int, output: Text) -> Text:
    """Return the type that ends a convolution."""
    code = "kLinear" if activation is None else _ACTIVATIONS[type(activation)]
    return f"vsr::Finish<vsr::{code}, {added or 'vsr::Nothing'}, {factor}, {output}>"


def convolution(
    value: Kind,
    window: Window,
    pitch: int,
    input_type: Text,
    groups: int,
    *,
    parts: int,
    count: int,
    end: Text,
) -> Kernel:
    """Return a convolution: `count` is of tiles in halves, of positions in float32."""
    layer = "TensorLayer" if value == "f16" else "ExactLayer"
    numbers = (window.rows, window.columns, window.down, window.across, window.above, window.left, pitch)
    where = f"vsr::Window<{', '.join(map(str, numbers))}>"
    has_magnitudes = str(parts == 2).lower()
    reads, makes = groups * parts * 4, count * (8 if value == "f16" else 1)
    return Kernel(
        f"{value}_conv{window.rows}x{window.columns}x{reads}to{makes}",
        f"using NAME_own = vsr::{layer}<{input_type}, {where}, {has_magnitudes}, {count}, {end}>; "
        "VSR_KERNEL_OF(NAME, vsr::NetJob, NAME_own::Shared, NAME_own::kBlocks, vsr::layer<NAME_own>)",
    )


def move(what: str, template: Text, reader: Text, numbers: tuple[int, ...], output: Text) -> Kernel:
    """Return a kernel that moves or interpolates."""
    own = f"vsr::{template}<{', '.join([reader, *map(str, numbers)])}>"
    return Kernel(what, f"VSR_KERNEL(NAME, vsr::NetJob, NoShared, vsr::move<{own}, {output}>)")
