"""A picture: planes of samples, what they mean, and when it is shown."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from vsr.color import ColorSpec
from vsr.errors import OptionError

Plane = npt.NDArray[Any]
"""A (height, width) array of uint8, uint16 or float32; the row stride may be larger than the width.

In host memory it is NumPy's; in a GPU's it is CuPy's, which has the same attributes and exports DLPack.
"""
Family = Literal["yuv", "gray", "rgb"]

_SUBSAMPLING = {"444": (0, 0), "440": (0, 1), "422": (1, 0), "420": (1, 1), "411": (2, 0), "410": (2, 2)}
_NAME = re.compile(
    r"(?:yuv(?P<a>a?)(?P<sub>4\d\d)p|gbr(?P<ra>a?)p|gray)(?P<float>f32le|)(?P<depth>\d+)?(?P<le>le)?"
)
MAX_SIDE = 16384
"""Of a picture that is made, in pixels: what H.264, HEVC and VP9 can code, and GPUs can hold."""
FLOAT_DEPTH = 32
"""The depth of formats whose samples are float32."""


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How a frame's samples are laid out: always one plane per component, in native byte order.

    Planes come in FFmpeg's order: Y Cb Cr [A], or G B R [A], or Y. Samples are uint8 up to 8 bits and
    uint16 above, in the low bits. Names are FFmpeg's: yuv420p, yuv422p10le, gbrap, gray16le.
    Packed, semi-planar and palette formats are unpacked, without loss, where frames enter (vsr/media).

    Between the steps of an upscaler, samples may be float32: gbrpf32le, gbrapf32le and grayf32le, with code
    value 1 for full scale; nothing clamps them to 0..1.
    """

    name: str
    family: Family
    depth: int
    """Bits per sample, 8 to 16, or FLOAT_DEPTH."""
    log2_chroma_w: int = 0
    log2_chroma_h: int = 0
    alpha: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 for 8 bits, uint16 above, or float32."""
        if self.is_float:
            return np.dtype(np.float32)
        return np.dtype(np.uint8 if self.depth == 8 else np.uint16)

    @property
    def is_float(self) -> bool:
        """True where samples are float32."""
        return self.depth == FLOAT_DEPTH

    @property
    def num_planes(self) -> int:
        """Number of planes, alpha included."""
        return (1 if self.family == "gray" else 3) + self.alpha

    @property
    def max_value(self) -> int:
        """The largest code value: 2^depth - 1, or 1 of float32."""
        return 1 if self.is_float else int((1 << self.depth) - 1)

    def is_chroma(self, plane: int) -> bool:
        """True for Cb and Cr."""
        return self.family == "yuv" and plane in (1, 2)

    def plane_shape(self, plane: int, width: int, height: int) -> tuple[int, int]:
        """Return the (height, width) of a plane of a picture of that size; chroma rounds up."""
        if not self.is_chroma(plane):
            return height, width
        return -(-height >> self.log2_chroma_h), -(-width >> self.log2_chroma_w)

    def frame_bytes(self, width: int, height: int) -> int:
        """Return the bytes that a frame of that size holds, without row padding."""
        return (
            sum(h * w for h, w in (self.plane_shape(p, width, height) for p in range(self.num_planes)))
            * self.dtype.itemsize
        )


@cache
def pixel_format(name: str) -> PixelFormat:
    """Return the planar format of that FFmpeg name. Raises OptionError for one that is not planar."""
    match = _NAME.fullmatch(name.replace("yuvj", "yuv"))
    if match is None or (match["depth"] and int(match["depth"]) > 8 and not match["le"]):
        raise OptionError(
            f"pixel format {name!r} is not one that frames have: planar, 8 to 16 bit, little-endian"
        )
    depth = FLOAT_DEPTH if match["float"] else int(match["depth"] or 8)
    if match["float"] and (match["sub"] or match["depth"] or match["le"]):
        raise OptionError(f"pixel format {name!r} is unknown; those of float32 are gray and gbr(a)p")
    if match["sub"]:
        return PixelFormat(
            name.replace("yuvj", "yuv"), "yuv", depth, *_SUBSAMPLING[match["sub"]], match["a"] == "a"
        )
    if match["ra"] is not None:
        return PixelFormat(name, "rgb", depth, alpha=match["ra"] == "a")
    return PixelFormat(name, "gray", depth)


def format_name(
    family: Family, depth: int, log2_chroma: tuple[int, int] = (0, 0), *, alpha: bool = False
) -> str:
    """Return FFmpeg's name of the planar format with these properties, e.g. "yuv420p10le"."""
    bits = "" if depth == 8 else "f32le" if depth == FLOAT_DEPTH else f"{depth}le"
    if family == "gray":
        return f"gray{bits}"
    if family == "rgb":
        return f"gbr{'a' if alpha else ''}p{bits}"
    digits = next(key for key, value in _SUBSAMPLING.items() if value == log2_chroma)
    return f"yuv{'a' if alpha else ''}{digits}p{bits}"


@dataclass(frozen=True, kw_only=True)
class PictureSpec:
    """What all frames of a stream share: size, layout and colour."""

    width: int
    height: int
    format: PixelFormat
    color: ColorSpec = field(default_factory=ColorSpec)


@dataclass(slots=True, kw_only=True, eq=False)
class Frame:
    """One picture in the memory of a device, with its time.

    Ownership: the planes are views into memory that `owner` keeps alive; a frame taken from a pool is
    its taker's until it is given back. Thread-safety: one thread at a time.
    """

    planes: tuple[Plane, ...]
    """One (height, width) array per component, rows possibly padded; see PixelFormat for order."""
    format: PixelFormat
    color: ColorSpec = field(default_factory=ColorSpec)
    pts: int = 0
    """Presentation time in units of `time_base`."""
    time_base: Fraction = Fraction(1, 1000)
    duration: int = 0
    """In units of `time_base`; 0 where the source does not say."""
    owner: Any = None
    """Whatever keeps the planes' memory alive (a decoder's frame, a pool's buffer), or None."""
    device: str = "cpu"
    """Where the planes lie: cpu, or a GPU, e.g. cuda:0. They are arrays of that device, and export DLPack."""
    shift: int = 0
    """How far code values lie above bit 0: 6 for P010 as NVIDIA decoders give it; 0 in host memory."""
    arrival: float = 0.0
    """When its packet arrived, by time.monotonic; 0 for frames of sources that wait. Live sources know it."""
    ready: Any = None
    """On a GPU, the event after which the planes may be read (vsr.device.cuda.gpu.Event); None: at once."""

    @property
    def width(self) -> int:
        """Width in luma samples."""
        return int(self.planes[0].shape[1])

    @property
    def height(self) -> int:
        """Height in luma samples."""
        return int(self.planes[0].shape[0])

    @property
    def nbytes(self) -> int:
        """How much memory its samples take, padding between rows not counted."""
        return sum(int(plane.nbytes) for plane in self.planes)

    @property
    def pts_seconds(self) -> float:
        """Presentation time in seconds."""
        return float(self.pts * self.time_base)

    def to_numpy(self) -> npt.NDArray[Any]:
        """Return a copy as one array: (H, W) for gray, (H, W, planes) where all planes have one size.

        RGB comes in R G B [A] order. Subsampled formats have no single array: use `host_planes`.
        """
        if self.format.log2_chroma_w or self.format.log2_chroma_h:
            raise OptionError(f"{self.format.name} has planes of different sizes; use .host_planes()")
        planes = self.host_planes()
        if self.format.family == "gray":
            return np.array(planes[0])
        order = (2, 0, 1, 3) if self.format.family == "rgb" else (0, 1, 2, 3)
        return np.stack([planes[i] for i in order[: self.format.num_planes]], axis=-1)

    def host_planes(self) -> tuple[Plane, ...]:
        """Return the planes in host memory, code values from bit 0 on: themselves, or copies from a GPU."""
        if self.device == "cpu":
            return self.planes
        if self.ready is not None:
            self.ready.wait()
        planes = tuple(_fetched(plane) for plane in self.planes)
        return tuple(plane >> self.shift for plane in planes) if self.shift else planes


def _fetched(plane: Any) -> Plane:
    """Return a copy in host memory of a plane of a GPU: all from its first sample to its last, in one piece.

    Of rows with padding, or samples that alternate with others, CuPy's own `get` would first make a copy on
    the GPU, by a kernel that it compiles with headers of CUDA, which need not be installed.
    """
    reach = sum((size - 1) * stride for size, stride in zip(plane.shape, plane.strides, strict=True))
    whole = type(plane)((reach // plane.dtype.itemsize + 1,), plane.dtype, plane.data).get()
    return np.array(as_strided(whole, plane.shape, plane.strides))


def empty_frame(width: int, height: int, fmt: PixelFormat, **attributes: Any) -> Frame:
    """Return a frame with uninitialised planes of its own, each row beginning at a multiple of 64 bytes."""
    planes = []
    for index in range(fmt.num_planes):
        rows, columns = fmt.plane_shape(index, width, height)
        stride = -(-columns // 64) * 64
        memory = np.empty(rows * stride * fmt.dtype.itemsize + 64, np.uint8)
        start = -memory.ctypes.data % 64
        samples = memory[start : start + rows * stride * fmt.dtype.itemsize].view(fmt.dtype)
        planes.append(samples.reshape(rows, stride)[:, :columns])
    return Frame(planes=tuple(planes), format=fmt, **attributes)
