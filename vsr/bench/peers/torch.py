"""torch on the CPU, eager: the network's operations as torch's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from vsr.bench.peers.contender import Infer, Tensor
from vsr.bench.peers.networks import runtime
from vsr.errors import OptionError
from vsr.nets.graph import Graph
from vsr.nets.onnx.phases import REACH, phase_kernels
from vsr.nets.ops import (
    Add,
    Clamp,
    Concat,
    Conv,
    CRelu,
    LeakyRelu,
    Op,
    PixelShuffle,
    PRelu,
    Relu,
    Resize,
    Tanh,
)

Layer = Callable[[Sequence[Any]], Any]
"""From the tensors that a node reads to its own."""


def load(graph: Graph, size: tuple[int, int], threads: int, precision: str) -> Infer:
    """Return the network, float32."""
    torch: Any = import_module("torch")
    torch.set_num_threads(threads)
    layers = [
        (node.name, node.inputs, _layer(torch, node.op, graph.channels[node.inputs[0]]))
        for node in graph.nodes[1:]
    ]

    def infer(values: Tensor) -> Tensor:
        with torch.inference_mode():
            made = {graph.input.name: torch.from_numpy(values)}
            for name, inputs, layer in layers:
                made[name] = layer([made[each] for each in inputs])
            result: Tensor = made[graph.output.name].numpy()
            return result

    return infer


def _layer(torch: Any, op: Op, channels: int) -> Layer:
    """Return what computes an operation whose first input has so many channels. Raises OptionError."""
    functional = torch.nn.functional
    match op:
        case Conv():
            return _conv(torch, op)
        case CRelu():
            return lambda x: torch.cat((x[0].relu(), (-x[0]).relu()), 1)
        case Relu():
            return lambda x: x[0].relu()
        case Tanh():
            return lambda x: x[0].tanh()
        case LeakyRelu(slope=slope):
            return lambda x: functional.leaky_relu(x[0], slope)
        case PRelu(slope=slopes):
            trained = torch.tensor(np.array(slopes))
            return lambda x: functional.prelu(x[0], trained)
        case Clamp(low=low, high=high):
            return lambda x: x[0].clamp(low, high)
        case Add():
            return lambda x: x[0] + x[1]
        case Concat():
            return lambda x: torch.cat(tuple(x), 1)
        case PixelShuffle(factor=factor, order="yx"):
            return lambda x: functional.pixel_shuffle(x[0], factor)
        case Resize(kind="nearest", factor=factor):
            return lambda x: functional.interpolate(x[0], scale_factor=factor, mode="nearest")
        case Resize():
            return _resize(torch, op, channels)
    raise OptionError(f"the torch of vsr bench has no {type(op).__name__}")


def _conv(torch: Any, op: Conv) -> Layer:
    weight, bias = (torch.tensor(np.array(values)) for values in (op.weight, op.bias))
    functional, pad = torch.nn.functional, op.radius
    if op.border == "zero" or not pad:
        return lambda x: functional.conv2d(x[0], weight, bias, padding=pad, dilation=op.dilation)
    return lambda x: functional.conv2d(
        functional.pad(x[0], (pad,) * 4, mode="replicate"), weight, bias, dilation=op.dilation
    )


def _resize(torch: Any, op: Resize, channels: int) -> Layer:
    """Enlarge by one kernel for each sub-pixel: torch's own bicubic is another (a = -0.75)."""
    assert op.kind != "nearest"
    weight = torch.tensor(np.array(phase_kernels(op.kind, op.factor, channels)))
    functional, reach = torch.nn.functional, REACH[op.kind]

    def layer(x: Sequence[Any]) -> Any:
        padded = functional.pad(x[0], (1,) * 4, mode="replicate")
        if reach > 1:  # beyond the border sample the picture is mirrored
            for axis in (2, 3):
                last = padded.shape[axis]
                first, end = padded.narrow(axis, 2, 1), padded.narrow(axis, last - 3, 1)
                padded = torch.cat((first, padded, end), axis)
        return functional.pixel_shuffle(functional.conv2d(padded, weight, groups=channels), op.factor)

    return layer


PEER = runtime("torch", "torch on the CPU, eager", load, packages=("torch",), imports=("torch",))
