"""The networks of bench.shapes in torch: what users would run without vsr, and what vsr is compared with."""

from __future__ import annotations

import importlib
import statistics
from collections.abc import Callable
from typing import Any

_TURNS, _LAUNCHES = 7, 50


def torch_milliseconds(name: str, width: int, height: int) -> float | None:
    """Return the time of the network of that name in torch, for pictures of that size; None without torch.

    float16, channels last, from a float16 tensor on the GPU to one, in a CUDA graph; the median of several.
    """
    try:
        torch: Any = importlib.import_module("torch")
    except ImportError:
        return None
    network, channels = _torch_network(torch, name)
    shape = (1, channels, height, width)
    x = torch.rand(shape, device="cuda", dtype=torch.float16).to(memory_format=torch.channels_last)
    torch.backends.cudnn.benchmark = True
    with torch.no_grad():
        side = torch.cuda.Stream()
        with torch.cuda.stream(side):
            for _ in range(3):
                network(x)
        torch.cuda.synchronize()
        graphed = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graphed):
            network(x)
        times = []
        for _ in range(_TURNS):
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            for _ in range(_LAUNCHES):
                graphed.replay()
            end.record()
            end.synchronize()
            times.append(begin.elapsed_time(end) / _LAUNCHES)
    return float(statistics.median(times))


def _torch_network(torch: Any, name: str) -> tuple[Callable[[Any], Any], int]:
    """Return the network on the GPU, and how many channels it reads."""
    nn, functional = torch.nn, torch.nn.functional
    convolutions = []

    def conv(width: int, into: int, size: int) -> Any:
        layer = nn.Conv2d(into, width, size, padding=size // 2)
        convolutions.append(layer.half().cuda().to(memory_format=torch.channels_last))
        return convolutions[-1]

    if name == "ESPCN x2":
        layers = [conv(64, 1, 5), conv(32, 64, 3), conv(4, 32, 3)]

        def run_espcn(x: Any) -> Any:
            for layer in layers[:-1]:
                x = torch.tanh(layer(x))
            return functional.pixel_shuffle(layers[-1](x), 2)

        return run_espcn, 1
    width, depth, out, dense = {
        "S": (4, 3, 4, False),
        "M": (4, 7, 4, True),
        "L": (8, 3, 12, False),
        "VL": (8, 7, 12, True),
    }[name]
    body = [conv(width, 3 if index == 0 else 2 * width, 3) for index in range(depth)]
    last = conv(out, 2 * width * (depth if dense else 1), 1 if dense else 3)

    def run(x: Any) -> Any:
        base = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        features = []
        for layer in body:
            x = layer(x)
            x = torch.cat([x.relu(), (-x).relu()], 1)
            features.append(x)
        x = last(torch.cat(features, 1) if dense else x)
        return base + functional.pixel_shuffle(x, 2)

    return run, 3
