"""Checkpoints: what is in them is read, and nothing in them is run."""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import sys
import time
import types
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vsr.cli.main import main
from vsr.engine.reference import run
from vsr.nets.checkpoint import read_checkpoint, read_tensors
from vsr.nets.errors import CheckpointError
from vsr.nets.families import recognise
from vsr.nets.ops import Conv

RNG = np.random.default_rng(5)
Arrays = dict[str, Any]


def conv(name: str, out: int, into: int, size: int, *, bias: bool = True) -> Arrays:
    weight = {f"{name}.weight": RNG.standard_normal((out, into, size, size)).astype(np.float32) * 0.1}
    return weight | ({f"{name}.bias": RNG.standard_normal(out).astype(np.float32)} if bias else {})


def norm(name: str, width: int) -> Arrays:
    fields = {
        f"{name}.{key}": RNG.random(width).astype(np.float32) + 0.5 for key in ("weight", "running_var")
    }
    fields |= {
        f"{name}.{key}": RNG.standard_normal(width).astype(np.float32) for key in ("bias", "running_mean")
    }
    return fields | {f"{name}.num_batches_tracked": np.array(7, np.float32)}


def slope(name: str, width: int) -> Arrays:
    return {f"{name}.weight": RNG.random(width).astype(np.float32)}


def espcn(factor: int = 2) -> Arrays:
    return (
        conv("first_part.0", 64, 1, 5)
        | conv("first_part.2", 32, 64, 3)
        | conv("last_part.0", factor**2, 32, 3)
    )


def fsrcnn() -> Arrays:
    tensors = conv("first_part.0", 56, 1, 5) | slope("first_part.1", 56)
    tensors |= conv("mid_part.0", 12, 56, 1) | slope("mid_part.1", 12)
    for index in range(2, 10, 2):
        tensors |= conv(f"mid_part.{index}", 12, 12, 3) | slope(f"mid_part.{index + 1}", 12)
    tensors |= conv("mid_part.10", 56, 12, 1) | slope("mid_part.11", 56)
    return tensors | {
        "last_part.weight": RNG.random((56, 1, 9, 9)).astype(np.float32),
        "last_part.bias": np.zeros(1),
    }


def compact(width: int, layers: int, factor: int) -> Arrays:
    tensors = conv("body.0", width, 3, 3)
    for index in range(layers):
        tensors |= slope(f"body.{2 * index + 1}", width) | conv(f"body.{2 * index + 2}", width, width, 3)
    last = 2 * layers + 1
    return tensors | slope(f"body.{last}", width) | conv(f"body.{last + 1}", 3 * factor**2, width, 3)


def rrdb(style: str, blocks: int = 1, width: int = 8, grow: int = 4, into: int = 3) -> Arrays:
    first, block, trunk = {
        "new": ("conv_first", "body.{}.rdb{}.conv{}", "conv_body"),
        "middle": ("conv_first", "RRDB_trunk.{}.RDB{}.conv{}", "trunk_conv"),
        "old": ("model.0", "model.1.sub.{}.RDB{}.conv{}.0", f"model.1.sub.{blocks}"),
    }[style]
    ups, hr, last = {
        "new": (("conv_up1", "conv_up2"), "conv_hr", "conv_last"),
        "middle": (("upconv1", "upconv2"), "HRconv", "conv_last"),
        "old": (("model.3", "model.6"), "model.8", "model.10"),
    }[style]
    tensors = conv(first, width, into, 3) | conv(trunk, width, width, 3)
    for index, part, k in np.ndindex(blocks, 3, 5):
        out = width if k == 4 else grow
        tensors |= conv(block.format(index, part + 1, k + 1), out, width + k * grow, 3)
    for up in (*ups, hr):
        tensors |= conv(up, width, width, 3)
    return tensors | conv(last, 3, width, 3)


def srgan(blocks: int = 2, width: int = 8) -> Arrays:
    tensors = conv("conv1.0", width, 3, 9) | slope("conv1.1", 1)
    for index in range(blocks):
        key = f"trunk.{index}.rcb"
        tensors |= (
            conv(f"{key}.0", width, width, 3, bias=False) | norm(f"{key}.1", width) | slope(f"{key}.2", 1)
        )
        tensors |= conv(f"{key}.3", width, width, 3, bias=False) | norm(f"{key}.4", width)
    tensors |= conv("conv2.0", width, width, 3, bias=False) | norm("conv2.1", width)
    for index in range(2):
        key = f"upsampling.{index}.upsample_block"
        tensors |= conv(f"{key}.0", 4 * width, width, 3) | slope(f"{key}.2", 1)
    return tensors | conv("conv3", 3, width, 9)


def leftthomas(width: int = 8) -> Arrays:
    tensors = conv("block1.0", width, 3, 9) | slope("block1.1", 1)
    for index in (2, 3):
        key = f"block{index}"
        tensors |= (
            conv(f"{key}.conv1", width, width, 3) | norm(f"{key}.bn1", width) | slope(f"{key}.prelu", 1)
        )
        tensors |= conv(f"{key}.conv2", width, width, 3) | norm(f"{key}.bn2", width)
    tensors |= conv("block4.0", width, width, 3) | norm("block4.1", width)
    for index in range(2):
        tensors |= conv(f"block5.{index}.conv", 4 * width, width, 3) | slope(f"block5.{index}.prelu", 1)
    return tensors | conv("block5.2", 3, width, 9)


def msrresnet() -> Arrays:
    tensors = conv("conv_first", 8, 3, 3) | conv("body.0.conv1", 8, 8, 3) | conv("body.0.conv2", 8, 8, 3)
    tensors |= conv("upconv1", 32, 8, 3) | conv("upconv2", 32, 8, 3)
    return tensors | conv("conv_hr", 8, 8, 3) | conv("conv_last", 3, 8, 3)


def vdsr() -> Arrays:
    tensors = conv("input", 64, 1, 3, bias=False) | conv("output", 1, 64, 3, bias=False)
    for index in range(18):
        tensors |= conv(f"residual_layer.{index}.conv", 64, 64, 3, bias=False)
    return tensors


def renamed(tensors: Arrays, *names: tuple[str, str]) -> Arrays:
    """The same weights under the keys of another port: each name's beginning, in order."""
    result = {}
    for key, value in tensors.items():
        for old, new in names:
            if key.startswith(old):
                key = new + key.removeprefix(old)
                break
        result[key] = value
    return result


def fsrcnn_port() -> Arrays:
    names = [("first_part", "feature_extraction"), ("mid_part.10", "expand.0"), ("mid_part.11", "expand.1")]
    names += [(f"mid_part.{n}.", f"shrink.{n}.") for n in (0, 1)]
    names += [(f"mid_part.{n}.", f"map.{n - 2}.") for n in range(2, 10)]
    return renamed(fsrcnn(), *names, ("last_part", "deconv"))


def srcnn() -> Arrays:
    return conv("conv1", 64, 1, 9) | conv("conv2", 32, 64, 1) | conv("conv3", 1, 32, 5)


def vdsr_port() -> Arrays:
    return renamed(vdsr(), ("input", "conv1.0"), ("residual_layer", "trunk"), ("output", "conv2"))


def espcn_four() -> Arrays:
    tensors = conv("conv1", 64, 1, 5) | conv("conv2", 64, 64, 3) | conv("conv3", 32, 64, 3)
    return tensors | conv("conv4", 9, 32, 3)


def compact_without_slopes() -> Arrays:
    return {key: value for key, value in compact(8, 2, 2).items() if value.ndim != 1 or key.endswith("bias")}


def old_rrdb(enlarging: int) -> Arrays:
    """The old keys with any number of enlarging layers: each takes three places."""
    tensors = {key: value for key, value in rrdb("old").items() if key[:8] not in ("model.3.", "model.6.")}
    tensors = renamed(
        tensors, ("model.8", f"model.{3 * enlarging + 2}"), ("model.10", f"model.{3 * enlarging + 4}")
    )
    for index in range(enlarging):
        tensors |= conv(f"model.{3 * index + 3}", 8, 8, 3)
    return tensors


def enhancenet() -> Arrays:
    tensors = conv("conv_in", 64, 3, 3) | conv("up.0", 64, 64, 3) | conv("up.1", 64, 64, 3)
    for index in range(10):
        tensors |= conv(f"blocks.{index}.0", 64, 64, 3) | conv(f"blocks.{index}.1", 64, 64, 3)
    return tensors | conv("conv_hr", 64, 64, 3) | conv("conv_out", 3, 64, 3)


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


def safetensors(tensors: Arrays, kind: str = "F32") -> bytes:
    table: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    body = b""
    for key, value in tensors.items():
        raw = np.asarray(value, np.float32)
        data = (raw.view(np.uint32) >> 16).astype("<u2").tobytes() if kind == "BF16" else raw.tobytes()
        table[key] = {
            "dtype": kind,
            "shape": list(raw.shape),
            "data_offsets": [len(body), len(body) + len(data)],
        }
        body += data
    header = json.dumps(table).encode()
    return len(header).to_bytes(8, "little") + header + body


def test_safetensors(tmp_path: Path) -> None:
    tensors, path = espcn(), tmp_path / "net.safetensors"
    path.write_bytes(safetensors(tensors))
    read = read_tensors(path)
    assert read.keys() == tensors.keys()
    assert all((read[key] == tensors[key]).all() for key in tensors)
    assert (
        read_checkpoint(path).source
        == "espcn (tanh assumed, activation=relu says otherwise), net.safetensors"
    )
    path.write_bytes(safetensors({"a": np.array([1.5, -2.0])}, "BF16"))
    assert list(read_tensors(path)["a"]) == [1.5, -2.0]


@pytest.mark.parametrize("cut", [3, 20, -10])
def test_a_cut_safetensors_file(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(safetensors(espcn())[:cut])
    with pytest.raises(CheckpointError, match="cut"):
        read_tensors(path)


class Persistent:
    def __init__(self, *pid: Any) -> None:
        self.pid = pid


class Rebuilt:
    """Pickles as a call of torch._utils._rebuild_tensor_v2."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments

    def __reduce__(self) -> Any:
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.arguments


class Pickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        return obj.pid if isinstance(obj, Persistent) else None


@pytest.fixture
def torch_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules with the names that PyTorch's pickles mention, so that a pickle can be written without it."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in ("FloatStorage", "HalfStorage", "BFloat16Storage"):
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2(*arguments: Any) -> None: ...

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)


def state_dict(tensors: Arrays, kind: str, extra: tuple[Any, ...] = ()) -> tuple[Any, dict[str, bytes]]:
    """The object tree that PyTorch would pickle, and the bytes of its storages."""
    tree: Any = OrderedDict()
    memory = {}
    for number, (key, value) in enumerate(tensors.items()):
        raw = np.ascontiguousarray(value, np.float32)
        if kind == "BFloat16Storage":
            memory[str(number)] = (raw.view(np.uint32) >> 16).astype("<u2").tobytes()
        else:
            memory[str(number)] = raw.astype("<f2" if kind == "HalfStorage" else "<f4").tobytes()
        storage_type = getattr(sys.modules["torch"], kind)
        storage = Persistent("storage", storage_type, str(number), "cpu", raw.size, *extra)
        strides = tuple(step // 4 for step in raw.strides)
        tree[key] = Rebuilt(storage, 0, raw.shape, strides, False, OrderedDict())
    return tree, memory


def dump(value: Any) -> bytes:
    file = io.BytesIO()
    Pickler(file, 2).dump(value)
    return file.getvalue()


def zipped(tree: Any, memory: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("net/data.pkl", dump(tree))
        archive.writestr("net/byteorder", "little")
        for key, data in memory.items():
            entry = zipfile.ZipInfo(f"net/data/{key}")
            entry.extra = b"FB\x05\0" + b"Z" * 5  # PyTorch aligns storages by such padding
            archive.writestr(entry, data)
    return file.getvalue()


@pytest.mark.usefixtures("torch_names")
@pytest.mark.parametrize("kind", ["FloatStorage", "HalfStorage", "BFloat16Storage"])
def test_zip_checkpoint(tmp_path: Path, kind: str) -> None:
    tensors, path = espcn(), tmp_path / "net.pth"
    tree, memory = state_dict(tensors, kind)
    path.write_bytes(zipped({"params_ema": tree, "step": 3}, memory))
    read = read_tensors(path)
    tolerance = {"FloatStorage": 0, "HalfStorage": 1e-3, "BFloat16Storage": 1e-2}[kind]
    for key, value in tensors.items():
        np.testing.assert_allclose(read[key], value, rtol=tolerance, atol=tolerance / 10)
    assert read_checkpoint(path).scale == 2


def test_a_dict_that_python_2_wrote(tmp_path: Path) -> None:
    """Its OrderedDict is made of a list of pairs; the tensors here are of the oldest function."""
    tensor = b"ctorch._utils\n_rebuild_tensor\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x02NtQ"
    tensor += b"K\0K\x02\x85K\x01\x85tR"
    pairs = b"\x80\x02ccollections\nOrderedDict\n]]U\x01aa" + tensor + b"aa\x85R."
    data = b"".join(map(dump, (0x1950A86A20F9469CFC6C, 1001, {}))) + pairs + dump(["0"])
    path = tmp_path / "net.pth"
    path.write_bytes(data + (2).to_bytes(8, "little") + np.array([1.5, 2.5], "<f4").tobytes())
    assert list(read_tensors(path)["a"]) == [1.5, 2.5]


@pytest.mark.usefixtures("torch_names")
def test_legacy_checkpoint(tmp_path: Path) -> None:
    tensors, path = espcn(), tmp_path / "net.pth"
    tree, memory = state_dict(tensors, "FloatStorage", (None,))
    data = dump(0x1950A86A20F9469CFC6C) + dump(1001) + dump({"little_endian": True}) + dump(tree)
    data += dump(list(memory))
    for raw in memory.values():
        data += (len(raw) // 4).to_bytes(8, "little") + raw
    path.write_bytes(data)
    read = read_tensors(path)
    assert all((read[key] == tensors[key]).all() for key in tensors)
    path.write_bytes(data[:-40])
    with pytest.raises(CheckpointError, match="cut or damaged"):
        read_tensors(path)


def hostile(trace: Path) -> dict[str, bytes]:
    """Pickles that would create a file, by every instruction that can call or build something."""
    command = f"touch {trace}".encode()
    text = b"X" + len(command).to_bytes(4, "little") + command
    short = b"\x8c" + len(command).to_bytes(1, "little") + command
    system = b"\x8c\x05posix\x8c\x06system\x93"
    return {
        "REDUCE": b"\x80\x02cposix\nsystem\n" + text + b"\x85R.",
        "STACK_GLOBAL": b"\x80\x04" + system + short + b"\x85R.",
        "INST": b"(" + text + b"iposix\nsystem\n.",
        "OBJ": b"\x80\x02(cposix\nsystem\n" + text + b"o.",
        "NEWOBJ": b"\x80\x02csubprocess\nPopen\n(]" + text + b"at\x81.",
        "BUILD": b"\x80\x02ccollections\nOrderedDict\n)R}X\x0c\0\0\0__setstate__cposix\nsystem\nsb"
        + text
        + b"b.",
        "BUILD of a function": b"\x80\x02ctorch._utils\n_rebuild_parameter\n}X\x0c\0\0\0__defaults__)sb.",
        "REDUCE of a text": b"\x80\x02X\x01\0\0\0a)R.",
        "EXT1": b"\x80\x02\x82\x01.",
        "PERSID": b"Pposix.system\n.",
        "dotted name": b"\x80\x02ctorch\nos.system\n" + text + b"\x85R.",
        "after the value": b"\x80\x02}q\0X\x01\0\0\0acposix\nsystem\n" + text + b"\x85Rs.",
    }


KINDS = list(hostile(Path()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("packed", ["plain", "zip", "legacy"])
def test_malicious_pickles_are_refused_and_nothing_runs(tmp_path: Path, kind: str, packed: str) -> None:
    """Nothing is run, whatever the instruction and wherever it stands; they do run as ordinary pickles."""
    trace, path = tmp_path / "trace", tmp_path / "net.pth"
    data = hostile(trace)[kind]
    if packed == "legacy":
        data = dump(0x1950A86A20F9469CFC6C) + dump(1001) + dump({}) + data
    path.write_bytes(data if packed != "zip" else archive({"net/data.pkl": data}))
    with pytest.raises(CheckpointError, match=r"is refused: it (names|has|calls) .*Nothing was run"):
        read_tensors(path)
    assert not trace.exists()
    if kind in ("REDUCE", "STACK_GLOBAL", "INST", "OBJ"):
        pickle.loads(hostile(trace)[kind])
        assert trace.exists()


def archive(entries: dict[str, bytes], **options: Any) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as packed:
        for name, data in entries.items():
            packed.writestr(name, data)
    return file.getvalue()


@pytest.mark.usefixtures("torch_names")
def test_bombs_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"

    def refused(data: bytes, match: str) -> None:
        path.write_bytes(data)
        began = time.perf_counter()
        with pytest.raises(CheckpointError, match=match):
            read_tensors(path)
        assert time.perf_counter() - began < 20

    zeros = archive({"net/data.pkl": bytes(50_000_000)}, compression=zipfile.ZIP_DEFLATED)
    refused(zeros, r"data\.pkl claims 50,000,000 bytes, the file has 4\d,\d{3}")
    storage = Persistent("storage", sys.modules["torch"].FloatStorage, "0", "cpu", 1000)
    many = {f"a{n}": Rebuilt(storage, 0, (1000,), (1,), False, OrderedDict()) for n in range(500)}
    refused(zipped(many, {"0": bytes(4000)}), "its tensors claim 2,000,000 bytes")
    nested = b"\x80\x02)" + b"q\0h\0\x86" * 60
    refused(nested + b".", "no PyTorch checkpoint")
    refused(b"\x80\x02}" + nested[2:] + b"Ns.", "a key is neither a text nor a number")
    refused(b"\x80\x02\x8d" + (1 << 60).to_bytes(8, "little") + b"a.", "it ends early")
    refused(b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".", "no PyTorch checkpoint")
    refused(b"\x80\x02" + b"]" * 30_000_000, "more than 1,048,576 instructions")
    huge = b"\x8b" + (20_000).to_bytes(4, "little") + b"\x01" * 20_000
    refused(b"\x80\x02}" + huge + b"Ns.", "a key is neither")
    tree = {"a": Rebuilt(storage, 0, (10**4000,), (1,), False, OrderedDict())}
    refused(zipped(tree, {"0": bytes(4000)}), "a tensor has no shape")


@pytest.mark.usefixtures("torch_names")
def test_a_damaged_zip_is_found_out(tmp_path: Path) -> None:
    """Wherever it is cut, and where one byte of the weights is another."""
    path = tmp_path / "net.pth"
    whole = zipped(*state_dict(espcn(), "FloatStorage"))
    for length in (4, 100, 5000, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="cut or damaged"):
            read_tensors(path)
    place = len(whole) // 2
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    with pytest.raises(CheckpointError, match="cut or damaged at net/data/"):
        read_tensors(path)


@pytest.mark.usefixtures("torch_names")
@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_mutated_checkpoints_are_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    """Whatever bytes a file has: tensors, or CheckpointError; nothing else comes out."""
    tensors = conv("a", 2, 1, 1) | conv("b", 1, 2, 1)
    tree, memory = state_dict(tensors, "FloatStorage")
    legacy = b"".join(map(dump, (0x1950A86A20F9469CFC6C, 1001, {}, tree, list(memory))))
    legacy += b"".join((len(raw) // 4).to_bytes(8, "little") + raw for raw in memory.values())
    kind = data.draw(st.sampled_from(["zip", "legacy", "safetensors"]))
    files = {"zip": zipped(tree, memory), "legacy": legacy, "safetensors": safetensors(tensors)}
    raw = bytearray(files[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(raw) - 1))
        raw[start : start + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    path = tmp_path / ("net.safetensors" if kind == "safetensors" else "net.pth")
    path.write_bytes(bytes(raw))
    with contextlib.suppress(CheckpointError):
        assert all(array.dtype == np.float32 for array in read_tensors(path).values())


def test_a_large_file_is_mapped(tmp_path: Path) -> None:
    """Of a file with a hole of 4 GiB only the tensors are touched."""
    path = tmp_path / "net.safetensors"
    table = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [4 << 30, (4 << 30) + 8]}}
    header = json.dumps(table).encode()
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.seek(4 << 30, 1)
        file.write(np.array([1.5, 2.5], "<f4").tobytes())
    began = time.perf_counter()
    assert list(read_tensors(path)["a"]) == [1.5, 2.5]
    assert time.perf_counter() - began < 20


@pytest.mark.parametrize(
    ("table", "error"),
    [
        ("[" * 100_000, "its table is no JSON"),
        ('{"a": 1}', "the entry of 'a' is incomplete"),
        ('{"a": {"dtype": [], "shape": [1], "data_offsets": [0, 4]}}', "has type"),
        ('{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 400]}}', "no place for its shape"),
        ('{"a": {"dtype": "F32", "shape": [0, 99999999999999], "data_offsets": [0, 0]}}', "no place for"),
        ('{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, '
         '"b": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}', "its tensors overlap"),
    ],
)  # fmt: skip
def test_bad_safetensors(tmp_path: Path, table: str, error: str) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(len(table).to_bytes(8, "little") + table.encode() + bytes(8))
    with pytest.raises(CheckpointError, match=error):
        read_tensors(path)


def test_the_command_says_it_in_one_sentence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and a line, no traceback, for what is damaged, hostile, missing or no shader."""
    trace = tmp_path / "trace"
    files = {
        "hostile.pth": hostile(trace)["REDUCE"], "cut.pth": zipped({}, {})[:40], "empty.pt": b"",
        "cut.safetensors": safetensors(espcn())[:-9], "odd.safetensors": safetensors({"a": np.zeros(2)}),
        "binary.glsl": bytes(99), "cut.glsl": b"//!HOOK MAIN\n//!BIND",
    }  # fmt: skip
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    for name in (*files, "missing.pth", "missing.glsl"):
        assert main(["models", "show", str(tmp_path / name)]) == 2, name
        out, err = capfd.readouterr()
        assert out == "" and name in err and "Traceback" not in err
        assert len(err.strip().splitlines()) <= 3, err
    assert not trace.exists()


@pytest.mark.parametrize("name", ["builtins\neval", "builtins\ngetattr", "torch\nload", "collections\nabc"])
def test_names_beside_the_table_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "net.pth"
    path.write_bytes(b"\x80\x02c" + name.encode() + b"\n.")
    with pytest.raises(CheckpointError, match="refused"):
        read_tensors(path)


@pytest.mark.usefixtures("torch_names")
def test_views_outside_their_storage_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    storage = Persistent("storage", sys.modules["torch"].FloatStorage, "0", "cpu", 4)
    for offset, shape, strides in (
        (2, (3,), (1,)),
        (0, (1 << 40,), (0,)),
        (-1, (2,), (1,)),
        (0, (2,), (1, 1)),
        (0, (-1,), (1,)),
        (0, (2,), (1, 1)),
    ):
        tree = {"a": Rebuilt(storage, offset, shape, strides, False, OrderedDict())}
        path.write_bytes(zipped(tree, {"0": bytes(16)}))
        with pytest.raises(CheckpointError, match="damaged"):
            read_tensors(path)


@pytest.mark.parametrize("data", [b"", b"hello", b"\x80\x02]q\x00."])
def test_what_is_no_checkpoint(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "net.pth"
    path.write_bytes(data)
    with pytest.raises(CheckpointError):
        read_tensors(path)
    with pytest.raises(CheckpointError, match="no checkpoint by its name"):
        read_tensors(tmp_path / "net.bin")
    path.write_bytes(zipped([1, 2], {}))
    with pytest.raises(CheckpointError, match=r"no state dict.*it holds a list"):
        read_tensors(path)


def test_espcn_as_the_paper_numbers_it() -> None:
    rng = np.random.default_rng(0)
    shapes = {"conv1": (8, 1, 5, 5), "conv2": (4, 8, 3, 3), "conv3": (9, 4, 3, 3)}
    tensors = {f"{name}.weight": rng.normal(size=s).astype(np.float32) for name, s in shapes.items()}
    tensors |= {f"{name}.bias": np.zeros(s[0], np.float32) for name, s in shapes.items()}
    graph = recognise(tensors, name="espcn")
    assert (graph.scale, graph.reads) == (3, "luma")
    assert graph.source.startswith("espcn (tanh assumed")
