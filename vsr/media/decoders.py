"""Decoders other than the one that a container brings: by name, or by the hardware they run on."""

from __future__ import annotations

import contextlib
from typing import Any

import av
from av.codec.hwaccel import HWAccel

from vsr.errors import OptionError
from vsr.registry import nearest

ANYWHERE = ("auto", "cpu", "nvdec")
"""What --decoder takes beside FFmpeg's names."""
_PARAMETERS = (
    "extradata",
    "width",
    "height",
    "bits_per_coded_sample",
    "color_range",
    "color_primaries",
    "color_trc",
    "colorspace",
    "reorder_depth",
)


def decoder_for(stream: Any, name: str, hwaccel: HWAccel | None = None) -> Any:
    """Return the decoder of that name, not opened yet, told of the stream what the container's own was told.

    All but the side data that the container alone states (HDR metadata, rotation): PyAV hands on none. Where
    that matters, a first frame of the container's own decoder has it.
    """
    own = stream.codec_context
    context: Any = av.CodecContext.create(name, "r", hwaccel=hwaccel)
    for parameter in _PARAMETERS:
        setattr(context, parameter, getattr(own, parameter))
    with contextlib.suppress(UnicodeDecodeError):  # PyAV's tags are text; others mean nothing to decoders
        context.codec_tag = own.codec_tag
    return context


def named_decoder(stream: Any, name: str, threads: int) -> Any:
    """Return FFmpeg's decoder of that name for a stream. Raises OptionError unless it decodes its codec."""
    codec = stream.codec_context.codec.canonical_name
    known = sorted(each for each in av.codecs_available if _decodes(each, codec))
    if name not in known:
        names = [*ANYWHERE, *known]
        raise OptionError(
            f"--decoder {name}: the source is {codec}; available: {', '.join(names)}.{nearest(name, names)}"
        )
    context = decoder_for(stream, name)
    context.thread_type = "AUTO"
    context.thread_count = threads
    return context


def _decodes(name: str, codec: str) -> bool:
    try:
        return av.Codec(name, "r").canonical_name == codec
    except ValueError:  # one that only encodes
        return False
