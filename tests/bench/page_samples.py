"""Made-up results of each suite for the tests of their pages: nobody measured them."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from vsr.bench.machine import Machine
from vsr.bench.results import Absent, CaseResult, Method, Results, Suite

AWKWARD = "a<b>&'\"c"
"""A name that is a tag unless it is escaped."""
LONG = "a_clip_whose_name_has_no_place_where_a_line_could_break_1280x720.mkv"
_MACHINE = Machine(
    cpu="A processor", cores=2, isa="avx2", memory_bytes=8 << 30, system="Linux", gpu=None, driver=None,
    frequency_mhz=2400.125, load=(0.25, 0.5, 0.75), packages={"numpy": "2.4.1"},
)  # fmt: skip

_CLIP = {"width": 427, "height": 240}


def results(suite: Suite) -> Results:
    """Return results of a suite, with a refused case and something absent."""
    cases = {"models": _models, "kernels": _kernels, "pipeline": _pipeline, "peers": _peers}[suite]()
    refused = CaseResult(name=f"{AWKWARD} refused", parameters={}, refused="its rounds differ by 23 %")
    return Results(
        suite=suite,
        method=Method(rounds=7, turn_seconds=0.0 if suite == "pipeline" else 0.8, noise_limit=0.05),
        cases=(*cases, refused),
        absent=(Absent(name="ncnn", why="it is not installed", remedy="pip install ncnn"),),
        machine=_MACHINE,
        vsr={"version": "0.1.0", "commit": "abcdef0+"},
        made="2026-11-21T12:00:00+00:00",
    )


def _case(name: str, seed: int, fps: float, parameters: dict[str, Any], **figures: float) -> CaseResult:
    generator = random.Random(seed)
    samples = tuple(sorted(generator.gauss(1, 0.02) / fps for _ in range(7)))
    timing = {"fps": 1 / samples[3], "p50_ms": 1e3 * samples[3], "p95_ms": 1.1e3 * samples[3]}
    timing |= {"spread_percent": 3.25, "cpu_ms": 1.9e3 * samples[3], "rss_mb": 123.5}
    noise = tuple(generator.random() / 30 for _ in samples)
    return CaseResult(
        name=name, parameters=parameters, samples=samples, figures={**timing, **figures}, noise=noise
    )


def _models() -> list[CaseResult]:
    """Networks with their work, and a scaler, which has none."""
    cases = []
    for size, width, height in (("480p", 854, 480), ("1080p", 1920, 1080)):
        pixels = width * height
        for seed, (model, macs) in enumerate({"lanczos3": 0, "cnn-m-photo": 2000, AWKWARD: 17000}.items()):
            for engine, gmac_per_second in (
                (("fused_cpu", 55.0), ("openvino", 35.0)) if macs else (("-", 0.0),)
            ):
                gmac = macs * pixels / 1e9
                work = {
                    "gmac": gmac, "gmac_per_second": gmac_per_second, "peak_gmac_per_second": 102.4,
                    "share_of_peak_percent": gmac_per_second / 1.024, "copy_gb_per_second": 11.5,
                    "frame_mb": 7.5 * pixels / 1e6,
                }  # fmt: skip
                parameters = {
                    "model": model, "width": width, "height": height, "scale": 2.0, "engine": engine,
                    "precision": "fp32" if macs else "-", "threads": 2, "shader_dir": None,
                }  # fmt: skip
                fps = gmac_per_second / gmac if macs else 7e8 / pixels
                name = " ".join([model, size, *([engine] if macs else [])])
                cases.append(_case(name, seed, fps, parameters, **(work if macs else {})))
    return cases


def _kernels() -> list[CaseResult]:
    names = {"copy": 11.5, "convert yuv420p to planar": 7.25, "resize lanczos3 x2": 1.875}
    return [
        CaseResult(
            name=name,
            parameters={"by": "vsr", "threads": 1},
            samples=(1e-3, 1.0625e-3, 1.125e-3),
            figures={
                "gb_per_second": rate,
                "copy_gb_per_second": 11.5,
                "share_of_copy_percent": rate / 0.115,
            },
            noise=(0.0, 0.015625, 0.0),
        )
        for name, rate in names.items()
    ]


def _pipeline() -> list[CaseResult]:
    alone = {"decode_fps": 410.5, "upscale_fps": 25.5, "encode_fps": 48.75}
    parameters = {"model": "cnn-m-photo", "preset": "veryfast"}
    detail = {
        "sentences": ["the run waits for the upscaler, busy 94 % of the time", "1.9 of 2 cores worked"],
        "core_seconds": {"read": 0.125, "work": 3.25, "write": 1.5, "waiting": 0.015625, "unknown": 0.03125},
        "trace": trace(),
    }
    return [replace(_case(f"{LONG} veryfast", 1, 24.0, parameters, **alone), detail=detail)]


def trace(frames: int = 40, workers: int = 2) -> dict[str, Any]:
    """Return a run whose workers are the slowest, in the form of `vsr.pipeline.trace`."""
    columns: dict[str, list[float]] = {f"{name}_ms": [] for name in (
        "read_begin", "read_end", "put", "work_begin", "work_end", "write_begin", "write_end"
    )}  # fmt: skip
    free = [0.0] * workers
    written = put = 0.0
    for index in range(frames):
        work_begin = max(free[index % workers], put + 8)
        moments = [put, put + 6.125, work_begin, work_begin, work_begin + 80.25]
        write_begin = max(moments[-1], written)
        written = write_begin + 20.5
        for name, value in zip(columns, [*moments, write_begin, written], strict=True):
            columns[name].append(value)
        free[index % workers], put = work_begin + 80.25, work_begin
    return {
        "seconds": written / 1e3, "frames": frames, "workers": workers, "bin_seconds": 0.1,
        "shares": {
            "read": [0.25, 0.125, 0.125], "room": [0.5, 0.75, 0.75], "work": [0.75, 0.96875, 0.9375],
            "write": [0.25, 0.375, 0.5], "fill": [0.5, 0.9375, 0.875],
        },
        "latency": {
            "edges_ms": [80.0, 100.0, 125.0, 160.0, 200.0], "counts": [3, 17, 12, 8],
            "p50_ms": 121.5, "p95_ms": 187.25, "p99_ms": 199.125, "longest_ms": 199.5,
        },
        "window": {"first": 0, "worker": [index % workers for index in range(frames)], **columns},
    }  # fmt: skip


def _peers() -> list[CaseResult]:
    found = {"ffmpeg lanczos": (210.5, 33.125), "vsr cnn-m-photo": (61.25, 34.5), "onnxruntime": (22.0, 34.5)}
    return [
        _case(name, seed, fps, {"peer": name.split()[0], **_CLIP, "what": "whole"}, psnr_y_db=quality)
        for seed, (name, (fps, quality)) in enumerate(found.items())
    ] + [_case("onnxruntime alone", 5, 25.0, {"peer": "onnxruntime", **_CLIP, "what": "alone"})]
