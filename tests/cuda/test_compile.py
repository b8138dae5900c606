"""Every CUDA source compiles for every architecture, without a GPU: no spills, registers as in a table."""

import ctypes
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from vsr._resources import tree
from vsr.device.cuda import kernels as cuda_kernels
from vsr.device.cuda import nvrtc

pytestmark = pytest.mark.skipif(
    nvrtc.find() is None, reason="NVRTC is not installed: pip install nvidia-cuda-nvrtc==13.0.*"
)
ARCHITECTURES = ("sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120")
REGISTERS: dict[str, tuple[int, ...]] = {
    "anime4k_": (44, 40, 40, 40, 48, 56, 56),
    "bilateral_": (40, 40, 40, 40, 41, 40, 38),
    "check_": (24, 22, 30, 30, 30, 30, 22),
    "convert_": (38, 38, 38, 38, 44, 47, 48),
    "convert_reduced_": (56, 56, 56, 56, 64, 58, 64),
    "dither_": (24, 25, 27, 27, 27, 25, 25),
    "fill_": (22, 20, 20, 20, 21, 24, 24),
    "highlights": (36, 36, 36, 36, 40, 46, 46),
    "point_": (40, 38, 38, 38, 40, 52, 52),
    "resize_": (56, 48, 48, 48, 48, 56, 64),
    "resize_chroma_": (64, 64, 64, 64, 64, 64, 64),
    "resize_integer": (52, 48, 48, 48, 54, 56, 56),
    "warp": (52, 48, 48, 48, 54, 56, 54),
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


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_registers_and_memory(architecture: str) -> None:
    most: dict[str, int] = {}
    with ThreadPoolExecutor(2) as pool:
        logs = list(pool.map(lambda name: compile_log(name, architecture), cuda_kernels.names()))
    for log in logs:
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


def ptx(name: str) -> dict[str, str]:
    """Return the virtual machine code of each kernel of a source."""
    library, program = nvrtc.find(), ctypes.c_void_p()
    assert library is not None
    kernels = tree("kernels")
    options = ["-arch=compute_90", *cuda_kernels.OPTIONS, f"-I{kernels}", f"-I{kernels / 'cuda'}"]
    source = (kernels / "cuda" / f"{name}.cu").read_bytes()
    library.nvrtcCreateProgram(ctypes.byref(program), source, b"x.cu", 0, None, None)
    flags = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
    assert library.nvrtcCompileProgram(program, len(options), flags) == 0
    size = ctypes.c_size_t()
    library.nvrtcGetPTXSize(program, ctypes.byref(size))
    text = ctypes.create_string_buffer(size.value)
    library.nvrtcGetPTX(program, text)
    library.nvrtcDestroyProgram(ctypes.byref(program))
    parts = text.value.decode().split(".visible .entry ")[1:]
    return {part.split("(")[0].strip(): part for part in parts}


@pytest.mark.parametrize(
    ("source", "kernel", "accesses"),
    [
        ("resize_u8", "resize_u8_f32", ("ld.global.v4.u8", "st.global.v4.f32")),
        ("resize_chroma_u8", "resize_chroma_u8_u16", ("ld.global.v4.u16", "st.global.v4.u32")),
        ("resize_integer", "resize_chroma_integer", ("ld.global.v4.u16", "st.global.v4.u16")),
        ("convert_u16", "convert_u16_f16", ("ld.global.v4.u16", "ld.global.v4.u32", "st.global.v4.u16")),
        (
            "convert_reduced_f32",
            "convert_reduced_f32_u8",
            ("ld.global.v4.f32", "st.global.v4.u8", "st.global.v4.u16"),
        ),
        ("dither", "dither_f16_u8", ("ld.global.v4.u16", "st.global.v4.u8")),
        ("fill", "fill_f32", ("st.global.v4.f32",)),
    ],
)
def test_four_samples_are_one_access(source: str, kernel: str, accesses: Sequence[str]) -> None:
    """Four samples of 8 bits of both planes of chroma are v4.u16, of 16 bits v4.u32."""
    code = ptx(source)[kernel]
    for access in accesses:
        assert access in code


def test_a_source_that_is_wrong_is_a_sentence() -> None:
    with pytest.raises(
        nvrtc.CompileError, match=r"(?s)x\.cu does not compile with NVRTC 13.*expected an expression"
    ):
        nvrtc.compile_cubin("int f( {", "x.cu", ["-arch=sm_90"])
