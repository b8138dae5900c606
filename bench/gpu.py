"""What a GPU does, as a table: operations against copy bandwidth, networks against torch, whole runs.

    python -m bench.gpu [--only operations,networks,runs,memory] [--json FILE] [--clip FILE]

Times are of the GPU, between events around many launches of a captured graph, medians of several such; the
clock is warm before. A graph holds the work several times, because launching one from Python takes longer
than a conversion. Bytes are those that must move: the source's samples once, the target's once; each time
of other pictures, so that level 2 holds none of them.
`--clip` is a 1080p H.264 file for the whole runs; without it one is made, of noise over moving slopes.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from bench.shapes import SHAPES, espcn
from bench.torch_networks import torch_milliseconds
from vsr._version import __version__
from vsr.color import ChromaLocation, ColorSpec, Matrix, Range
from vsr.device.cuda.gpu import Store, Work
from vsr.device.cuda.nvidia import NvidiaGpu, NvidiaStream, open_gpu
from vsr.engine.cuda_engines import CUDA_ENGINES, CudaEngine
from vsr.engine.cuda_step import Place
from vsr.engine.step import Precision
from vsr.errors import VsrError
from vsr.frame import Frame, PictureSpec, pixel_format
from vsr.media.reader import Reader
from vsr.nets.graph import Graph
from vsr.nets.onnx import write_onnx
from vsr.ops.anime4k import Anime4k
from vsr.ops.convert import Convert
from vsr.ops.cuda.check import FOUND
from vsr.ops.cuda.lowering import lowered
from vsr.ops.cuda.step import picture
from vsr.ops.dither import Dither
from vsr.ops.resize import Resize
from vsr.ops.step import Step
from vsr.options import UpscaleOptions
from vsr.pipeline.job import Job
from vsr.pipeline.report import Report
from vsr.quality.metrics import psnr
from vsr.upscaler import Upscaler

WIDTH, HEIGHT = 1920, 1080
WARM_SECONDS, TURNS, TURN_SECONDS = 0.5, 7, 0.1
TIMES = 16
"""How often a graph holds what is timed."""
COPY_BYTES = 256 << 20
MEMORY_FRAMES = 10_000
COLOR = ColorSpec(matrix=Matrix.BT709, range=Range.LIMITED, chroma_location=ChromaLocation.LEFT)
RGB = ColorSpec(matrix=Matrix.RGB, range=Range.FULL)
BOUNDS_MS = {"M": 0.25, "VL": 0.9, "ESPCN x2": 0.6}
"""Of networks from 1080p to 2160p, on an H200."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    what: str
    seen: dict[str, float | str]
    bound: str = ""
    holds: bool | None = None
    """None: there is no bound, or it could not be tried."""


class Timer:
    """Times work on a stream of its own."""

    def __init__(self, gpu: NvidiaGpu) -> None:
        self.gpu = gpu
        self.stream: NvidiaStream = gpu.stream()
        self._cupy: Any = importlib.import_module("cupy")
        self._outer = self._cupy.cuda.ExternalStream(self.stream.pointer)

    def milliseconds(self, times: Sequence[Sequence[Work]]) -> float:
        """Return the median time of one of `times`, which are put into a graph one after another."""
        work = [each for once in times for each in once]
        self.stream.run(work)
        self.stream.record().wait()
        graph = [self.stream.captured(work)]
        return self.of(lambda: self.stream.run(graph)) / len(times)

    def of(self, once: Callable[[], object]) -> float:
        """Return the median time in milliseconds of what `once` puts on the stream."""
        warm_until = time.perf_counter() + WARM_SECONDS
        repeats = 0
        while time.perf_counter() < warm_until:
            once()
            repeats += 1
            if repeats % 16 == 0:
                self.stream.record().wait()
        repeats = max(4, int(TURN_SECONDS * repeats / WARM_SECONDS))
        return statistics.median(self._turn(once, repeats) for _ in range(TURNS))

    def _turn(self, once: Callable[[], object], repeats: int) -> float:
        begin, end = self._cupy.cuda.Event(), self._cupy.cuda.Event()
        begin.record(self._outer)
        for _ in range(repeats):
            once()
        end.record(self._outer)
        end.synchronize()
        return float(self._cupy.cuda.get_elapsed_time(begin, end)) / repeats

    def copy_bandwidth(self) -> float:
        """Return bytes a second, read and written, of copies within the GPU's memory."""
        runtime = self._cupy.cuda.runtime
        source, target = (self._cupy.empty(COPY_BYTES, np.uint8) for _ in range(2))

        def copy() -> None:
            pointers = (target.data.ptr, source.data.ptr)
            runtime.memcpyAsync(*pointers, COPY_BYTES, runtime.memcpyDeviceToDevice, self.stream.pointer)

        return 2 * COPY_BYTES / (self.of(copy) / 1e3)


def spec(name: str, width: int = WIDTH, height: int = HEIGHT) -> PictureSpec:
    """A picture of that format, BT.709."""
    color = RGB if name.startswith("gbr") else COLOR
    return PictureSpec(width=width, height=height, format=pixel_format(name), color=color)


def operations(timer: Timer, arguments: argparse.Namespace) -> list[Row]:
    """Conversions, resizes and anime4k-classic, by bytes that must move."""
    bandwidth = timer.copy_bandwidth()
    rows = [Row(what="copy", seen={"GB/s": bandwidth / 1e9})]
    cases: dict[str, Step] = {}
    for name in ("yuv420p", "yuv420p10le"):
        small, large = spec(name), spec(name, 2 * WIDTH, 2 * HEIGHT)
        into = Convert(small, pixel_format("gbrpf32le"), RGB)
        back = Convert(spec("gbrpf32le", 2 * WIDTH, 2 * HEIGHT), large.format, large.color)
        cases[f"{name} 1080p to RGB"] = into
        cases[f"RGB 2160p to {name}"] = back
        for scaler in ("bilinear", "bicubic", "lanczos3", "spline36"):
            cases[f"{name} {scaler} 1080p to 2160p"] = Resize(small, 2 * WIDTH, 2 * HEIGHT, scaler=scaler)
        cases[f"{name} area 2160p to 1080p"] = Resize(large, WIDTH, HEIGHT, scaler="area")
    for what, step in cases.items():
        rows.append(_operation(timer, what, step, bandwidth, bounded=True))
    classic = Anime4k(spec("yuv420p"), 2 * WIDTH, 2 * HEIGHT)
    rows.append(
        _operation(timer, "yuv420p anime4k-classic 1080p to 2160p", classic, bandwidth, bounded=False)
    )
    dither = Dither(spec("yuv420p10le"), pixel_format("yuv420p"))
    rows.append(_operation(timer, "yuv420p10le dithered to yuv420p 1080p", dither, bandwidth, bounded=True))
    return rows


def _operation(timer: Timer, what: str, step: Step | Dither, bandwidth: float, *, bounded: bool) -> Row:
    store = Store(timer.gpu)
    operation = lowered(step, store)
    milliseconds = timer.milliseconds(
        [operation.launches(picture(step.source, store), picture(step.output, store)) for _ in range(TIMES)]
    )
    moved = sum(each.format.frame_bytes(each.width, each.height) for each in (step.source, step.output))
    speed = moved / (milliseconds / 1e3)
    return Row(
        what=what,
        seen={"ms": milliseconds, "GB/s": speed / 1e9, "of copy": speed / bandwidth},
        bound=">= 70 % of copy bandwidth" if bounded else "",
        holds=speed >= 0.7 * bandwidth if bounded else None,
    )


def networks(timer: Timer, arguments: argparse.Namespace) -> list[Row]:
    """Networks from 1080p to 2160p in each engine that runs them, and in torch."""
    graphs = {**{name: SHAPES[name]() for name in ("S", "M", "L", "VL")}, "ESPCN x2": espcn()}
    return [_network(timer, name, graph) for name, graph in graphs.items()]


def _network(timer: Timer, name: str, graph: Graph) -> Row:
    source, target = spec("yuv420p"), spec("yuv420p", WIDTH * graph.scale, HEIGHT * graph.scale)
    seen: dict[str, float | str] = {}
    best = math.inf
    for engine_name, engine in CUDA_ENGINES.items():
        problem = engine.problem(graph, source, timer.gpu)
        if problem is not None:
            seen[engine_name] = problem
            continue
        for precision in engine.precisions:
            name_in = f"{engine_name} {precision}"
            try:
                start_seconds, milliseconds = _in_engine(timer, engine, graph, source, target, precision)
            except VsrError as error:
                seen[name_in] = str(error)
                continue
            seen[f"{name_in} start s"], seen[f"{name_in} ms"] = start_seconds, milliseconds
            if name_in == "fused_cuda fp16":
                best = milliseconds
    torch_ms = torch_milliseconds(name, WIDTH, HEIGHT)
    if torch_ms is not None:
        seen["torch fp16 channels-last, CUDA graph, ms"] = torch_ms
    if torch_ms is not None and math.isfinite(best):
        seen["times torch"] = torch_ms / best
    bound = BOUNDS_MS.get(name)
    if bound is None:
        return Row(what=f"{name} 1080p to 2160p", seen=seen)
    fast = best <= bound and (torch_ms is None or name == "ESPCN x2" or torch_ms >= 3 * best)
    text = f"<= {bound} ms in fused_cuda" + ("" if name == "ESPCN x2" else ", 3 times torch")
    return Row(what=f"{name} 1080p to 2160p", seen=seen, bound=text, holds=fast)


def _in_engine(
    timer: Timer,
    engine: CudaEngine,
    graph: Graph,
    source: PictureSpec,
    target: PictureSpec,
    precision: Precision,
) -> tuple[float, float]:
    """Return the seconds until the first picture is done, with what must be built, and the time of one."""
    store = Store(timer.gpu)
    found = store.plane(FOUND.itemsize, 1, "u8").pointer
    place = Place(gpu=timer.gpu, memory=store, found=found)
    begin = time.perf_counter()
    if engine.awaits is not None:
        build = engine.awaits(graph, source, precision, place)
        place.builds.start(build)
        build.wait()
    step = engine.build(graph, source, target, precision, place)
    work = step.work(picture(source, store), picture(target, store))
    timer.stream.run(work)
    timer.stream.record().wait()
    start_seconds = time.perf_counter() - begin
    return start_seconds, timer.milliseconds([work] * TIMES)


def runs(timer: Timer, arguments: argparse.Namespace) -> list[Row]:
    """NVDEC alone, NVDEC to a network to a null sink, and the GPU's frames against the CPU's."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        clip = arguments.clip or made_clip(place / "clip.mkv")
        model = place / "m.onnx"
        write_onnx(SHAPES["M"](), model)
        return [*_decoding(timer.gpu, clip, model), _alike(clip, model, place, timer.gpu)]


def _decoding(gpu: NvidiaGpu, clip: Path, model: Path) -> list[Row]:
    alone = statistics.median(_decode_fps(gpu, clip) for _ in range(3))
    options = UpscaleOptions(
        model=str(model), device=gpu.device, decoder="nvdec", format="null", overwrite=True
    )
    reports = [_run(clip, "-", options) for _ in range(3)]
    whole = statistics.median(_fps(report) for report in reports)
    frames, use = reports[-1].statistics.frames_done, reports[-1].gpu
    assert use is not None
    crossed = (use.uploaded_bytes, use.downloaded_bytes / frames)
    return [
        Row(what="NVDEC alone, 1080p H.264", seen={"fps": alone}),
        Row(
            what="NVDEC, M x2, null sink",
            seen={"fps": whole, "of NVDEC alone": whole / alone},
            bound=">= 0.9 of NVDEC alone",
            holds=whole >= 0.9 * alone,
        ),
        Row(
            what="pixels that crossed the bus",
            seen={"bytes uploaded": crossed[0], "bytes downloaded a frame": crossed[1]},
            bound="none uploaded, at most 64 bytes a frame downloaded",
            holds=crossed[0] == 0 and crossed[1] <= 64,
        ),
    ]


def _decode_fps(gpu: NvidiaGpu, clip: Path) -> float:
    with Reader(clip, decoder="nvdec", gpu=gpu) as reader:
        begin = time.perf_counter()
        count, last = 0, None
        for frame in reader:
            count, last = count + 1, frame
        if last is not None and last.ready is not None:
            last.ready.wait()
        return count / (time.perf_counter() - begin)


def _run(source: Path, result: str, options: UpscaleOptions) -> Report:
    with Job(str(source), result, options) as job:
        return job.run()


def _fps(report: Report) -> float:
    return report.statistics.frames_done / report.statistics.elapsed_seconds


def _alike(clip: Path, model: Path, folder: Path, gpu: NvidiaGpu) -> Row:
    """The same run on both devices, kept without loss: PSNR between them, times, and reports."""
    results, lost = [], []
    for device in ("cpu", gpu.device):
        results.append(folder / f"{device.replace(':', '')}.mkv")
        options = UpscaleOptions(
            model=str(model),
            device=device,
            precision="fp32" if device == "cpu" else "fp16",
            encoder="ffv1",
            duration="1",
            overwrite=True,
        )
        lost.append(_run(clip, str(results[-1]), options).lost)
    worst, times_equal = math.inf, True
    with Reader(results[0]) as one, Reader(results[1]) as other:
        for a, b in zip(one, other, strict=True):
            times_equal = times_equal and a.pts == b.pts
            worst = min(worst, psnr(a.planes[0], b.planes[0]))
    return Row(
        what="GPU in fp16 against CPU in fp32, worst frame, luma",
        seen={"PSNR dB": worst, "same times": str(times_equal), "same report": str(lost[0] == lost[1])},
        bound=">= 60 dB, same times, same report",
        holds=worst >= 60 and times_equal and lost[0] == lost[1],
    )


def made_clip(path: Path, frames: int = 600) -> Path:
    """Write a 1080p H.264 clip of noise over moving slopes, at about 12 Mbit/s, and return its path."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:HEIGHT, : WIDTH + 4 * frames]
    wide = (x // 3 + y // 2) % 200 + rng.integers(16, 40, x.shape)
    container: Any
    with av.open(str(path), "w") as container:
        options = {"preset": "ultrafast", "b": "12M", "bf": "2"}
        stream = container.add_stream("libx264", rate=Fraction(60), options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(frames):
            frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
            planes = [np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8) for _ in range(2)]
            luma = wide[:, 4 * number : 4 * number + WIDTH].astype(np.uint8)
            for plane, samples in zip(frame.planes, (luma, *planes), strict=True):
                rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)  # type: ignore[call-overload]
                rows[:, : samples.shape[1]] = samples
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def memory(timer: Timer, arguments: argparse.Namespace) -> list[Row]:
    """Frames that stay on the GPU through a network, many of them: its free memory before and after."""
    graph_source = spec("yuv420p")
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "m.onnx"
        write_onnx(SHAPES["M"](), model)
        upscaler = Upscaler(str(model), source=graph_source, device=timer.gpu)
        source, target = (_on_gpu(timer.gpu, each) for each in (graph_source, upscaler.output))
        for _ in range(100):
            upscaler(source, target)
        before, begin = timer.gpu.memory_bytes()[0], time.perf_counter()
        for _ in range(MEMORY_FRAMES):
            upscaler(source, target)
        after = timer.gpu.memory_bytes()[0]
    return [
        Row(
            what=f"{MEMORY_FRAMES} frames on the GPU",
            seen={"MB grown": (before - after) / 1e6, "fps": MEMORY_FRAMES / (time.perf_counter() - begin)},
            bound="flat",
            holds=before - after <= 1 << 20,
        )
    ]


def _on_gpu(gpu: NvidiaGpu, picture: PictureSpec) -> Frame:
    fmt = picture.format
    shapes = (fmt.plane_shape(plane, picture.width, picture.height) for plane in range(fmt.num_planes))
    planes = tuple(gpu.table(np.full(shape, 1 << (fmt.depth - 1), fmt.dtype)) for shape in shapes)
    return Frame(planes=planes, format=fmt, color=picture.color, device=gpu.device)


PARTS: dict[str, Callable[[Timer, argparse.Namespace], list[Row]]] = {
    "operations": operations,
    "networks": networks,
    "runs": runs,
    "memory": memory,
}


def main() -> int:
    """Print the table; exit 1 where a bound does not hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas")
    parser.add_argument("--json", type=Path, help="also write it here")
    parser.add_argument("--clip", type=Path, help="a 1080p H.264 file")
    parser.add_argument("--device", type=int, default=0, help="the GPU's number")
    arguments = parser.parse_args()
    parts = arguments.only.split(",")
    if unknown := [part for part in parts if part not in PARTS]:
        parser.error(f"--only {','.join(unknown)}: there are {', '.join(PARTS)}")
    try:
        gpu = open_gpu(arguments.device)
    except VsrError as error:
        sys.exit(str(error))
    timer = Timer(gpu)
    rows: list[Row] = []
    for part in parts:
        for row in _rows(part, timer, arguments):
            rows.append(row)
            print(line(row), flush=True)
    facts = {
        "gpu": gpu.name,
        "architecture": gpu.architecture,
        "driver knows CUDA": gpu.driver,
        "vsr": __version__,
        "python": platform.python_version(),
        "rows": [row_facts(row) for row in rows],
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(facts, indent=2, allow_nan=False))
    return int(any(row.holds is False for row in rows))


def _rows(part: str, timer: Timer, arguments: argparse.Namespace) -> list[Row]:
    """Return the rows of a part, or one that says why there are none; other parts have theirs."""
    try:
        return PARTS[part](timer, arguments)
    except VsrError as error:
        return [Row(what=part, seen={"failed": str(error)}, bound="it runs", holds=False)]


def row_facts(row: Row) -> dict[str, Any]:
    """A row for programs. What is no number in JSON, as the PSNR of equal frames, is null."""
    seen = {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in row.seen.items()
    }
    return asdict(row) | {"seen": seen}


def line(row: Row) -> str:
    """A row as text."""
    seen = ", ".join(
        f"{key} {value:.4g}" if isinstance(value, float | int) else f"{key}: {value}"
        for key, value in row.seen.items()
    )
    verdict = "" if row.holds is None else "  ok" if row.holds else "  MISSED"
    return f"{row.what:<44} {seen}{f'  ({row.bound})' if row.bound else ''}{verdict}"


if __name__ == "__main__":
    sys.exit(main())
