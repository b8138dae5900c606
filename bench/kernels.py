"""How fast the CPU kernels are against libswscale, one thread each, in runs that alternate.

    python -m bench.kernels [--rounds N] [--json FILE]

A row is the median time of a frame here and there, and there / here. Both read and write their own frames,
allocated before; noise stands for a picture, as both take the same time for any. Resizes are also
measured against libswscale with ACCURATE_RND, and for all there is the error, rms and mean, of the luma of a
smaller picture against this project's filter in float64. libswscale's bicubic is another cubic, with a = -0.6
instead of -0.5.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import Interpolation, VideoReformatter

from vsr.color import ChromaLocation, ColorSpec, Matrix, Range
from vsr.device import cpu
from vsr.frame import Frame, PictureSpec, empty_frame, pixel_format
from vsr.ops.resize import Resize
from vsr.upscaler import Upscaler

COLOR = ColorSpec(matrix=Matrix.BT709, range=Range.LIMITED, chroma_location=ChromaLocation.LEFT)
PEERS = {
    "bilinear": Interpolation.BILINEAR,
    "bicubic": Interpolation.BICUBIC,
    "lanczos3": Interpolation.LANCZOS,
    "spline36": Interpolation.SPLINE,
    "area": Interpolation.AREA,
}
SIZES = {
    "480p x2": ((854, 480), (1708, 960)),
    "720p x1.5": ((1280, 720), (1920, 1080)),
    "1080p x2": ((1920, 1080), (3840, 2160)),
    "1080p /2": ((1920, 1080), (960, 540)),
}
FORMATS = ("yuv420p", "yuv420p10le")


@dataclass(frozen=True)
class Error:
    """Against float64, in sample values."""

    rms: float
    mean: float


@dataclass(frozen=True)
class Row:
    """One comparison; times are medians in milliseconds."""

    case: str
    ours_ms: float
    peer_ms: float | None
    accurate_ms: float | None = None
    """The peer with ACCURATE_RND."""
    errors: tuple[Error, Error, Error] | None = None
    """Of ours, of the peer, and of the peer with ACCURATE_RND."""

    @property
    def ratio(self) -> float | None:
        """How many times as fast as the peer."""
        return None if self.peer_ms is None else self.peer_ms / self.ours_ms


def _noise(spec: PictureSpec) -> Frame:
    frame = empty_frame(spec.width, spec.height, spec.format, color=spec.color)
    rng = np.random.default_rng(0)
    for plane in frame.planes:
        plane[...] = rng.integers(0, spec.format.max_value + 1, plane.shape)
    return frame


def _av_frame(frame: Frame) -> av.VideoFrame:
    result = av.VideoFrame(frame.width, frame.height, frame.format.name)
    for plane, samples in zip(result.planes, frame.planes, strict=True):
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        wide = np.ascontiguousarray(samples).view(np.uint8)
        rows[:, : wide.shape[1]] = wide
    return result


def _swscale(frame: Frame, **target: Any) -> Callable[[], Any]:
    source, reformatter = _av_frame(frame), VideoReformatter()
    return lambda: reformatter.reformat(source, threads=1, **target)


def _call(upscaler: Upscaler, frame: Frame, into: Frame) -> Callable[[], Any]:
    return lambda: upscaler(frame, into)


def _alternate(calls: list[Callable[[], Any]], rounds: int) -> list[float]:
    """Return the median milliseconds of each, after one unmeasured call, calls taking turns."""
    times: list[list[float]] = [[] for _ in calls]
    for turn in range(rounds + 1):
        for call, own in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            if turn:
                own.append((time.perf_counter() - start) * 1e3)
    return [statistics.median(own) for own in times]


def _row(case: str, ours: Callable[[], Any], peer: Callable[[], Any] | None, rounds: int) -> Row:
    medians = _alternate([ours, peer] if peer else [ours], rounds)
    return Row(case, medians[0], medians[1] if peer else None)


def _resize_row(case: str, scaler: str, spec: PictureSpec, target: tuple[int, int], rounds: int) -> Row:
    frame, into = _noise(spec), empty_frame(*target, spec.format)
    ours = _call(Upscaler(scaler, source=spec, size=target), frame, into)
    peers = [
        _swscale(frame, width=target[0], height=target[1], interpolation=flags) for flags in _flags(scaler)
    ]
    ours_ms, peer_ms, accurate_ms = _alternate([ours, *peers], rounds)
    return Row(case, ours_ms, peer_ms, accurate_ms, _errors(scaler, spec, target))


def _flags(scaler: str) -> tuple[Interpolation, Interpolation]:
    """How libswscale is asked for that filter: as is, and with accurate rounding."""
    return PEERS[scaler], PEERS[scaler] | Interpolation.ACCURATE_RND


def _errors(scaler: str, spec: PictureSpec, target: tuple[int, int]) -> tuple[Error, Error, Error]:
    """Errors at the same ratio, of noise of middling contrast, so that nothing is clamped."""
    small = replace(spec, width=spec.width // 2, height=spec.height // 2)
    frame, size = _noise(small), (target[0] // 2, target[1] // 2)
    for plane in frame.planes:
        plane[...] = plane // 2 + small.format.max_value // 4
    resize = Resize(small, *size, scaler=scaler)
    exact = resize.reference(frame.planes, np.float64)[0].astype(int)
    ours = Upscaler(scaler, source=small, size=size)(frame).planes[0]
    peers = (
        _swscale(frame, width=size[0], height=size[1], interpolation=flags)() for flags in _flags(scaler)
    )
    lumas = [ours, *(_luma(peer, exact.shape[1], ours.dtype) for peer in peers)]
    first, second, third = (_error(luma - exact) for luma in lumas)
    return first, second, third


def _luma(frame: av.VideoFrame, width: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
    return rows.view(dtype)[:, :width]


def _error(difference: npt.NDArray[np.int64]) -> Error:
    return Error(float(np.sqrt(np.mean(difference**2))), float(np.mean(difference)))


def resize_rows(rounds: int) -> list[Row]:
    """Every scaler at every size and format, against libswscale's filter of the same name."""
    rows = []
    for name in FORMATS:
        for size, (source, target) in SIZES.items():
            spec = PictureSpec(width=source[0], height=source[1], format=pixel_format(name), color=COLOR)
            rows += [_resize_row(f"{scaler} {size} {name}", scaler, spec, target, rounds) for scaler in PEERS]
    return rows


def convert_rows(rounds: int) -> list[Row]:
    """Conversions of a 1080p frame."""
    rows = []
    for before, after in (
        ("yuv420p", "gbrp"),
        ("gbrp", "yuv420p"),
        ("yuv420p10le", "gbrp10le"),
        ("yuv444p", "yuv420p"),
    ):
        spec = PictureSpec(width=1920, height=1080, format=pixel_format(before), color=_color_of(before))
        target = pixel_format(after)
        upscaler = Upscaler(
            "lanczos3", source=spec, scale=1, target_format=target, target_color=_color_of(after)
        )
        frame, into = _noise(spec), empty_frame(1920, 1080, target)
        peer = _swscale(frame, format=after, interpolation=Interpolation.BILINEAR)
        rows.append(_row(f"{before} to {after} 1080p", _call(upscaler, frame, into), peer, rounds))
    return rows


def _color_of(name: str) -> ColorSpec:
    return replace(COLOR, matrix=Matrix.RGB, range=Range.FULL) if name.startswith("gbr") else COLOR


def anime4k_rows(rounds: int) -> list[Row]:
    """Anime4K 1080p to 2160p by one and by two threads, on noise and on a picture of flat areas and lines."""
    spec = PictureSpec(width=1920, height=1080, format=pixel_format("yuv420p"), color=COLOR)
    into = empty_frame(3840, 2160, spec.format)
    drawing = empty_frame(1920, 1080, spec.format)
    for plane in drawing.planes:
        y, x = np.mgrid[: plane.shape[0], : plane.shape[1]]
        plane[...] = 60 + 100 * ((x // 97 + y // 61) % 2) + 40 * ((x + y) % 151 < 3)
    rows = []
    for threads in (1, 2):
        upscaler = Upscaler("anime4k-classic", source=spec, threads=threads)
        for kind, frame in (("noise", _noise(spec)), ("drawing", drawing)):
            case = f"anime4k-classic 1080p x2 {kind}, threads {threads}"
            rows.append(_row(case, _call(upscaler, frame, into), None, rounds))
    return rows


def _print(rows: list[Row]) -> None:
    for row in rows:
        peer = (
            f"{row.peer_ms:9.2f} {row.ratio:6.1f}x"
            if row.peer_ms is not None
            else f"{1e3 / row.ours_ms:9.1f} fps"
        )
        print(f"{row.case:48} {row.ours_ms:9.2f} {peer}{_accuracy(row)}")


def _accuracy(row: Row) -> str:
    if row.accurate_ms is None or row.errors is None:
        return ""
    errors = "  ".join(f"{error.rms:.3f} {error.mean:+.4f}" for error in row.errors)
    return f" | {row.accurate_ms:8.2f} {row.accurate_ms / row.ours_ms:5.1f}x | {errors}"


def main() -> None:
    """Measure and print; with --json also write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=15, help="measured runs of each, default 15")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    parser.add_argument("--only", choices=("resize", "convert", "anime4k"), help="one group instead of all")
    options = parser.parse_args()
    print(f"{cpu.model_name()}, {cpu.usable_cores()} cores, {cpu.isa()}; milliseconds a frame")
    if options.only in (None, "resize"):
        print("ours, libswscale, ratio | with ACCURATE_RND, ratio | errors: rms and mean of each")
    groups = {"resize": resize_rows, "convert": convert_rows, "anime4k": anime4k_rows}
    rows: list[Row] = []
    for name, group in groups.items():
        if options.only in (None, name):
            rows += group(options.rounds)
    _print(rows)
    if options.json:
        metadata = {"processor": cpu.model_name(), "isa": cpu.isa(), "rounds": options.rounds}
        results = [asdict(row) for row in rows]
        options.json.write_text(json.dumps({"metadata": metadata, "results": results}, indent=1))


if __name__ == "__main__":
    main()
