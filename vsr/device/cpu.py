"""The CPU: its instruction sets, the cores this process may use, and the native kernels."""

import math
import os
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from vsr.errors import DeviceError

if TYPE_CHECKING:
    from vsr import _cpu as _kernels

ISA_VARIABLE = "VSR_CPU_ISA"
"""Environment variable that names the instruction set to use: avx512, avx2 or plain."""
_CGROUP = Path("/sys/fs/cgroup")


@cache
def _native() -> ModuleType:
    try:
        from vsr import _cpu
    except ImportError as error:
        raise DeviceError(
            f"the native kernels do not load ({error}); install the package again to build them"
        ) from error
    wanted = os.environ.get(ISA_VARIABLE)
    if wanted:
        if wanted not in _cpu.isas():
            allowed = ", ".join(_cpu.isas())
            raise DeviceError(f"{ISA_VARIABLE}={wanted} is not one that this processor runs: {allowed}")
        _cpu.use_isa(wanted)
    return _cpu


if TYPE_CHECKING:
    kernels = _kernels


def __getattr__(name: str) -> ModuleType:
    """Load the kernels when they are first used: importing this module costs nothing."""
    if name == "kernels":
        return _native()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def features() -> tuple[str, ...]:
    """Return the instruction sets that the kernels have and this processor runs, the fastest first."""
    names: tuple[str, ...] = _native().isas()
    return names


def isa() -> str:
    """Return the instruction set in use."""
    return str(_native().isa())


def model_name() -> str:
    """Return the processor's name as the system gives it, or "unknown"."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def usable_cores() -> int:
    """Return how many cores this process can keep busy: its affinity, limited by the cgroup's CPU quota."""
    try:
        affine = len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        affine = os.cpu_count() or 1
    quota = _cgroup_quota()
    return affine if quota is None else max(1, min(affine, math.ceil(quota)))


def _cgroup_quota() -> float | None:
    """Return the CPU quota in cores, from cgroup v2 or v1; None where there is none."""
    try:
        limit, period = (_CGROUP / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            limit = (_CGROUP / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (_CGROUP / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    if limit in ("max", "-1"):
        return None
    return int(limit) / int(period)
