"""ONNX files of others: read as graphs, as networks to be run whole, or refused with a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, load_model, load_model_from_string, save_model

from tests.nets.exported import Exported, floats, numbers, reference_run, shuffled, unshuffled
from tests.nets.test_onnx import OPS
from vsr.engine.reference import run
from vsr.nets.errors import OnnxError
from vsr.nets.graph import Graph
from vsr.nets.onnx import ForeignNetwork, onnx_bytes, read_onnx
from vsr.nets.onnx.lift import NotOursError, lift
from vsr.nets.onnx.model import load_model as load_checked
from vsr.nets.onnx.pointwise import POINTWISE
from vsr.nets.onnx.spatial import SPATIAL
from vsr.nets.ops import Conv, PixelShuffle, PRelu

# What exporters write


def check_lifted(exported: Exported, output: str, folder: Path, *, height: int = 6, width: int = 8) -> Graph:
    """Read a file, and compare the graph with ONNX's own reference."""
    model = exported.model(output)
    path = exported.save(folder / "torch.onnx", output)
    graph = read_onnx(path)
    assert isinstance(graph, Graph), graph
    planes = np.random.default_rng(2).random((exported.channels, height, width)).astype(np.float32)
    expected = reference_run(model, planes)
    np.testing.assert_allclose(run(graph, planes), expected, rtol=0, atol=2e-5)
    return graph


def ops_of(graph: Graph) -> list[str]:
    return [type(node.op).__name__ for node in graph.nodes[1:]]


@pytest.mark.parametrize(("opset", "size"), [(13, ("height", "width")), (17, (6, 8)), (17, ("height", 8))])
def test_espcn_as_torch_exports_it(opset: int, size: Any, tmp_path: Path) -> None:
    e = Exported(1, size, opset=opset)
    x = e.node("Tanh", e.conv("x", 8, 1, 5))
    x = e.node("DepthToSpace", e.conv(x, 4, 8), blocksize=2, mode="CRD")
    graph = check_lifted(e, e.node("Clip", x, e.number(np.float32(0)), e.number(np.float32(1))), tmp_path)
    assert ops_of(graph) == ["Conv", "Tanh", "Conv", "PixelShuffle", "Clamp"]
    assert graph.nodes[-1].op.sentence == "clamp to 0..1"


@pytest.mark.parametrize("order", [(0, 1, 4, 2, 5, 3), (0, 1, 4, 3, 5, 2)], ids=["yx", "xy"])
@pytest.mark.parametrize("size", [("height", "width"), (6, 8), (1, 1)])
def test_pixel_shuffle_of_six_axes(order: Any, size: Any, tmp_path: Path) -> None:
    e = Exported(3, size)
    graph = check_lifted(
        e,
        shuffled(e, e.conv("x", 27, 3), 3, order),
        tmp_path,
        height=size[0] if size == (1, 1) else 6,
        width=size[1] if size == (1, 1) else 8,
    )
    assert ops_of(graph) == ["Conv", "PixelShuffle"]
    assert graph.nodes[-1].op == PixelShuffle(3) or getattr(graph.nodes[-1].op, "factor", 0) == 3


@pytest.mark.parametrize("channels", [4, 12])
def test_depth_first_shuffles_become_ours_by_their_convolution(channels: int, tmp_path: Path) -> None:
    e = Exported(channels // 4 if channels == 12 else 1)
    x = e.conv("x", channels, e.channels)
    graph = check_lifted(e, e.node("DepthToSpace", x, blocksize=2, mode="DCR"), tmp_path)
    assert ops_of(graph) == ["Conv", "PixelShuffle"]
    e = Exported(3)
    x = e.node("Relu", e.conv("x", 12, 3))  # no convolution to take the order in
    graph = check_lifted(e, shuffled(e, x, 2, (0, 3, 4, 1, 5, 2)), tmp_path)
    assert ops_of(graph) == ["Conv", "Relu", "Conv", "PixelShuffle"]


@pytest.mark.parametrize("fixed", [None, (6, 8)])
def test_pixel_unshuffle_of_six_axes(fixed: Any, tmp_path: Path) -> None:
    e = Exported(3, fixed or ("height", "width"))
    x = e.conv(unshuffled(e, "x", 3, 2, fixed=fixed), 12, 12)
    graph = check_lifted(e, e.node("DepthToSpace", x, blocksize=2, mode="CRD"), tmp_path)
    assert ops_of(graph) == ["PixelUnshuffle", "Conv", "PixelShuffle"]
    assert graph.multiple_of == 2


def test_space_to_depth_orders_channels_otherwise(tmp_path: Path) -> None:
    e = Exported(3)
    x = e.node("SpaceToDepth", "x", blocksize=2)
    graph = check_lifted(e, e.node("DepthToSpace", e.conv(x, 12, 12), blocksize=2, mode="CRD"), tmp_path)
    assert ops_of(graph) == ["PixelUnshuffle", "Conv", "Conv", "PixelShuffle"]


def test_batch_norm_is_folded_or_kept(tmp_path: Path) -> None:
    e = Exported(3)
    norms = [[e.constant(abs(numbers(count)) + 0.5) for _ in range(4)] for count in (8, 8, 3)]
    x = e.conv("x", 8, 3)
    first = e.node("BatchNormalization", x, *norms[0], epsilon=1e-3)
    second = e.node("BatchNormalization", e.node("Relu", first), *norms[1])
    third = e.node("BatchNormalization", e.conv(e.node("Add", second, first), 3, 8), *norms[2])
    graph = check_lifted(e, third, tmp_path)
    assert ops_of(graph) == ["Conv", "Relu", "Scale", "Add", "Conv"]


def test_arithmetic_with_constants(tmp_path: Path) -> None:
    e = Exported(3)
    mean = e.constant(floats(0.4, 0.5, 0.6).reshape(1, 3, 1, 1))
    x = e.node("Div", e.node("Sub", "x", mean), e.constant(floats(0.2, 0.3, 0.4).reshape(3, 1, 1)))
    x = e.node("Mul", e.number(np.float32(0.2)), e.conv(x, 3, 3))
    y = e.node("Sub", e.number(np.float32(1)), e.node("Neg", x))
    graph = check_lifted(e, e.node("Sub", y, e.node("Add", e.node("Mul", x, mean), mean)), tmp_path)
    assert ops_of(graph).count("Conv") == 1


def test_activations_and_no_ops(tmp_path: Path) -> None:
    e = Exported(1, opset=13)
    x = e.node("PRelu", e.conv("x", 4, 1), e.constant(floats(1, 2, 3, 4).reshape(4, 1, 1)))
    x = e.node("Dropout", e.node("Identity", e.node("LeakyRelu", x)))
    x = e.node("Cast", e.node("Cast", x, to=TensorProto.FLOAT16), to=TensorProto.FLOAT)
    x = e.node("Clip", x, "", e.number(np.float32(0.3)))
    x = e.node("Clip", e.node("Sigmoid", x), e.number(np.float32(0)))
    x = e.node("PRelu", x, e.constant(floats(0.25)))
    path = e.save(tmp_path / "a.onnx", e.conv(x, 1, 4))
    graph = read_onnx(path)
    assert isinstance(graph, Graph)
    assert ops_of(graph) == ["Conv", "PRelu", "LeakyRelu", "Clamp", "Sigmoid", "Relu", "PRelu", "Conv"]
    assert isinstance(slope := graph.nodes[-2].op, PRelu) and slope.shared
    assert graph.nodes[3].op.sentence == "leaky relu, slope 0.01"


def test_channels_cut_and_reordered(tmp_path: Path) -> None:
    e = Exported(3)
    x = e.node("Gather", e.conv("x", 6, 3), e.number(np.array([5, 0, 3, 3, -2, 1])), axis=1)
    split = e.node("Split", x, e.number(np.array([2, 4])), axis=1, outputs=2)
    sliced = e.node("Slice", e.node("Relu", x), *(e.number(np.array([v])) for v in (4, -10, 1, -2)))
    names = (split, split[:-1] + "1", sliced)
    graph = check_lifted(e, e.conv(e.node("Concat", *names, axis=1), 3, 9), tmp_path)
    assert set(ops_of(graph)) == {"Conv", "Relu", "Concat"}


def test_borders(tmp_path: Path) -> None:
    e = Exported(3)
    pads = e.node("Concat", e.number(np.array([0, 0, 2, 2])), e.number(np.array([0, 0, 2, 2])), axis=0)
    x = e.conv(e.node("Pad", "x", pads, mode="edge"), 4, 3, 5, pads=[0] * 4)
    ones = e.number(np.array([0, 0, 1, 1, 0, 0, 1, 1]))
    x = e.conv(e.node("Pad", x, ones), 4, 4, 5, pads=[1] * 4)
    x = e.conv(x, 3, 4, 3, dilations=[2, 2])
    graph = check_lifted(e, x, tmp_path)
    assert [node.op.border for node in graph.nodes if isinstance(node.op, Conv)] == [
        "replicate",
        "zero",
        "zero",
    ]


@pytest.mark.parametrize("by", ["scales", "sizes", "floor"])
def test_interpolate_as_torch_exports_it(by: str, tmp_path: Path) -> None:
    e = Exported(3)
    if by == "scales":
        given = ["", e.number(floats(1, 1, 2, 2))]
    else:
        sides = [e.side("x", axis) for axis in (2, 3)]
        if by == "sizes":
            sides = [e.node("Mul", side, e.number(np.int64(2))) for side in sides]
        else:
            wide = [e.node("Cast", side, to=TensorProto.FLOAT) for side in sides]
            wide = [e.node("Floor", e.node("Mul", side, e.number(np.float32(2)))) for side in wide]
            sides = [e.node("Cast", side, to=TensorProto.INT64) for side in wide]
        start, end = e.number(np.array([0])), e.number(np.array([2]))
        front = e.node("Slice", e.node("Shape", "x"), start, end, e.number(np.array([0])))
        given = ["", "", e.node("Concat", front, e.shape(*sides), axis=0)]
    nearest = e.node(
        "Resize",
        "x",
        *given,
        mode="nearest",
        nearest_mode="floor",
        coordinate_transformation_mode="asymmetric",
    )
    linear = e.node("Resize", "x", *given, mode="linear", coordinate_transformation_mode="pytorch_half_pixel")
    graph = check_lifted(e, e.node("Add", nearest, linear), tmp_path)
    assert ops_of(graph) == ["Resize", "Resize", "Add"]


def test_upsample_of_old_opsets_and_transposed_convolution(tmp_path: Path) -> None:
    e = Exported(3, opset=9)
    x = e.node("Upsample", "x", e.constant(floats(1, 1, 2, 2)), mode="nearest")
    weight = e.constant(numbers(3, 3, 3, 3))
    x = e.node("ConvTranspose", x, weight, strides=[2, 2], pads=[1] * 4, output_padding=[1, 1])
    graph = read_onnx(e.save(tmp_path / "a.onnx", x))
    assert isinstance(graph, Graph)
    assert (ops_of(graph), graph.scale) == (["Resize", "ConvTranspose"], 4)


def test_what_the_output_does_not_depend_on_is_left_out(tmp_path: Path) -> None:
    e = Exported(3)
    x = e.conv("x", 3, 3)
    e.node("Softmax", x)
    y = e.node("Relu", x)
    e.node("Tanh", y)
    assert ops_of(check_lifted(e, y, tmp_path)) == ["Conv", "Relu"]


# What is not ours


def foreign(e: Exported, output: str, folder: Path) -> ForeignNetwork:
    network = read_onnx(e.save(folder / "foreign.onnx", output))
    assert isinstance(network, ForeignNetwork), network
    return network


def enlarged(e: Exported, source: str, factor: int = 2) -> str:
    return e.node("DepthToSpace", e.conv(source, 3 * factor**2, 3), blocksize=factor, mode="CRD")


def test_a_foreign_network_says_what_it_is(tmp_path: Path) -> None:
    e = Exported(3)
    network = foreign(e, enlarged(e, e.node("Softmax", e.conv("x", 3, 3), axis=1)), tmp_path)
    assert network == ForeignNetwork(
        name="foreign",
        path=tmp_path / "foreign.onnx",
        channels_in=3,
        channels_out=3,
        scale=2,
        size=None,
        multiple_of=1,
        reason="Softmax ('/Softmax_1') is not one of ours",
    )
    assert network.sentence.startswith("foreign: reads R, G, B, 2x; run whole: Softmax")
    e = Exported(3, (48, 64))
    network = foreign(e, enlarged(e, e.node("Softmax", "x", axis=1), 4), tmp_path)
    assert (network.size, network.scale) == ((48, 64), 4)
    assert "64x48 pixels only" in network.sentence


def test_a_foreign_network_that_shrinks_first_says_its_multiple(tmp_path: Path) -> None:
    e = Exported(3)
    x = e.conv("x", 8, 3, strides=[2, 2])
    x = e.node("DepthToSpace", e.conv(e.node("HardSwish", x), 48, 8), blocksize=4, mode="CRD")
    network = foreign(e, x, tmp_path)
    assert (network.scale, network.multiple_of) == (2, 2)
    assert network.reason == "Conv ('/Conv_0') has groups or strides; a plain convolution is ours"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda e: e.node("Mul", "x", e.conv("x", 3, 3)), r"Mul \(.*second input that is not a constant"),
        (lambda e: e.conv("x", 3, 3, pads=[0] * 4), "changes the size: it pads by 0, its kernel reaches 1"),
        (lambda e: e.conv("x", 3, 1, group=3), "groups or strides"),
        (lambda e: e.conv("x", 3, 3, 5, pads=[2, 1, 2, 1]), r"has pads \[2, 1, 2, 1\]; the same in all"),
        (
            lambda e: e.node("Resize", "x", "", e.number(floats(1, 1, 2, 2)), mode="cubic"),
            "mode cubic repeats the border sample, ours mirrors",
        ),
        (
            lambda e: e.node(
                "Resize",
                "x",
                "",
                e.number(floats(1, 1, 2, 2)),
                mode="linear",
                coordinate_transformation_mode="align_corners",
            ),
            "mode linear places samples by align_corners",
        ),
        (
            lambda e: e.node(
                "Resize",
                "x",
                "",
                e.number(floats(1, 1, 3, 3)),
                coordinate_transformation_mode="asymmetric",
            ),
            r"other samples than the nearest \(asymmetric, round_prefer_floor\)",
        ),
        (
            lambda e: e.node("Resize", "x", "", e.number(floats(1, 1, 2, 4)), mode="nearest"),
            "enlarges by 1.0x1.0x2.0x4.0; one whole number",
        ),
        (
            lambda e: e.conv(
                e.node("Pad", "x", e.number(np.array([0, 0, 1, 1, 0, 0, 1, 1])), mode="reflect"),
                3,
                3,
                pads=[0] * 4,
            ),
            "pads with reflect; zeros and the edge are ours",
        ),
        (
            lambda e: e.node("Add", "x", e.constant(numbers(1, 3, 1, 8))),
            r"constant of shape \(1, 3, 1, 8\): one for each channel",
        ),
        (lambda e: e.node("Transpose", "x", perm=[0, 1, 3, 2]), "output '/Transpose_0_0' is not a picture"),
        (lambda e: e.node("Relu", e.node("Transpose", "x", perm=[0, 1, 3, 2])), "applied to what Pad, Slice"),
    ],
)
def test_the_first_operator_that_is_not_ours_is_named(make: Any, reason: str, tmp_path: Path) -> None:
    """Whether such a file can be run at all is another question, so that the reading is tested alone."""
    e = Exported(3)
    path = e.save(tmp_path / "a.onnx", make(e))
    with pytest.raises(NotOursError, match=reason):
        lift(load_checked(path), POINTWISE | SPATIAL)


# What cannot be run


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda e: e.conv("x", 3, 3, strides=[2, 2]), "turns 961x577 pixels into 481x289; .* whole number"),
        (lambda e: e.conv("x", 4, 3), "gives 4 channels; 1 or 3 are wanted"),
        (lambda e: e.node("NonZero", "x"), "how much larger its result is cannot be told .* one fixed size"),
    ],
)
def test_networks_that_do_not_enlarge(make: Any, message: str, tmp_path: Path) -> None:
    e = Exported(3)
    with pytest.raises(OnnxError, match=message):
        read_onnx(e.save(tmp_path / "a.onnx", make(e)))


def test_inputs_that_are_not_one_picture(tmp_path: Path) -> None:
    def message(e: Exported, **more: Any) -> str:
        save_model(e.model(e.node("Relu", "x"), **more), tmp_path / "a.onnx")
        with pytest.raises(OnnxError) as caught:
            read_onnx(tmp_path / "a.onnx")
        return str(caught.value)

    assert "reads 1x4xanyxany; batch x channels x height x width with 1 or 3" in message(Exported(4))
    last = Exported(8)
    last.size = (6, 3)
    assert "it seems to have them last" in message(last)
    many = Exported()
    many.batch = 4
    assert "takes 4 pictures at once; export it for 1" in message(many)
    whole = Exported()
    whole.kind = TensorProto.UINT8
    assert "reads uint8 samples; export it so that it reads float32" in message(whole)
    second = helper.make_tensor_value_info("sigma", TensorProto.FLOAT, [1])
    assert "2 inputs and 1 outputs" in message(Exported(), inputs=[second])


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    whole = onnx_bytes(OPS["conv zero"])
    with pytest.raises(OnnxError, match="cannot be read: No such file"):
        read_onnx(path)
    for data in (
        b"",
        b"not a network",
        bytes(range(256)),
        whole[:-200],
        whole[: len(whole) // 2],
        whole[:40],
    ):
        path.write_bytes(data)
        with pytest.raises(OnnxError, match=r"no ONNX file|cut off"):
            read_onnx(path)
    for end in range(0, len(whole), 37):
        path.write_bytes(whole[:end])
        with pytest.raises(OnnxError):
            read_onnx(path)


def test_margins_that_leave_nothing_are_refused(tmp_path: Path) -> None:
    e = Exported()
    padded = e.node("Pad", "x", e.number(np.array([0, 0, 0, 0, 0, 0, -(1 << 40), 0])), mode="edge")
    cut = e.node("Slice", padded, *(e.number(np.array([value])) for value in (2, 3, 2)))
    with pytest.raises(OnnxError, match=r"is damaged: Pad \('/Pad_1'\) cuts off 1099511627776 pixels"):
        read_onnx(e.save(tmp_path / "a.onnx", cut))


def test_invalid_models(tmp_path: Path) -> None:
    e = Exported()
    path = e.save(tmp_path / "a.onnx", e.node("Relu", "nothing"))
    with pytest.raises(OnnxError, match=r"is not valid ONNX: .*nothing"):
        read_onnx(path)


@pytest.fixture
def with_external(tmp_path: Path) -> Path:
    """A file with its weights in net.bin beside it."""
    path = tmp_path / "net.onnx"
    model = load_model_from_string(onnx_bytes(OPS["conv zero"]))
    save_model(
        model, path, save_as_external_data=True, location="net.bin", size_threshold=0, convert_attribute=True
    )
    assert (tmp_path / "net.bin").exists()
    return path


def test_external_data_is_read_from_the_same_folder(with_external: Path) -> None:
    back = read_onnx(with_external)
    assert isinstance(back, Graph) and back.digest == OPS["conv zero"].digest


def test_external_data_that_is_missing_or_cut(with_external: Path) -> None:
    weights = with_external.with_name("net.bin")
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(OnnxError, match=r"net.bin, the weights of net.onnx, is cut off: \d+ bytes, \d+ are"):
        read_onnx(with_external)
    weights.unlink()
    with pytest.raises(OnnxError, match=r"net.bin.*cannot be read: No such file.*; copy it into"):
        read_onnx(with_external)


@pytest.mark.parametrize("location", ["../net.bin", "/etc/hostname", "link.bin", ""])
def test_external_data_elsewhere_is_refused(location: str, with_external: Path, tmp_path: Path) -> None:
    model = load_model(with_external, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "link.bin").symlink_to(tmp_path / "net.bin")
    (inner / "net.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(OnnxError, match="outside its folder; this is refused"):
        read_onnx(inner / "net.onnx")
