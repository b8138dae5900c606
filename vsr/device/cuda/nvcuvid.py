"""What a GPU's video decoder, NVDEC, can decode: asked of the driver's libnvcuvid through ctypes.

The layout of the question and the numbers in it are those of the Video Codec SDK's cuviddec.h; they have
been the same since its version 8, and new fields were taken out of the reserved ones.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import Literal

from vsr.device.cuda.gpu import Gpu
from vsr.errors import DeviceError

Chroma = Literal["400", "420", "422", "444"]
CODECS = {"mpeg2video": 1, "h264": 4, "hevc": 8, "vp8": 9, "vp9": 10, "av1": 11}
"""FFmpeg's names, and NVIDIA's numbers."""
CHROMAS: dict[Chroma, int] = {"400": 0, "420": 1, "422": 2, "444": 3}
DEPTHS = (8, 10, 12)


class Question(ctypes.Structure):
    """CUVIDDECODECAPS: the first three fields ask, the rest is the answer."""

    _fields_ = (
        ("codec", ctypes.c_int),
        ("chroma", ctypes.c_int),
        ("bits_above_8", ctypes.c_uint),
        ("reserved_1", ctypes.c_uint * 3),
        ("is_supported", ctypes.c_ubyte),
        ("num_decoders", ctypes.c_ubyte),
        ("output_formats", ctypes.c_ushort),
        ("max_width", ctypes.c_uint),
        ("max_height", ctypes.c_uint),
        ("max_macroblocks", ctypes.c_uint),
        ("min_width", ctypes.c_ushort),
        ("min_height", ctypes.c_ushort),
        ("has_histogram", ctypes.c_ubyte),
        ("counter_bits", ctypes.c_ubyte),
        ("max_bins", ctypes.c_ushort),
        ("reserved_2", ctypes.c_uint * 10),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Abilities:
    """What NVDEC does with one kind of video. Sides are in samples."""

    num_decoders: int
    """How many units the chip has; one stream uses one of them."""
    min_size: tuple[int, int]
    max_size: tuple[int, int]
    max_macroblocks: int
    """Of 16x16 samples, in one picture."""

    def fits(self, width: int, height: int) -> bool:
        """True where a picture of that size is within the limits."""
        wide, high = (
            low <= side <= high
            for low, side, high in zip(self.min_size, (width, height), self.max_size, strict=True)
        )
        return wide and high and -(-width // 16) * -(-height // 16) <= self.max_macroblocks


def abilities(gpu: Gpu, codec: str, chroma: Chroma, depth: int) -> Abilities | None:
    """Return what `gpu` does with that kind of video, or None where its NVDEC cannot decode it.

    Raises DeviceError where the driver has no libnvcuvid, or does not answer.
    """
    if codec not in CODECS:
        return None
    question = Question(codec=CODECS[codec], chroma=CHROMAS[chroma], bits_above_8=depth - 8)
    with gpu.current():
        status = _library().cuvidGetDecoderCaps(ctypes.byref(question))
    if status:
        raise DeviceError(
            f"{gpu.device}: NVDEC does not say what it can (cuvidGetDecoderCaps gives {status})"
        )
    if not question.is_supported:
        return None
    return Abilities(
        num_decoders=question.num_decoders,
        min_size=(question.min_width, question.min_height),
        max_size=(question.max_width, question.max_height),
        max_macroblocks=question.max_macroblocks,
    )


@cache
def _library() -> ctypes.CDLL:
    try:
        return ctypes.CDLL("libnvcuvid.so.1")
    except OSError as error:
        raise DeviceError(
            "there is no NVDEC library (libnvcuvid.so.1); it comes with NVIDIA's driver: install its video "
            "part (libnvidia-decode), or in a container set NVIDIA_DRIVER_CAPABILITIES=compute,utility,video"
        ) from error
