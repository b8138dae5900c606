"""The operations that `vsr bench kernels` measures: what each is, and a call of it in its own process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import cycle
from typing import Any

import numpy as np
import numpy.typing as npt

from vsr.bench.results import Value
from vsr.bench.worker import Prepared
from vsr.color import ChromaLocation, ColorSpec, Matrix, Range
from vsr.frame import PictureSpec, Plane, empty_frame, pixel_format
from vsr.media.swscale import FILTERS as SWSCALE_FILTERS
from vsr.media.swscale import Swscale
from vsr.ops.anime4k import Anime4k
from vsr.ops.convert import Convert
from vsr.ops.resize import Resize
from vsr.ops.scalers import SCALERS
from vsr.ops.shader_filters.highlights import ClampHighlights
from vsr.ops.shader_filters.table import FILTERS
from vsr.ops.step import Step

OURS, SWSCALE, ACCURATE = "vsr", "libswscale", "libswscale accurate"
KINDS = ("copy", "resize", "convert", "anime4k-classic", "filter")
_COPY_BYTES = 128 << 20
"""Of one copy: more than any cache holds."""
_PICTURES = 4
"""That take turns, so that a picture comes from memory, not from the cache of the call before."""
_FLOAT = "gbrpf32le"
_CONVERSIONS = (
    ("yuv420p", "gbrp"), ("gbrp", "yuv420p"), ("yuv420p10le", "gbrp10le"), ("yuv444p", "yuv420p"),
)  # fmt: skip
_DOUBLING = ("resample", "upscale_dog", "upscale_deblur_dog", "upscale_original", "upscale_dtd_thin")
_NUMBERS: Mapping[str, Sequence[float]] = {
    "strength": (0.6,), "blur_curve": (0.6,), "blur_threshold": (0.1,), "noise_threshold": (0.001,),
    "refine_strength": (1.0,), "refine_bias": (0.0,), "sigma": (1.0, 1.0, 1.0, 1.0), "iterations": (1,),
    "spatial_sigma": (1.0, 1.0, 1.0, 1.0), "intensity_sigma": (0.1,), "intensity_power_curve": (1.0,),
    "histogram_regularization": (0.2,),
}  # fmt: skip
"""Of the filters: about what Anime4K's files have."""
_COLOR = ColorSpec(matrix=Matrix.BT709, range=Range.LIMITED, chroma_location=ChromaLocation.LEFT)
Parameters = Mapping[str, Any]


def operations(width: int, height: int, formats: Sequence[str]) -> Iterator[tuple[str, dict[str, Value]]]:
    """Yield (name, parameters) of each for a picture of that size; `formats` are those of resizes."""
    size = f"{width}x{height}"
    plain = {"width": width, "height": height, "out_width": width, "out_height": height}
    double = plain | {"out_width": 2 * width, "out_height": 2 * height}
    half = plain | {"out_width": max(1, width // 2), "out_height": max(1, height // 2)}
    for fmt in formats:
        for factor, sizes in (("x2", double), ("/2", half)):
            for scaler in SCALERS:
                what: dict[str, Value] = {"kind": "resize", "operation": scaler, **sizes, "format": fmt}
                yield f"resize {scaler} {size} {factor} {fmt}", what | {"out_format": fmt}
    for before, after in _CONVERSIONS:
        what = {"kind": "convert", "operation": "bilinear", **plain, "format": before, "out_format": after}
        yield f"convert {before} {after} {size}", what
    yield f"anime4k-classic {size} x2 yuv420p", {
        "kind": "anime4k-classic", "operation": "bicubic", **double, "format": "yuv420p",
        "out_format": "yuv420p",
    }  # fmt: skip
    for name in (*FILTERS, "clamp_highlights"):
        sizes, factor = (double, " x2") if name in _DOUBLING else (plain, "")
        what = {"kind": "filter", "operation": name, **sizes, "format": _FLOAT, "out_format": _FLOAT}
        yield f"filter {name} {size}{factor}", what


def peers_of(parameters: Mapping[str, Value]) -> tuple[str, ...]:
    """Return who else has the same operation."""
    match parameters["kind"]:
        case "resize" if parameters["operation"] in SWSCALE_FILTERS:
            return SWSCALE, ACCURATE
        case "convert":
            return (SWSCALE,)
        case _:
            return ()


def prepare(parameters: Parameters) -> Prepared:
    """Prepare a call; every call has the next of a few pictures."""
    if parameters["kind"] == "copy":
        return copy(parameters["threads"])
    source, target = _specs(parameters)
    pictures = [_pictures(source, parameters["kind"], seed) for seed in range(_PICTURES)]
    once = _ours if parameters["by"] == OURS else _swscale
    moved = sum(each.format.frame_bytes(each.width, each.height) for each in (source, target))
    figures = {"bytes": float(moved)}
    if parameters["kind"] == "resize":
        figures |= _errors(parameters)
    return Prepared(once=once(parameters, source, target, pictures), figures=figures)


def step_of(parameters: Parameters) -> Step:
    """Return the operation."""
    source, target = _specs(parameters)
    match parameters["kind"]:
        case "resize":
            return Resize(source, target.width, target.height, scaler=parameters["operation"])
        case "convert":
            return Convert(source, target.format, target.color)
        case "anime4k-classic":
            return Anime4k(source, target.width, target.height)
        case _ if parameters["operation"] == "clamp_highlights":
            return ClampHighlights(source)
        case _:
            return FILTERS[parameters["operation"]](source, (target.width, target.height), _NUMBERS)


def _specs(parameters: Parameters) -> tuple[PictureSpec, PictureSpec]:
    source, target = (
        PictureSpec(
            width=parameters[f"{side}width"],
            height=parameters[f"{side}height"],
            format=pixel_format(parameters[f"{side}format"]),
            color=_color(parameters[f"{side}format"]),
        )
        for side in ("", "out_")
    )
    return source, target


def _color(name: str) -> ColorSpec:
    return replace(_COLOR, matrix=Matrix.RGB, range=Range.FULL) if name.startswith("gbr") else _COLOR


def _pictures(spec: PictureSpec, kind: str, seed: int) -> tuple[Plane, ...]:
    """Return noise, for what takes the same time on any picture; else flats, lines and slopes."""
    planes = empty_frame(spec.width, spec.height, spec.format).planes
    top, rng = spec.format.max_value, np.random.default_rng(seed)
    for plane in planes:
        if kind in ("resize", "convert"):
            plane[...] = rng.integers(0, top + 1, plane.shape)
            continue
        y, x = np.mgrid[: plane.shape[0], : plane.shape[1]]
        values = 60 + 100 * (((x + seed) // 97 + y // 61) % 2) + 40 * ((x + y) % 151 < 3)
        plane[...] = values * (top / 255)
    return planes


def _ours(
    parameters: Parameters, source: PictureSpec, target: PictureSpec, pictures: Sequence[tuple[Plane, ...]]
) -> Callable[[], object]:
    step, threads = step_of(parameters), parameters["threads"]
    into = [empty_frame(target.width, target.height, target.format).planes for _ in pictures]
    pairs = cycle(list(zip(pictures, into, strict=True)))

    def once() -> None:
        before, after = next(pairs)
        step(before, after, threads=threads)

    return once


def _swscale(
    parameters: Parameters, source: PictureSpec, target: PictureSpec, pictures: Sequence[tuple[Plane, ...]]
) -> Callable[[], object]:
    """Return a call of libswscale, which allocates each result; the allocator has it from the one before."""
    peer = Swscale(
        source,
        target,
        parameters["operation"],
        accurate=parameters["by"] == ACCURATE,
        threads=parameters["threads"],
    )
    frames = []
    for planes in pictures:
        frame = peer.take()
        for plane, values in zip(frame.planes, planes, strict=True):
            plane[...] = values
        frames.append(frame)
    turns = cycle(frames)
    return lambda: peer(next(turns))


def _errors(parameters: Parameters) -> dict[str, float]:
    """Return how far the luma is from exact arithmetic, in sample values, at the same ratio.

    Of noise of middling contrast, so that nothing is clamped, and of a quarter of the sides. For libswscale's
    bicubic exact is this project's cubic, which is another.
    """
    sides = ("width", "height", "out_width", "out_height")
    small = {**parameters, **{side: max(1, parameters[side] // 4) for side in sides}}
    source, target = _specs(small)
    planes = _pictures(source, "resize", 0)
    for plane in planes:
        plane[...] = plane // 2 + source.format.max_value // 4
    resize = Resize(source, target.width, target.height, scaler=small["operation"])
    exact = resize.reference(planes, np.float64)[0]
    if small["by"] == OURS:
        result = empty_frame(target.width, target.height, target.format).planes
        resize(planes, result)
    else:
        peer = Swscale(source, target, small["operation"], accurate=small["by"] == ACCURATE, threads=1)
        frame = peer.take()
        for there, values in zip(frame.planes, planes, strict=True):
            there[...] = values
        result = peer(frame)
    off: npt.NDArray[np.float64] = result[0].astype(float) - exact
    return {"error_rms": float(np.sqrt(np.mean(off**2))), "error_mean": float(np.mean(off))}


def copy(threads: int) -> Prepared:
    """Copy memory, a part on each thread: what the memory gives, read and written."""
    # Written, not zeros: of memory that nobody has written the system shows one page of zeros again and
    # again, which stays in the cache.
    parts = [np.full(_COPY_BYTES // threads, 1, np.uint8) for _ in range(threads)]
    into = [part.copy() for part in parts]
    pool = ThreadPoolExecutor(threads)
    moved = 2.0 * sum(part.nbytes for part in parts)
    return Prepared(once=lambda: list(pool.map(np.copyto, into, parts)), figures={"bytes": moved})
