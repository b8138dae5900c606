"""Which of the pixel formats that an encoder takes keeps most of a source."""

from __future__ import annotations

from typing import Any

from vsr.errors import OptionError
from vsr.frame import PictureSpec, PixelFormat
from vsr.media.encoder_table import EncoderSpec
from vsr.media.nvenc import TWINS
from vsr.media.pixels import keeps_whole_samples, planar_format

VP9_ALPHA = ("matroska", "webm")
"""Containers with the second stream that VP9's alpha needs."""


def pick_format(
    name: str, codec: Any, spec: EncoderSpec, source: PictureSpec, container: str
) -> tuple[str, tuple[str, ...]]:
    """Return the name of the format that loses least, and what it loses, one sentence each.

    Raises OptionError where the encoder `name` takes nothing that frames can become.
    """
    offered = [f.name for f in codec.video_formats or []] or [source.format.name]
    if container == "yuv4mpegpipe":
        offered = [f for f in _Y4M_FORMATS if f in offered or len(offered) == 1]
    offered = [f for f in offered if _really_takes(name, f, container)]
    candidates = {}
    for offer in offered:
        try:
            if keeps_whole_samples(offer):
                candidates[offer] = planar_format(offer)
        except (OSError, ValueError):
            continue  # a GPU surface, or something frames cannot become
    if not spec.gray:
        candidates = {k: v for k, v in candidates.items() if v.family != "gray"}
    if not candidates:
        raise OptionError(f"encoder {name} takes no pixel format that vsr can make")
    best = min(candidates, key=lambda offer: (_cost(source.format, candidates[offer]), offered.index(offer)))
    taker = "WHIP" if container == "whip" else name
    return best, _format_notes(taker, source.format, candidates[best])


def _really_takes(encoder: str, offer: str, container: str) -> bool:
    """False for what an encoder lists and then refuses."""
    has_alpha = offer.startswith(("yuva", "gbrap"))
    if container == "whip":  # what each browser decodes
        return offer == "yuv420p"
    if encoder in TWINS.values():  # of 16 bits they code 10, of RGB 4:2:0
        return not (offer.endswith("16le") or any(order in offer for order in ("rgb", "bgr", "gbr")))
    if encoder == "libvpx-vp9":  # RGB only as an experiment; alpha needs Matroska's second stream
        return "gbr" not in offer and (not has_alpha or (offer == "yuva420p" and container in VP9_ALPHA))
    return not (encoder == "libx265" and has_alpha)


_Y4M_FORMATS = [
    f"{base}{depth}"
    for depth in ("", "9le", "10le", "12le", "14le", "16le")
    for base in ("yuv420p", "yuv422p", "yuv444p", "gray")
    if not (base == "gray" and depth == "14le")
] + ["yuv411p"]


def _cost(source: PixelFormat, target: PixelFormat) -> tuple[int, int, int, int, int, int, int]:
    """Order formats: first what loses least, then what wastes least."""
    to_gray = target.family == "gray" and source.family != "gray"
    lost_chroma = max(0, target.log2_chroma_w - source.log2_chroma_w) + max(
        0, target.log2_chroma_h - source.log2_chroma_h
    )
    wasted_chroma = (source.log2_chroma_w + source.log2_chroma_h) - (
        target.log2_chroma_w + target.log2_chroma_h
    )
    if source.family == "gray":
        # Neutral chroma costs least where there is none, then in the most subsampled format.
        halvings = target.log2_chroma_w + target.log2_chroma_h
        lost_chroma, wasted_chroma = 0, -99 if target.family == "gray" else -halvings
    return (
        to_gray + (source.alpha and not target.alpha),
        max(0, source.depth - target.depth),
        lost_chroma,
        (source.family == "rgb") != (target.family == "rgb"),
        target.alpha and not source.alpha,
        max(0, target.depth - source.depth),
        wasted_chroma,
    )


def _format_notes(name: str, source: PixelFormat, target: PixelFormat) -> tuple[str, ...]:
    notes = []
    if source.depth > target.depth:
        notes.append(f"{name} takes {target.depth} bits at most: {source.depth}-bit samples are rounded")
    if source.family == "rgb" and target.family == "yuv":
        notes.append(f"RGB becomes {target.name}, because {name} codes YCbCr")
    elif source.family == "yuv" and (
        target.log2_chroma_w > source.log2_chroma_w or target.log2_chroma_h > source.log2_chroma_h
    ):
        notes.append(f"{name} takes no {source.name}: chroma is reduced to {target.name}")
    return tuple(notes)
