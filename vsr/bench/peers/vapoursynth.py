"""VapourSynth's vspipe with vs-mlrt (OpenVINO, or onnxruntime), with the file that our ONNX writer makes."""

from __future__ import annotations

from pathlib import Path
from shutil import which

from vsr.bench.peers.clip import SCALE
from vsr.bench.peers.contender import Peer, Task, program_version
from vsr.bench.peers.networks import graph_of
from vsr.bench.peers.process import Program
from vsr.bench.results import Absent
from vsr.color import Matrix
from vsr.nets.onnx import write_onnx

SCRIPT = Path(__file__).with_name("vapoursynth.vpy")
_MATRICES = {Matrix.BT709: "709", Matrix.SMPTE170M: "170m"}


def start(task: Task) -> Program:
    """Return vspipe with the network."""
    graph, clip = graph_of(task.way, task.shader_dir), task.clip
    network = clip.folder / f"{graph.name.replace('/', '_')}.onnx"
    write_onnx(graph, network)
    arguments = {
        "path": clip.small, "start": len(clip.header), "frame_bytes": clip.frame_bytes, "frames": clip.frames,
        "width": clip.width, "height": clip.height, "scale": SCALE, "threads": task.threads,
        "network": network, "reads": graph.reads, "precision": task.precision,
        "matrix": _MATRICES[clip.source.color.matrix],
    }  # fmt: skip
    words = [word for name, value in arguments.items() for word in ("--arg", f"{name}={value}")]
    command = ["vspipe", *words, "--arg"]
    return Program(
        clip=clip,
        shown=[*command, "ticks=0", str(SCRIPT), "-"],
        measured=[*command, "ticks=1", str(SCRIPT), "--"],
        reads_pipe=False,
    )


def absent() -> Absent | None:
    """Return why the program is not to be had; a plugin that it lacks, it says itself."""
    if which("vspipe"):
        return None
    return Absent(
        name="vapoursynth",
        why="no program vspipe on PATH",
        remedy="python -m pip install vapoursynth vapoursynth-mlrt-ov && vapoursynth config (Python 3.12)",
    )


PEER = Peer(
    name="vapoursynth",
    description="VapourSynth's vspipe with vs-mlrt",
    absent=absent,
    start=start,
    version=lambda: program_version(["vspipe", "--version"], r"Core (R\S+)"),
    precisions=("fp32",),
)
