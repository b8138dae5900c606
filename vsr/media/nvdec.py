"""Decoding on an NVIDIA GPU: FFmpeg's decoders over NVDEC, whose pictures stay in the GPU's memory."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
from av.codec.hwaccel import HWAccel

from vsr.color import ChromaLocation
from vsr.device.cuda.gpu import Gpu
from vsr.device.cuda.nvcuvid import abilities
from vsr.errors import DeviceError
from vsr.frame import Frame, pixel_format
from vsr.media._av import detailed, reason_of
from vsr.media.decoders import decoder_for
from vsr.media.pixels import color_of, planar_format, repack
from vsr.media.source import VideoInfo

_EXACT = ("h264", "hevc", "vp8", "vp9", "av1")
"""Codecs whose standards say each sample to the bit: --device cuda must not change a result."""
_SURFACES = {"nv12": ("yuv420p", 0), "p010le": ("yuv420p10le", 6), "p016le": ("yuv420p12le", 4)}
"""Of layouts that PyAV gives out as arrays: the planar format, and how far code values lie above bit 0.

FFmpeg uses P016 for 12 bits: NVDEC has nothing deeper.
"""


def problem(video: VideoInfo, gpu: Gpu) -> str | None:
    """Return why NVDEC does not decode a source, or None where it does."""
    fmt = video.format
    if video.interlaced:
        return "deinterlacing is done on the CPU"
    if video.codec not in _EXACT:
        return f"{video.codec} is not one of the codecs that any decoder decodes alike: {', '.join(_EXACT)}"
    if fmt.name not in (name for name, _ in _SURFACES.values()):
        return f"{fmt.name} does not come out of it as arrays; yuv420p of 8, 10 and 12 bits does"
    if video.width % 2 or video.height % 2:
        return f"{video.width}x{video.height} has an odd side"
    try:
        able = abilities(gpu, video.codec, "420", fmt.depth)
    except DeviceError as error:
        return str(error)
    if able is None:
        return f"{gpu.name} decodes no {video.codec} of {fmt.depth} bits"
    if not able.fits(video.width, video.height):
        low, high = ("x".join(map(str, size)) for size in (able.min_size, able.max_size))
        return f"{gpu.name} decodes {video.codec} from {low} to {high}"
    return None


def nvdec_decoder(stream: Any, gpu: Gpu) -> Any:
    """Return a decoder of a stream whose pictures lie in the memory of `gpu`.

    FFmpeg gives pictures in host memory instead where NVDEC refuses a stream. Raises DeviceError where the
    driver cannot be used at all. FFmpeg works in the context that CuPy made: it would refuse to share it
    otherwise, because it wants flags that CuPy does not set.
    """
    accelerated = HWAccel(
        "cuda",
        device=str(gpu.index),
        allow_software_fallback=True,
        is_hw_owned=True,
        options={"primary_ctx": "0", "current_ctx": "1"},
    )
    codec = stream.codec_context.codec.canonical_name  # libdav1d knows no hardware, FFmpeg's own av1 does
    try:
        with gpu.current(), detailed():
            context = decoder_for(stream, codec, accelerated)
    except (av.error.FFmpegError, RuntimeError) as error:
        raise DeviceError(f"FFmpeg does not get to the GPU ({reason_of(error)})") from error
    context.thread_count = 1  # threads would only hold more pictures; the GPU works beside them anyway
    return context


def is_surface(raw: av.VideoFrame) -> bool:
    """True for a picture in the GPU's memory."""
    return raw.format.name == "cuda"


def is_shown_as_arrays(raw: av.VideoFrame) -> bool:
    """True for a picture in the GPU's memory whose planes PyAV gives out, whole."""
    layout = raw.sw_format
    return layout is not None and layout.name in _SURFACES and not (raw.width % 2 or raw.height % 2)


def from_surface(
    raw: av.VideoFrame,
    gpu: Gpu,
    *,
    pts: int,
    time_base: Fraction,
    duration: int,
    chroma_location: ChromaLocation,
) -> Frame:
    """Return a Frame over the memory of a picture that NVDEC decoded. No sample moves.

    FFmpeg copied it out of the decoder on the default stream and waited for nothing: the frame is ready
    when that stream has got so far.
    """
    assert raw.sw_format is not None
    name, shift = _SURFACES[raw.sw_format.name]
    # A capsule each: CuPy asks a plane itself with a stream, which PyAV refuses. They keep the surface alive.
    luma, chroma = (gpu.adopted(plane.__dlpack__()) for plane in raw.planes)
    return Frame(
        planes=(luma, chroma[:, :, 0], chroma[:, :, 1]),
        format=pixel_format(name),
        color=color_of(raw, chroma_location),
        pts=pts,
        time_base=time_base,
        duration=duration,
        owner=raw,
        device=gpu.device,
        shift=shift,
        ready=gpu.arrived(),
    )


def downloaded(raw: av.VideoFrame, gpu: Gpu) -> av.VideoFrame:
    """Return a copy in host memory of a picture in the GPU's, planar, with its times and side data."""
    assert raw.sw_format is not None
    layout = raw.sw_format.name
    fmt = pixel_format(_SURFACES[layout][0]) if layout in _SURFACES else planar_format(layout)
    gpu.moved.add(downloaded=fmt.frame_bytes(raw.width, raw.height))
    return repack(raw, fmt.name)
