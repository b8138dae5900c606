"""Networks in float16 from end to end: TensorRT types a network strongly, as its file does."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from vsr.nets.errors import OnnxError

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

_LARGEST = 65504.0
_SIZES_ONLY = ("Shape", "Size")
"""What these give depends on how large the picture is, and on nothing in it."""
_KEPT_INPUTS = {"Resize": (1, 2), "Upsample": (1,)}
"""Inputs that stay float32: regions and scales."""


def half_ends(data: bytes) -> bytes:
    """Return a file of `onnx_bytes` in fp16 without the two Casts at its ends: both ends are float16 then.

    The values are the same, in half the bytes: the first Cast rounds what goes in, the last one is exact.
    """
    from onnx import TensorProto, load_model_from_string

    model = load_model_from_string(data)
    graph = model.graph
    first, last = graph.node[0], graph.node[-1]
    cast = first.output[0]
    for node in graph.node:
        node.input[:] = ["input" if name == cast else name for name in node.input]
        node.output[:] = ["output" if name == last.input[0] else name for name in node.output]
    del graph.node[-1], graph.node[0]
    for end in (graph.input[0], graph.output[0]):
        end.type.tensor_type.elem_type = TensorProto.FLOAT16
    return bytes(model.SerializeToString())


def is_half(proto: ModelProto) -> bool:
    """Return whether a file holds more of its weights in float16 than in float32."""
    from onnx import TensorProto

    held = {kind: 0 for kind in (TensorProto.FLOAT16, TensorProto.FLOAT)}
    for tensor in proto.graph.initializer:
        if tensor.data_type in held:
            held[tensor.data_type] += prod(tensor.dims)
    return held[TensorProto.FLOAT16] > held[TensorProto.FLOAT]


def as_half(proto: ModelProto) -> None:
    """Turn a network of float32 into one of float16, in place: both ends, weights, and everything between.

    Numbers that sizes are computed with stay float32, because float16 holds no odd size above 2048. Raises
    OnnxError for weights that float16 does not hold, and for loops and branches.
    """
    _Halving(proto).run()


class _Halving:
    """One file on its way to float16."""

    def __init__(self, proto: ModelProto) -> None:
        from onnx import TensorProto, shape_inference

        self._graph, self._float, self._half = proto.graph, TensorProto.FLOAT, TensorProto.FLOAT16
        known = shape_inference.infer_shapes(proto).graph
        self._floats = {
            value.name for value in known.value_info if value.type.tensor_type.elem_type == self._float
        }
        self._weights = {tensor.name: tensor for tensor in proto.graph.initializer}
        self._floats |= {name for name, tensor in self._weights.items() if tensor.data_type == self._float}
        self._made: dict[str, str] = {}

    def run(self) -> None:
        graph = self._graph
        ends = [value for value in graph.input if value.name not in self._weights] + list(graph.output)
        pictures = {value.name for value in ends[:1]}
        nodes: list[NodeProto] = []
        for node in graph.node:
            if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
                raise OnnxError(
                    f"{node.name or node.output[0]!r} ({node.op_type}) holds a network of its own, which is "
                    "not turned into fp16: choose precision fp32, or export it in fp16"
                )
            if node.op_type not in _SIZES_ONLY and pictures & set(node.input):
                nodes += self._read_halves(node, pictures)
                pictures |= set(node.output)
            nodes.append(node)
        del graph.node[:], graph.value_info[:]
        graph.node.extend(nodes)
        for value in ends:
            if value.type.tensor_type.elem_type == self._float:
                value.type.tensor_type.elem_type = self._half
        self._drop_unread()

    def _read_halves(self, node: NodeProto, pictures: set[str]) -> Iterator[NodeProto]:
        """Let a node on pictures read float16 alone; yield what must come before it for that."""
        from onnx import helper

        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == self._float:
                attribute.i = self._half
        for index, name in enumerate(node.input):
            if name not in self._floats or name in pictures or index in _KEPT_INPUTS.get(node.op_type, ()):
                continue
            if name not in self._made:
                self._made[name] = f"{name}/half"
                if name in self._weights:
                    self._add_weight(self._weights[name])
                else:
                    yield helper.make_node("Cast", [name], [self._made[name]], to=self._half)
            node.input[index] = self._made[name]

    def _add_weight(self, tensor: TensorProto) -> None:
        from onnx import numpy_helper

        values = numpy_helper.to_array(tensor)
        largest = np.abs(values, where=np.isfinite(values), out=np.zeros_like(values)).max(initial=0)
        if largest > _LARGEST:
            raise OnnxError(
                f"{tensor.name} has values up to {largest:g}; fp16 holds up to {_LARGEST:g}: "
                "choose precision fp32"
            )
        half = numpy_helper.from_array(values.astype(np.float16), self._made[tensor.name])
        self._graph.initializer.append(half)

    def _drop_unread(self) -> None:
        """Remove the weights whose place others have taken."""
        read = {name for node in self._graph.node for name in node.input}
        kept = [tensor for tensor in self._graph.initializer if tensor.name in read]
        del self._graph.initializer[:]
        self._graph.initializer.extend(kept)
