"""Networks on the CPU: how exact, how fast, against OpenVINO and onnxruntime, and against the processor.

    python -m bench.networks [--rounds N] [--only NAME,...] [--images DIR] [--clips DIR] [--json FILE]

Parts: exact, speed, wide, isa, file. Speed needs no files: weights do not matter for it, and shapes are
made here. `exact` and `file` need Anime4K's shader files, looked for as `vsr` does (VSR_SHADER_DIR). Every
contender of a row runs one frame in turn, all in one process; figures are medians. Ours goes from 8-bit
4:2:0 planes to 8-bit 4:2:0 planes, conversions included; the others from float32 tensors to float32
tensors. onnxruntime is measured where it is installed. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bench.shapes import SHAPES, compact, espcn
from vsr.color import ChromaLocation, ColorSpec, Matrix, Range
from vsr.device.cpu import kernels, usable_cores
from vsr.engine import reference
from vsr.engine.engines import ENGINES, PRECISIONS, peak
from vsr.engine.fused.step import FusedStep
from vsr.engine.openvino import OpenVinoStep
from vsr.engine.step import Precision, float_picture
from vsr.errors import OptionError
from vsr.frame import Frame, PictureSpec, empty_frame, pixel_format
from vsr.media.reader import Reader
from vsr.nets.glsl.chain import read_shaders
from vsr.nets.graph import Graph
from vsr.nets.onnx import onnx_bytes
from vsr.nets.presets import find_shaders

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
COLOR = ColorSpec(matrix=Matrix.BT709, range=Range.LIMITED, chroma_location=ChromaLocation.LEFT)
SIZES = ((640, 360), (1920, 1080))
_PAUSE_SECONDS = 0.2
_TURN_SECONDS = 0.8
Row = dict[str, Any]
Image = npt.NDArray[np.float32]
"""R, G, B as (3, height, width), 0..1."""


def main() -> None:
    """Parse the command line and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default=",".join(PARTS), help=", ".join(PARTS))
    parser.add_argument("--images", type=Path, default=SHARED / "test")
    parser.add_argument("--clips", type=Path, default=SHARED / "video" / "real")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(_isa_fps(arguments.one)))
        return
    rows: list[Row] = []
    for name in arguments.only.split(","):
        print(f"\n{name}", flush=True)
        for row in PARTS[name](arguments):
            print("  " + "  ".join(f"{key} {_text(value)}" for key, value in row.items()), flush=True)
            rows.append({"part": name, **row})
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2))


def _text(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def medians(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median seconds of a frame of each; they take turns of some frames, as in a film.

    The pause before a turn is for the threads of the one before: onnxruntime's and OpenVINO's spin for a
    while when they have nothing to do, and would take the processor from whoever comes next. Of a turn the
    second half counts: after a pause it takes a while until both cores are at work.
    """
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            time.sleep(_PAUSE_SECONDS)
            run()
            frames: list[float] = []
            while not frames or sum(frames) < _TURN_SECONDS:
                began = time.perf_counter()
                run()
                frames.append(time.perf_counter() - began)
            times[name].append(statistics.median(frames[len(frames) // 2 :]))
    return {name: statistics.median(values) for name, values in times.items()}


def picture(width: int, height: int, name: str = "yuv420p") -> PictureSpec:
    """Return a picture of BT.709."""
    return PictureSpec(width=width, height=height, format=pixel_format(name), color=COLOR)


def fused(graph: Graph, width: int, height: int, precision: Precision, threads: int) -> Callable[[], object]:
    """Return a run of one frame of 8-bit 4:2:0."""
    source, target = picture(width, height), picture(width * graph.scale, height * graph.scale)
    step = FusedStep(graph, source, target, precision=precision)
    before, after = _noise(source), empty_frame(target.width, target.height, target.format)
    return lambda: step(before.planes, after.planes, threads=threads)


def openvino(
    graph: Graph, width: int, height: int, precision: Literal["fp32", "bf16"], threads: int
) -> Callable[[], object]:
    """Return a run of one frame by OpenVINO itself, from its tensor to its tensor."""
    step = OpenVinoStep(
        graph, float_picture(graph, picture(width, height)), precision=precision, threads=threads
    )
    request = step._pools[threads].take()
    request.get_input_tensor().data[...] = 0.5
    return lambda: request.infer(share_outputs=True)


def onnxruntime(graph: Graph, width: int, height: int, threads: int) -> Callable[[], object] | None:
    """Return a run of one frame by onnxruntime, or None where it is not installed."""
    if find_spec("onnxruntime") is None:
        return None
    ort: Any = import_module("onnxruntime")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(onnx_bytes(graph), options, providers=["CPUExecutionProvider"])
    values = np.full((1, graph.channels_in, height, width), 0.5, np.float32)
    return lambda: session.run(None, {"input": values})


def _noise(source: PictureSpec) -> Frame:
    rng = np.random.default_rng(0)
    frame = empty_frame(source.width, source.height, source.format)
    for plane in frame.planes:
        plane[...] = rng.integers(16, 235, plane.shape)
    return frame


def speed(arguments: argparse.Namespace) -> list[Row]:
    """Anime4K's x2 upscalers at two sizes, and what share of the processor they use."""
    threads = usable_cores()
    rows: list[Row] = []
    for name in ("S", "M", "L", "VL"):
        graph = SHAPES[name]()
        for width, height in SIZES:
            contenders: dict[str, Callable[[], object]] = {
                "fp32": fused(graph, width, height, "fp32", threads),
                "openvino fp32": openvino(graph, width, height, "fp32", threads),
            }
            halves, quads = kernels.net_formats()
            if quads:
                contenders["int8"] = fused(graph, width, height, "int8", threads)
            if halves:
                contenders["bf16"] = fused(graph, width, height, "bf16", threads)
                contenders["openvino bf16"] = openvino(graph, width, height, "bf16", threads)
            ort = onnxruntime(graph, width, height, threads)
            if ort:
                contenders["onnxruntime"] = ort
            seconds = medians(contenders, arguments.rounds)
            work = 2e-9 * graph.macs_per_input_pixel * width * height
            best = min(value for key, value in seconds.items() if key.startswith("openvino"))
            row: Row = {"network": name, "size": f"{width}x{height}"}
            row |= {f"{key} fps": 1 / value for key, value in seconds.items()}
            row["fp32 : best openvino"] = best / seconds["fp32"]
            if ort:
                row["fp32 : onnxruntime"] = seconds["onnxruntime"] / seconds["fp32"]
            for precision in PRECISIONS:
                if precision in seconds:
                    limit = peak(precision) * threads / 1e9
                    row[f"{precision} GFLOPS"] = work / seconds[precision]
                    row[f"{precision} share of peak"] = work / seconds[precision] / limit
            rows.append(row)
    return rows


def wide(arguments: argparse.Namespace) -> list[Row]:
    """ESPCN and SRVGGNetCompact."""
    threads = usable_cores()
    rows = []
    for graph, width, height in ((espcn(), 640, 360), (compact(), 320, 180)):
        contenders: dict[str, Callable[[], object]] = {}
        for precision in ENGINES["fused_cpu"].precisions():
            contenders[precision] = fused(graph, width, height, precision, threads)
            if precision in ("fp32", "bf16"):
                contenders[f"openvino {precision}"] = openvino(graph, width, height, precision, threads)
        ort = onnxruntime(graph, width, height, threads)
        if ort:
            contenders["onnxruntime"] = ort
        seconds = medians(contenders, max(3, arguments.rounds // 2))
        rows.append(
            {"network": graph.name, "size": f"{width}x{height}"}
            | {f"{key} fps": 1 / value for key, value in seconds.items()}
        )
    return rows


def exact(arguments: argparse.Namespace) -> list[Row]:
    """Errors of the lifted networks on a real picture, and what bfloat16 loses of the truth."""
    truth = _image(arguments.images)
    small = _halved(truth)
    rows: list[Row] = []
    for path in _shader_files(
        "Upscale_CNN_x2_S", "Upscale_CNN_x2_M", "Upscale_CNN_x2_L", "Upscale_CNN_x2_VL"
    ):
        graph = read_shaders([path]).stages[0].graph
        assert graph is not None
        wanted = reference.run(graph, small, dtype=np.float64)
        row: Row = {"network": path.stem}
        results = {}
        for precision in ENGINES["fused_cpu"].precisions():
            results[precision] = _run_float(graph, small, precision)
        row["fp32 error"] = float(np.abs(results["fp32"] - wanted).max())
        row["fp32 PSNR to truth"] = _psnr(results["fp32"], truth)
        for precision in (p for p in results if p != "fp32"):
            row[f"{precision} PSNR to fp32"] = _psnr(results[precision], results["fp32"])
            row[f"{precision} loses dB"] = row["fp32 PSNR to truth"] - _psnr(results[precision], truth)
        rows.append(row)
    return rows


def isa(arguments: argparse.Namespace) -> list[Row]:
    """Each instruction set in float32, in processes of their own, in turn."""
    fps: dict[str, list[float]] = {name: [] for name in kernels.isas()}
    for _ in range(3):
        for name in fps:
            output = subprocess.run(
                [sys.executable, "-m", "bench.networks", "--one", "M"],
                env=os.environ | {"VSR_CPU_ISA": name},
                capture_output=True,
                check=True,
                text=True,
            ).stdout
            fps[name].append(json.loads(output))
    middle = {name: statistics.median(values) for name, values in fps.items()}
    best = next(iter(middle.values()))
    return [
        {"isa": name, "M 1080p fp32 fps": value, "of the best": value / best}
        for name, value in middle.items()
    ]


def _isa_fps(name: str) -> float:
    run = fused(SHAPES[name](), 1920, 1080, "fp32", usable_cores())
    return 1 / medians({"fp32": run}, 5)["fp32"]


def file(arguments: argparse.Namespace) -> list[Row]:
    """Whole runs: decoding, Upscale_CNN_x2_M, encoding, verification; fps as the run reports them."""
    (shader,) = _shader_files("Upscale_CNN_x2_M")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        long = Path(folder) / "1080p.mp4"
        clip = arguments.clips / "bbb_1920x1080_60fps_2s_h264_aac.mp4"
        subprocess.run(
            ["ffmpeg", "-v", "error", "-stream_loop", "4", "-i", clip, "-c", "copy", long], check=True
        )
        cases = (
            ("1080p to 2160p, null", [long, "-", "-f", "null"]),
            (
                "480p24 to 960p, x264 veryfast, audio copied",
                [arguments.clips / "bbb_854x480_24fps_30s_h264_aac.mp4", f"{folder}/b.mkv"],
            ),
        )
        for name, words in cases:
            runs = [_whole_run([*map(str, words), "-m", str(shader), "-y"]) for _ in range(3)]
            fps, rss = (statistics.median(values) for values in zip(*runs, strict=True))
            rows.append({"case": name, "fps": fps, "peak RSS MB": rss})
    return rows


def _whole_run(words: list[str]) -> tuple[float, float]:
    """Return (fps, peak RSS in MB)."""
    code = (
        "import resource, sys; from vsr.cli.main import main; status = main(sys.argv[1:]); "
        "print('rss', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, file=sys.stderr); "
        "sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "upscale", "--progress", "lines", *words],
        capture_output=True,  # the report is on stdout where the result is a file; null writes nothing
        text=True,
        check=True,
    )
    fps, rss = (
        re.search(r"\(([\d.]+) fps\)", done.stdout + done.stderr),
        re.search(r"^rss ([\d.]+)", done.stderr, re.M),
    )
    assert fps and rss, done.stderr
    return float(fps[1]), float(rss[1])


def _shader_files(*names: str) -> tuple[Path, ...]:
    try:
        return find_shaders([f"Anime4K_{name}.glsl" for name in names])
    except OptionError as error:
        sys.exit(str(error))


def _image(folder: Path) -> Image:
    """Return the first PNG as R, G, B in 0..1, its sides even."""
    path = next(iter(sorted(folder.rglob("*.png"))), None)
    if path is None:
        sys.exit(f"{folder} holds no PNG; name a folder of images by --images")
    with Reader(str(path)) as reader:
        pixels = next(iter(reader)).to_numpy().astype(np.float32) / 255
    height, width = pixels.shape[0] // 2 * 2, pixels.shape[1] // 2 * 2
    return np.ascontiguousarray(pixels[:height, :width, :3].transpose(2, 0, 1))


def _halved(image: Image) -> Image:
    count, height, width = image.shape
    means: Image = image.reshape(count, height // 2, 2, width // 2, 2).mean(axis=(2, 4), dtype=np.float32)
    return means


def _run_float(graph: Graph, image: Image, precision: Precision) -> Image:
    source = float_picture(graph, picture(image.shape[2], image.shape[1]))
    target = float_picture(graph, picture(image.shape[2] * graph.scale, image.shape[1] * graph.scale))
    before, after = (empty_frame(spec.width, spec.height, spec.format) for spec in (source, target))
    for plane, values in zip((2, 0, 1), image, strict=True):
        before.planes[plane][...] = values
    FusedStep(graph, source, target, precision=precision)(before.planes, after.planes)
    result: Image = np.stack([after.planes[i] for i in (2, 0, 1)])
    return result


def _psnr(first: Image, second: Image) -> float:
    return float(-10 * np.log10(np.mean(np.square(first.astype(float) - second))))


PARTS: dict[str, Callable[[argparse.Namespace], list[Row]]] = {
    "exact": exact,
    "speed": speed,
    "wide": wide,
    "isa": isa,
    "file": file,
}

if __name__ == "__main__":
    main()
