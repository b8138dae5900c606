"""A clip of which each frame and each packet of sound is known again behind protocols and encoders."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from tests.make_media import Clip, Picture, Sound, make, remux

FRAMES = 60
RATE = 25
SECONDS = FRAMES / RATE
_TICK_SECONDS = 0.0015
"""Containers count in milliseconds, each of two streams for itself."""


@dataclass(frozen=True)
class Came:
    """What of the clip is in a file: (its place in the clip in seconds, its time in the file) of each."""

    frames: list[tuple[float, float]]
    sounds: list[tuple[float, float]]


class KnownClip:
    """Two seconds and more of picture and sound in a Matroska file, a key frame each half second."""

    def __init__(self, folder: Path) -> None:
        picture = Picture(frames=FRAMES, options={"bf": "0", "g": "12"})
        sound = Sound(seconds=SECONDS, hertz=441.37)  # no two packets of it are alike
        primed = make(folder / "primed.ts", Clip(picture=picture, sounds=[sound]))
        # Both begin at one moment: receivers of RTP know no other relation before the first report.
        self.path = remux(primed, folder / "known.mkv", packets=_without_first_sound)
        with av.open(str(self.path), "r") as source:
            self._pictures = np.stack([_luma(frame) for frame in source.decode(video=0)])
        sounds = _sounds(self.path)
        self._sounds = {content: moment - sounds[0][1] for content, moment in sounds}

    def find(self, result: Path | str) -> Came:
        """Return what of the clip is in a file that holds it enlarged by two."""
        source: Any
        with av.open(str(result), "r") as source:
            frames = [
                (self._number(_luma(frame)[::2, ::2]) / RATE, float(frame.time))
                for frame in source.decode(video=0)
            ]
        sounds = [(self._sounds[content], moment) for content, moment in _sounds(result)]
        return Came(frames, sounds)

    def _number(self, picture: npt.NDArray[np.int16]) -> int:
        return int(np.abs(self._pictures - picture).mean(axis=(1, 2)).argmin())


def _without_first_sound(packets: list[Any]) -> list[Any]:
    first = next(packet for packet in packets if packet.stream.type == "audio")
    return [packet for packet in packets if packet is not first]


def _luma(frame: av.VideoFrame) -> npt.NDArray[np.int16]:
    return frame.to_ndarray(format="gray").astype(np.int16)


def _sounds(path: Path | str) -> list[tuple[bytes, float]]:
    source: Any
    with av.open(str(path), "r") as source:
        return [(_bare(bytes(p)), float(p.pts * p.time_base)) for p in source.demux(audio=0) if p.size]


def _bare(packet: bytes) -> bytes:
    """Return AAC without the header that MPEG-TS has before each packet."""
    return packet[7:] if packet[:2] == b"\xff\xf1" else packet


def assert_whole(came: Came, *, fewest: float) -> None:
    """Fail unless at least so many seconds of picture and sound came, without a gap, each in its time."""
    for name, items in (("picture", came.frames), ("sound", came.sounds)):
        assert items, f"no {name}"
        places = [place for place, _ in items]
        step = 1 / RATE if name == "picture" else 1024 / 48000
        gaps = [b - a for a, b in itertools.pairwise(places)]
        assert all(abs(gap - step) < _TICK_SECONDS for gap in gaps), (name, places)
        assert places[-1] - places[0] + step >= fewest - _TICK_SECONDS, (name, places[0], places[-1])
    shifts = [moment - place for place, moment in came.frames + came.sounds]
    assert max(shifts) - min(shifts) <= 2 * _TICK_SECONDS, (min(shifts), max(shifts))
