"""Write a graph as an ONNX file of standard operators."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from vsr.nets.errors import OnnxError
from vsr.nets.graph import Graph, Node
from vsr.nets.onnx.phases import REACH, Smooth, phase_kernels, picking_kernels
from vsr.nets.ops import (
    Add,
    Clamp,
    Concat,
    Conv,
    ConvTranspose,
    CRelu,
    LeakyRelu,
    PixelShuffle,
    PixelUnshuffle,
    PRelu,
    Relu,
    Resize,
    Scale,
    Sigmoid,
    Tanh,
)

if TYPE_CHECKING:
    from onnx import ModelProto

Precision = Literal["fp32", "fp16"]
OPSET = 18
IR_VERSION = 8
"""The oldest that has opset 18, so that the file also opens in older runtimes."""
_LARGEST_FP16 = 65504.0


def write_onnx(graph: Graph, path: Path, *, precision: Precision = "fp32") -> None:
    """Write the network to `path`; a file that is there is replaced only when the new one is complete.

    See `onnx_bytes` for what is in it. Raises OnnxError.
    """
    data = onnx_bytes(graph, precision=precision)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(data)
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OnnxError(
            f"{path} cannot be written: {error.strerror or error}; choose a folder that can be written to"
        ) from error


def onnx_bytes(graph: Graph, *, precision: Precision = "fp32") -> bytes:
    """Return the network as an ONNX file of opset 18.

    One input `input` (batch, channels, height, width), one output `output`, both float32, of any size. With
    "fp16" weights and everything between are float16 and the ends convert, so that what feeds the one file
    feeds the other. Operators are standard ones; the name, source, scale, and what it reads and writes are in
    the file's metadata. Raises OnnxError for weights that float16 does not hold, and files over 2 GiB.
    """
    if precision not in ("fp32", "fp16"):
        raise OnnxError(f"precision is {precision!r}; fp32 and fp16 can be written")
    model = _Writer(graph, precision).model()
    try:
        data: bytes = model.SerializeToString()
    except ValueError as error:
        raise OnnxError(f"{graph.name} is too large for one ONNX file of at most 2 GiB; use fp16") from error
    return data


class _Writer:
    """Collects nodes and constants. Each `_emit` gives the name of what it made."""

    def __init__(self, graph: Graph, precision: Precision) -> None:
        self._graph = graph
        self._dtype = np.dtype(np.float16 if precision == "fp16" else np.float32)
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}
        self._bases = _base_names(graph)
        self._names: dict[str, str] = {}
        self._permutations = _permutations(graph)

    def model(self) -> ModelProto:
        from onnx import TensorProto, helper

        graph, ends = self._graph, TensorProto.FLOAT
        half = self._dtype == np.float16
        self._names[graph.input.name] = (
            self._emit("Cast", "ends/input", "input", to=TensorProto.FLOAT16) if half else "input"
        )
        for node in graph.nodes[1:]:
            self._names[node.name] = self._write(node)
        last = self._names[graph.output.name]
        if half:
            self._emit("Cast", "ends/output", last, out="output", to=ends)
        else:
            self._emit("Identity", "ends/output", last, out="output")
        times = "" if graph.scale == 1 else f"*{graph.scale}"
        model = helper.make_model(
            helper.make_graph(
                self._nodes,
                graph.name or "network",
                [
                    helper.make_tensor_value_info(
                        "input", ends, ["batch", graph.channels_in, "height", "width"]
                    )
                ],
                [
                    helper.make_tensor_value_info(
                        "output", ends, ["batch", graph.channels_out, f"height{times}", f"width{times}"]
                    )
                ],
                list(self._constants.values()),
                doc_string=f"{graph.name}: {'; '.join(graph.summary())}",
            ),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="vsr",
            doc_string=f"{graph.name}, {graph.source}" if graph.source else graph.name,
        )
        helper.set_model_props(model, _metadata(graph))
        return model

    def _emit(self, kind: str, name: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        from onnx import helper

        out = out or name
        self._nodes.append(helper.make_node(kind, list(inputs), [out], name=name, **attributes))
        return out

    def _constant(self, name: str, values: npt.ArrayLike, dtype: Any = None) -> str:
        """Add a constant, of the network's own type unless another is given, once for each name."""
        from onnx import numpy_helper

        array = np.asarray(values)
        if dtype is None:
            if self._dtype == np.float16 and np.abs(array).max() > _LARGEST_FP16:
                raise OnnxError(
                    f"{self._graph.name}: {name} has values up to {np.abs(array).max():g}; "
                    f"fp16 holds up to {_LARGEST_FP16:g}: write it as fp32"
                )
            dtype = self._dtype
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.array(array, dtype, order="C"), name)
        return name

    def _integers(self, *values: int) -> str:
        return self._constant(f"shared/integers{list(values)}", values, np.int64)

    def _write(self, node: Node) -> str:
        """Add the operators of one node; return the name of its result."""
        name, op = self._bases[node.name], node.op
        source = self._names[node.inputs[0]]
        match op:
            case Conv():
                return self._conv(node, op, source)
            case ConvTranspose():
                return self._emit(
                    "ConvTranspose",
                    name,
                    source,
                    self._constant(f"{name}/weight", op.weight),
                    self._constant(f"{name}/bias", op.bias),
                    kernel_shape=[op.size] * 2,
                    strides=[op.stride] * 2,
                    pads=[op.padding] * 4,
                    output_padding=[op.output_padding] * 2,
                )
            case LeakyRelu(slope=slope):
                return self._emit("LeakyRelu", name, source, alpha=float(slope))
            case PRelu(slope=slopes):
                values = slopes[:1] if op.shared else slopes
                return self._emit(
                    "PRelu", name, source, self._constant(f"{name}/slope", values[:, None, None])
                )
            case Relu() | Tanh() | Sigmoid():
                return self._emit(type(op).__name__, name, source)
            case CRelu():
                positive = self._emit("Relu", f"{name}/positive", source)
                turned = self._emit("Neg", f"{name}/turned", source)
                negative = self._emit("Relu", f"{name}/negative", turned)
                return self._emit("Concat", name, positive, negative, axis=1)
            case Add():
                return self._emit("Add", name, *(self._names[other] for other in node.inputs))
            case Concat():
                return self._emit("Concat", name, *(self._names[other] for other in node.inputs), axis=1)
            case Scale():
                return self._scale(name, op, source)
            case Clamp(low=low, high=high):
                limits = [
                    self._constant(f"{name}/{what}", value) if np.isfinite(value) else ""
                    for what, value in (("low", low), ("high", high))
                ]
                return self._emit("Clip", name, source, *limits)
            case PixelShuffle():
                return self._shuffle(node, op, source)
            case PixelUnshuffle(factor=factor):
                return self._unshuffle(name, factor, self._graph.channels[node.inputs[0]], source)
            case Resize():
                return self._resize(name, op, self._graph.channels[node.inputs[0]], source)
        raise NotImplementedError(f"the ONNX writer has no {type(op).__name__}")

    def _conv(self, node: Node, op: Conv, source: str) -> str:
        name, pad = self._bases[node.name], op.radius
        order = self._permutations.get(node.name, slice(None))
        if op.border == "replicate" and pad:
            source, pad = self._pad_edge(f"{name}/border", source, pad), 0
        return self._emit(
            "Conv",
            name,
            source,
            self._constant(f"{name}/weight", op.weight[order]),
            self._constant(f"{name}/bias", op.bias[order]),
            kernel_shape=[op.size] * 2,
            pads=[pad] * 4,
            dilations=[op.dilation] * 2,
        )

    def _pad_edge(self, name: str, source: str, margin: int) -> str:
        pads = self._integers(0, 0, margin, margin, 0, 0, margin, margin)
        return self._emit("Pad", name, source, pads, mode="edge")

    def _scale(self, name: str, op: Scale, source: str) -> str:
        has_offset = bool(op.offset.any())
        if not has_offset or bool((op.gain != 1).any()):
            gain = self._constant(f"{name}/gain", op.gain[:, None, None])
            source = self._emit("Mul", f"{name}/times" if has_offset else name, source, gain)
        if has_offset:
            offset = self._constant(f"{name}/offset", op.offset[:, None, None])
            source = self._emit("Add", name, source, offset)
        return source

    def _shuffle(self, node: Node, op: PixelShuffle, source: str) -> str:
        name = self._bases[node.name]
        if op.order == "xy" and node.inputs[0] not in self._permutations:
            channels = self._graph.channels[node.inputs[0]]
            picks = np.eye(channels)[_rows_first(channels, op.factor), :, None, None]
            weight = self._constant(f"{name}/picks", picks)
            source = self._emit("Conv", f"{name}/order", source, weight, kernel_shape=[1, 1])
        return self._emit("DepthToSpace", name, source, blocksize=op.factor, mode="CRD")

    def _unshuffle(self, name: str, factor: int, channels: int, source: str) -> str:
        """A convolution that takes one pixel for each channel: SpaceToDepth puts the channels the other way.

        A Gather after that would bring them into order, but OpenVINO 2026.4 folds one wrongly into the
        convolution that follows.
        """
        weight = self._constant(f"{name}/picks", picking_kernels(factor, channels))
        sides = [factor] * 2
        return self._emit("Conv", name, source, weight, group=channels, kernel_shape=sides, strides=sides)

    def _resize(self, name: str, op: Resize, channels: int, source: str) -> str:
        if op.kind == "nearest":
            scales = self._constant(
                f"shared/scales{op.factor}", np.array([1, 1, op.factor, op.factor]), np.float32
            )
            modes = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            return self._emit("Resize", name, source, "", scales, mode="nearest", **modes)
        kind: Smooth = op.kind
        source = self._pad_edge(f"{name}/border", source, 1)
        if kind == "bicubic":
            source = self._mirror_second(name, source)
        weight = self._constant(f"{name}/phases", phase_kernels(kind, op.factor, channels))
        made = self._emit(
            "Conv", f"{name}/parts", source, weight, group=channels, kernel_shape=[2 * REACH[kind] + 1] * 2
        )
        return self._emit("DepthToSpace", name, made, blocksize=op.factor, mode="CRD")

    def _mirror_second(self, name: str, source: str) -> str:
        """Give planes with a margin of 1 a second sample outside: the mirror image is the third from the end.

        With one pixel all three are the same, which is right too.
        """
        for axis, along in ((2, "rows"), (3, "columns")):
            first = self._emit(
                "Slice",
                f"{name}/first_{along}",
                source,
                *map(self._integers, (2, 3, axis)),
            )
            last = self._emit(
                "Slice",
                f"{name}/last_{along}",
                source,
                *map(self._integers, (-3, -2, axis)),
            )
            source = self._emit("Concat", f"{name}/mirrored_{along}", first, source, last, axis=axis)
        return source


def _base_names(graph: Graph) -> dict[str, str]:
    """Return for each node a name that neither the ends nor another node's parts ("name/part") have."""
    found: dict[str, str] = {}
    taken = {"input", "output"}
    for node in graph.nodes:
        base = node.name.replace("/", ".")
        while base in taken:
            base += "_"
        taken.add(base)
        found[node.name] = base
    return found


def _permutations(graph: Graph) -> dict[str, list[int]]:
    """Return, for convolutions that only a PixelShuffle "xy" reads, the order that makes it "yx"."""
    found = {}
    for node in graph.nodes:
        if isinstance(node.op, PixelShuffle) and node.op.order == "xy":
            source = graph.by_name[node.inputs[0]]
            if isinstance(source.op, Conv) and graph.users[source.name] == (node.name,):
                found[source.name] = _rows_first(graph.channels[source.name], node.op.factor)
    return found


def _rows_first(channels: int, factor: int) -> list[int]:
    """Return which channel of order "xy" comes at each place of order "yx"."""
    cells = np.arange(channels).reshape(-1, factor, factor)
    return [int(index) for index in cells.transpose(0, 2, 1).ravel()]


def _metadata(graph: Graph) -> dict[str, str]:
    return {
        "name": graph.name,
        "source": graph.source,
        "scale": str(graph.scale),
        "reads": graph.reads,
        "writes": graph.writes,
        "multiple_of": str(graph.multiple_of),
        "receptive_field": json.dumps(graph.receptive_field),
    }
