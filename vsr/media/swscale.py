"""libswscale, FFmpeg's scaler, as PyAV has it: what this project's kernels are compared with."""

from __future__ import annotations

from collections.abc import Mapping

from av.video.reformatter import Interpolation, VideoReformatter

from vsr.frame import Frame, PictureSpec, Plane
from vsr.media.pixels import FramePool, planes_of

FILTERS: Mapping[str, Interpolation] = {
    "bilinear": Interpolation.BILINEAR,
    "bicubic": Interpolation.BICUBIC,
    "lanczos3": Interpolation.LANCZOS,
    "spline36": Interpolation.SPLINE,
    "area": Interpolation.AREA,
}
"""By this project's names of scalers. Its bicubic is another cubic, with a = -0.6 instead of -0.5."""


class Swscale:
    """Frames of `source` to the size and format of `target`; colours as FFmpeg's defaults have them.

    Thread-safety: one thread. Ownership: the frame that `take` gives is the caller's to fill, and this one's
    to read; a result is FFmpeg's new frame, freed when the next one of the same place is made.
    """

    def __init__(
        self, source: PictureSpec, target: PictureSpec, scaler: str, *, accurate: bool, threads: int
    ) -> None:
        """`accurate`: with its flag ACCURATE_RND, which rounds as its plain C code does."""
        self._pool = FramePool(source.width, source.height, source.format, source.color)
        self._target = target
        self._flags = FILTERS[scaler] | (Interpolation.ACCURATE_RND if accurate else Interpolation(0))
        self._threads = threads
        self._reformatter = VideoReformatter()

    def take(self) -> Frame:
        """Return a new frame whose memory FFmpeg reads."""
        return self._pool.take()

    def __call__(self, frame: Frame) -> tuple[Plane, ...]:
        """Return the planes of `frame`, which `take` gave, scaled."""
        target = self._target
        result = self._reformatter.reformat(
            self._pool.picture(frame),
            width=target.width,
            height=target.height,
            format=target.format.name,
            interpolation=self._flags,
            threads=self._threads,
        )
        return planes_of(result, target.format)
