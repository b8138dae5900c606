"""The whole run against ffmpeg, how well the stages overlap, and what memory it takes.

    python -m bench.pipeline [--rounds N] [--clips DIR] [--json FILE]      ffmpeg, efficiency, memory
    python -m bench.pipeline --soak MINUTES [--clips DIR]                  is memory flat?

ffmpeg is the one on PATH, with the same filter, encoder and settings, run in turn with vsr. Clips shorter
than about ten seconds are repeated without being coded again, so that starting up is not what is measured.
Efficiency is (core-seconds of decoding, upscaling and encoding, each alone) / (wall seconds x cores).
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from vsr.device.cpu import usable_cores
from vsr.frame import Frame
from vsr.media.reader import Reader
from vsr.options import UpscaleOptions
from vsr.pipeline.job import Job

CLIPS = Path(__file__).resolve().parents[2] / "shared" / "data" / "video" / "real"
CASES = {
    "480p to 960p, veryfast": ("bbb_854x480_24fps_30s_h264_aac.mp4", "veryfast", 1, "1708:960"),
    "1080p to 2160p, ultrafast": ("bbb_1920x1080_60fps_2s_h264_aac.mp4", "ultrafast", 5, "3840:2160"),
}
CRF = 23
STAGE_FRAMES = 120


@dataclass
class Row:
    """One case, medians."""

    case: str
    frames: int
    vsr_fps: float
    ffmpeg_fps: float
    ratio: float
    """Median of the ratios of neighbouring runs; above 1 vsr is faster."""
    efficiency: float
    core_seconds: dict[str, float]
    """Of each stage alone, for all frames."""
    wall_seconds: float
    rss_mb: float
    encoder_rss_mb: float


def main() -> None:
    """Parse the command line and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clips", type=Path, default=CLIPS)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--soak", type=float, metavar="MINUTES")
    parser.add_argument("--stage", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stage:
        stage, clip, preset = arguments.stage
        print(json.dumps(STAGES[stage](clip, preset)))
        return
    with tempfile.TemporaryDirectory() as folder:
        if arguments.soak:
            soak(arguments.clips, Path(folder), arguments.soak)
            return
        rows = [measure(case, arguments, Path(folder)) for case in CASES]
    for row in rows:
        show(row)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))


def measure(case: str, arguments: argparse.Namespace, folder: Path) -> Row:
    """Measure one case."""
    name, preset, repeats, size = CASES[case]
    clip = repeated(arguments.clips / name, repeats, folder)
    ours, theirs = folder / "ours.mkv", folder / "theirs.mkv"
    vsr = [
        sys.executable, "-m", "vsr.cli", "upscale", str(clip), str(ours), "-m", "lanczos3", "-y",
        "--preset", preset, "--crf", str(CRF), "--progress", "none",
    ]  # fmt: skip
    ffmpeg = [
        "ffmpeg", "-v", "error", "-nostdin", "-y", "-i", str(clip), "-vf", f"scale={size}:flags=lanczos",
        "-c:v", "libx264", "-preset", preset, "-crf", str(CRF), "-c:a", "copy", str(theirs),
    ]  # fmt: skip
    timed(vsr)
    pairs = [(timed(vsr), timed(ffmpeg)) for _ in range(arguments.rounds)]
    wall = statistics.median(a.wall_seconds for a, _ in pairs)
    alone = {stage: stage_alone(stage, clip, preset) for stage in ("decode", "upscale", "encode")}
    frames = int(alone["decode"]["frames"])
    core_seconds = {s: r["cpu_seconds"] / r["frames"] * frames for s, r in alone.items()}
    return Row(
        case=case,
        frames=frames,
        vsr_fps=frames / wall,
        ffmpeg_fps=frames / statistics.median(b.wall_seconds for _, b in pairs),
        ratio=statistics.median(b.wall_seconds / a.wall_seconds for a, b in pairs),
        efficiency=sum(core_seconds.values()) / (wall * usable_cores()),
        core_seconds=core_seconds,
        wall_seconds=wall,
        rss_mb=max(a.rss_mb for a, _ in pairs),
        encoder_rss_mb=alone["encode"]["rss_mb"],
    )


@dataclass
class Run:
    """One run of a process."""

    wall_seconds: float
    cpu_seconds: float
    rss_mb: float


def timed(command: list[str]) -> Run:
    """Run a command and account for it. Raises CalledProcessError where it fails."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def repeated(clip: Path, times: int, folder: Path) -> Path:
    """Return a clip that is `times` as long, its packets unchanged."""
    if times == 1:
        return clip
    result = folder / f"{times}x-{clip.stem}.mkv"
    subprocess.run(
        [
            "ffmpeg", "-v", "error", "-nostdin", "-y", "-stream_loop", str(times - 1), "-i", str(clip),
            "-c", "copy", str(result),
        ],
        check=True,
    )  # fmt: skip
    return result


# -- the stages alone, each in a process of its own


def stage_alone(stage: str, clip: Path, preset: str) -> dict[str, float]:
    """Run one stage alone in a fresh process and return its frames, CPU seconds and peak memory."""
    command = [sys.executable, "-m", "bench.pipeline", "--stage", stage, str(clip), preset]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def cpu_seconds() -> float:
    """CPU time of this process so far, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def result_of(frames: int, begin: float) -> dict[str, float]:
    """Return what a stage reports."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"frames": frames, "cpu_seconds": cpu_seconds() - begin, "rss_mb": peak}


def decode(clip: str, preset: str) -> dict[str, float]:
    """Decode every frame."""
    with Reader(clip) as reader:
        begin = cpu_seconds()
        frames = sum(1 for _ in reader)
        return result_of(frames, begin)


def upscale(clip: str, preset: str) -> dict[str, float]:
    """Upscale frames that lie in memory, into frames that are used again."""
    with tempfile.TemporaryDirectory() as folder, Job(clip, f"{folder}/x.mkv", options(preset)) as job:
        sources = list(islice(job.reader, STAGE_FRAMES))
        ring = [job.writer.pool.take() for _ in range(4)]
        begin = cpu_seconds()
        for number, frame in enumerate(sources):
            job.upscaler(frame, into=ring[number % len(ring)])
        return result_of(len(sources), begin)


def encode(clip: str, preset: str) -> dict[str, float]:
    """Encode upscaled frames that lie in memory; its peak memory is measured before they are there."""
    alone = encoder_memory(clip, preset)
    with tempfile.TemporaryDirectory() as folder, Job(clip, f"{folder}/x.mkv", options(preset)) as job:
        frames = upscaled(job, STAGE_FRAMES)
        begin = cpu_seconds()
        for frame in frames:
            job.writer.write(frame)
        job.writer.close()
        return result_of(len(frames), begin) | {"rss_mb": alone}


def encoder_memory(clip: str, preset: str) -> float:
    """Return the peak memory of a process that encodes one frame again and again, in MB."""
    with tempfile.TemporaryDirectory() as folder, Job(clip, f"{folder}/x.mkv", options(preset)) as job:
        (frame,) = upscaled(job, 1)
        for number in range(STAGE_FRAMES):
            frame.pts = number * 40
            job.writer.write(frame)
        job.writer.close()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def upscaled(job: Job, count: int) -> list[Frame]:
    """Return the first frames of a job's source, upscaled."""
    return [job.upscaler(frame, into=job.writer.pool.take()) for frame in islice(job.reader, count)]


def options(preset: str) -> UpscaleOptions:
    """The settings of the comparison."""
    return UpscaleOptions(model="lanczos3", preset=preset, crf=CRF, overwrite=True)


STAGES: dict[str, Callable[[str, str], dict[str, float]]] = {
    "decode": decode,
    "upscale": upscale,
    "encode": encode,
}


# -- memory over time


def soak(clips: Path, folder: Path, minutes: float) -> None:
    """Upscale a looped clip and print the resident memory at every tenth of the run."""
    clip = repeated(clips / CASES["480p to 960p, veryfast"][0], round(minutes * 2), folder)
    command = [
        sys.executable, "-m", "vsr.cli", "upscale", str(clip), str(folder / "soak.mkv"), "-m", "lanczos3",
        "--preset", "ultrafast", "--progress", "none",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    samples = []
    begin = time.perf_counter()
    while process.poll() is None:
        samples.append((time.perf_counter() - begin, resident_mb(process.pid)))
        time.sleep(0.5)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    for part in range(1, 11):
        seconds, resident = samples[len(samples) * part // 10 - 1]
        print(f"{seconds:7.1f} s  {resident:6.1f} MB")


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process in MB, 0 when it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * resource.getpagesize() / 2**20


def show(row: Row) -> None:
    """Print one case."""
    stages = "  ".join(f"{stage} {seconds:.2f}" for stage, seconds in row.core_seconds.items())
    print(f"{row.case}: {row.frames} frames")
    print(f"  vsr {row.vsr_fps:.1f} fps, ffmpeg {row.ffmpeg_fps:.1f} fps, ratio {row.ratio:.3f}")
    print(f"  efficiency {row.efficiency:.3f}  (core-seconds alone: {stages}; wall {row.wall_seconds:.2f})")
    print(f"  peak memory {row.rss_mb:.0f} MB, the encoder alone {row.encoder_rss_mb:.0f} MB")


if __name__ == "__main__":
    main()
