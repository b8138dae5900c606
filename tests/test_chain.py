"""Chains of networks, shaders, filters and a final scaler: laid, run, compared with their parts in numpy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.nets import shaders
from tests.ops.pictures import noise, spec
from vsr.color import ColorSpec, Matrix, Range
from vsr.engine.step import FloatStep
from vsr.errors import OptionError
from vsr.frame import Frame, PictureSpec, pixel_format
from vsr.upscaler import Upscaler

SHADERS: dict[str, Callable[[], str]] = {
    "luma": shaders.luma_network,
    "residual-luma": shaders.residual_luma_network,
    "restore": shaders.restorer,
    "upscale": shaders.upscaler,
    "wide": lambda: shaders.upscaler(wide=True),
}
PICTURES = ("yuv420p", "gray", "gbrp", "yuva444p")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file for each of SHADERS."""
    made = tmp_path_factory.mktemp("shaders")
    for name, text in SHADERS.items():
        (made / f"{name}.glsl").write_text(text())
    return made


def chain(folder: Path, text: str) -> str:
    """The model's text, names of SHADERS replaced by paths."""
    return ",".join(str(folder / f"{name}.glsl") if name in SHADERS else name for name in text.split(","))


def frame_of(source: PictureSpec) -> Frame:
    return Frame(planes=noise(source), format=source.format, color=source.color)


def color_of(name: str) -> ColorSpec:
    return spec(1, 1, name).color


@pytest.mark.parametrize("engine", ["fused_cpu", "openvino", "reference"])
@pytest.mark.parametrize(
    "model", ["luma", "residual-luma", "wide", "luma,upscale", "upscale,luma", "restore,luma,bicubic"]
)
def test_networks_of_luma_and_rgb_take_and_give_all_components(folder: Path, model: str, engine: str) -> None:
    for source in (spec(13, 9, name) for name in PICTURES):
        for target in ("yuv420p", "gbrp", "gray"):
            upscaler = Upscaler(
                chain(folder, model),
                source=source,
                target_format=pixel_format(target),
                target_color=color_of(target),
                engine=engine,
                precision="fp32",
                size=(26, 18),
            )
            result = upscaler(frame_of(source))
            assert (result.width, result.height, result.format.name) == (26, 18, target)
            assert all(plane.std() > 0 for plane in result.planes) or source.format.family == "gray"


def test_a_network_of_luma_mixes_no_components(folder: Path) -> None:
    from vsr.engine.fused.step import FusedStep
    from vsr.nets.glsl.chain import read_shaders

    graph = read_shaders([folder / "luma.glsl"]).stages[0].graph
    assert graph is not None
    source = spec(8, 8)
    inner = FusedStep(graph, spec(8, 8, "grayf32le"), spec(16, 16, "grayf32le"))
    for target in (spec(16, 16, "gbrp"), spec(16, 16, matrix=Matrix.BT2020_NCL)):
        with pytest.raises(OptionError, match=r"luma alone.*convert after it"):
            FusedStep(graph, source, target)
        with pytest.raises(OptionError, match=r"luma alone.*convert after it"):
            FloatStep(inner, source, target)
    for step in (FusedStep, FloatStep):
        with pytest.raises(OptionError, match="convert gbrp to YUV first"):
            step(graph if step is FusedStep else inner, spec(8, 8, "gbrp"), spec(16, 16, "gbrp"))  # type: ignore[arg-type]


def test_luma_then_rgb_is_the_same_in_all_engines(folder: Path) -> None:
    source = spec(24, 18, "yuv444p", range=Range.FULL)
    results = [
        Upscaler(chain(folder, "luma,restore"), source=source, engine=engine, precision="fp32")(
            frame_of(source)
        )
        for engine in ("reference", "fused_cpu", "openvino")
    ]
    for other in results[1:]:
        for got, want in zip(other.planes, results[0].planes, strict=True):
            assert np.abs(got.astype(int) - want).max() <= 1
