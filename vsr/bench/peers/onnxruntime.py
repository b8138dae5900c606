"""onnxruntime on the CPU, with the file that our ONNX writer makes."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from vsr.bench.peers.contender import Infer, Tensor
from vsr.bench.peers.networks import runtime
from vsr.nets.graph import Graph
from vsr.nets.onnx import onnx_bytes


def load(graph: Graph, size: tuple[int, int], threads: int, precision: str) -> Infer:
    """Return the network in a session of so many threads."""
    ort: Any = import_module("onnxruntime")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(onnx_bytes(graph), options, providers=["CPUExecutionProvider"])

    def infer(values: Tensor) -> Tensor:
        result: Tensor = session.run(None, {"input": values})[0]
        return result

    return infer


PEER = runtime(
    "onnxruntime",
    "onnxruntime, CPU provider",
    load,
    packages=("onnxruntime",),
    imports=("onnxruntime",),
)
