"""What is known from outside of a network whose operators are not ours: channels, scale, sizes it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from vsr.nets.errors import OnnxError
from vsr.nets.onnx.foreign import ForeignNetwork
from vsr.nets.onnx.model import OnnxModel

if TYPE_CHECKING:
    from onnx import ModelProto

Shape: TypeAlias = tuple[int, int, int]
"""(channels, height, width)."""
_BASE = (576, 960)
"""A (height, width) that is a multiple of all that networks ask for: of 64 and of 48."""
_BLOCKS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
_MOST_CUT = 64
"""Pixels that a network may cut off a side."""
_SMALL_BYTES = 1024
"""Constants up to this may be sizes, which shapes depend on; larger ones are weights."""


def describe(model: OnnxModel, reason: str) -> ForeignNetwork:
    """Return what its shapes tell of a network. Raises OnnxError where it does not enlarge a picture."""
    _check_margins(model)
    height, width = model.size
    bare = _without_weights(model)
    if height is not None and width is not None:
        size, block = (height, width), 1
        shape = _result_shape(bare, model, size) or _stated_shape(model)
    else:
        size, block = None, _multiple_of(bare, model)
        shape = _result_shape(bare, model, _padded(model, block))
    if shape is None:
        raise OnnxError(
            f"{model.path.name}: how much larger its result is cannot be told from its shapes; "
            "export it for one fixed size"
        )
    channels, *sides = shape
    given = size or _padded(model, block)
    if channels not in (1, 3):
        raise OnnxError(f"{model.path.name} gives {channels} channels; 1 or 3 are wanted: export it so")
    scale = sides[0] // given[0]
    if scale < 1 or (sides[0], sides[1]) != (given[0] * scale, given[1] * scale):
        raise OnnxError(
            f"{model.path.name} turns {given[1]}x{given[0]} pixels into {sides[1]}x{sides[0]}; "
            "a network must enlarge both sides by the same whole number, 1 or more"
        )
    return ForeignNetwork(
        name=model.name,
        path=model.path,
        channels_in=model.channels,
        channels_out=channels,
        scale=scale,
        size=size,
        multiple_of=block,
        reason=reason,
    )


def _check_margins(model: OnnxModel) -> None:
    """Raise OnnxError for margins that cut off more than any network does.

    The sides would be negative then, at which ONNX's own inference of shapes ends the process.
    """
    made = {node.outputs[0]: node.attributes.get("value") for node in model.nodes if node.kind == "Constant"}
    for node in (node for node in model.nodes if node.kind == "Pad"):
        given = node.attributes.get("pads") or next(
            (
                source[name]
                for source in (model.constants, made)
                for name in node.inputs[1:2]
                if name in source
            ),
            None,
        )
        least = 0 if given is None else int(np.min(given, initial=0))
        if least < -_MOST_CUT:
            raise OnnxError(f"{model.path.name} is damaged: Pad ({node.name!r}) cuts off {-least} pixels")


def _stated_shape(model: OnnxModel) -> Shape | None:
    """Return the result's shape as the file has it, for operators that ONNX does not know."""
    sides = [dim.dim_value for dim in model.proto.graph.output[0].type.tensor_type.shape.dim]
    return (sides[1], sides[2], sides[3]) if len(sides) == 4 and all(sides[1:]) else None


def _padded(model: OnnxModel, extra: int) -> tuple[int, int]:
    """Return the size that is tried: `extra` more than the base, but for a side that is fixed."""
    height, width = model.size
    return height or _BASE[0] + extra, width or _BASE[1] + extra


def _multiple_of(bare: ModelProto, model: OnnxModel) -> int:
    """Return the smallest block whose multiples the network enlarges evenly; 1 if none is found."""
    for block in _BLOCKS:
        size = _padded(model, block)
        shape = _result_shape(bare, model, size)
        if shape and shape[1] % size[0] == 0 and shape[1:] == tuple(s * (shape[1] // size[0]) for s in size):
            return block
    return 1


def _without_weights(model: OnnxModel) -> ModelProto:
    """Return a copy whose large constants have types and shapes but no values: shapes need no more."""
    from onnx import ModelProto, helper

    bare = ModelProto()
    bare.CopyFrom(model.proto)
    graph = bare.graph
    named = {value.name for value in graph.input}
    kept = []
    for tensor in graph.initializer:
        if tensor.ByteSize() <= _SMALL_BYTES:
            kept.append(tensor)
        elif tensor.name not in named:
            graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    del graph.initializer[:]
    graph.initializer.extend(kept)
    del graph.value_info[:]
    return bare


def _result_shape(bare: ModelProto, model: OnnxModel, size: tuple[int, int]) -> Shape | None:
    """Return the result's shape for a picture of (height, width); None where inference does not tell."""
    from onnx import shape_inference

    for value in bare.graph.input:
        if value.name == model.input:
            for dim, side in zip(value.type.tensor_type.shape.dim, (1, model.channels, *size), strict=True):
                dim.dim_value = side
    bare.graph.output[0].type.tensor_type.ClearField("shape")
    try:
        inferred = shape_inference.infer_shapes(bare, strict_mode=True, data_prop=True)
    except (shape_inference.InferenceError, ValueError):
        return None
    sides = [dim.dim_value for dim in inferred.graph.output[0].type.tensor_type.shape.dim]
    return (sides[1], sides[2], sides[3]) if len(sides) == 4 and all(sides) else None
