"""The upscaler: sizes, options, conversions, time, and frames that are not what the source was."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from vsr.color import ChromaLocation, ColorSpec, Matrix, Primaries, Range, Transfer
from vsr.errors import OptionError
from vsr.frame import Frame, PictureSpec, empty_frame, pixel_format
from vsr.models import MODELS
from vsr.upscaler import Upscaler

COLOR = ColorSpec(matrix=Matrix.BT709, range=Range.LIMITED, chroma_location=ChromaLocation.LEFT)
RGB = ColorSpec(matrix=Matrix.RGB, range=Range.FULL)


def spec(width: int, height: int, name: str = "yuv420p", color: ColorSpec = COLOR) -> PictureSpec:
    return PictureSpec(width=width, height=height, format=pixel_format(name), color=color)


def frame_of(source: PictureSpec, seed: int = 0, **attributes: Any) -> Frame:
    rng = np.random.default_rng(seed)
    frame = empty_frame(source.width, source.height, source.format, color=source.color, **attributes)
    for plane in frame.planes:
        plane[...] = rng.integers(0, source.format.max_value + 1, plane.shape)
    return frame


def shape_of(frame: Frame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10le", "yuva444p", "gray", "gbrp"])
def test_every_model_enlarges_every_family_and_keeps_time(model: str, name: str) -> None:
    color = RGB if name == "gbrp" else COLOR
    source = spec(33, 17, name, color)
    upscaler = Upscaler(model, source=source)
    frame = frame_of(source, pts=1234, time_base=Fraction(1001, 24000), duration=7)
    result = upscaler(frame)
    assert shape_of(result) == (66, 34, name)
    assert (result.pts, result.time_base, result.duration) == (1234, Fraction(1001, 24000), 7)
    assert result.color == color
    assert upscaler.output == spec(66, 34, name, color)


@pytest.mark.parametrize(
    ("arguments", "want"),
    [
        ({}, (14, 10)),
        ({"scale": 1.5}, (11, 8)),
        ({"scale": 0.1}, (1, 1)),
        ({"size": (31, 3)}, (31, 3)),
    ],
)
def test_sizes(arguments: dict[str, Any], want: tuple[int, int]) -> None:
    upscaler = Upscaler("lanczos3", source=spec(7, 5), **arguments)
    result = upscaler(frame_of(spec(7, 5)))
    assert (result.width, result.height) == want == (upscaler.output.width, upscaler.output.height)


def test_frames_are_written_where_asked_and_the_pool_is_checked() -> None:
    source = spec(16, 8)
    upscaler = Upscaler("lanczos3", source=source)
    into = empty_frame(32, 16, source.format)
    result = upscaler(frame_of(source, pts=5), into)
    assert result is into and into.pts == 5
    for got, want in zip(into.planes, upscaler(frame_of(source)).planes, strict=True):
        np.testing.assert_array_equal(got, want)
    with pytest.raises(OptionError, match="32x16 yuv420p"):
        upscaler(frame_of(source), empty_frame(32, 18, source.format))


def test_conversions_follow_the_resize() -> None:
    source = spec(20, 12)
    upscaler = Upscaler("lanczos3", source=source, target_format=pixel_format("gbrp10le"), target_color=RGB)
    result = upscaler(frame_of(source))
    assert shape_of(result) == (40, 24, "gbrp10le")
    assert (
        len(upscaler.steps()) == 2 and "lanczos3" in upscaler.steps()[0] and "gbrp10le" in upscaler.steps()[1]
    )
    deeper = Upscaler("lanczos3", source=source, target_format=pixel_format("yuv420p10le"))
    assert len(deeper.steps()) == 1


def test_frames_of_another_kind_end_in_the_same_output() -> None:
    source = spec(20, 12)
    upscaler = Upscaler("lanczos3", source=source)
    for other in (
        spec(30, 40),
        spec(20, 12, "yuv444p10le"),
        spec(16, 16, "gray"),
        spec(20, 12, "gbrp", RGB),
        spec(20, 12, color=ColorSpec()),
        spec(20, 12, color=replace(COLOR, matrix=Matrix.BT2020_NCL)),
        spec(20, 12, color=replace(COLOR, range=Range.FULL)),
    ):
        result = upscaler(frame_of(other))
        assert shape_of(result) == (40, 24, "yuv420p")
        assert result.color == COLOR


def test_untagged_frames_are_what_the_source_is() -> None:
    source = spec(20, 12)
    upscaler = Upscaler("lanczos3", source=source)
    frame = frame_of(source)
    untagged = replace_color(frame, ColorSpec())
    for got, want in zip(upscaler(untagged).planes, upscaler(frame).planes, strict=True):
        np.testing.assert_array_equal(got, want)


def replace_color(frame: Frame, color: ColorSpec) -> Frame:
    return Frame(planes=frame.planes, format=frame.format, color=color)


@pytest.mark.parametrize("target", ["yuv420p", "gbrp"])
def test_several_workers_may_call_at_once(target: str) -> None:
    source = spec(120, 90)
    color = RGB if target == "gbrp" else COLOR
    upscaler = Upscaler(
        "anime4k-classic", source=source, target_format=pixel_format(target), target_color=color, threads=2
    )
    frames = [frame_of(source, seed, pts=seed) for seed in range(6)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(upscaler, frames))
    for frame, result in zip(frames, results, strict=True):
        assert result.pts == frame.pts
        for got, want in zip(result.planes, upscaler(frame).planes, strict=True):
            np.testing.assert_array_equal(got, want)


def test_stream_and_close() -> None:
    source = spec(8, 8)
    with Upscaler("bicubic", source=source) as upscaler:
        frames = [frame_of(source, pts=i) for i in range(3)]
        assert [frame.pts for frame in upscaler.stream(frames)] == [0, 1, 2]
        upscaler.close()
    assert upscaler(frames[0]).pts == 0


def test_options_reach_the_model() -> None:
    source = spec(24, 16, "yuv420p10le")  # Anime4K computes in float32 at any depth, resizing only above 8
    frame = frame_of(source)
    still = Upscaler(
        "anime4k-classic",
        source=source,
        options={"strength_color": "0", "strength_gradient": "0", "upscale": "lanczos3"},
    )
    plain = Upscaler("lanczos3", source=source)
    np.testing.assert_array_equal(still(frame).planes[0], plain(frame).planes[0])
    assert "0.00" in still.steps()[0]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"model": "lanczos"}, "lanczos3"),
        ({"options": {"strength": "1"}}, "has no option"),
        ({"model": "anime4k-classic", "options": {"strength_colour": "1"}}, "strength_color"),
        ({"model": "anime4k-classic", "options": {"strength_color": "2"}}, "0 to 1"),
        ({"model": "anime4k-classic", "options": {"strength_color": "much"}}, "0 to 1"),
        ({"scale": 0.0}, "above 0"),
        ({"scale": float("nan")}, "above 0"),
        ({"scale": 1e6}, "allowed is 1 to 16384"),
        ({"size": (0, 9)}, "allowed is 1 to 16384"),
        ({"size": (9, 9), "scale": 2.0}, "contradict"),
        ({"threads": 0}, "1 or more"),
        ({"target_color": replace(COLOR, transfer=Transfer.PQ)}, "transfer"),
        ({"target_color": replace(COLOR, primaries=Primaries.BT2020)}, "primaries"),
        ({"target_color": replace(COLOR, matrix=Matrix.ICTCP)}, "ICTCP"),
    ],
)
def test_refusals(arguments: dict[str, Any], text: str) -> None:
    color = replace(COLOR, transfer=Transfer.BT709, primaries=Primaries.BT709)
    with pytest.raises(OptionError, match=text):
        Upscaler(**{"model": "lanczos3", "source": spec(16, 16, color=color), **arguments})


@pytest.mark.parametrize("options", [{"engine": "fused"}, {"precision": "fp99"}])
def test_names_are_checked_for_every_model(options: dict[str, str]) -> None:
    source = PictureSpec(width=8, height=8, format=pixel_format("gray"))
    with pytest.raises(OptionError, match=r"unknown (engine|precision) .* available: auto, "):
        Upscaler("lanczos3", source=source, **options)  # type: ignore[arg-type]
