"""FFmpeg's own scalers: libswscale, and zimg where it is built in."""

from __future__ import annotations

from shutil import which

from vsr.bench.peers.contender import Peer, Task, program_version
from vsr.bench.peers.process import Program
from vsr.bench.results import Absent

WAYS = {
    "bicubic": "scale={size}:flags=bicubic",
    "lanczos": "scale={size}:flags=lanczos",
    "zimg-lanczos": "zscale={size}:filter=lanczos",
}
REMEDY = "apt-get install ffmpeg, or the like of your system"


def start(task: Task) -> Program:
    """Return FFmpeg with the scaler."""
    target = task.clip.target
    return filtered(task, WAYS[task.way].format(size=f"{target.width}:{target.height}"))


def filtered(task: Task, filters: str, *devices: str) -> Program:
    """Return FFmpeg with a chain of filters, and the options that open its devices."""
    threads = ["-threads", str(task.threads), "-filter_threads", str(task.threads)]
    # It starts with the first frame: what a probe reads ahead would not be timed.
    source = ["-probesize", "32", "-analyzeduration", "0", "-f", "yuv4mpegpipe", "-i", "pipe:0"]
    result = ["-vf", filters, "-pix_fmt", "yuv420p", "-fps_mode", "passthrough"]
    command = ["ffmpeg", "-v", "error", "-nostdin", *devices, *threads, *source, *result]
    return Program(
        clip=task.clip,
        shown=[*command, "-f", "rawvideo", "pipe:1"],
        measured=[*command, "-f", "null", "-"],
    )


def absent() -> Absent | None:
    """Return why the program is not to be had."""
    if which("ffmpeg"):
        return None
    return Absent(name="ffmpeg", why="no program ffmpeg on PATH", remedy=REMEDY)


def version() -> str:
    """Return FFmpeg's version, as its builder writes it."""
    return program_version(["ffmpeg", "-version"], r"^ffmpeg version (\S+)")


PEER = Peer(
    name="ffmpeg",
    description="FFmpeg's scale (libswscale) and zscale (zimg)",
    absent=absent,
    start=start,
    version=version,
    ways=tuple(WAYS),
)
