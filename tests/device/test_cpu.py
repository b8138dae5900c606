"""What the CPU tells about itself, and how the kernels guard their memory."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vsr.device import cpu


def test_features_end_with_plain_and_hold_the_one_in_use() -> None:
    assert cpu.features()[-1] == "plain"
    assert cpu.isa() in cpu.features()


def test_usable_cores_obeys_affinity() -> None:
    assert 1 <= cpu.usable_cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("files", "want"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4.0),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({}, None),
    ],
)
def test_cgroup_quota(
    files: dict[str, str], want: float | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(cpu, "_CGROUP", tmp_path)
    assert cpu._cgroup_quota() == want


@pytest.mark.parametrize("name", cpu.features())
def test_environment_chooses_the_instruction_set(name: str) -> None:
    program = "from vsr.device import cpu; print(cpu.isa())"
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, cpu.ISA_VARIABLE: name},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == name


def test_unknown_instruction_set_is_refused() -> None:
    program = """
from vsr.device import cpu
from vsr.errors import DeviceError
try:
    cpu.isa()
except DeviceError as error:
    print(error)
"""
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, cpu.ISA_VARIABLE: "mmx"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "plain" in result.stdout and "mmx" in result.stdout


def test_kernels_refuse_what_would_leave_memory() -> None:
    bank = cpu.kernels.bank
    starts, weights = np.zeros(4, np.int32), np.ones((4, 2), np.float32)
    with pytest.raises(ValueError, match="lie within"):
        bank(starts, weights, 1)
    with pytest.raises(ValueError, match="lie within"):
        bank(starts - 1, weights, 8)
    with pytest.raises(ValueError, match="ascend"):
        bank(np.array([1, 0, 0, 0], np.int32), weights, 8)
    with pytest.raises(TypeError, match="contiguous array"):
        bank(starts.astype(np.int64), weights, 8)
    good = bank(starts, weights, 8)
    plane, small = np.zeros((8, 8), np.uint8), np.zeros((4, 4), np.uint8)
    with pytest.raises(ValueError, match="bank of columns"):
        cpu.kernels.resize(plane, plane, good, good, 0.0, 255.0, 1)
    with pytest.raises(TypeError, match="contiguous rows"):
        cpu.kernels.resize(plane.T, small, good, good, 0.0, 255.0, 1)
    with pytest.raises(TypeError, match="uint8, uint16 or float32"):
        cpu.kernels.resize(plane.astype(np.int8), small, good, good, 0.0, 255.0, 1)
    small.flags.writeable = False
    with pytest.raises(ValueError, match=r"read-only|writable"):
        cpu.kernels.resize(plane, small, good, good, 0.0, 255.0, 1)
    with pytest.raises(ValueError):
        cpu.kernels.use_isa("mmx")
