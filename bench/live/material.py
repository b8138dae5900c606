"""What is published: a moving picture and a sound with markers in both, coded once beforehand.

Every 4 s a square in the picture's corner, black otherwise, lights up for three frames, and a beep of 0.1 s
begins with it. Each of the three frames has a level of its own, so that one alone tells when the first was.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.live.servers import ffmpeg

FPS = 30
LOOP_SECONDS = 16
"""So long are the picture's repeats; the sound is made in one piece."""
MARK_SECONDS = 4
BOX = 64
"""Width and height of the square in the source, in samples."""
LEVELS = (235, 162, 98)
"""Luma of the frames of a flash."""
_COLORS = ("0xFFFFFF", "0xAAAAAA", "0x606060")
_CLIP = (
    Path(__file__).resolve().parents[3] / "shared/data/video/real/london_roof_640x360_30fps_17s_h264_aac.mp4"
)
_SIZES = {"90p": (160, 90), "360p": (640, 360), "480p": (854, 480), "540p": (960, 540), "720p": (1280, 720)}
SIZES = tuple(_SIZES)


@dataclass(frozen=True, kw_only=True)
class Published:
    """A file that is only copied while it is published."""

    path: Path
    size: str
    seconds: float


def make(folder: Path, size: str, seconds: float) -> Published:
    """Make what is published for so long. Without the real clip a made picture moves."""
    loop, result = folder / f"loop-{size}.mp4", folder / f"source-{size}-{seconds:g}s.flv"
    if not loop.exists():
        _coded(loop, *_SIZES[size])
    beep = f"0.5*sin(2*PI*1000*t)*between(mod(t,{MARK_SECONDS}),{MARK_SECONDS / 2},{MARK_SECONDS / 2 + 0.1})"
    _run(
        "-stream_loop", "-1", "-i", str(loop), "-f", "lavfi", "-i", f"aevalsrc='{beep}':s=48000",
        "-t", f"{seconds:g}", "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac", "-b:a", "128k",
        str(result),
    )  # fmt: skip
    return Published(path=result, size=size, seconds=seconds)


def _coded(path: Path, width: int, height: int) -> None:
    made = ("-f", "lavfi", "-i", f"testsrc2=size={width}x{height}:rate={FPS},noise=alls=12:allf=t")
    source = ("-i", str(_CLIP)) if _CLIP.exists() else made
    _run(
        *source, "-t", str(LOOP_SECONDS), "-an",
        "-vf", f"fps={FPS},scale={width}:{height},setsar=1,format=yuv420p,{_flashes()}",
        "-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-bf", "0", "-g", str(2 * FPS),
        str(path),
    )  # fmt: skip


def _flashes() -> str:
    period, first = MARK_SECONDS * FPS, MARK_SECONDS * FPS // 2
    box = f"drawbox=0:0:{BOX}:{BOX}"
    lit = [
        f"{box}:{color}:fill:enable='eq(mod(n,{period}),{first + number})'"
        for number, color in enumerate(_COLORS)
    ]
    return ",".join([f"{box}:black:fill", *lit])


def _run(*arguments: str) -> None:
    subprocess.run([ffmpeg(), "-v", "error", "-nostdin", "-y", *arguments], check=True)


def publishing(published: Published, url: str, *, begins: float = 0.0) -> tuple[str, ...]:
    """Return the command that publishes it as if it happened now, its times from `begins` seconds on."""
    return (
        ffmpeg(), "-v", "error", "-nostdin", "-re", "-i", str(published.path), "-c", "copy",
        "-output_ts_offset", f"{begins:g}", "-flvflags", "no_duration_filesize", "-f", "flv", url,
    )  # fmt: skip


def receiving(url: str, path: Path) -> tuple[str, ...]:
    """Return the command that copies a stream into a file, until it ends or is told to."""
    return (
        ffmpeg(), "-v", "error", "-nostdin", "-y", "-copyts", "-i", url, "-map", "0", "-c", "copy",
        "-flush_packets", "1", str(path),
    )  # fmt: skip
