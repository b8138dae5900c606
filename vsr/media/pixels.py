"""Between PyAV's frames and ours: views of the same memory, and lossless unpacking."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache
from typing import Any, Protocol

import av
import numpy as np

from vsr.color import ChromaLocation, ColorSpec, Matrix, Primaries, Range, Transfer
from vsr.errors import DecodeError
from vsr.frame import Frame, PixelFormat, Plane, format_name, pixel_format
from vsr.media.sidedata import frame_side_data


@cache
def planar_format(name: str) -> PixelFormat:
    """Return the planar format that holds a decoder's format without loss.

    Packed, semi-planar, palette and big-endian layouts change their order only; samples below
    8 bits are widened to 8, floating point ones become 16 bits.
    """
    decoded = av.VideoFormat(name)
    if name.startswith(("xyz12", "bayer")) or "msb" in name:  # FFmpeg rounds the last on its way
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
    depth = min(16, max(8, bits))
    if is_rgb or (colors == 1 and alpha):
        return pixel_format(format_name("rgb", _known_depth("rgb", depth, alpha), alpha=alpha))
    if colors == 1:
        return pixel_format(format_name("gray", depth))
    chroma = _log2_ratio(decoded.chroma_width(64)), _log2_ratio(decoded.chroma_height(64))
    return pixel_format(format_name("yuv", _known_depth("yuv", depth, alpha), chroma, alpha=alpha))


def keeps_whole_samples(name: str) -> bool:
    """False for a format that frames can come from but not go to: palettes and samples below 8 bits."""
    format = av.VideoFormat(name)
    return not format.has_palette and all(c.bits >= 8 for c in format.components)


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
    planar = frame if name.replace("yuvj", "yuv") == fmt.name else _unpack(frame, fmt)
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


def repack(frame: av.VideoFrame, name: str) -> av.VideoFrame:
    """Return the same samples in the layout of FFmpeg's format `name`.

    On one thread: FFmpeg's slice threads write over each other's first samples where the width is no
    multiple of the vector's.
    """
    return frame.reformat(format=name, threads=1)


_FIELDS = re.compile(r"(rgb|bgr)(?:(8)|(444|555|565)(le|be))")
_FLOATS = re.compile(r"(?:gray|gbra?p)f(16|32)(le|be)")


def _unpack(frame: av.VideoFrame, fmt: PixelFormat) -> av.VideoFrame:
    name = frame.format.name
    if fields := _FIELDS.fullmatch(name):
        return _unpack_fields(frame, fmt, fields)
    if floats := _FLOATS.fullmatch(name):
        return _unpack_floats(frame, fmt, floats)
    return repack(frame, fmt.name)


def _samples(frame: av.VideoFrame, index: int, dtype: np.dtype[Any]) -> Plane:
    plane = frame.planes[index]
    strides = (plane.line_size, dtype.itemsize)
    return np.ndarray((frame.height, frame.width), dtype, memoryview(plane), strides=strides)


def _unpack_floats(frame: av.VideoFrame, fmt: PixelFormat, match: re.Match[str]) -> av.VideoFrame:
    """Samples of 0 to 1 become the nearest of 16 bits; FFmpeg gets only twelve of them right."""
    planar = av.VideoFrame(frame.width, frame.height, fmt.name)
    dtype = np.dtype(f"{'<' if match[2] == 'le' else '>'}f{int(match[1]) // 8}")
    for index, plane in enumerate(planes_of(planar, fmt)):
        values = _samples(frame, index, dtype).astype(np.float32)
        plane[:] = np.rint(np.nan_to_num(values).clip(0, 1) * fmt.max_value)
    return planar


def _unpack_fields(frame: av.VideoFrame, fmt: PixelFormat, fields: re.Match[str]) -> av.VideoFrame:
    """Samples of 2 to 6 bits, widened over the whole range; FFmpeg only shifts them: white turns gray."""
    planar = av.VideoFrame(frame.width, frame.height, fmt.name)
    planes = planes_of(planar, fmt)
    words = _samples(frame, 0, np.dtype("u1" if fields[2] else "<u2" if fields[4] == "le" else ">u2"))
    widths = [int(digit) for digit in fields[3] or ("332" if fields[1] == "rgb" else "233")]
    shift = sum(widths)
    for component, bits in zip(fields[1], widths, strict=True):
        shift -= bits
        top = (1 << bits) - 1
        widened = (np.arange(1 << bits, dtype=np.uint32) * 255 + top // 2) // top
        planes["gbr".index(component)][:] = widened.astype(np.uint8)[(words >> shift) & top]
    return planar


def is_transparent(frame: Frame) -> bool:
    """True if the frame has alpha that is not opaque everywhere."""
    return frame.format.alpha and bool(frame.planes[-1].min() < frame.format.max_value)


def has_captions(frame: Frame) -> bool:
    """True if closed captions (CTA-708, ATSC A/53) came inside the coded picture."""
    return "A53_CC" in frame_side_data(frame.owner)


class Pool(Protocol):
    """Frames for an encoder, wherever it wants them. Thread-safety: safe."""

    copied_bytes: int
    """Of samples, because the encoder still held a frame that was to be used again."""

    def take(self, captions: Frame | None = None) -> Frame:
        """Return a frame with undefined content, and with the closed captions of that one if it can."""

    def picture(self, frame: Frame) -> av.VideoFrame:
        """Return a frame of this pool, complete, as the encoder takes it."""

    def give(self, frame: Frame) -> None:
        """Take back a frame that this pool gave out."""

    def clear(self) -> None:
        """Free the frames that lie idle."""


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
        self.copied_bytes = 0
        self._single_use: set[int] = set()

    def take(self, captions: Frame | None = None) -> Frame:
        """Return a frame with undefined content, and with the closed captions of that one."""
        if captions is not None:
            return self._take_captioned(captions)
        try:
            picture = self._free.pop(0)
            before = picture.planes[0].buffer_ptr
            picture.make_writable()
            if picture.planes[0].buffer_ptr != before:
                self.copied_bytes += self._format.frame_bytes(*self._size)
        except IndexError:
            picture = av.VideoFrame(*self._size, self._format.name)
        return Frame(
            planes=planes_of(picture, self._format), format=self._format, color=self._color, owner=picture
        )

    def _take_captioned(self, source: Frame) -> Frame:
        """PyAV lets side data be copied only by its converter, so this costs a coarse enlargement."""
        picture = source.owner.reformat(*self._size, format=self._format.name, interpolation="POINT")
        self._single_use.add(id(picture))
        return Frame(
            planes=planes_of(picture, self._format), format=self._format, color=self._color, owner=picture
        )

    def picture(self, frame: Frame) -> av.VideoFrame:
        """Return it as PyAV's: the same memory."""
        picture = frame.owner
        assert isinstance(picture, av.VideoFrame)
        return picture

    def clear(self) -> None:
        """Free the frames that lie idle."""
        self._free.clear()

    def give(self, frame: Frame) -> None:
        """Take back a frame that this pool gave out. One with captions is not used again."""
        if id(frame.owner) in self._single_use:
            self._single_use.discard(id(frame.owner))
        else:
            self._free.append(frame.owner)
