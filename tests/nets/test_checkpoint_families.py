"""Which family weights are of, and that they are its network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.nets.weights import (
    RNG,
    Arrays,
    compact,
    compact_without_slopes,
    conv,
    enhancenet,
    espcn,
    espcn_four,
    fsrcnn,
    fsrcnn_port,
    leftthomas,
    msrresnet,
    old_rrdb,
    renamed,
    rrdb,
    srcnn,
    srgan,
    vdsr,
    vdsr_port,
)
from vsr.engine.reference import run
from vsr.nets.errors import CheckpointError
from vsr.nets.families import recognise
from vsr.nets.ops import Conv


@pytest.mark.parametrize(
    ("tensors", "family", "scale", "parameters"),
    [
        (srcnn(), "srcnn", 2, 8129),
        (
            renamed(srcnn(), ("conv1", "features.0"), ("conv2", "map.0"), ("conv3", "reconstruction")),
            "srcnn",
            2,
            8129,
        ),
        (vdsr_port(), "vdsr", 2, None),
        (fsrcnn_port(), "fsrcnn", 2, 12809),
        (espcn_four(), "espcn", 3, None),
        (
            renamed(espcn(), ("first_part", "feature_maps"), ("last_part", "sub_pixel")),
            "espcn",
            2,
            21284,
        ),
        (compact_without_slopes(), "srvggnet-compact", 2, None),
        (rrdb("new", into=48), "rrdb", 1, None),
        (old_rrdb(0), "rrdb", 1, None),
        (old_rrdb(1), "rrdb", 2, None),
        (old_rrdb(3), "rrdb", 8, None),
        (enhancenet() | {"mean": np.array([0.476, 0.45, 0.409], np.float32)}, "enhancenet", 4, None),
        (vdsr(), "vdsr", 2, None),
        (espcn(3), "espcn", 3, 22729),
        (fsrcnn(), "fsrcnn", 2, 12809),
        (compact(64, 16, 4), "srvggnet-compact", 4, 621424),
        (rrdb("new"), "rrdb", 4, None),
        (rrdb("new", into=12), "rrdb", 2, None),
        (rrdb("middle"), "rrdb", 4, None),
        (rrdb("old", blocks=2), "rrdb", 4, None),
        (srgan(), "srresnet", 4, None),
        (renamed(srgan(), ("conv", "conv_block")), "srresnet", 4, None),
        (leftthomas(), "srresnet", 4, None),
        (msrresnet(), "srresnet", 4, None),
        (enhancenet(), "enhancenet", 4, 852867),
    ],
)
def test_families(tensors: Arrays, family: str, scale: int, parameters: int | None) -> None:
    graph = recognise(tensors, name="net")
    assert (graph.source.partition(" (")[0], graph.scale) == (family, scale)
    assert parameters is None or graph.num_parameters == parameters  # networks.md, 1.12
    size = graph.multiple_of * 2
    assert run(graph, RNG.random((graph.channels_in, size, size))).shape[1] == size * scale


def test_the_same_weights_under_old_and_new_keys_are_the_same_network() -> None:
    new = rrdb("new")
    old = dict(zip(rrdb("old"), new.values(), strict=True))
    assert recognise(new, name="a").digest == recognise(old, name="b").digest


def test_ports_are_the_same_network() -> None:
    tensors = fsrcnn()
    port = dict(zip(fsrcnn_port(), tensors.values(), strict=True))
    assert recognise(tensors, name="a").digest == recognise(port, name="b").digest
    with_mean = enhancenet() | {"mean": np.full(3, 0.25, np.float32)}
    graph = recognise(with_mean, name="e")
    flat = run(graph, np.full((3, 12, 12), 0.25, np.float32))[:, 24, 24]
    zero = run(
        recognise({k: v for k, v in with_mean.items() if k != "mean"}, name="e"), np.zeros((3, 12, 12))
    )
    np.testing.assert_allclose(flat, zero[:, 24, 24] + 0.25, rtol=1e-4)


@pytest.mark.parametrize("make", [srcnn, vdsr, fsrcnn])
def test_the_scale_is_said_where_weights_do_not(make: Any) -> None:
    graph = recognise(make(), name="x", scale=3)
    assert graph.scale == 3 and "assumed" not in graph.source
    assert "2x assumed, scale=N says otherwise" in recognise(make(), name="x").source
    with pytest.raises(CheckpointError, match="scale is 99; 1 to 16 is allowed"):
        recognise(make(), name="x", scale=99)
    if make is not fsrcnn:
        assert recognise(make(), name="x", scale=1).scale == 1


def test_3x_by_old_keys() -> None:
    assert recognise(old_rrdb(1), name="x", scale=3).scale == 3


@pytest.mark.parametrize(
    ("tensors", "default", "other", "ends"),
    [
        (espcn(), "Tanh", "relu", "PixelShuffle"),
        (espcn_four(), "Relu", "tanh", "Sigmoid"),
        (compact_without_slopes(), "Relu", "leakyrelu", "Add"),
    ],
)
def test_the_activation_is_said_where_keys_do_not(
    tensors: Arrays, default: str, other: str, ends: str
) -> None:
    graphs = recognise(tensors, name="x"), recognise(tensors, name="x", activation=other)
    kinds = [[type(node.op).__name__ for node in graph.nodes] for graph in graphs]
    assert default in kinds[0] and default not in kinds[1]
    assert f"{default.lower()} assumed, activation={other} says otherwise" in graphs[0].source
    assert "assumed" not in graphs[1].source and kinds[1][-1] == ends


def test_activations_that_do_not_fit() -> None:
    with pytest.raises(CheckpointError, match="unknown activation 'gelu'; tanh, relu, leakyrelu exist"):
        recognise(espcn(), name="x", activation="gelu")
    with pytest.raises(CheckpointError, match="rrdb, which leaves no choice of activation"):
        recognise(rrdb("new"), name="x", activation="relu")
    with pytest.raises(CheckpointError, match="the activation is leakyrelu; tanh, relu fit"):
        recognise(espcn(), name="x", activation="leakyrelu")


def test_batch_norm_is_folded() -> None:
    tensors = srgan(blocks=1)
    graph = recognise(tensors, name="net")
    folded = [node.op for node in graph.nodes if isinstance(node.op, Conv)][1]
    gain = tensors["trunk.0.rcb.1.weight"] / np.sqrt(tensors["trunk.0.rcb.1.running_var"] + 1e-5)
    expected = tensors["trunk.0.rcb.0.weight"] * gain[:, None, None, None]
    np.testing.assert_allclose(folded.weight, expected, rtol=1e-5)


def test_what_wrappers_put_before_the_names_is_passed_over() -> None:
    wrapped: Arrays = {f"module._orig_mod.{key}": value for key, value in espcn().items()}
    assert recognise(wrapped | {"n_averaged": np.zeros((), np.float32)}, name="x").scale == 2


def test_no_family() -> None:
    with pytest.raises(CheckpointError, match=r"no known family; known are srcnn.*Its first keys are a$"):
        recognise({"a": np.zeros(3, np.float32)}, name="x")
    wrong = espcn() | conv("last_part.0", 5, 32, 3)
    with pytest.raises(
        CheckpointError, match=r"nearest is espcn, the first difference: last_part.0.weight has 5"
    ):
        recognise(wrong, name="x")
    with pytest.raises(CheckpointError, match=r"nearest is espcn.*extra is one tensor too many"):
        recognise(espcn() | {"extra": np.zeros(2, np.float32)}, name="x")
    with pytest.raises(CheckpointError, match="espcn for 2x; 4x was asked for"):
        recognise(espcn(), name="x", scale=4)


def test_espcn_as_the_paper_numbers_it() -> None:
    rng = np.random.default_rng(0)
    shapes = {"conv1": (8, 1, 5, 5), "conv2": (4, 8, 3, 3), "conv3": (9, 4, 3, 3)}
    tensors = {f"{name}.weight": rng.normal(size=s).astype(np.float32) for name, s in shapes.items()}
    tensors |= {f"{name}.bias": np.zeros(s[0], np.float32) for name, s in shapes.items()}
    graph = recognise(tensors, name="espcn")
    assert (graph.scale, graph.reads) == (3, "luma")
    assert graph.source.startswith("espcn (tanh assumed")
