"""OpenVINO as its users call it, with the file that our ONNX writer makes."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from vsr.bench.peers.contender import Infer, Tensor
from vsr.bench.peers.networks import runtime
from vsr.errors import OptionError
from vsr.nets.graph import Graph
from vsr.nets.onnx import onnx_bytes

_HINTS = {"fp32": "f32", "bf16": "bf16"}


def load(graph: Graph, size: tuple[int, int], threads: int, precision: str) -> Infer:
    """Return the network compiled for that size, for the least time of a frame."""
    openvino: Any = import_module("openvino")
    core = openvino.Core()
    if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise OptionError("this processor has no bfloat16")
    model = core.read_model(onnx_bytes(graph))
    model.reshape([1, graph.channels_in, size[1], size[0]])
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": _HINTS[precision],
    }
    request = core.compile_model(model, "CPU", settings).create_infer_request()

    def infer(values: Tensor) -> Tensor:
        result: Tensor = request.infer({0: values}, share_inputs=True, share_outputs=True)[0]
        return result

    return infer


PEER = runtime(
    "openvino",
    "OpenVINO on the CPU",
    load,
    packages=("openvino",),
    imports=("openvino",),
    precisions=("fp32", "bf16"),
)
