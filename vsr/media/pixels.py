"""Between PyAV's frames and ours: views of the same memory, and lossless unpacking."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import av
import numpy as np

from vsr.color import ChromaLocation, ColorSpec, Matrix, Primaries, Range, Transfer
from vsr.errors import DecodeError
from vsr.frame import Frame, PixelFormat, Plane, format_name, pixel_format


@cache
def planar_format(name: str) -> PixelFormat:
    """Return the planar format that holds a decoder's format without loss.

    Packed, semi-planar, palette and big-endian layouts change their order only; samples below
    8 bits are widened to 8, floating point ones become 16 bits.
    """
    decoded = av.VideoFormat(name)
    if decoded.name == "xyz12le" or name.startswith("bayer"):
        raise DecodeError(
            f"pixel format {name} has no planar equivalent; convert the source with ffmpeg first"
        )
    components = decoded.components
    if not components:
        raise DecodeError(f"pixel format {name} lies in a device's memory; nothing here can read it")
    alpha = decoded.has_palette or any(c.is_alpha for c in components)
    colors = len(components) - (alpha and not decoded.has_palette)
    is_rgb = decoded.is_rgb or decoded.has_palette
    bits = 8 if decoded.has_palette else max(c.bits for c in components)
    if bits > 16:
        depth = 16
    elif name.endswith(("rgb565le", "rgb565be", "rgb555le", "rgb555be", "rgb444le", "rgb444be")):
        depth = 8
    else:
        depth = max(8, bits)
    if is_rgb or (colors == 1 and alpha):
        return pixel_format(format_name("rgb", _known_depth("rgb", depth, alpha), alpha=alpha))
    if colors == 1:
        return pixel_format(format_name("gray", depth))
    chroma = _log2_ratio(decoded.chroma_width(64)), _log2_ratio(decoded.chroma_height(64))
    return pixel_format(format_name("yuv", _known_depth("yuv", depth, alpha), chroma, alpha=alpha))


def _log2_ratio(chroma: int) -> int:
    return (64 // chroma).bit_length() - 1


def _known_depth(family: str, depth: int, alpha: bool) -> int:
    # FFmpeg has no name for these combinations; the next deeper one holds them exactly.
    missing = {("rgb", True): {9: 10}, ("yuv", True): {14: 16}}
    return missing.get((family, alpha), {}).get(depth, depth)


def planes_of(frame: av.VideoFrame, fmt: PixelFormat) -> tuple[Plane, ...]:
    """Return views of the planes of a PyAV frame whose layout is `fmt`."""
    views = []
    for index in range(fmt.num_planes):
        plane = frame.planes[index]
        shape = fmt.plane_shape(index, frame.width, frame.height)
        strides = (plane.line_size, fmt.dtype.itemsize)
        views.append(np.ndarray(shape, fmt.dtype, buffer=memoryview(plane), strides=strides))
    return tuple(views)


def color_of(frame: av.VideoFrame, chroma_location: ChromaLocation, *, full_range: bool = False) -> ColorSpec:
    """Return the colour tags of a PyAV frame; code points that H.273 reserves count as unspecified."""
    tagged = Range(frame.color_range) if frame.color_range in tuple(Range) else Range.UNSPECIFIED
    return ColorSpec(
        matrix=Matrix(frame.colorspace) if frame.colorspace in tuple(Matrix) else Matrix.UNSPECIFIED,
        transfer=Transfer(frame.color_trc) if frame.color_trc in tuple(Transfer) else Transfer.UNSPECIFIED,
        primaries=Primaries(frame.color_primaries)
        if frame.color_primaries in tuple(Primaries)
        else Primaries.UNSPECIFIED,
        range=Range.FULL if full_range else tagged,
        chroma_location=chroma_location,
    )


def from_av(
    frame: av.VideoFrame, *, pts: int, time_base: Fraction, duration: int, chroma_location: ChromaLocation
) -> Frame:
    """Return a Frame over the memory of a decoded picture, unpacked first where it is not planar."""
    name = frame.format.name
    fmt = planar_format(name)
    if not (fmt.log2_chroma_w or fmt.log2_chroma_h):
        chroma_location = ChromaLocation.UNSPECIFIED
    planar = frame if name.replace("yuvj", "yuv") == fmt.name else frame.reformat(format=fmt.name)
    color = color_of(frame, chroma_location, full_range=name.startswith("yuvj"))
    return Frame(
        planes=planes_of(planar, fmt),
        format=fmt,
        color=color,
        pts=pts,
        time_base=time_base,
        duration=duration,
        owner=planar,
    )


def is_transparent(frame: Frame) -> bool:
    """True if the frame has alpha that is not opaque everywhere."""
    return frame.format.alpha and bool(frame.planes[-1].min() < frame.format.max_value)


class FramePool:
    """Frames in FFmpeg's memory, used again so that no run pays for fresh pages.

    Thread-safety: safe. Ownership: the taker owns a frame until `give`. A frame that an encoder
    still holds is copied by FFmpeg on the next write, never overwritten.
    """

    def __init__(self, width: int, height: int, fmt: PixelFormat, color: ColorSpec) -> None:
        self._size = (width, height)
        self._format = fmt
        self._color = color
        self._free: list[av.VideoFrame] = []

    def take(self) -> Frame:
        """Return a frame with undefined content."""
        try:
            picture = self._free.pop(0)
            picture.make_writable()
        except IndexError:
            picture = av.VideoFrame(*self._size, self._format.name)
        return Frame(
            planes=planes_of(picture, self._format), format=self._format, color=self._color, owner=picture
        )

    def give(self, frame: Frame) -> None:
        """Take back a frame that `take` gave out."""
        self._free.append(frame.owner)
