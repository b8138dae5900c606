"""Frames of several videos brought to one format, and one measured against another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from vsr.color import ColorSpec, Matrix, Range
from vsr.device import cpu
from vsr.frame import Frame, PictureSpec, PixelFormat, Plane, empty_frame, format_name, pixel_format
from vsr.media.reader import Reader
from vsr.media.rgb import full_color
from vsr.ops.convert import Convert
from vsr.quality.metrics import Metric, ssim
from vsr.quality.xpsnr import Xpsnr

METRICS: Mapping[str, Metric] = {
    "psnr_y": Metric("PSNR Y", 2, "PSNR of luma, dB"),
    "psnr": Metric("PSNR", 2, "PSNR of all planes together, dB"),
    "ssim_y": Metric("SSIM Y", 4, "SSIM of luma, 11x11 Gaussian"),
    "xpsnr_y": Metric("XPSNR Y", 2, "XPSNR of luma, dB"),
    "xpsnr_cb": Metric("XPSNR Cb", 2, "XPSNR of Cb, dB"),
    "xpsnr_cr": Metric("XPSNR Cr", 2, "XPSNR of Cr, dB"),
}
Values = dict[str, float]


class Common:
    """What all frames are brought to: the reference's components, in the depth of the deepest video.

    R, G, B becomes YUV 4:4:4, of 10 bits at least; alpha is left out.
    """

    def __init__(self, readers: Sequence[Reader]) -> None:
        videos = [reader.video for reader in readers]
        first = videos[0]
        self.width, self.height = first.width, first.height
        depth = max(video.format.depth for video in videos)
        self.color = full_color(readers[0])
        self.format = _opaque(first.format, depth)
        if first.format.family == "rgb":
            self.color = replace(self.color, matrix=Matrix.BT709, range=Range.LIMITED)
            self.format = pixel_format(format_name("yuv", max(depth, 10)))
        self._steps = [self._step(reader) for reader in readers]
        self.notes = [
            f"{reader.name} is {reader.video.format.name}: converted to {self.format.name}"
            for reader, step in zip(readers, self._steps, strict=True)
            if step is not None
        ]
        self.rate = float(first.frame_rate or 25)
        has_chroma = self.format.family == "yuv"
        self.metrics = [m for m in METRICS if has_chroma or m in ("psnr_y", "ssim_y", "xpsnr_y")]

    def _step(self, reader: Reader) -> Convert | None:
        video, color = reader.video, full_color(reader)
        same = (color.matrix, color.range, color.chroma_location) == (
            self.color.matrix,
            self.color.range,
            self.color.chroma_location,
        )
        if _opaque(video.format, video.format.depth) == self.format and same:
            return None
        source = PictureSpec(width=self.width, height=self.height, format=video.format, color=color)
        return Convert(source, self.format, _with_tags(self.color, color))

    def planes(self, index: int, frame: Frame | None) -> tuple[Plane, ...]:
        """Return the planes of a frame of that video."""
        assert frame is not None
        step = self._steps[index]
        if step is None:
            return frame.planes[: self.format.num_planes]
        into = empty_frame(self.width, self.height, self.format)
        step(frame.planes, into.planes, threads=cpu.usable_cores())
        return into.planes


def _opaque(fmt: PixelFormat, depth: int) -> PixelFormat:
    return pixel_format(format_name(fmt.family, depth, (fmt.log2_chroma_w, fmt.log2_chroma_h)))


def _with_tags(color: ColorSpec, own: ColorSpec) -> ColorSpec:
    """Return a colour with the transfer and primaries that frames have: these are not converted."""
    return replace(color, transfer=own.transfer, primaries=own.primaries)


class Meter:
    """Measures one video against the reference, frame by frame."""

    def __init__(self, common: Common, threads: int) -> None:
        self._peak = float(common.format.max_value)
        self._metrics = common.metrics
        self._threads = threads
        self._xpsnr = Xpsnr(common.width, common.height, common.format, common.rate)

    def __call__(self, reference: Sequence[Plane], other: Sequence[Plane] | None) -> Values | None:
        if other is None:
            self._xpsnr.skip(reference)
            return None
        errors = [_squared_error(a, b) for a, b in zip(reference, other, strict=True)]
        values = {
            "psnr_y": self._psnr(errors[0], reference[0].size),
            "psnr": self._psnr(sum(errors), sum(plane.size for plane in reference)),
            "ssim_y": ssim(reference[0], other[0], peak=self._peak, threads=self._threads),
        }
        weighted = zip(("xpsnr_y", "xpsnr_cb", "xpsnr_cr"), self._xpsnr(reference, other), strict=False)
        values |= dict(weighted)
        return {metric: values[metric] for metric in self._metrics}

    def _psnr(self, error: float, count: int) -> float:
        return 10 * math.log10(self._peak**2 * count / error) if error else math.inf


def _squared_error(reference: Plane, other: Plane) -> float:
    """Return the sum of squared differences: exact up to 12 bits, else to float32's digits each."""
    return float(np.square(np.subtract(reference, other, dtype=np.float32)).sum(dtype=np.float64))
