"""Graphs as ONNX files, and ONNX files as graphs: the same numbers, or a sentence that says why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, checker, load_model, load_model_from_string

from tests.nets import weights as checkpoints
from tests.nets.exported import Array, floats, numbers, reference_run
from vsr.engine.reference import run
from vsr.nets.builder import Builder
from vsr.nets.errors import OnnxError
from vsr.nets.families import recognise
from vsr.nets.graph import Graph, Node
from vsr.nets.onnx import onnx_bytes, read_onnx, write_onnx
from vsr.nets.ops import (
    Add,
    Clamp,
    Concat,
    Conv,
    ConvTranspose,
    CRelu,
    LeakyRelu,
    Op,
    PixelShuffle,
    PixelUnshuffle,
    PRelu,
    Relu,
    Resize,
    Scale,
    Sigmoid,
    Tanh,
)

SIZES = [(1, 1), (1, 6), (5, 3)]
TOLERANCE = 2e-5
"""Of results of about 1."""


def between(op: Op, channels: int, out: int) -> Graph:
    """input -> 1x1 to `channels` -> op -> 1x1 back to 3, and to pixels again after a PixelUnshuffle."""
    b = Builder(3)
    back = op.factor if isinstance(op, PixelUnshuffle) else 1
    x = b.conv(b.add(op, b.conv(b.input, numbers(channels, 3, 1, 1))), numbers(3 * back**2, out, 1, 1))
    if back > 1:
        b.add(PixelShuffle(back), x)
    return b.build("test", source="made up")


def two_users() -> Graph:
    """An "xy" whose convolution something else reads too, and one without a convolution before it."""
    b = Builder(3)
    many = b.conv(b.input, numbers(12, 3, 3, 3))
    first = b.add(PixelShuffle(2, "xy"), many)
    second = b.add(PixelShuffle(2, "xy"), b.add(Relu(), many))
    b.add(Add(), first, second)
    return b.build("two")


def residual() -> Graph:
    b = Builder(3)
    plane = b.add(PixelShuffle(2), b.conv(b.input, numbers(4, 3, 3, 3)))
    b.add(Add(), plane, b.add(Resize("bicubic", 2), b.input))
    return b.build("residual")


def concatenated() -> Graph:
    b = Builder(1)
    x = b.conv(b.input, numbers(4, 1, 3, 3), name="output")  # a name that the file's output has too
    y = b.add(Tanh(), x, name="input_/weight")
    b.conv(b.add(Concat(), x, y, x), numbers(1, 12, 1, 1))
    return b.build("concat")


OPS: dict[str, Graph] = {
    "conv zero": between(Conv(numbers(4, 4, 3, 3), numbers(4), "zero"), 4, 4),
    "conv replicate": between(Conv(numbers(4, 4, 5, 5), numbers(4), "replicate"), 4, 4),
    "conv dilated": between(Conv(numbers(4, 4, 3, 3), numbers(4), "zero", 2), 4, 4),
    "conv dilated replicate": between(Conv(numbers(4, 4, 3, 3), numbers(4), "replicate", 3), 4, 4),
    "conv 1x1 replicate": between(Conv(numbers(4, 4, 1, 1), numbers(4), "replicate"), 4, 4),
    "transposed 9": between(ConvTranspose(numbers(4, 2, 9, 9), numbers(2), 3, 4, 2), 4, 2),
    "transposed 4": between(ConvTranspose(numbers(4, 2, 4, 4), numbers(2), 2, 1, 0), 4, 2),
    "relu": between(Relu(), 4, 4),
    "leaky relu": between(LeakyRelu(0.2), 4, 4),
    "prelu": between(PRelu(floats(0.1, -1, 2, 0)), 4, 4),
    "prelu shared": between(PRelu(floats(0.1, 0.1, 0.1, 0.1), shared=True), 4, 4),
    "tanh": between(Tanh(), 4, 4),
    "sigmoid": between(Sigmoid(), 4, 4),
    "crelu": between(CRelu(), 4, 8),
    "scale": between(Scale(floats(2, 1, 0.5, -1), floats(0.1)), 4, 4),
    "gain": between(Scale(floats(0.2), floats(0)), 4, 4),
    "offset": between(Scale(floats(1), floats(1, 2, 3, 4)), 4, 4),
    "scale of nothing": between(Scale(floats(1), floats(0)), 4, 4),
    "clamp": between(Clamp(-0.1, 0.3), 4, 4),
    "clamp below": between(Clamp(-0.1, np.inf), 4, 4),
    "shuffle yx": between(PixelShuffle(3), 18, 2),
    "shuffle xy": between(PixelShuffle(3, "xy"), 18, 2),
    "shuffle xy of two users": two_users(),
    "unshuffle": between(PixelUnshuffle(3), 1, 9),
    "unshuffle of many": between(PixelUnshuffle(2), 5, 20),
    "nearest": between(Resize("nearest", 3), 4, 4),
    "bilinear": between(Resize("bilinear", 2), 4, 4),
    "bilinear 3": between(Resize("bilinear", 3), 1, 1),
    "bicubic": between(Resize("bicubic", 3), 4, 4),
    "bicubic 2": between(Resize("bicubic", 2), 3, 3),
    "bicubic 4": between(Resize("bicubic", 4), 1, 1),
    "residual": residual(),
    "concat": concatenated(),
}


REWRITTEN = {"conv 1x1 replicate", "shuffle xy", "shuffle xy of two users", "offset"}
"""Read back as another graph, of the same results."""


def openvino_run(data: bytes, planes: Array) -> Array:
    """What OpenVINO makes of a file, in float32."""
    import openvino  # type: ignore[import-untyped]

    core = openvino.Core()
    model = core.read_model(data)
    model.reshape([1, *planes.shape])
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    compiled = core.compile_model(model, "CPU", settings)
    return compiled.create_infer_request().infer({0: planes[None]})[0][0]


def pictures(graph: Graph) -> list[Array]:
    block = graph.multiple_of
    return [
        np.random.default_rng(3).random((graph.channels_in, h * block, w * block)).astype(np.float32)
        for h, w in SIZES
    ]


def read_back(graph: Graph, folder: Path) -> Graph:
    write_onnx(graph, folder / "net.onnx")
    back = read_onnx(folder / "net.onnx")
    assert isinstance(back, Graph), back
    return back


def check_same(graph: Graph, folder: Path) -> Graph:
    """Write, check, run in OpenVINO, read back: the reference's numbers each time. Return what was read."""
    data = onnx_bytes(graph)
    checker.check_model(load_model_from_string(data), full_check=True)
    back = read_back(graph, folder)
    for planes in pictures(graph):
        expected = run(graph, planes)
        tolerance = TOLERANCE * max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(openvino_run(data, planes), expected, rtol=0, atol=tolerance)
        np.testing.assert_allclose(
            run(back, planes), expected, rtol=0, atol=1e-6 * max(1, abs(expected).max())
        )
    return back


@pytest.mark.parametrize("name", OPS)
def test_operations(name: str, tmp_path: Path) -> None:
    graph = OPS[name]
    back = check_same(graph, tmp_path)
    assert back.digest == graph.digest or name in REWRITTEN


FAMILIES: dict[str, Callable[[], Array]] = {
    "srcnn": lambda: (
        checkpoints.conv("conv1", 8, 1, 9)
        | checkpoints.conv("conv2", 4, 8, 1)
        | checkpoints.conv("conv3", 1, 4, 5)
    ),
    "vdsr": checkpoints.vdsr,
    "espcn": lambda: checkpoints.espcn(3),
    "fsrcnn": checkpoints.fsrcnn,
    "compact": lambda: checkpoints.compact(16, 3, 4),
    "rrdb": lambda: checkpoints.rrdb("new"),
    "rrdb of 2x2 pixels": lambda: checkpoints.rrdb("new", into=12),
    "srgan": checkpoints.srgan,
    "srgan with tanh": checkpoints.leftthomas,
    "msrresnet": checkpoints.msrresnet,
    "enhancenet": checkpoints.enhancenet,
}


@pytest.mark.parametrize("name", FAMILIES)
def test_families_are_read_as_they_were_written(name: str, tmp_path: Path) -> None:
    tensors = {
        key: np.asarray(value, np.float32) * (0.4 if np.ndim(value) == 4 else 0.3)
        for key, value in FAMILIES[name]().items()
    }
    graph = recognise(tensors, name="net")
    back = check_same(graph, tmp_path)
    assert (back.digest, back.name, back.source) == (graph.digest, "net", "net.onnx")


@settings(max_examples=10, deadline=None)
@given(
    kind=st.sampled_from(["nearest", "bilinear", "bicubic"]),
    factor=st.integers(2, 5),
    height=st.integers(1, 7),
    width=st.integers(1, 400),
)
def test_enlarging_is_exact_at_any_size(kind: Any, factor: int, height: int, width: int) -> None:
    b = Builder(1)
    b.add(Resize(kind, factor), b.input)
    graph = b.build("resize")
    planes = np.random.default_rng(width).random((1, height, width)).astype(np.float32)
    np.testing.assert_allclose(
        openvino_run(onnx_bytes(graph), planes), run(graph, planes, dtype=np.float64), atol=1e-6
    )


def test_fp16_is_float16_between_float32_ends() -> None:
    graph = OPS["conv replicate"]
    model = load_model_from_string(onnx_bytes(graph, precision="fp16"))
    checker.check_model(model, full_check=True)
    floating = {t.data_type for t in model.graph.initializer} - {TensorProto.INT64}
    assert floating == {TensorProto.FLOAT16}
    ends = (model.graph.input[0], model.graph.output[0])
    assert {end.type.tensor_type.elem_type for end in ends} == {TensorProto.FLOAT}
    planes = pictures(graph)[-1]
    result = reference_run(model, planes)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, run(graph, planes), atol=0.01)


@pytest.mark.parametrize("name", ["compact", "rrdb of 2x2 pixels", "enhancenet"])
def test_fp16_files_are_read_back(name: str, tmp_path: Path) -> None:
    tensors = {key: np.asarray(value, np.float32) * 0.3 for key, value in FAMILIES[name]().items()}
    graph = recognise(tensors, name="net")
    write_onnx(graph, tmp_path / "half.onnx", precision="fp16")
    back = read_onnx(tmp_path / "half.onnx")
    assert isinstance(back, Graph)
    assert [type(node.op) for node in back.nodes] == [type(node.op) for node in graph.nodes]
    planes = pictures(graph)[-1]
    np.testing.assert_allclose(run(back, planes), run(graph, planes), atol=0.01)


def test_weights_that_float16_does_not_hold_are_refused() -> None:
    graph = between(Scale(floats(1e6), floats(0)), 4, 4)
    with pytest.raises(OnnxError, match=r"values up to 1e\+06; fp16 holds up to 65504: write it as fp32"):
        onnx_bytes(graph, precision="fp16")
    with pytest.raises(OnnxError, match="precision is 'int8'; fp32 and fp16"):
        onnx_bytes(graph, precision="int8")  # type: ignore[arg-type]


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    graph = OPS["residual"]
    write_onnx(Graph("net", graph.nodes, "made up"), tmp_path / "a.onnx")
    model = load_model(tmp_path / "a.onnx")
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert facts | {"receptive_field": ""} == {
        "name": "net",
        "source": "made up",
        "scale": "2",
        "reads": "rgb",
        "writes": "residual",
        "multiple_of": "1",
        "receptive_field": "",
    }
    sides = [dim.dim_param or dim.dim_value for dim in model.graph.output[0].type.tensor_type.shape.dim]
    assert sides == ["batch", 3, "height*2", "width*2"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.onnx"]
    with pytest.raises(OnnxError, match=r"cannot be written: .*; choose a folder"):
        write_onnx(graph, tmp_path / "nowhere" / "a.onnx")


def test_nodes_of_a_graph_keep_their_names(tmp_path: Path) -> None:
    b = Builder(1)
    b.conv(b.conv(b.input, numbers(2, 1, 3, 3), name="first"), numbers(1, 2, 3, 3), name="second")
    assert [node.name for node in read_back(b.build("net"), tmp_path).nodes] == ["input", "first", "second"]
    assert isinstance(b.build("net").nodes[0], Node)
