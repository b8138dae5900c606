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

from tests.nets.weights import (
    Arrays,
    conv,
    espcn,
)
from vsr.cli.main import main
from vsr.nets.checkpoint import read_checkpoint, read_tensors
from vsr.nets.errors import CheckpointError


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
