"""XPSNR against FFmpeg's filter of that name, to the last of its digits."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from av.filter import Graph

from vsr.frame import pixel_format
from vsr.media.pixels import planes_of
from vsr.quality.metrics import psnr
from vsr.quality.xpsnr import Xpsnr

FRAMES = 3
CASES = [
    (64, 48, "yuv420p", 25),
    (427, 239, "yuv420p", 31),
    (640, 480, "yuv444p10le", 32),
    (642, 482, "yuv422p", 60),
    (130, 401, "gray", 25),
    (2304, 1152, "yuv420p", 25),
    (2304, 1156, "yuv420p", 60),
]


def pictures(width: int, height: int, name: str) -> list[tuple[av.VideoFrame, av.VideoFrame]]:
    """Moving drawings, and the same with noise that differs from place to place."""
    rng = np.random.default_rng(1)
    fmt = pixel_format(name)
    unit = (fmt.max_value + 1) / 256
    pairs = []
    for number in range(FRAMES):
        pair = av.VideoFrame(width, height, name), av.VideoFrame(width, height, name)
        for plane, noisy in zip(*(planes_of(frame, fmt) for frame in pair), strict=True):
            y, x = np.mgrid[: plane.shape[0], : plane.shape[1]]
            value = 60 + 70 * (((x + 5 * number) // 13 + y // 9) % 2) + x // 4 % 20
            value = (value + rng.integers(0, 1 + 9 * (x > 30))) * unit
            plane[...] = value
            noisy[...] = np.clip(plane + rng.normal(0, 1 + y % 5, plane.shape) * unit, 0, fmt.max_value)
        pairs.append(pair)
    return pairs


def filtered(pairs: list[tuple[av.VideoFrame, av.VideoFrame]], rate: int) -> list[dict[str, Any]]:
    """What FFmpeg's filter says of each pair."""
    first = pairs[0][0]
    arguments = (
        f"video_size={first.width}x{first.height}:pix_fmt={first.format.name}:time_base=1/{rate}"
        f":frame_rate={rate}:pixel_aspect=1/1"
    )
    graph = Graph()
    sources: list[Any] = [graph.add("buffer", arguments, name=name) for name in ("main", "reference")]
    measure, sink = graph.add("xpsnr"), graph.add("buffersink")
    for index, source in enumerate(sources):
        source.link_to(measure, 0, index)
    measure.link_to(sink)
    graph.configure()
    for number, pair in enumerate(pairs):
        for frame, source in zip(pair, sources, strict=True):
            frame.pts, frame.time_base = number, Fraction(1, rate)
            source.push(frame)
    for source in sources:
        source.push(None)
    results: list[dict[str, Any]] = []
    while len(results) < len(pairs):
        done: Any = sink.pull()
        results.append(dict(done.metadata))
    return results


@pytest.mark.parametrize(("width", "height", "name", "rate"), CASES)
def test_it_is_that_of_ffmpeg(width: int, height: int, name: str, rate: int) -> None:
    if "xpsnr" not in av.filter.filters_available:
        pytest.skip("this FFmpeg has no filter xpsnr")
    pairs = pictures(width, height, name)
    fmt = pixel_format(name)
    meter = Xpsnr(width, height, fmt, rate)
    for pair, said in zip(pairs, filtered(pairs, rate), strict=True):
        values = meter(*(planes_of(frame, fmt) for frame in pair))
        wanted = [float(said[f"lavfi.xpsnr.xpsnr.{letter}"]) for letter in "yuv"[: len(values)]]
        assert values == pytest.approx(wanted, abs=2e-6)


def test_equal_frames_are_infinite_and_tiny_ones_get_psnr() -> None:
    fmt = pixel_format("gray")
    plane = np.random.default_rng(0).integers(0, 200, (40, 40)).astype(np.uint8)
    meter = Xpsnr(40, 40, fmt, 25)
    assert meter([plane], [plane]) == (math.inf,)
    assert meter([plane], [plane + 7]) == pytest.approx((psnr(plane, plane + 7),))


def test_a_frame_that_is_left_out_still_is_the_one_before() -> None:
    fmt = pixel_format("yuv420p")
    pairs = [tuple(planes_of(frame, fmt) for frame in pair) for pair in pictures(64, 48, "yuv420p")]
    whole, gapped = Xpsnr(64, 48, fmt, 25), Xpsnr(64, 48, fmt, 25)
    wanted = [whole(*pair) for pair in pairs]
    assert gapped(*pairs[0]) == wanted[0]
    gapped.skip(pairs[1][0])
    assert gapped(*pairs[2]) == wanted[2]
