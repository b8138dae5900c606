"""Turn the operators of an ONNX file into a graph of ours, exactly, or say which one is not ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from vsr.nets.errors import GraphError
from vsr.nets.graph import Graph, Node
from vsr.nets.onnx import views
from vsr.nets.onnx.folding import LARGEST, FoldError, fold
from vsr.nets.onnx.model import Known, OnnxModel, OnnxNode
from vsr.nets.onnx.phases import Smooth
from vsr.nets.onnx.sizes import Extent, Size
from vsr.nets.ops import Conv, GlobalInput, Op, PixelShuffle, PixelUnshuffle


class NotOursError(Exception):
    """Something in a network that our operations do not do; the text says what and where."""


@dataclass(frozen=True, slots=True)
class Picture:
    """The result of one of our nodes, (1, channels, height, width): one picture is run at a time."""

    node: str
    shape: tuple[int, int, Extent, Extent]

    @property
    def channels(self) -> int:
        return self.shape[1]


@dataclass(frozen=True, slots=True)
class Padded:
    """A picture with `margin` samples more on each side, for a convolution to read.

    "zero" and "edge" are the borders of convolutions; "edge" becomes "rows" and then "mirror" as a second
    sample, the mirror image, is put outside the first along the rows and the columns.
    """

    source: Picture
    mode: str
    margin: int


@dataclass(frozen=True, slots=True)
class Strip:
    """Rows (axis 2) or columns (axis 3) start..stop - 1 of a padded picture."""

    source: Padded
    axis: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Phases:
    """The sub-pixels of an enlarged picture, still as channels."""

    source: Picture
    kind: Smooth
    factor: int


@dataclass(frozen=True, slots=True)
class View:
    """A picture on its way through Reshape and Transpose."""

    source: Picture
    axes: views.Axes


Value: TypeAlias = Known | Picture | Padded | Strip | Phases | View
Rule: TypeAlias = "Callable[[Lift, OnnxNode, Sequence[Value | None]], Value | tuple[Value, ...]]"
"""From the operator and its inputs to what its outputs stand for. Raises NotOursError, with `refusal`."""


class Lift:
    """What has been understood so far. Rules of operators call its methods. Thread-safety: one thread."""

    def __init__(self, model: OnnxModel) -> None:
        height, width = model.size
        self.opset = model.opset
        self._nodes: dict[str, Node] = {"input": Node("input", GlobalInput(model.channels))}
        self._consumers = Counter(name for node in model.nodes for name in node.inputs)
        self._consumers[model.output] += 1
        sides = (height or Size("height"), width or Size("width"))
        start = Picture("input", (1, model.channels, *sides))
        self._values: dict[str, Value] = {**model.constants, model.input: start}

    def value(self, name: str) -> Value | None:
        """Return what a name of the file stands for; None for an input that is left out."""
        return self._values[name] if name else None

    def bind(self, name: str, value: Value) -> None:
        """Say what a name of the file stands for."""
        self._values[name] = value

    def add(self, onnx: OnnxNode, op: Op, *inputs: Picture) -> Picture:
        """Append one of our nodes and return its result. Raises GraphError where the channels do not fit."""
        base = onnx.name or onnx.kind.lower()
        name, number = base, 1
        while name in self._nodes:
            number += 1
            name = f"{base}.{number}"
        channels = op.channels(tuple(picture.channels for picture in inputs))
        sides = inputs[0].shape[2:]
        if any(picture.shape[2:] != inputs[0].shape[2:] for picture in inputs):
            raise refusal(onnx, "joins pictures of different sizes")
        height, width = (_scaled(onnx, side, op) for side in sides)
        self._nodes[name] = Node(name, op, tuple(picture.node for picture in inputs))
        return Picture(name, (1, channels, height, width))

    def made_by(self, picture: Picture) -> Node:
        """Return the node that a picture is the result of."""
        return self._nodes[picture.node]

    def is_read_once(self, name: str) -> bool:
        """Return whether only one operator reads that name of the file."""
        return self._consumers[name] == 1

    def input_of(self, picture: Picture, channels: int) -> Picture:
        """Return what the node that made `picture`, which keeps sizes, reads."""
        (name,) = self.made_by(picture).inputs
        return Picture(name, (1, channels, *picture.shape[2:]))

    def select(self, onnx: OnnxNode, picture: Picture, order: Sequence[int]) -> Picture:
        """Return the picture with channel order[i] at place i, by the convolution before it or a new one."""
        if list(order) == list(range(picture.channels)):
            return picture
        op = self.made_by(picture).op
        if isinstance(op, Conv) and self.is_read_once(onnx.inputs[0]):
            chosen = Conv(op.weight[list(order)], op.bias[list(order)], op.border, op.dilation)
            before = self.input_of(picture, op.weight.shape[1])
            return before if _does_nothing(chosen) else self.add(onnx, chosen, before)
        if len(order) * picture.channels > LARGEST:
            raise refusal(onnx, f"takes {len(order)} of {picture.channels} channels, more than fit here")
        weight = np.eye(picture.channels, dtype=np.float32)[list(order), :, None, None]
        return self.add(onnx, Conv(weight, np.zeros(len(order), np.float32), "zero"), picture)

    def shuffle(self, onnx: OnnxNode, picture: Picture, factor: int, order: Sequence[int]) -> Picture:
        """Return pixels made of channels; channel order[i] of the picture is at place i before it."""
        if list(order) == columns_first(picture.channels, factor):
            return self.add(onnx, PixelShuffle(factor, "xy"), picture)
        return self.add(onnx, PixelShuffle(factor), self.select(onnx, picture, order))

    def unshuffle(self, onnx: OnnxNode, picture: Picture, factor: int, order: Sequence[int]) -> Picture:
        """Return channels made of pixels, then in that order."""
        return self.select(onnx, self.add(onnx, PixelUnshuffle(factor), picture), order)

    def graph(self, result: Picture, name: str, source: str) -> Graph:
        """Return what `result` depends on as a graph. Raises GraphError."""
        needed = {result.node, "input"}
        kept: list[Node] = []
        for node in reversed(self._nodes.values()):
            if node.name in needed:
                needed.update(node.inputs)
                kept.insert(0, node)
        return Graph(name, tuple(kept), source)


def _does_nothing(op: Conv) -> bool:
    """Return whether it copies its input, as an order of channels that undoes the one before it does."""
    identity = np.eye(op.weight.shape[0], op.weight.shape[1], dtype=np.float32)[:, :, None, None]
    return np.array_equal(op.weight, identity) and len(identity) == identity.shape[1] and not op.bias.any()


def columns_first(channels: int, factor: int) -> list[int]:
    """Return the channels in the order that turns PixelShuffle's "xy" into "yx", and back."""
    if channels % factor**2:
        return []
    cells = np.arange(channels).reshape(-1, factor, factor)
    return [int(index) for index in cells.transpose(0, 2, 1).ravel()]


def refusal(onnx: OnnxNode, why: str) -> NotOursError:
    """Return the error that says why an operator is not ours; `why` follows the operator and its name."""
    return NotOursError(f"{onnx.kind} ({onnx.name!r}){'' if why.startswith(':') else ' '}{why}")


def lift(model: OnnxModel, rules: dict[str, Rule]) -> Graph:
    """Return the network as a graph; `rules` are those of operators on pictures. Raises NotOursError."""
    state = Lift(model)
    for onnx in _needed(model):
        inputs = [state.value(name) for name in onnx.inputs]
        results = _results(state, onnx, inputs, rules)
        for name, value in zip(onnx.outputs, results, strict=False):
            state.bind(name, value)
    result = state.value(model.output)
    if not isinstance(result, Picture):
        raise NotOursError(f"the output {model.output!r} is not a picture made by one of our operations")
    try:
        return state.graph(result, model.name, model.path.name)
    except GraphError as error:
        raise NotOursError(str(error)) from None


def _needed(model: OnnxModel) -> list[OnnxNode]:
    """Return the operators that the output depends on, in their order."""
    names, found = {model.output}, []
    for node in reversed(model.nodes):
        if names.intersection(node.outputs):
            names.update(node.inputs)
            found.append(node)
    return found[::-1]


def _results(
    state: Lift, onnx: OnnxNode, inputs: list[Value | None], rules: dict[str, Rule]
) -> tuple[Value, ...]:
    """Return what the outputs of one operator stand for."""
    known = [value for value in inputs if value is None or isinstance(value, np.ndarray)]
    if len(known) == len(inputs):
        try:
            return (fold(onnx, known),)
        except FoldError:
            raise refusal(onnx, "is not ours, nor a constant that can be computed ahead") from None
    rule = rules.get(onnx.kind)
    if rule is None:
        raise refusal(onnx, "is not one of ours")
    try:
        result = rule(state, onnx, inputs)
    except GraphError as error:
        raise refusal(onnx, f": {error}") from None
    return result if isinstance(result, tuple) else (result,)


def _scaled(onnx: OnnxNode, side: Extent, op: Op) -> Extent:
    if isinstance(side, Size):
        return side * op.scale
    scaled = side * op.scale
    if scaled.denominator != 1:
        raise refusal(onnx, f"takes sides that are multiples of {op.scale.denominator}, the input has {side}")
    return int(scaled)
