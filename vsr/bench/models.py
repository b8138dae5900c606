"""`vsr bench models`: frames a second of models alone, and what share of the machine they use."""

from __future__ import annotations

import os
import re
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from vsr.bench.harness import Case, Seen, measure
from vsr.bench.machine import machine
from vsr.bench.operations import copy
from vsr.bench.results import Method, Results, Value
from vsr.bench.worker import Prepared
from vsr.color import ChromaLocation, ColorSpec, Matrix, Range
from vsr.device import cpu
from vsr.device.cuda.gpu import Gpu, plane_array
from vsr.device.cuda.launch import view
from vsr.engine.engines import PRECISIONS, peak
from vsr.errors import OptionError
from vsr.frame import Frame, PictureSpec, empty_frame, pixel_format
from vsr.models import Recipe
from vsr.nets.shipped import shipped
from vsr.options import MAX_THREADS, BenchModelsOptions, MeasureOptions, RoundsOptions
from vsr.quality.subject import cost
from vsr.upscaler import Upscaler

SIZES = {"360p": (640, 360), "480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080)}
"""(width, height) of the frames that go in."""
_DEFAULT_SIZES = ("480p", "1080p")
_DEFAULT_MODELS = ("lanczos3", "anime4k-classic")
"""Measured beside the shipped networks where no model is named."""
_COLOR = ColorSpec(matrix=Matrix.BT709, range=Range.LIMITED, chroma_location=ChromaLocation.LEFT)
_COPIES = 5
"""Of which the fastest is taken for what memory gives."""
_WXH = re.compile(r"(\d{2,5})x(\d{2,5})")
_ROUNDS, _TURN_SECONDS, _PERCENT = (1, 1000), (0.02, 60.0), (0.0, 100.0)


def run(
    models: Sequence[str], options: BenchModelsOptions, tell: Callable[[str], None] = lambda text: None
) -> Results:
    """Measure `models` (none: the shipped networks and two scalers).

    Raises OptionError for what no case can be made of. What a machine cannot run is a refused case.
    """
    method = method_of(options)
    cases, here = _cases(models, options), machine()
    copied = _copy_gb_per_second(threads_of(options.threads))
    seen, interrupted = measure(cases, method, tell)
    return Results(
        suite="models",
        method=method,
        cases=tuple(each.result(method, lambda seen: _figures(seen, copied)) for each in seen),
        interrupted=interrupted,
        machine=here,
    )


def method_of(options: RoundsOptions) -> Method:
    """Return how it is to be measured. Raises OptionError for values out of range."""
    limits = [("rounds", options.rounds, _ROUNDS), ("noise-limit", options.noise_limit, _PERCENT)]
    if isinstance(options, MeasureOptions):
        limits.append(("turn", options.turn, _TURN_SECONDS))
    for name, value, (low, high) in limits:
        if not low <= value <= high:
            raise OptionError(f"--{name} is {value:g}; give {low:g} to {high:g}")
    return Method(
        rounds=options.rounds,
        turn_seconds=options.turn if isinstance(options, MeasureOptions) else 0.0,
        noise_limit=options.noise_limit / 100,
    )


def threads_of(threads: int) -> int:
    """Return how many threads are meant, 0 being one a core. Raises OptionError."""
    if not 0 <= threads <= MAX_THREADS:
        raise OptionError(f"--threads is {threads}; give 0 for one a core, or up to {MAX_THREADS}")
    return threads or cpu.usable_cores()


def once_each(**named: Sequence[str]) -> None:
    """Raise OptionError where an option names a thing twice: two cases of one name cannot be compared."""
    for option, values in named.items():
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise OptionError(f"--{option} names {twice} twice; name each once")


def size_of(text: str) -> tuple[int, int]:
    """Return (width, height). Raises OptionError."""
    if text in SIZES:
        return SIZES[text]
    match = _WXH.fullmatch(text)
    if match is None:
        raise OptionError(f"--size is {text!r}; give WxH, or {', '.join(SIZES)}")
    return int(match[1]), int(match[2])


def _cases(models: Sequence[str], options: BenchModelsOptions) -> list[Case]:
    models = models or (*shipped(), *_DEFAULT_MODELS)
    sizes = [(text, size_of(text)) for text in options.size or _DEFAULT_SIZES]
    if len(set(models)) < len(models):
        raise OptionError("a model is named twice; name each once")
    once_each(
        size=options.size,
        device=options.device,
        engine=options.engine,
        precision=options.precision,
        isa=options.isa,
    )
    folder = Path(options.shader_dir) if options.shader_dir else None
    for text in models:
        Recipe(text, shader_dir=folder)
    threads = threads_of(options.threads)
    for isa in options.isa:
        if isa not in cpu.features():
            raise OptionError(f"--isa is {isa!r}; this processor runs {', '.join(cpu.features())}")
    ways = product(
        options.device or ("cpu",),
        options.engine or ("auto",),
        options.precision or ("auto",),
        options.isa or ("auto",),
    )
    chosen = list(ways)
    cases = []
    for name, (width, height) in sizes:
        for model, (device, engine, precision, isa) in product(models, chosen):
            way = (device, engine, precision, isa)
            words = [model, name, *(word for word in way if word not in ("auto", "cpu"))]
            parameters: dict[str, Value] = {
                "model": model, "width": width, "height": height, "scale": options.scale, "device": device,
                "engine": engine, "precision": precision, "isa": isa, "threads": threads,
                "shader_dir": options.shader_dir,
            }  # fmt: skip
            cases.append(
                Case(name=" ".join(words), group=name, prepare=f"{__name__}:prepare", parameters=parameters)
            )
    return cases


def prepare(parameters: Mapping[str, Any]) -> Prepared:
    """Make the upscaler and a frame of 8-bit 4:2:0, as a run has them; one call is one frame.

    On a GPU both frames lie in its memory, as where NVDEC decodes and NVENC encodes.
    """
    if parameters["isa"] != "auto":  # before the kernels are loaded: it is one of these per process
        os.environ[cpu.ISA_VARIABLE] = parameters["isa"]
    folder = parameters["shader_dir"]
    recipe = Recipe(parameters["model"], shader_dir=Path(folder) if folder else None)
    width, height, threads = parameters["width"], parameters["height"], parameters["threads"]
    source = PictureSpec(width=width, height=height, format=pixel_format("yuv420p"), color=_COLOR)
    upscaler = Upscaler(
        recipe,
        source=source,
        scale=parameters["scale"],
        threads=threads,
        engine=parameters["engine"],
        precision=parameters["precision"],
        device=parameters["device"],
    )
    output = upscaler.output
    frame, into = drawing(source), empty_frame(output.width, output.height, output.format)
    if upscaler.gpu is not None:
        frame, into = on_gpu(frame, upscaler.gpu), on_gpu(into, upscaler.gpu)
    figures = {}
    known = cost(recipe, output.width / width, width, height)
    if known is not None and known.macs_per_pixel:
        figures["gmac"] = known.macs_per_pixel * width * height / 1e9
        figures["frame_mb"] = sum(plane.nbytes for each in (frame, into) for plane in each.planes) / 1e6
        if upscaler.gpu is None and len({precision for _, precision in upscaler.decided}) == 1:
            figures["peak_gmac_per_second"] = _peak_gmac(upscaler.decided[0][1], threads)
    return Prepared(
        once=lambda: upscaler(frame, into),
        parameters={
            **decided(upscaler),
            "scale": output.width / width,
            "isa": cpu.isa(),
            "frames_in": frame.device,
        },
        figures=figures,
    )


def decided(upscaler: Upscaler) -> dict[str, str]:
    """Return what runs a model's networks, as parameters; "-" where it has none."""
    engines, precisions = ([each[place] for each in upscaler.decided] for place in (0, 1))
    return {
        "engine": "+".join(dict.fromkeys(engines)) or "-",
        "precision": "+".join(dict.fromkeys(precisions)) or "-",
    }


def drawing(spec: PictureSpec) -> Frame:
    """Return a frame with flat areas, lines and slopes, neither noise nor empty."""
    frame = empty_frame(spec.width, spec.height, spec.format)
    for plane in frame.planes:
        y, x = np.mgrid[: plane.shape[0], : plane.shape[1]]
        plane[...] = 60 + 70 * ((x // 13 + y // 9) % 2) + 60 * ((x + 2 * y) % 23 < 2) + x // 4 % 20
    frame.color = spec.color
    return frame


def on_gpu(frame: Frame, gpu: Gpu) -> Frame:
    """Return a copy of a frame of host memory in a GPU's memory, complete on return."""
    stream = gpu.stream()
    planes, kept = [], []
    for plane in frame.planes:
        there = plane_array(gpu, plane.shape[1], plane.shape[0], plane.dtype)
        locked = gpu.host_array((plane.shape[0], plane.shape[1]), plane.dtype)
        np.copyto(locked, plane)
        stream.upload(locked, view(there, gpu.pointer(there)))
        planes.append(there)
        kept.append(locked)  # until the copy is done
    stream.record().wait()
    return replace(frame, planes=tuple(planes), device=gpu.device)


def _peak_gmac(precision: str, threads: int) -> float:
    known = next(each for each in PRECISIONS if each == precision)
    return peak(known) / 2 / 1e9 * min(threads, cpu.usable_cores())


def _copy_gb_per_second(threads: int) -> float:
    """Return what memory gives at most, read and written. Not in a case's process, whose memory counts."""
    prepared = copy(threads)
    seconds = []
    for _ in range(_COPIES):
        began = time.perf_counter()
        prepared.once()
        seconds.append(time.perf_counter() - began)
    return prepared.figures["bytes"] / min(seconds) / 1e9


def _figures(seen: Seen, copied: float) -> dict[str, float]:
    """Return the work a second, and what the processor and its memory, `copied` GB/s, do at most."""
    gmac = seen.known.get("gmac")
    if gmac is None:
        return {}
    rate = gmac / statistics.median(seen.samples)
    figures = {"gmac": gmac, "gmac_per_second": rate}
    if "peak_gmac_per_second" in seen.known:
        limit = seen.known["peak_gmac_per_second"]
        figures |= {"peak_gmac_per_second": limit, "share_of_peak_percent": 100 * rate / limit}
        figures["copy_gb_per_second"] = copied
    return {**figures, "frame_mb": seen.known["frame_mb"]}
