"""An ONNX file as plain data: nodes, constants, one input, one output."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vsr.nets.errors import OnnxError

if TYPE_CHECKING:
    from onnx import AttributeProto, GraphProto, ModelProto, TensorProto, ValueInfoProto

Known = npt.NDArray[Any]
"""A constant; of type object where it holds a Size."""


@dataclass(frozen=True, slots=True)
class OnnxNode:
    """One operator as the file has it; inputs and outputs are names, "" where one is left out."""

    kind: str
    """The operator's name; with its domain in front where that is not ONNX's own."""
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class OnnxModel:
    """What a file holds, checked: one input of 1 or 3 planes, one output."""

    path: Path
    name: str
    nodes: tuple[OnnxNode, ...]
    constants: dict[str, Known]
    opset: int
    input: str
    channels: int
    size: tuple[int | None, int | None]
    """(height, width) in pixels, None where any is taken."""
    output: str
    proto: ModelProto
    """The file itself, with its external data in it."""


def load_model(path: Path) -> OnnxModel:
    """Return what the file holds. External data is read from files in its folder only. Raises OnnxError."""
    from onnx import inliner, numpy_helper

    proto = _parse(path)
    _take_external_data(proto, path)
    _check(proto, path)
    if proto.functions:
        proto = inliner.inline_local_functions(proto)
    graph = proto.graph
    try:
        constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        nodes = tuple(
            OnnxNode(
                node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}",
                node.name or next(iter(node.output), ""),
                tuple(node.input),
                tuple(node.output),
                {attribute.name: _attribute(attribute) for attribute in node.attribute},
            )
            for node in graph.node
        )
    except (ValueError, TypeError, KeyError) as error:
        raise OnnxError(
            f"{path.name} is damaged, or newer than this reader: {_first_line(error)}; "
            "export or copy it again"
        ) from error
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise OnnxError(
            f"{path.name} has {_count(inputs)} inputs and {_count(graph.output)} outputs; one picture must "
            "go in and one come out: export the part that does this alone"
        )
    channels, size = _picture_shape(inputs[0], path)
    opset = next(entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx"))
    return OnnxModel(
        path,
        path.stem,
        nodes,
        constants,
        opset,
        inputs[0].name,
        channels,
        size,
        graph.output[0].name,
        proto,
    )


def _parse(path: Path) -> ModelProto:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from onnx import ModelProto

    try:
        data = path.read_bytes()
    except OSError as error:
        raise OnnxError(f"{path} cannot be read: {error.strerror or error}") from error
    proto = ModelProto()
    try:
        proto.ParseFromString(data)
    except (DecodeError, ValueError) as error:
        raise OnnxError(f"{path.name} is no ONNX file, or is cut off; export or copy it again") from error
    if not proto.ir_version or not proto.graph.node or not proto.graph.output:
        raise OnnxError(f"{path.name} is no ONNX file: there is no network in it")
    if not any(entry.domain in ("", "ai.onnx") for entry in proto.opset_import):
        raise OnnxError(f"{path.name} does not say which ONNX version it is, or is cut off; export it again")
    return proto


def _check(proto: ModelProto, path: Path) -> None:
    """Raise OnnxError for a file that contradicts ONNX: wrong attributes, inputs that nothing makes."""
    from onnx import checker

    try:
        checker.check_model(proto)
    except (checker.ValidationError, ValueError) as error:
        raise OnnxError(
            f"{path.name} is not valid ONNX: {_first_line(error)}; export it again, with a newer exporter"
        ) from error


def _picture_shape(value: ValueInfoProto, path: Path) -> tuple[int, tuple[int | None, int | None]]:
    """Return the channels and the size. Raises OnnxError for inputs that are no pictures of 1 or 3 planes."""
    from onnx import TensorProto

    kind = value.type.tensor_type.elem_type
    if kind not in (TensorProto.FLOAT, TensorProto.FLOAT16):
        names = {number: name.lower() for name, number in TensorProto.DataType.items()}
        raise OnnxError(
            f"{path.name} reads {names.get(kind, 'unknown')} samples; "
            "export it so that it reads float32 or float16 of 0 to 1"
        )
    dims = [
        dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else None
        for dim in value.type.tensor_type.shape.dim
    ]
    shown = "x".join("any" if dim is None else str(dim) for dim in dims)
    if len(dims) != 4 or dims[1] not in (1, 3):
        hint = "; it seems to have them last" if len(dims) == 4 and dims[3] in (1, 3) else ""
        raise OnnxError(
            f"{path.name} reads {shown or 'a number'}; batch x channels x height x width with 1 or 3 "
            f"channels is wanted{hint}: export it so"
        )
    if dims[0] not in (None, 1):
        raise OnnxError(f"{path.name} takes {dims[0]} pictures at once; export it for 1, or for any number")
    channels = dims[1]
    assert channels is not None
    return channels, (dims[2], dims[3])


def _attribute(attribute: AttributeProto) -> Any:
    """Return an attribute's value: number, text, lists of them, array; None for graphs and the rest."""
    from onnx import AttributeProto as Proto
    from onnx import helper, numpy_helper

    if attribute.type == Proto.TENSOR:
        return numpy_helper.to_array(attribute.t)
    if attribute.type == Proto.STRING:
        return attribute.s.decode(errors="replace")
    if attribute.type in (Proto.FLOAT, Proto.INT, Proto.FLOATS, Proto.INTS):
        value = helper.get_attribute_value(attribute)
        return list(value) if attribute.type in (Proto.FLOATS, Proto.INTS) else value
    return None


def _take_external_data(proto: ModelProto, path: Path) -> None:
    """Put data that lies in files beside the model into it."""
    from onnx import TensorProto

    folder = path.parent.resolve()
    for tensor in _tensors(proto.graph):
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        entries = {entry.key: entry.value for entry in tensor.external_data}
        location = entries.get("location", "")
        place = (folder / location).resolve()
        if not location or not place.is_relative_to(folder):
            raise OnnxError(
                f"{path.name} keeps weights in {location!r}, outside its folder; this is refused: "
                "put the file beside the network and export it again"
            )
        tensor.raw_data = _external_bytes(tensor, place, entries, path)
        tensor.ClearField("external_data")
        tensor.ClearField("data_location")


def _external_bytes(tensor: TensorProto, place: Path, entries: dict[str, str], path: Path) -> bytes:
    from onnx import helper

    try:
        item = helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
        wanted = math.prod(tensor.dims) * item
        offset, length = int(entries.get("offset", 0)), int(entries.get("length", wanted))
    except (KeyError, ValueError) as error:
        raise OnnxError(f"{path.name} is damaged: weight {tensor.name!r} has no readable place") from error
    if length != wanted or offset < 0:
        raise OnnxError(
            f"{path.name} is damaged: weight {tensor.name!r} is {length} bytes, its shape needs {wanted}"
        )
    try:
        with place.open("rb") as file:
            if place.stat().st_size < offset + length:
                raise OnnxError(
                    f"{place.name}, the weights of {path.name}, is cut off: {place.stat().st_size} bytes, "
                    f"{offset + length} are needed; copy it again"
                )
            file.seek(offset)
            return file.read(length)
    except OSError as error:
        raise OnnxError(
            f"{place.name}, the weights of {path.name}, cannot be read: {error.strerror or error}; "
            "copy it into the network's folder"
        ) from error


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """Yield every tensor of a graph and of the graphs in it."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield sparse.values
        yield sparse.indices
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for inner in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                yield from _tensors(inner)


def _count(values: Any) -> str:
    return str(len(values)) if len(values) else "no"


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def as_floats(array: Known) -> npt.NDArray[np.float32]:
    """Return a constant as float32, whatever float type the file has it in."""
    return np.asarray(array, np.float32)
