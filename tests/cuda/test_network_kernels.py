"""The kernels of networks compile for every architecture, without a GPU, in time: registers as in a table."""

from __future__ import annotations

import ctypes
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cuda.host import HostMemory, build_generated
from tests.cuda.network_shapes import NETWORKS
from tests.cuda.test_compile import _KERNEL, ARCHITECTURES, MAX_SHARED_BYTES
from tests.ops.pictures import spec
from vsr._resources import CACHE_VARIABLE
from vsr.device.cuda import kernels as cuda_kernels
from vsr.device.cuda import nvrtc
from vsr.device.cuda.launch import Generated
from vsr.engine.fused_cuda.layout import Window, pitch_of, turns
from vsr.engine.fused_cuda.network import CudaNetwork, CudaPrecision

needs_nvrtc = pytest.mark.skipif(
    nvrtc.find() is None, reason="NVRTC is not installed: pip install nvidia-cuda-nvrtc==13.0.*"
)
SHAPES = ("S", "M", "VL", "ESPCN", "FSRCNNX", "ArtCNN")
KERNELS: dict[str, tuple[int, tuple[int, ...]]] = {
    "f16_conv1x1x16to16": (8192, (118, 118, 128, 128, 128, 128, 128)),
    "f16_conv1x1x8to8": (8192, (80, 80, 80, 80, 79, 80, 80)),
    "f16_conv3x1x4to16": (5184, (58, 51, 51, 51, 56, 62, 64)),
    "f16_conv3x3x16to16": (19584, (67, 73, 73, 73, 81, 105, 105)),
    "f16_conv3x3x16to32": (19584, (108, 114, 114, 114, 121, 126, 126)),
    "f16_conv3x3x16to8": (19584, (72, 76, 76, 76, 80, 79, 79)),
    "f16_conv3x3x4to8": (5472, (54, 50, 50, 50, 59, 52, 48)),
    "f16_conv3x3x8to8": (10944, (79, 80, 80, 80, 79, 80, 80)),
    "f16_conv5x2x4to64": (3840, (128, 128, 128, 128, 128, 127, 128)),
    "f16_conv5x2x4to8": (6400, (52, 50, 52, 52, 58, 52, 48)),
    "f32_conv1x1x16to16": (8192, (64, 64, 64, 64, 64, 64, 64)),
    "f32_conv1x1x8to8": (8192, (63, 63, 63, 63, 63, 63, 64)),
    "f32_conv3x1x4to16": (5120, (61, 63, 64, 64, 63, 64, 63)),
    "f32_conv3x3x16to16": (21760, (61, 63, 63, 63, 64, 64, 64)),
    "f32_conv3x3x16to32": (21760, (125, 127, 127, 127, 127, 127, 127)),
    "f32_conv3x3x16to8": (21760, (61, 64, 63, 63, 63, 63, 63)),
    "f32_conv3x3x4to4": (5440, (34, 40, 40, 40, 40, 48, 48)),
    "f32_conv3x3x4to8": (5440, (55, 56, 56, 56, 63, 55, 55)),
    "f32_conv3x3x8to4": (5440, (56, 55, 55, 55, 55, 55, 55)),
    "f32_conv3x3x8to8": (10880, (61, 61, 63, 63, 63, 64, 64)),
    "f32_conv5x2x4to64": (6912, (252, 253, 255, 255, 255, 255, 255)),
    "f32_conv5x2x4to8": (6912, (52, 55, 55, 55, 58, 56, 55)),
}
"""By what they are called: bytes of shared memory, and for each of ARCHITECTURES the most registers."""
START_SECONDS = 1.0
AGAIN_SECONDS = 0.2


def network(name: str, precision: CudaPrecision = "fp16", width: int = 64, height: int = 48) -> CudaNetwork:
    """One of NETWORKS on a picture of 8 bits, R, G, B where it gives these."""
    graph = NETWORKS[name]()
    source = spec(width, height, "gbrp" if graph.writes == "rgb" else "yuv420p")
    target = replace(source, width=width * graph.scale, height=height * graph.scale)
    return CudaNetwork(graph, source, target, HostMemory(), precision=precision)


def all_kernels() -> dict[CudaPrecision, Generated]:
    """The kernels of SHAPES, each once."""
    found = {}
    for precision in ("fp16", "fp32"):
        texts = [network(name, precision).kernels.text for name in SHAPES]
        lines = {line for text in texts for line in text.splitlines()}
        text = "\n".join(sorted(lines, key=lambda line: (not line.startswith("#"), line)))
        found[precision] = Generated("networks", text + "\n")
    return found  # type: ignore[return-value]


@pytest.fixture(scope="module")
def logs() -> dict[str, str]:
    """The compiler's words for every architecture."""
    cases = list(product(ARCHITECTURES, all_kernels().values()))

    def log(case: tuple[str, Generated]) -> str:
        return cuda_kernels.compile_source(case[1], case[0], ["--ptxas-options=-v"])[1]

    with ThreadPoolExecutor(2) as pool:
        words = list(pool.map(log, cases))
    return {
        name: "\n".join(w for (a, _), w in zip(cases, words, strict=True) if a == name)
        for name in ARCHITECTURES
    }


@needs_nvrtc
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_registers_and_memory(logs: dict[str, str], architecture: str) -> None:
    log = logs[architecture]
    assert "warning" not in log
    found = list(_KERNEL.finditer(log))
    assert len(found) == log.count("Compiling entry function") > 0
    most: dict[str, tuple[int, int]] = {}
    for kernel in found:
        assert kernel["stack"] == kernel["stores"] == kernel["loads"] == "0", kernel[0]
        what = kernel["name"].rpartition("_")[0]
        shared, registers = most.get(what, (0, 0))
        most[what] = max(shared, int(kernel["shared"] or 0)), max(registers, int(kernel["registers"]))
    column = ARCHITECTURES.index(architecture)
    assert most.keys() == KERNELS.keys()
    for what, (shared, registers) in most.items():
        assert shared == KERNELS[what][0] <= MAX_SHARED_BYTES
        assert registers <= KERNELS[what][1][column], f"{what} takes {registers} registers on {architecture}"


@needs_nvrtc
@pytest.mark.parametrize("name", ["M", "VL", "ESPCN"])
def test_networks_start_in_time(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of this thread's time, so that other work on the machine does not count."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    seconds = []
    for _ in range(2):
        begin = time.thread_time()
        cuda_kernels.compiled(network(name).kernels, "sm_90", pytest.fail)
        seconds.append(time.thread_time() - begin)
    assert seconds[0] < START_SECONDS
    assert seconds[1] < AGAIN_SECONDS


@pytest.mark.parametrize("size", [1, 3, 5, 7, 9])
@pytest.mark.parametrize(("groups", "fours"), [(1, True), (1, False), (2, False), (4, False)])
def test_loads_meet_in_no_bank(size: int, groups: int, fours: bool) -> None:
    window = Window.of(size, 1, fours=fours)
    steps = -(-window.taps * groups // 4)
    assert turns(window, groups, pitch_of(window, groups)) == 2 * steps
    if size == 3 and groups < 4:
        assert turns(window, groups, window.tile(1)[0]) > 2 * steps


_PRODUCT = Generated(
    "product",
    """#include "fragments.cuh"
using namespace vsr;
extern "C" __attribute__((visibility("default"))) void product(const Left* a, const Right* b, Sums* c) {
    multiply_add(*c, *a, *b);
}
""",
)


def test_fragments_on_the_host_are_those_of_the_ptx_isa() -> None:
    """Rows and columns of each register as the PTX ISA's section on mma.m16n8k16 gives them."""
    rng = np.random.default_rng(0)
    left, right, sums = (
        rng.normal(size=shape).astype(dtype)
        for shape, dtype in (((16, 16), "f2"), ((16, 8), "f2"), ((16, 8), "f4"))
    )
    lanes, i8, i4 = np.arange(32)[:, None], np.arange(8), np.arange(4)
    group, member = lanes // 4, lanes % 4
    a = left[
        np.where((i8 < 2) | ((i8 >= 4) & (i8 < 6)), group, group + 8), member * 2 + i8 % 2 + 8 * (i8 >= 4)
    ]
    b = right[member * 2 + i4 % 2 + 8 * (i4 >= 2), group + 0 * i4]
    rows, columns = np.where(i4 < 2, group, group + 8), member * 2 + i4 % 2
    c: Any = np.ascontiguousarray(sums[rows, columns])
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    build_generated(_PRODUCT).product(*(x.ctypes.data_as(ctypes.c_void_p) for x in (a, b, c)))
    want = sums + left.astype(np.float32) @ right.astype(np.float32)
    np.testing.assert_allclose(c, want[rows, columns], atol=1e-5)
