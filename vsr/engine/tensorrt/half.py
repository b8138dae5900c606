"""Networks in float16 from end to end: TensorRT types a network strongly, as its file does."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import ModelProto


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
