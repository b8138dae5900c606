"""The whole run against ffmpeg.

    python -m bench.pipeline [--rounds N] [--clips DIR] [--json FILE]

ffmpeg is the one on PATH, with the same filter, encoder and settings, run in turn with vsr. Clips shorter
than about ten seconds are repeated without being coded again, so that starting up is not what is measured.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from vsr.media.reader import Reader

CLIPS = Path(__file__).resolve().parents[2] / "shared" / "data" / "video" / "real"
CASES = {
    "480p to 960p, veryfast": ("bbb_854x480_24fps_30s_h264_aac.mp4", "veryfast", 1, "1708:960"),
    "1080p to 2160p, ultrafast": ("bbb_1920x1080_60fps_2s_h264_aac.mp4", "ultrafast", 5, "3840:2160"),
}
CRF = 23


@dataclass
class Row:
    """One case, medians."""

    case: str
    frames: int
    vsr_fps: float
    ffmpeg_fps: float
    ratio: float
    """Median of the ratios of neighbouring runs; above 1 vsr is faster."""
    rss_mb: float


def main() -> None:
    """Parse the command line and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clips", type=Path, default=CLIPS)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
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
    frames = num_frames(clip)
    return Row(
        case=case,
        frames=frames,
        vsr_fps=frames / statistics.median(a.wall_seconds for a, _ in pairs),
        ffmpeg_fps=frames / statistics.median(b.wall_seconds for _, b in pairs),
        ratio=statistics.median(b.wall_seconds / a.wall_seconds for a, b in pairs),
        rss_mb=max(a.rss_mb for a, _ in pairs),
    )


def num_frames(clip: Path) -> int:
    """Return how many frames a clip has."""
    with Reader(clip) as reader:
        return sum(1 for _ in reader)


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


def show(row: Row) -> None:
    """Print one case."""
    print(f"{row.case}: {row.frames} frames")
    print(f"  vsr {row.vsr_fps:.1f} fps, ffmpeg {row.ffmpeg_fps:.1f} fps, ratio {row.ratio:.3f}")
    print(f"  peak memory {row.rss_mb:.0f} MB")


if __name__ == "__main__":
    main()
