"""ONNX files written as exporters write them, by hand: torch is not needed to test what it makes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper, save_model
from onnx.reference import ReferenceEvaluator

RNG = np.random.default_rng(11)
Side = int | str
Array = Any


def numbers(*shape: int) -> Any:
    return (RNG.standard_normal(shape) * 0.2).astype(np.float32)


def floats(*values: float) -> Array:
    return np.array(values, np.float32)


def reference_run(model: ModelProto, planes: Array) -> Array:
    """What ONNX's own reference makes of a model."""
    results: Any = ReferenceEvaluator(model).run(None, {model.graph.input[0].name: planes[None]})
    return results[0][0]


class Exported:
    """A model under construction: `node` gives the name of its first output."""

    def __init__(
        self, channels: int = 3, size: tuple[Side, Side] = ("height", "width"), *, opset: int = 17
    ) -> None:
        self.channels, self.size, self.opset = channels, size, opset
        self.batch: Side = 1
        self.kind: int = TensorProto.FLOAT
        self.stated: Sequence[Side] = ("n", "c", "h", "w")
        self.domains: list[str] = []
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, values: Any) -> str:
        """Add an initializer, as weights are."""
        name = f"weight{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def number(self, values: Any) -> str:
        """Add a Constant node, as exporters do for the numbers of shapes."""
        value = numpy_helper.from_array(np.asarray(values))
        return self.node("Constant", value=value)

    def node(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        names = [f"/{kind}_{len(self.nodes)}_{index}" for index in range(outputs)]
        self.nodes.append(
            helper.make_node(kind, list(inputs), names, name=f"/{kind}_{len(self.nodes)}", **attributes)
        )
        return names[0]

    def conv(self, source: str, out: int, into: int, size: int = 3, **attributes: Any) -> str:
        """A convolution as torch writes it, with pads that keep the size."""
        pads = attributes.pop("pads", [size // 2 * attributes.get("dilations", [1])[0]] * 4)
        weight, bias = self.constant(numbers(out, into, size, size)), self.constant(numbers(out))
        return self.node("Conv", source, weight, bias, kernel_shape=[size] * 2, pads=pads, **attributes)

    def side(self, source: str, axis: int) -> str:
        """One side of a picture, as `x.size(axis)` is written."""
        return self.node("Gather", self.node("Shape", source), self.number(np.int64(axis)), axis=0)

    def shape(self, *parts: str | int) -> str:
        """A shape put together of numbers, as `x.view(...)` is written."""
        sides = [self.number(np.int64(part)) if isinstance(part, int) else part for part in parts]
        wide = [self.node("Unsqueeze", side, self.number(np.array([0]))) for side in sides]
        return self.node("Concat", *wide, axis=0)

    def model(self, output: str, *, inputs: Sequence[Any] = ()) -> ModelProto:
        picture = helper.make_tensor_value_info("x", self.kind, [self.batch, self.channels, *self.size])
        result = helper.make_tensor_value_info(output, self.kind, list(self.stated))
        graph = helper.make_graph(self.nodes, "main_graph", [picture, *inputs], [result], self.constants)
        opsets = [helper.make_opsetid("", self.opset), *(helper.make_opsetid(d, 1) for d in self.domains)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="pytorch")

    def save(self, path: Path, output: str) -> Path:
        save_model(self.model(output), path)
        return path


def shuffled(e: Exported, source: str, factor: int, order: Sequence[int] = (0, 1, 4, 2, 5, 3)) -> str:
    """pixel_shuffle as older exporters write it: to six axes, moved, back to four."""
    batch, channels, height, width = (e.side(source, axis) for axis in range(4))
    count = e.node("Div", channels, e.number(np.int64(factor**2)))
    six: list[str | int] = [batch, count, factor, factor] if order[1] == 1 else [batch, factor, factor, count]
    cells = e.node("Reshape", source, e.shape(*six, height, width))
    moved = e.node("Transpose", cells, perm=list(order))
    tall, wide = (e.node("Mul", side, e.number(np.int64(factor))) for side in (height, width))
    return e.node("Reshape", moved, e.shape(batch, count, tall, wide))


def unshuffled(e: Exported, source: str, channels: int, factor: int, *, fixed: tuple[int, int] | None) -> str:
    """pixel_unshuffle: the sides cut up, and moved to the channels; -1 where the height is not known."""
    batch = e.side(source, 0)
    if fixed is not None:
        high, wide = fixed[0] // factor, fixed[1] // factor
        six = e.number(np.array([1, channels, high, factor, wide, factor]))
        four = e.number(np.array([1, channels * factor**2, high, wide]))
    else:
        narrow = e.node("Div", e.side(source, 3), e.number(np.int64(factor)))
        six = e.shape(batch, channels, -1, factor, narrow, factor)
        four = e.shape(batch, channels * factor**2, -1, narrow)
    moved = e.node("Transpose", e.node("Reshape", source, six), perm=[0, 1, 3, 5, 2, 4])
    return e.node("Reshape", moved, four)
