"""What machine is measured, and how much of it others use meanwhile."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from vsr.device import cpu, cuda
from vsr.device.cuda import driver

PACKAGES = ("av", "numpy", "openvino", "onnxruntime", "torch", "cupy-cuda13x", "tensorrt-cu13")
"""Whose versions a result names, where they are installed."""
_STAT = Path("/proc/stat")
_IDLE = (3, 4)
"""Columns of /proc/stat in which nobody works: idle and waiting for disks."""
_LEAST_TOLD = 0.1
"""Of what measured processes took, the system counts at least this much, or it does not count at all."""
_COUNTED = 8
"""Columns of /proc/stat: user nice system idle iowait irq softirq steal. What follows is counted in them."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a result was measured on."""

    cpu: str
    cores: int
    """That a process may use."""
    isa: str
    memory_bytes: int | None
    system: str
    gpu: str | None
    driver: str | None
    frequency_mhz: float | None
    """Of the fastest core when it began; None where the system does not tell."""
    load: tuple[float, ...]
    """The system's load averages of 1, 5 and 15 minutes when it began."""
    packages: Mapping[str, str]


def machine() -> Machine:
    """Look at this machine, now."""
    gpu, release = _gpu()
    return Machine(
        cpu=cpu.model_name(),
        cores=cpu.usable_cores(),
        isa=cpu.isa(),
        memory_bytes=memory_bytes(),
        system=platform.platform(),
        gpu=gpu,
        driver=release,
        frequency_mhz=_frequency_mhz(),
        load=os.getloadavg() if hasattr(os, "getloadavg") else (),
        packages={name: found for name in PACKAGES if (found := _version(name))},
    )


def peak_rss_bytes() -> int:
    """Return the most memory that this process has had resident.

    Linux's `getrusage` would say at least what the process had that started this one.
    """
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def forget_peak_rss() -> bool:
    """Let `peak_rss_bytes` begin anew from what is resident now. Returns whether the system can."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def resident_bytes(process: str) -> int | None:
    """Return what a process, a number or "self", has resident; None once it is gone, or off Linux."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return None
    return (pages * resource.getpagesize()) or None


def commit() -> str | None:
    """Return the commit of the checkout this runs from, with "+" where files differ; None elsewhere."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
            cwd=root, capture_output=True, text=True, check=True, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


class NoiseMeter:
    """How much of the processor others take, from what the system says all took less what we did.

    Counted in ticks of 10 ms over all cores, so a turn should last half a second. Thread-safety: one thread.
    """

    def __init__(self) -> None:
        self._busy, self._began = _busy_seconds(), time.perf_counter()

    def others(self, own_seconds: float) -> float | None:
        """Return the share (0 to 1) of all cores that others took since this began.

        own_seconds: processor time that the measured processes took. None where the system does not tell.
        """
        busy = _busy_seconds()
        if busy is None or self._busy is None:
            return None
        elapsed, taken = time.perf_counter() - self._began, busy - self._busy
        if taken < _LEAST_TOLD * own_seconds - 1 / os.sysconf("SC_CLK_TCK"):
            return None  # containers may show counters that stand still
        share = (taken - own_seconds) / (elapsed * (os.cpu_count() or 1))
        return min(max(0.0, share), 1.0)  # ticks may say more of a short time than there was


def _busy_seconds() -> float | None:
    """Return the time in which cores worked, summed, since the system began; None where it does not tell."""
    try:
        words = _STAT.read_text(encoding="ascii").split("\n", 1)[0].split()
    except OSError:
        return None
    ticks = [int(word) for word in words[1 : 1 + _COUNTED]]
    if len(ticks) < _COUNTED:
        return None
    return (sum(ticks) - sum(ticks[column] for column in _IDLE)) / os.sysconf("SC_CLK_TCK")


def _gpu() -> tuple[str | None, str | None]:
    if cuda.unavailable() is not None:
        return None, None
    found = driver.examine()
    return (found.cards[0].name, found.release) if found and found.cards else (None, None)


def memory_bytes() -> int | None:
    """Return how much memory this machine has; None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _frequency_mhz() -> float | None:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return None
    found = [float(line.split(":", 1)[1]) for line in lines if line.startswith("cpu MHz")]
    return max(found, default=None)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
