"""Clips for peers, made without reading a video, and what a peer makes of one, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.make_media import Clip, Picture, make
from vsr.bench.peers import clip
from vsr.bench.peers.contender import Task
from vsr.bench.peers.table import PEERS
from vsr.nets.builder import Builder
from vsr.nets.onnx import write_onnx
from vsr.nets.ops import Add, Concat, CRelu, PixelShuffle, Resize

Lumas = npt.NDArray[np.uint8]
"""(frames, height, width)."""


def video(path: Path, **picture: Any) -> Path:
    """Write a lossless video of a moving test card, 128x96 unless `picture` says otherwise."""
    return make(path, Clip(picture=Picture(**{"codec": "ffv1", "width": 128, "height": 96, **picture})))


def small(folder: Path, frames: int = 4) -> clip.Clip:
    """Return a clip of frames of 64x48 in `folder`."""
    return clip.make(str(video(folder / "video.mkv", frames=frames)), folder, frames)


def rgb_network(path: Path) -> Path:
    """Write a narrow network of the kind of Anime4K's: it reads R, G, B and adds one plane to all of them."""
    rng = np.random.default_rng(0)
    b = Builder(3)
    x, features = b.input, []
    for into in (3, 8):
        weight = rng.normal(0, 0.5 / into, (4, into, 3, 3)).astype(np.float32)
        x = b.add(CRelu(), b.conv(x, weight, border="replicate"))
        features.append(x)
    x = b.conv(b.add(Concat(), *features), rng.normal(0, 0.05, (4, 16, 1, 1)).astype(np.float32))
    b.add(Add(), b.add(PixelShuffle(2), x), b.add(Resize("bilinear", 2), b.input))
    write_onnx(b.build("narrow"), path)
    return path


def enlarged(peer: str, way: str, made: clip.Clip) -> Lumas:
    """Return the luma that a peer makes of each frame, in a process of its own, as when it is measured."""
    target = made.folder / f"{peer}.npy"
    words = [peer, way, str(made.folder), str(target)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.small_clips", *words], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    result: Lumas = np.load(target)
    return result


def _main(peer: str, way: str, folder: str, target: str) -> None:
    made = clip.Clip.load(Path(folder))
    contender = PEERS[peer].start(Task(clip=made, way=way, precision="fp32", threads=2))
    np.save(target, np.stack([np.array(luma) for luma in contender.lumas()]))


if __name__ == "__main__":
    _main(*sys.argv[1:])
