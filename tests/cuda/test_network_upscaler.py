"""Networks on a GPU as upscalers run them: fused_cuda among conversions, filters and other networks."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.cuda.test_upscaler import frame_of
from tests.ops.pictures import spec
from tests.test_chain import written
from vsr.device.cuda.gpu import Gpu
from vsr.engine import cuda_engines
from vsr.engine.tensorrt import library
from vsr.errors import OptionError
from vsr.frame import Frame
from vsr.nets.builder import Builder
from vsr.nets.onnx import write_onnx
from vsr.nets.ops import Relu
from vsr.upscaler import Upscaler

LEAST_PSNR = 60.0
"""Of frames of a GPU in float16 against those of the CPU in float32, in dB."""


def psnr(one: Frame, other: Frame) -> float:
    """Of the worst plane."""
    found = []
    for a, b in zip(one.host_planes(), other.host_planes(), strict=True):
        error = np.square(a.astype(float) - b).mean() / one.format.max_value**2
        found.append(-10 * np.log10(max(error, 1e-12)))
    return float(min(found))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["yuv420p", "yuv444p10le", "yuva420p", "gbrp"])
def test_a_network_on_every_kind_of_frame(gpu: Gpu, tmp_path: Path, channels: int, name: str) -> None:
    model, source = written(tmp_path, channels), spec(38, 22, name)
    frame = frame_of(source)
    on_gpu = Upscaler(model, source=source, device=gpu)
    assert any("fused on the GPU in fp16" in step for step in on_gpu.steps())
    wanted = Upscaler(model, source=source, engine="fused_cpu", precision="fp32")(frame)
    assert psnr(on_gpu(frame), wanted) >= (LEAST_PSNR if source.format.depth > 8 else 50)
    exact = Upscaler(model, source=source, device=gpu, precision="fp32")(frame)
    for a, b in zip(exact.planes, wanted.planes, strict=True):
        assert np.abs(a.astype(int) - b).max() <= 1


def test_networks_and_filters_of_a_preset(gpu: Gpu) -> None:
    if find_spec("anime4k_python") is None:
        pytest.skip("the package anime4k-python is not here")
    source = spec(48, 32, "yuv420p10le")
    frame = frame_of(source)
    on_gpu = Upscaler("anime4k:A", source=source, device=gpu)
    assert any("highlights clamped" in step for step in on_gpu.steps())
    wanted = Upscaler("anime4k:A", source=source, engine="fused_cpu", precision="fp32")(frame)
    assert psnr(on_gpu(frame), wanted) >= LEAST_PSNR


def test_a_value_beyond_float16_is_redone(gpu: Gpu, tmp_path: Path) -> None:
    b = Builder(1)
    large = b.add(Relu(), b.conv(b.input, np.full((4, 1, 1, 1), 3e4, np.float32)))
    larger = b.add(Relu(), b.conv(large, np.full((4, 4, 1, 1), 1e4, np.float32)))
    b.conv(larger, np.full((1, 4, 1, 1), 1 / (16 * 3e8), np.float32))
    write_onnx(b.build("large"), tmp_path / "large.onnx")
    source = spec(16, 12, "gray")
    upscaler = Upscaler(str(tmp_path / "large.onnx"), source=source, device=gpu)
    frame = frame_of(source)
    result = upscaler(frame)
    assert upscaler.redone_frames == 1
    assert np.abs(result.planes[0].astype(int) - frame.planes[0]).max() <= 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"engine": "fused_cpu"}, "engine fused_cpu is for the CPU: use --device cpu"),
        ({"engine": "fused_cud"}, "Did you mean 'fused_cuda'"),
        ({"precision": "bf16"}, "unknown precision 'bf16'; available: auto, fp16, fp32"),
    ],
)
def test_what_a_gpu_does_not_have_is_refused(
    gpu: Gpu, tmp_path: Path, options: dict[str, str], sentence: str
) -> None:
    with pytest.raises(OptionError, match=sentence):
        Upscaler(written(tmp_path, 1), source=spec(16, 12), device=gpu, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"engine": "fused_cuda"}, {"precision": "fp16"}])
def test_what_is_for_gpus_is_said_on_the_cpu(tmp_path: Path, options: dict[str, str]) -> None:
    with pytest.raises(OptionError, match="is for GPUs: add --device cuda"):
        Upscaler(written(tmp_path, 1), source=spec(16, 12), **options)  # type: ignore[arg-type]


def test_a_wide_network_prefers_what_is_built_for_the_gpu(
    no_gpu: Gpu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where TensorRT is not installed that is said, and fused_cuda runs it."""
    monkeypatch.setattr(cuda_engines, "_WIDE_PRODUCTS", 1)
    for name in ("tensorrt", "tensorrt_rtx"):
        monkeypatch.setitem(sys.modules, name, None)
    library.load.cache_clear()
    source = spec(16, 12)
    upscaler = Upscaler(written(tmp_path, 1), source=source, device=no_gpu)
    [note] = upscaler.notes
    assert "fused_cuda in fp16" in note and "TensorRT is not installed: pip install" in note
    library.load.cache_clear()
