"""FFmpeg's libplacebo, which computes in Vulkan."""

from __future__ import annotations

import re
import subprocess
from shutil import which

from vsr.bench.peers import ffmpeg
from vsr.bench.peers.contender import Peer, Task
from vsr.bench.peers.process import Program
from vsr.bench.results import Absent

_SELECTED = re.compile(r"Device \d+ selected: (.+)")
_GPU = "a GPU with a Vulkan driver (mesa-vulkan-drivers, or NVIDIA's)"


def start(task: Task) -> Program:
    """Return FFmpeg with libplacebo's scaler."""
    target = task.clip.target
    scale = f"libplacebo=w={target.width}:h={target.height}:upscaler={task.way}"
    filters = f"format=yuv420p,hwupload,{scale},hwdownload,format=yuv420p"
    return ffmpeg.filtered(task, filters, "-init_hw_device", "vulkan=gpu", "-filter_hw_device", "gpu")


def absent() -> Absent | None:
    """Return why it is not to be had: no FFmpeg with it, no Vulkan, or Vulkan in software alone."""

    def lacking(why: str, remedy: str) -> Absent:
        return Absent(name="libplacebo", why=why, remedy=remedy)

    if which("ffmpeg") is None:
        return lacking("no program ffmpeg on PATH", ffmpeg.REMEDY)
    picture = ("-f", "lavfi", "-i", "nullsrc=s=16x16", "-frames:v", "1", "-f", "null", "-")
    try:
        if " libplacebo " not in _said("-filters"):
            return lacking("this ffmpeg has no filter libplacebo", "install an ffmpeg built with it")
        found = _SELECTED.search(_said("-v", "verbose", "-init_hw_device", "vulkan", *picture))
    except (OSError, subprocess.TimeoutExpired) as error:  # a driver may hang, too
        return lacking(f"ffmpeg does not say what it has: {error}", ffmpeg.REMEDY)
    if found is None:
        return lacking("no Vulkan device", _GPU)
    if "(software)" in found[1]:
        return lacking(f"the only Vulkan device is {found[1]}, the processor", _GPU)
    return None


def _said(*words: str) -> str:
    done = subprocess.run(
        ["ffmpeg", "-hide_banner", "-nostdin", *words], capture_output=True, text=True, timeout=30
    )
    return done.stdout + done.stderr


PEER = Peer(
    name="libplacebo",
    description="FFmpeg's libplacebo, in Vulkan",
    absent=absent,
    start=start,
    version=ffmpeg.version,
    ways=("lanczos", "ewa_lanczos"),
)
