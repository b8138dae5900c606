"""What a network's numbers are at every node, and how far rounding between them can move the result."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vsr.engine.reference import _apply, _Rows
from vsr.nets.graph import Graph, Node
from vsr.nets.ops import (
    Add,
    Concat,
    Conv,
    ConvTranspose,
    CRelu,
    GlobalInput,
    LeakyRelu,
    PixelShuffle,
    PixelUnshuffle,
    PRelu,
    Resize,
    Scale,
)

Planes = Any
UNIT = 2.0**-8
"""The largest relative error of rounding to bfloat16: it holds 8 bits, and half of the last may be lost."""
HALF_UNIT = 2.0**-11
"""The largest relative error of rounding to float16, which holds 11 bits."""
_CUBIC = 1.25**2
"""The largest sum of the magnitudes of a cubic's weights, along both axes."""


@dataclass(frozen=True)
class Traced:
    """A network's run in float64."""

    result: Planes
    magnitude: float
    """The largest of all nodes."""
    movement: Planes
    """How far each value of the result can move at most, by rounding to bfloat16 or float16."""


def traced(graph: Graph, planes: Planes, unit: float = UNIT) -> Traced:
    """Return what the graph makes of the planes, and the bounds.

    Whatever an operation reads and whatever it weighs with may be rounded, and what it gives: a value v that
    may be off by e becomes one off by e + unit * (|v| + e) each time. A convolution adds up
    |weight| times that, with its weights rounded, too. Activations move nothing further apart than their
    steepest slope does. Sums are of float32, whose own errors (1e-5 of the magnitude) are added at the end.
    """
    values: dict[str, Planes] = {}
    errors: dict[str, Planes] = {}
    for node in graph.nodes:
        if isinstance(node.op, GlobalInput):
            values[node.name], errors[node.name] = planes.astype(np.float64), np.zeros(planes.shape)
            continue
        inputs = [values[name] for name in node.inputs]
        values[node.name] = _applied(node, inputs)
        read = [_rounded(values[name], errors[name], unit) for name in node.inputs]
        errors[node.name] = _rounded(values[node.name], _moved(node, inputs, read, unit), unit)
    magnitude = max(1.0, *(float(np.abs(value).max()) for value in values.values()))
    last = graph.output.name
    return Traced(values[last], magnitude, errors[last] + 1e-5 * magnitude)


def _rounded(value: Planes, error: Planes, unit: float) -> Planes:
    return error + unit * (np.abs(value) + error)


def _applied(node: Node, inputs: list[Planes]) -> Planes:
    rows = [_Rows(planes, 0, planes.shape[1]) for planes in inputs]
    height = inputs[0].shape[1] * node.op.scale
    return _apply(node.op, rows, 0, int(height) - 1)


def _moved(node: Node, inputs: list[Planes], errors: list[Planes], unit: float) -> Planes:
    """Return how far the result can be off, where the inputs can be by `errors`."""
    op, error = node.op, errors[0]
    match op:
        case Conv() | ConvTranspose():
            weight = np.abs(op.weight)
            plain = replace(node, op=replace(op, weight=weight, bias=np.zeros_like(op.bias)))
            by_inputs = _applied(plain, [error])
            by_weights = unit * _applied(plain, [np.abs(inputs[0]) + error])
            return by_inputs + by_weights + unit * np.abs(op.bias)[:, None, None]
        case Scale(gain=gain, offset=offset):
            steep, start = np.abs(gain)[:, None, None], np.abs(offset)[:, None, None]
            return steep * (error + unit * (np.abs(inputs[0]) + error)) + unit * start
        case Resize():
            return np.full((error.shape[0], 1, 1), _CUBIC) * error.max()
        case CRelu():
            # Weights of both parts are those of x and of |x|: either's rounding shows in either part.
            both = error + unit * (np.abs(inputs[0]) + error)
            return np.concatenate([both, both])
        case LeakyRelu(slope=slope):
            return error * max(1, abs(slope)) * (1 + unit)
        case PRelu(slope=slopes):
            return error * np.maximum(1, np.abs(slopes))[:, None, None] * (1 + unit)
        case Add():
            return errors[0] + errors[1]
        case Concat() | PixelShuffle() | PixelUnshuffle():
            return _applied(node, errors)
    return error  # relu, clamp, tanh and sigmoid are nowhere steeper than 1
