"""The peers by name, in the order they are shown."""

from __future__ import annotations

from vsr.bench.peers import (
    ffmpeg,
    libplacebo,
    ncnn,
    onnxruntime,
    openvino,
    ours,
    pyanime4k,
    realesrgan,
    torch,
    vapoursynth,
)
from vsr.bench.peers.contender import Peer
from vsr.registry import Registry

_ALL = (ours, ffmpeg, libplacebo, pyanime4k, onnxruntime, openvino, torch, ncnn, vapoursynth, realesrgan)
PEERS: Registry[Peer] = Registry("peer", {module.PEER.name: module.PEER for module in _ALL})
