"""What a receiver got: does it decode, when are its frames, where are its markers?"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from bench.live.material import BOX, FPS, LEVELS
from bench.live.servers import ffmpeg

_LEVEL_TOLERANCE = 25
_LOUD = 0.1
_QUIET_SECONDS = 1.0


@dataclass(kw_only=True)
class Markers:
    """When flashes and beeps begin, in seconds of the file's times."""

    frames: int = 0
    flashes: list[float] = field(default_factory=list)
    beeps: list[float] = field(default_factory=list)


def decode_errors(path: Path) -> list[str]:
    """Return what ffmpeg complains about while it decodes all of a file, one line each."""
    done = subprocess.run(
        [
            ffmpeg(), "-v", "error", "-nostdin", "-i", str(path), "-map", "0", "-fps_mode", "passthrough",
            "-enc_time_base", "-1", "-f", "null", "-",
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = done.stderr.strip().splitlines()
    return lines or ([f"ffmpeg ended with {done.returncode}"] if done.returncode else [])


def frame_times(path: Path) -> list[float]:
    """Return the times of the picture's packets in seconds, in their order of presentation."""
    with av.open(str(path), "r") as source:
        stream = source.streams.video[0]
        return sorted(float(p.pts * p.time_base) for p in source.demux(stream) if p.pts is not None)


def markers(path: Path) -> Markers:
    """Decode a file and return its markers, where its picture is larger than the source or as large."""
    found, quiet_since = Markers(), None
    with av.open(str(path), "r") as source:
        source.streams.video[0].thread_type = "AUTO"
        for frame in source.decode(source.streams.video[0], source.streams.audio[0]):
            if isinstance(frame, av.VideoFrame):
                found.frames += 1
                _see(frame, found)
            elif isinstance(frame, av.AudioFrame):
                quiet_since = _hear(frame, found, quiet_since)
    return found


def _see(frame: av.VideoFrame, found: Markers) -> None:
    index = lit(_corner(frame))
    if index is None or frame.time is None:
        return
    begins = frame.time - index / FPS
    if not found.flashes or begins - found.flashes[-1] > _QUIET_SECONDS:
        found.flashes.append(begins)


def _corner(frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
    """Return the luma of the square's middle, (rows, columns); it is as large as the source's at least."""
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[BOX // 4 : 3 * BOX // 4, BOX // 4 : 3 * BOX // 4]


def lit(corner: npt.NDArray[np.uint8]) -> int | None:
    """Return which frame of a flash it is, or None."""
    mean = float(corner.mean())
    near = [index for index, level in enumerate(LEVELS) if abs(mean - level) <= _LEVEL_TOLERANCE]
    return near[0] if near else None


def _hear(frame: av.AudioFrame, found: Markers, loud_at: float | None) -> float | None:
    """Note a beep that begins in this frame; return when it was loud last."""
    if frame.time is None:
        return loud_at
    for place in _loud(frame):
        at = frame.time + place / frame.sample_rate
        if loud_at is None or at - loud_at > _QUIET_SECONDS:
            found.beeps.append(at)
        loud_at = at
    return loud_at


def _loud(frame: av.AudioFrame) -> Iterator[int]:
    samples = np.abs(frame.to_ndarray().astype(np.float64)).max(axis=0)
    if frame.format.name.startswith("s16"):
        samples /= 32768
    yield from map(int, np.flatnonzero(samples > _LOUD))
