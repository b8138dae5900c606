"""ncnn on the CPU, with what its own converter, pnnx, makes of the file that our ONNX writer makes."""

from __future__ import annotations

import subprocess
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from vsr.bench.peers.contender import Infer, Tensor
from vsr.bench.peers.networks import runtime
from vsr.errors import DeviceError
from vsr.nets.graph import Graph
from vsr.nets.onnx import write_onnx

_CONVERT_SECONDS = 120


def load(graph: Graph, size: tuple[int, int], threads: int, precision: str) -> Infer:
    """Return the network in float32."""
    ncnn: Any = import_module("ncnn")
    net = ncnn.Net()
    net.opt.use_vulkan_compute = False
    net.opt.num_threads = threads
    for kind in ("packed", "storage", "arithmetic"):  # its default is to round where the processor can
        setattr(net.opt, f"use_fp16_{kind}", False)
    with tempfile.TemporaryDirectory() as folder:
        param, weights = _converted(graph, size, Path(folder))
        if net.load_param(str(param)) or net.load_model(str(weights)):
            raise DeviceError(f"ncnn cannot read what pnnx made of {graph.name}")

    def infer(values: Tensor) -> Tensor:
        with net.create_extractor() as extractor:
            extractor.input("in0", ncnn.Mat(values[0]))
            status, result = extractor.extract("out0")
            if status:
                raise DeviceError(
                    f"ncnn ends {graph.name} with status {status}; a smaller clip needs less memory"
                )
            return np.array(result)[None]

    return infer


def _converted(graph: Graph, size: tuple[int, int], folder: Path) -> tuple[Path, Path]:
    """Return the files of the layers and of the weights, made in `folder`."""
    written = folder / "network.onnx"
    write_onnx(graph, written)
    shape = f"inputshape=[1,{graph.channels_in},{size[1]},{size[0]}]"
    program = import_module("pnnx").EXEC_PATH
    done = subprocess.run(
        [program, written.name, shape], cwd=folder, capture_output=True, text=True, timeout=_CONVERT_SECONDS
    )
    param, weights = folder / "network.ncnn.param", folder / "network.ncnn.bin"
    if done.returncode or not (param.exists() and weights.exists()):
        said = (done.stdout + done.stderr).strip().splitlines()
        raise DeviceError(f"pnnx cannot convert {graph.name}: {said[-1] if said else 'it said nothing'}")
    return param, weights


PEER = runtime("ncnn", "ncnn on the CPU", load, packages=("ncnn", "pnnx"), imports=("ncnn", "pnnx"))
