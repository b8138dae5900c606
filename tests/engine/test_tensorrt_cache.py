"""The engine cache: found again by all that decides an engine, whole or not at all, bounded."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.nets.exported import numbers
from vsr._resources import cache_folder
from vsr.engine.tensorrt import (
    EngineCache,
    EngineFileError,
    EngineSpec,
    Gpu,
    Key,
    Kind,
    Library,
    Shapes,
    StaleError,
    engine_key,
    file,
    obtain,
    read_file,
    write_file,
)
from vsr.errors import DeviceError, OptionError
from vsr.nets.builder import Builder
from vsr.nets.graph import Graph
from vsr.nets.ops import PixelShuffle

PLAN = bytes(range(256)) * 8
L4 = Gpu(name="NVIDIA L4", compute_capability="sm_89", driver="580.65")


def network(seed: int = 0, name: str = "tiny") -> Graph:
    b = Builder(1)
    b.add(PixelShuffle(2), b.conv(b.input, numbers(4, 1, 3, 3) + seed))
    return b.build(name)


def library(version: str = "1.7.1", kind: Kind = "rtx") -> Library:
    nothing: Any = None
    return Library(kind=kind, version=version, module=nothing, log=nothing, targets=("sm_80", "sm_89"))


SPEC = EngineSpec(network=network(), shapes=(Shapes.fixed(64, 64),), targets=("sm_89",))


def changed(**values: Any) -> EngineSpec:
    options = {"network": SPEC.network, "shapes": SPEC.shapes, "targets": SPEC.targets}
    return EngineSpec(**{**options, **values})


KEY = engine_key(SPEC, library())


def test_the_key_holds_everything_that_decides_an_engine() -> None:
    wider = Shapes(least=(64, 64), usual=(64, 64), most=(64, 128))
    keys = [
        KEY,
        engine_key(changed(network=network(1)), library()),
        engine_key(changed(precision="fp32"), library()),
        engine_key(changed(shapes=(Shapes.fixed(64, 66),)), library()),
        engine_key(changed(shapes=(wider,)), library()),
        engine_key(changed(shapes=(Shapes.fixed(64, 64), wider)), library()),
        engine_key(changed(targets=("sm_80",)), library()),
        engine_key(changed(targets=("sm_80", "sm_89")), library()),
        engine_key(SPEC, library("1.7.2")),
        engine_key(SPEC, library(kind="tensorrt")),
        engine_key(SPEC, library(), L4),
        engine_key(SPEC, library(), replace(L4, name="NVIDIA L40S")),
        engine_key(SPEC, library(), replace(L4, compute_capability="sm_80")),
        engine_key(SPEC, library(), replace(L4, driver="590.1")),
    ]
    assert len({key.digest for key in keys}) == len(keys)
    assert engine_key(changed(), library()).digest == KEY.digest


def test_an_engine_is_found_again(tmp_path: Path) -> None:
    cache = EngineCache(tmp_path / "new" / "folder")
    assert cache.read(KEY) == cache.read(KEY)
    assert cache.read(KEY).plan is None
    assert cache.write(KEY, PLAN) == ""
    assert cache.read(KEY).plan == PLAN
    assert [path.name for path in cache.folder.iterdir()] == [f"{KEY.stem}.engine"]


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (engine_key(SPEC, library("1.8.0")), "version is 1.7.1 there and 1.8.0 here"),
        (engine_key(SPEC, library(), L4), "gpu is null there and NVIDIA L4 here"),
        (
            engine_key(changed(targets=("sm_80",)), library()),
            r'targets is \["sm_89"\] there and \["sm_80"\] here',
        ),
        (engine_key(changed(network=network(1)), library()), r"graph is \w{12}… there and \w{12}… here"),
    ],
)
def test_an_engine_of_something_else_is_stale(other: Key, difference: str, tmp_path: Path) -> None:
    path = tmp_path / "named.engine"
    write_file(path, KEY, PLAN)
    with pytest.raises(StaleError, match=f"named.engine is stale: {difference}") as caught:
        read_file(path, other)
    assert isinstance(caught.value, DeviceError)


def test_after_an_upgrade_the_old_engine_is_named(tmp_path: Path) -> None:
    cache = EngineCache(tmp_path)
    cache.write(KEY, PLAN)
    newer = engine_key(SPEC, library("1.8.0"))
    found = cache.read(newer)
    assert found.plan is None
    assert found.note == f"{cache.path(KEY)} is stale: version is 1.7.1 there and 1.8.0 here"
    assert cache.read(engine_key(changed(targets=("sm_80",)), library())).note == ""
    cache.write(newer, PLAN)
    assert cache.read(KEY).plan == cache.read(newer).plan == PLAN


def wanted(width: int = 100, height: int = 80, target: str = "sm_89") -> Key:
    return engine_key(changed(shapes=(Shapes.fixed(height, width),), targets=(target,)), library())


def test_an_engine_for_more_is_found(tmp_path: Path) -> None:
    cache = EngineCache(tmp_path)
    any_one = Shapes(least=(64, 64), usual=(1080, 1920), most=(1080, 1920))
    less = Shapes(least=(64, 64), usual=(80, 100), most=(80, 200))
    both = ("sm_80", "sm_89")
    others = {
        b"any": engine_key(changed(shapes=(any_one,), targets=both), library()),
        b"tight": engine_key(changed(shapes=(Shapes.fixed(64, 64), less), targets=both), library()),
        b"old": engine_key(changed(shapes=(less,)), library("1.7.0")),
        b"exact": engine_key(changed(precision="fp32", shapes=(Shapes.fixed(80, 100),)), library()),
    }
    for plan, key in others.items():
        cache.write(key, plan)
    assert cache.read_fitting(wanted()).plan == b"tight"
    assert cache.read_fitting(wanted(width=201)).plan == b"any"
    assert cache.read_fitting(wanted(target="sm_80")).plan == b"tight"
    for absent in (wanted(width=63), wanted(height=1081), wanted(target="sm_120")):
        assert cache.read_fitting(absent).plan is None
    path = cache.path(others[b"tight"])
    path.write_bytes(path.read_bytes()[:-1])
    assert cache.read_fitting(wanted()).plan == b"any", "what is damaged is passed over"
    cache.write(wanted(), b"own")
    assert cache.read_fitting(wanted()).plan == b"own"


def test_cut_files_are_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.engine"
    write_file(path, KEY, PLAN)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(EngineFileError, match="damaged"):
            read_file(path, KEY)
    path.write_bytes(whole + b"x")
    with pytest.raises(EngineFileError, match=r"2,049 bytes of engine, 2,048 were written"):
        read_file(path, KEY)


def test_a_flipped_bit_is_found_wherever_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.engine"
    write_file(path, KEY, PLAN)
    whole = path.read_bytes()
    writer = range(whole.index(b'"vsr"'), whole.index(b'"size_bytes"'))  # who wrote it decides nothing
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        try:
            assert read_file(path, KEY) == PLAN
            assert place in writer
        except EngineFileError as error:
            assert "damaged" in str(error)


@pytest.mark.parametrize(
    "header",
    [b"[]", b"{}", b"null", b"\xff", b'{"key": 1}', b"[" * 50_000, b'{"key": {}, "size_bytes": "3"}'],
)
def test_headers_that_say_nothing(header: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.engine"
    path.write_bytes(file.MAGIC + len(header).to_bytes(4, "little") + header + PLAN)
    with pytest.raises(EngineFileError, match="its header cannot be read"):
        read_file(path, KEY)


def test_what_is_no_engine(tmp_path: Path) -> None:
    path = tmp_path / "a.engine"
    with pytest.raises(EngineFileError, match="cannot be read: No such file"):
        read_file(path, KEY)
    path.write_bytes(b"vtrt, as TensorRT itself begins")
    with pytest.raises(EngineFileError, match="is no engine of vsr"):
        read_file(path, KEY)
    with pytest.raises(EngineFileError, match="cannot be read: Is a directory"):
        read_file(tmp_path, KEY)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[EngineSpec]:
    """Builds that give PLAN, in order."""
    done: list[EngineSpec] = []

    def build(spec: EngineSpec, library: Library, *, timings: bytes, stop: Any) -> Any:
        done.append(spec)
        return SimpleNamespace(plan=PLAN, seconds=0.5, timings=b"")

    monkeypatch.setattr("vsr.engine.tensorrt.supply.build", build)
    return done


def test_a_damaged_engine_is_built_again(tmp_path: Path, built: list[EngineSpec]) -> None:
    cache = EngineCache(tmp_path)
    first = obtain(SPEC, library(), cache)
    assert (first.plan, first.build_seconds, first.notes) == (PLAN, 0.5, ())
    path = cache.path(first.key)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    second = obtain(SPEC, library(), cache)
    assert second.notes == (
        f"{path} is damaged: its SHA-256 is not the one that was written; it is built again",
    )
    third = obtain(SPEC, library(), cache)
    assert (third.plan, third.build_seconds, third.notes) == (PLAN, None, ())
    assert len(built) == 2
    assert obtain(SPEC, library(), cache, fresh=True).build_seconds == 0.5


@pytest.mark.parametrize("problem", ["no folder", "read only", "full"])
def test_a_cache_that_cannot_be_written_costs_no_engine(
    problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, built: list[EngineSpec]
) -> None:
    folder = tmp_path / "engines"
    if problem == "no folder":
        folder.write_text("a file")
        reason = "File exists"
    else:
        code = errno.EROFS if problem == "read only" else errno.ENOSPC
        reason = os.strerror(code)

        def fsync(descriptor: int) -> None:
            raise OSError(code, reason)

        monkeypatch.setattr(os, "fsync", fsync)
    engine = obtain(SPEC, library(), EngineCache(folder))
    assert engine.plan == PLAN
    assert engine.problem == (
        f"the engine is not kept: {folder / engine.key.stem}.engine cannot be written: {reason}; "
        "VSR_CACHE_DIR names another folder"
    )
    assert problem == "no folder" or list(folder.iterdir()) == []


def test_a_folder_that_can_only_be_read_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = EngineCache(tmp_path)
    cache.write(KEY, PLAN)

    def utime(path: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "utime", utime)
    assert cache.read(KEY).plan == PLAN


FULL = """
import resource, sys
from pathlib import Path
from vsr.engine.tensorrt import EngineCache, Key
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
cache = EngineCache(Path(sys.argv[1]))
print(cache.write(Key(values={"a": 1}), bytes(1_000_000)))
print([path.name for path in cache.folder.iterdir()])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of file sizes are POSIX's")
def test_a_write_that_stops_midway_leaves_nothing(tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, "-c", FULL, tmp_path], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    note, left = run.stdout.splitlines()
    assert "cannot be written: File too large" in note
    assert left == "[]"


WRITER = """
import sys
from pathlib import Path
from vsr.engine.tensorrt import EngineCache, Key
cache, key = EngineCache(Path(sys.argv[1])), Key(values={"a": 1})
data = sys.argv[2].encode() * 1_000_000
for _ in range(20):
    assert cache.write(key, data) == ""
    found = cache.read(key)
    assert found.plan is not None and len(set(found.plan)) == 1, found.note
"""


def test_processes_do_not_disturb_each_other(tmp_path: Path) -> None:
    runs = [
        subprocess.Popen([sys.executable, "-c", WRITER, tmp_path, letter], stderr=subprocess.PIPE, text=True)
        for letter in "abc"
    ]
    for run in runs:
        _, errors = run.communicate(timeout=100)
        assert run.returncode == 0, errors
    assert len(list(tmp_path.iterdir())) == 1


def test_the_oldest_are_removed(tmp_path: Path) -> None:
    cache = EngineCache(tmp_path, limit_bytes=3 * (len(PLAN) + 300))
    keys = [Key(values={"n": number}) for number in range(4)]
    for age, key in zip((50, 40, 30), keys, strict=False):
        cache.write(key, PLAN)
        os.utime(cache.path(key), (time.time() - age,) * 2)
    for name, age in (("killed", 7200), ("writing", 10)):
        partial = tmp_path / f".{name}{file.PARTIAL}"
        partial.write_bytes(b"half")
        os.utime(partial, (time.time() - age,) * 2)
    assert cache.read(keys[0]).plan == PLAN  # used now
    assert cache.write(keys[3], PLAN) == ""
    assert [cache.read(key).plan is not None for key in keys] == [True, False, True, True]
    assert sorted(path.name for path in tmp_path.glob(".*")) == [f".writing{file.PARTIAL}"]


def test_one_that_is_over_the_bound_alone_is_kept(tmp_path: Path) -> None:
    cache = EngineCache(tmp_path, limit_bytes=1)
    for number in range(3):
        cache.write(Key(values={"n": number}), PLAN)
    assert [path.name for path in tmp_path.iterdir()] == [f"{Key(values={'n': 2}).stem}.engine"]
    with pytest.raises(OptionError, match="limit_bytes is 0"):
        EngineCache(tmp_path, limit_bytes=0)


def test_the_header_is_for_people_too(tmp_path: Path) -> None:
    path = tmp_path / "a.engine"
    write_file(path, KEY, PLAN)
    text = re.match(rb"vsr-trt1....(\{.*?\}\})", path.read_bytes(), re.DOTALL)
    assert text is not None
    header = json.loads(text[1])
    assert header["key"]["precision"] == "fp16"
    assert header["digest"] == KEY.digest
    assert header["size_bytes"] == len(PLAN)
    assert path.read_bytes().endswith(PLAN)


def test_where_the_cache_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable, value, folder in (
        ("VSR_CACHE_DIR", "/a/b", Path("/a/b/engines")),
        ("XDG_CACHE_HOME", "/c", Path("/c/vsr/engines")),
        ("XDG_CACHE_HOME", "relative", tmp_path / ".cache/vsr/engines"),
        ("XDG_CACHE_HOME", "", tmp_path / ".cache/vsr/engines"),
    ):
        monkeypatch.delenv("VSR_CACHE_DIR", raising=False)
        monkeypatch.setenv(variable, value)
        assert cache_folder("engines") == folder
