"""What a codec makes of pictures: encoded and decoded again in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np

from vsr.errors import OptionError
from vsr.frame import Plane, pixel_format
from vsr.media.pixels import planes_of
from vsr.registry import Registry


@dataclass(frozen=True)
class Codec:
    """How one codec is used: FFmpeg's encoder, its options, and the worst quality that it knows."""

    encoder: str
    options: dict[str, str]
    max_crf: int


CODECS: Registry[Codec] = Registry(
    "codec",
    {
        # Macroblock trees are off: x264's gives other bits from run to run, and x265's writes beyond its
        # memory where pictures are narrow. In a film of some frames they change little. With blocks of 64,
        # x265 gives other bits each time for a picture that is one block.
        "h264": Codec("libx264", {"preset": "fast", "x264-params": "mbtree=0"}, 51),
        "hevc": Codec(
            "libx265",
            {
                "preset": "veryfast",
                "x265-params": "log-level=none:pools=none:frame-threads=1:cutree=0:ctu=32",
            },
            51,
        ),
        # Without b=0, FFmpeg adds a bit rate of its own to the quality.
        "vp9": Codec("libvpx-vp9", {"deadline": "realtime", "cpu-used": "6", "b": "0"}, 63),
    },
)
_FORMAT = "yuv420p"
_LEAST_SIDE = 64
"""Smaller pictures are continued, mirrored, to this side: two of the largest blocks of x265, see above."""


def round_trip(frames: Sequence[Sequence[Plane]], *, codec: str, crf: int) -> list[tuple[Plane, ...]]:
    """Return a film's frames after encoding by `codec` at quality `crf`, on one thread: always the same.

    A frame is the planes Y, Cb, Cr of yuv420p, uint8; all are of one size, whose sides are even. Raises
    OptionError for a codec that this FFmpeg cannot encode.
    """
    height, width = frames[0][0].shape
    encoder = _encoder(codec, crf, max(width, _LEAST_SIDE), max(height, _LEAST_SIDE))
    packets = [p for number, planes in enumerate(frames) for p in encoder.encode(_picture(planes, number))]
    packets += encoder.encode(None)
    decoder: Any = av.CodecContext.create(codec, "r")
    decoder.thread_count = 1
    if encoder.extradata:
        decoder.extradata = encoder.extradata
    decoded = [picture for packet in packets for picture in decoder.decode(packet)]
    decoded += decoder.decode(None)
    fmt = pixel_format(_FORMAT)
    shapes = [fmt.plane_shape(index, width, height) for index in range(fmt.num_planes)]
    return [
        tuple(plane[:h, :w].copy() for plane, (h, w) in zip(planes_of(picture, fmt), shapes, strict=True))
        for picture in decoded
    ]


def _encoder(codec: str, crf: int, width: int, height: int) -> Any:
    chosen = CODECS[codec]
    try:
        encoder: Any = av.CodecContext.create(chosen.encoder, "w")
    except (ValueError, av.error.FFmpegError):
        raise OptionError(f"this FFmpeg has no {chosen.encoder}; choose another codec than {codec}") from None
    encoder.width, encoder.height = width, height
    encoder.pix_fmt = _FORMAT
    encoder.time_base = Fraction(1, 25)
    encoder.framerate = Fraction(25)
    encoder.thread_count = 1
    encoder.options = {**chosen.options, "crf": str(crf)}
    return encoder


def _picture(planes: Sequence[Plane], number: int) -> av.VideoFrame:
    height, width = (max(side, _LEAST_SIDE) for side in planes[0].shape)
    picture = av.VideoFrame(width, height, _FORMAT)
    for mine, plane in zip(planes_of(picture, pixel_format(_FORMAT)), planes, strict=True):
        missing = [(0, whole - side) for whole, side in zip(mine.shape, plane.shape, strict=True)]
        mine[:] = np.pad(plane, missing, "symmetric")
    picture.pts = number
    return picture
