"""Frames of compared videos as pictures for a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vsr.color import ColorSpec
from vsr.media.rgb import frame_rgb, full_color
from vsr.quality.matching import Moment, Span, Videos

_APART_SECONDS = 0.5
_WINDOW = (1280, 720)
"""The largest (width, height) of what a page shows of a frame."""
Samples = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """A frame for the page, or a part of it: (H, W, 3) R G B of each video that has it."""

    frame: int
    """Its number in the reference, from 0."""
    left: int
    top: int
    pictures: dict[str, Samples]


def worst_frames(values: Sequence[tuple[float, int]], seconds: Sequence[float], count: int) -> list[int]:
    """Return up to `count` indices of the smallest (value, index), the worst first, some time apart."""
    found: list[int] = []
    for _, index in sorted(values):
        if len(found) == count:
            break
        if all(abs(seconds[index] - seconds[other]) >= _APART_SECONDS for other in found):
            found.append(index)
    return found


def read_shown(names: Sequence[str], wanted: Sequence[int], span: Span) -> list[Shown]:
    """Return frames of the videos, by the numbers of the first one's; in the order they are given."""
    found: dict[int, Shown] = {}
    with Videos(names, span) as videos:
        colors = [full_color(reader) for reader in videos.readers]
        for moment in videos:
            if moment.index in wanted:
                found[moment.index] = _shown(moment, names, colors)
            if moment.index >= max(wanted):
                break
    return [found[index] for index in wanted]


def _shown(moment: Moment, names: Sequence[str], colors: list[ColorSpec]) -> Shown:
    pictures = {
        name: frame_rgb(frame, color)
        for name, frame, color in zip(names, moment.frames, colors, strict=True)
        if frame is not None
    }
    arrays = list(pictures.values())
    off = sum(np.square(other - arrays[0]).sum(axis=0) for other in arrays[1:])
    top, left = _window(np.zeros(arrays[0].shape[1:]) + off)
    cut = (slice(top, top + _WINDOW[1]), slice(left, left + _WINDOW[0]))
    return Shown(
        frame=moment.index,
        left=left,
        top=top,
        pictures={
            name: np.ascontiguousarray(np.rint(rgb[:, *cut] * 255).astype(np.uint8).transpose(1, 2, 0))
            for name, rgb in pictures.items()
        },
    )


def _window(off: npt.NDArray[np.float64]) -> tuple[int, int]:
    """Return (top, left) of the part of at most _WINDOW's size that has most of the error."""
    found = []
    for axis, most in ((1, _WINDOW[1]), (0, _WINDOW[0])):
        sums = np.concatenate([[0.0], off.sum(axis=axis).cumsum()])
        side = min(most, len(sums) - 1)
        found.append(int((sums[side:] - sums[:-side]).argmax()))
    return found[0], found[1]
