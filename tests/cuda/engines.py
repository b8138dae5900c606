"""Networks for a GPU, an engine that needs no building, frames, and how far two are apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.nets.exported import numbers
from tests.ops.pictures import drawing, spec
from vsr.device.cuda.gpu import Work
from vsr.device.cuda.launch import View
from vsr.engine.cuda_engines import CUDA_ENGINES, CudaEngine
from vsr.engine.cuda_step import Place
from vsr.engine.step import Network, Precision
from vsr.frame import Frame, PictureSpec, empty_frame, pixel_format
from vsr.nets.builder import Builder
from vsr.nets.graph import Graph
from vsr.nets.ops import Add, LeakyRelu, PixelShuffle, Resize
from vsr.ops.cuda.resize import fill
from vsr.ops.cuda.step import CudaStep
from vsr.registry import Registry
from vsr.upscaler import Upscaler


def network(channels: int, factor: int = 2, *, name: str = "net") -> Graph:
    """The picture enlarged, and two convolutions that change it a little."""
    b = Builder(channels)
    x = b.add(LeakyRelu(0.2), b.conv(b.input, 0.3 * numbers(6, channels, 3, 3), 0.1 * numbers(6)))
    x = b.conv(x, 0.05 * numbers(channels * factor**2, 6, 3, 3))
    b.add(Add(), b.add(PixelShuffle(factor), x), b.add(Resize("bilinear", factor), b.input))
    return b.build(name)


BUILT = Registry("engine", {name: each for name, each in CUDA_ENGINES.items() if each.awaits is not None})
"""The engines that are built before they run."""


def with_gray(ran: list[str]) -> Registry[CudaEngine]:
    """Return the engines that are built, and one that is not and runs all: it makes gray, and tells `ran`."""

    def build(
        network: Network, source: PictureSpec, target: PictureSpec, precision: Precision, place: Place
    ) -> CudaStep:
        def work(planes: Sequence[View], into: Sequence[View]) -> list[Work]:
            ran.append(precision)
            return [fill(plane, 77, 255) for plane in into]

        return CudaStep(source=source, output=target, sentence="gray", work=work, in_half=precision == "fp16")

    engine = CudaEngine(
        description="gray",
        build=build,
        problem=lambda network, source, gpu: None,
        precisions=("fp16", "fp32"),
    )
    return Registry("engine", {**BUILT, "gray": engine})


def frame_of(source: PictureSpec, seed: int = 0) -> Frame:
    frame = empty_frame(source.width, source.height, source.format, color=source.color, pts=seed)
    for plane, samples in zip(frame.planes, drawing(source), strict=True):
        plane[...] = np.roll(samples, 5 * seed, axis=1)
    return frame


def psnr(one: Frame, other: Frame) -> float:
    """Of the worst plane."""
    worst = max(
        float(np.square(a.astype(float) - b.astype(float)).mean())
        for a, b in zip(one.host_planes(), other.host_planes(), strict=True)
    )
    return math.inf if worst == 0 else 10 * math.log10(one.format.max_value**2 / worst)


def assert_it_gives_the_cpus_frames(
    file: str, source: PictureSpec, target: str | None, given: dict[str, Any]
) -> str:
    """Compare a network with the reference, run as `given` says, precision included. Return its steps."""
    options: dict[str, Any] = {"source": source}
    if target:
        options |= {"target_format": pixel_format(target), "target_color": spec(8, 8, target).color}
    wanted = Upscaler(file, engine="reference", **options)
    with Upscaler(file, **given, **options) as upscaler:
        for seed in range(3):  # the second and third run what the first or second captured
            frame = frame_of(source, seed)
            assert psnr(upscaler(frame), wanted(frame)) >= (60 if given["precision"] == "fp16" else 80)
        assert upscaler.redone_frames == 0
        return "; ".join(upscaler.steps())


def is_gray(frame: Frame) -> bool:
    """Whether a frame is of that engine."""
    plane = frame.host_planes()[0]
    return bool((plane == plane[0, 0]).all())
