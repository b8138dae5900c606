"""Frames as JPEG (ITU-T T.81, JFIF), small and quick, for looking at them while they pass."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from vsr.color import Matrix, Range
from vsr.frame import Frame
from vsr.media.pixels import planes_of

_FORMAT = "yuvj420p"
_MATRICES = {
    Matrix.BT709: Colorspace.ITU709,
    Matrix.FCC: Colorspace.FCC,
    Matrix.SMPTE240M: Colorspace.SMPTE240M,
    Matrix.BT2020_NCL: Colorspace.BT2020,
}
"""What libswscale calls them; the rest is nearest to BT.601."""


class JpegEncoder:
    """Makes a JPEG file of a frame, of its size or smaller.

    Light is not converted: a frame of PQ or HLG looks pale. Thread-safety: one thread at a time.
    """

    def __init__(self, *, max_width: int, quantizer: int) -> None:
        """Wider frames are shrunk to `max_width`; `quantizer` is FFmpeg's, 1 (finest) to 31."""
        self._max_width = max_width
        self._quantizer = quantizer
        self._context: Any = None

    def __call__(self, frame: Frame) -> bytes:
        """Return the whole file."""
        picture = self._picture(frame)
        if self._context is None or (self._context.width, self._context.height) != (
            picture.width,
            picture.height,
        ):
            self._context = self._opened(picture.width, picture.height)
        return b"".join(bytes(packet) for packet in self._context.encode(picture))

    def _picture(self, frame: Frame) -> av.VideoFrame:
        """Return it as JFIF has it: BT.601, full range, chroma at half the size."""
        copy = av.VideoFrame(frame.width, frame.height, frame.format.name)
        for into, plane in zip(planes_of(copy, frame.format), frame.host_planes(), strict=True):
            into[...] = plane
        width = min(frame.width, self._max_width)
        is_full = frame.color.range is Range.FULL or frame.format.family == "rgb"
        picture = copy.reformat(
            width=width,
            height=max(1, round(frame.height * width / frame.width)),
            format=_FORMAT,
            src_colorspace=_MATRICES.get(frame.color.matrix, Colorspace.ITU601),
            dst_colorspace=Colorspace.ITU601,
            src_color_range=ColorRange.JPEG if is_full else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            interpolation=Interpolation.AREA if width < frame.width else Interpolation.POINT,
            threads=1,
        )
        picture.pts, picture.time_base = None, Fraction(1, 25)
        return picture

    def _opened(self, width: int, height: int) -> Any:
        context: Any = av.CodecContext.create("mjpeg", "w")
        context.width, context.height, context.pix_fmt = width, height, _FORMAT
        context.time_base = Fraction(1, 25)
        context.thread_count = 1  # with more it would hold pictures back
        context.qmin = context.qmax = self._quantizer
        return context
