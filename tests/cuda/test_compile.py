"""Every CUDA source compiles for every architecture, without a GPU: no spills, registers as in a table."""

import re
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest

from vsr.device.cuda import kernels as cuda_kernels
from vsr.device.cuda import nvrtc

pytestmark = pytest.mark.skipif(
    nvrtc.find() is None, reason="NVRTC is not installed: pip install nvidia-cuda-nvrtc==13.0.*"
)
ARCHITECTURES = ("sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120")
REGISTERS: dict[str, tuple[int, ...]] = {
    "anime4k_": (44, 40, 40, 40, 48, 56, 56),
    "check_": (24, 22, 30, 30, 30, 30, 22),
    "convert_": (36, 38, 37, 37, 39, 56, 56),
    "convert_reduced_": (52, 52, 52, 52, 52, 62, 64),
    "dither_": (24, 22, 22, 22, 28, 22, 22),
    "fill_": (22, 21, 21, 21, 26, 18, 14),
    "resize_": (34, 32, 32, 32, 35, 56, 56),
    "resize_integer": (42, 40, 40, 40, 48, 64, 64),
}
"""For each of ARCHITECTURES, the most of the kernels whose names begin so (the longest counts)."""
MAX_SHARED_BYTES = 48 << 10
"""What a block may have without asking for more at launch."""
_KERNEL = re.compile(
    r"Compiling entry function '(?P<name>\w+)'.*?(?P<stack>\d+) bytes stack frame, "
    r"(?P<stores>\d+) bytes spill stores, (?P<loads>\d+) bytes spill loads.*?"
    r"Used (?P<registers>\d+) registers(?:[^\n]*?, (?P<shared>\d+) bytes smem)?",
    re.DOTALL,
)


def compile_log(name: str, architecture: str) -> str:
    return cuda_kernels.compile_source(name, architecture, ["--ptxas-options=-v"])[1]


@pytest.fixture(scope="module")
def logs() -> dict[tuple[str, str], str]:
    """The compiler's words on every source for every architecture."""
    pairs = list(product(cuda_kernels.names(), ARCHITECTURES))
    with ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda pair: compile_log(*pair), pairs)
        return dict(zip(pairs, results, strict=True))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_registers_and_memory(logs: dict[tuple[str, str], str], architecture: str) -> None:
    most: dict[str, int] = {}
    for name in cuda_kernels.names():
        log = logs[name, architecture]
        assert "warning" not in log
        found = list(_KERNEL.finditer(log))
        assert len(found) == log.count("Compiling entry function") > 0
        for kernel in found:
            assert kernel["stack"] == kernel["stores"] == kernel["loads"] == "0", kernel[0]
            assert int(kernel["shared"] or 0) <= MAX_SHARED_BYTES, kernel[0]
            family = max((f for f in REGISTERS if kernel["name"].startswith(f)), key=len, default="?")
            most[family] = max(most.get(family, 0), int(kernel["registers"]))
    column = ARCHITECTURES.index(architecture)
    assert most.keys() == REGISTERS.keys()
    for family, registers in REGISTERS.items():
        assert most[family] <= registers[column], (
            f"{family}* takes {most[family]} registers on {architecture}"
        )


def test_a_source_that_is_wrong_is_a_sentence() -> None:
    with pytest.raises(
        nvrtc.CompileError, match=r"(?s)x\.cu does not compile with NVRTC 13.*expected an expression"
    ):
        nvrtc.compile_cubin("int f( {", "x.cu", ["-arch=sm_90"])
