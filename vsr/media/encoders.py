"""Which encoder, pixel format and settings carry a source best."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av

from vsr.color import ChromaLocation, ColorSpec, Matrix, Primaries, Range, Transfer
from vsr.errors import DeviceError, OptionError
from vsr.frame import PictureSpec, PixelFormat, pixel_format
from vsr.media.encoder_formats import VP9_ALPHA, pick_format
from vsr.media.encoder_settings import encoder_settings
from vsr.media.encoder_table import ENCODERS, spec_of
from vsr.media.nvenc import LAYOUTS, TWINS, Nvenc
from vsr.media.pixels import planar_format
from vsr.media.sidedata import HdrMetadata
from vsr.options import UpscaleOptions


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """A decided way to encode: what the encoder is, what it is fed and how it is set."""

    encoder: str
    format: PixelFormat
    """The planar format of the frames that reach the encoder's door."""
    encoder_format: str
    """FFmpeg's name of what the encoder takes; repacked from `format` without loss where they differ."""
    color: ColorSpec
    """What the frames mean; written as tags."""
    options: dict[str, str]
    notes: tuple[str, ...]
    on_gpu: bool = False
    """True where frames reach the encoder in a GPU's memory, in the layout `encoder_format`."""

    def from_host(self, why: str) -> Encoding:
        """Return the same for frames in host memory, and the note that they are copied there."""
        note = f"each frame is copied to host memory for {self.encoder}: {why}"
        return replace(self, encoder_format=self.format.name, on_gpu=False, notes=(*self.notes, note))


def choose(
    source: PictureSpec,
    hdr: HdrMetadata,
    container: str,
    supported: set[str],
    options: UpscaleOptions,
    *,
    name: str,
    captioned: bool = False,
    nvenc: Nvenc | None = None,
) -> Encoding:
    """Decide encoder, pixel format and options for frames like `source` (its colour already guessed).

    container: FFmpeg's muxer name. supported: the codecs and encoders that it takes, empty
    where FFmpeg cannot say. name: the result's. captioned: whether the source has closed captions. nvenc:
    of the GPU that frames come from, if they do.
    Raises OptionError for an encoder that this FFmpeg lacks or the container cannot carry.
    """
    encoder = options.encoder
    kept: tuple[str, ...] = ()
    if encoder == "auto":
        encoder = _auto(source, container, supported, Path(name).suffix.lower())
        if nvenc is not None:
            encoder, kept = nvenc.instead_of(encoder, source, hdr, captioned, options)
    codec = _codec(encoder)
    if supported and not {codec.name, codec.canonical_name} & supported:
        raise OptionError(
            f"{container} cannot carry {codec.canonical_name} ({encoder}); choose another container"
            f"{'' if container == 'matroska' else ' (mkv carries most)'} or --encoder auto"
        )
    spec = spec_of(encoder)
    encoder_format, notes = pick_format(encoder, codec, spec, source, container)
    fmt = planar_format(encoder_format)
    color = spec.color if spec.color and fmt.family == "yuv" else _output_color(source, fmt)
    settings = encoder_settings(encoder, spec, fmt, hdr, options)
    if container == "avi":
        settings.setdefault("bf", "0")  # AVI has one time a frame: pictures out of order would be shown so
    encoding = Encoding(
        encoder=encoder,
        format=fmt,
        encoder_format=encoder_format,
        color=color,
        options=settings,
        notes=(*kept, *notes),
    )
    return encoding if nvenc is None else _on_gpu(encoding, container, nvenc)


def _on_gpu(encoding: Encoding, container: str, nvenc: Nvenc) -> Encoding:
    """Let frames stay in the GPU's memory where the encoder, or a sink that drops them, takes them there."""
    name, layout = encoding.encoder, LAYOUTS.get(encoding.format.name)
    is_nvenc = name in TWINS.values()
    if not (is_nvenc or (name, container) == ("wrapped_avframe", "null")):
        return encoding
    if layout is None:
        return encoding if is_nvenc else encoding.from_host(f"a GPU's memory has no {encoding.format.name}")
    why = nvenc.refusal(name, layout)
    if why is not None and not is_nvenc:
        return encoding.from_host(why)
    if why is not None:
        raise DeviceError(
            f"--encoder {name}: {nvenc.gpu.device} ({nvenc.gpu.name}) refuses it: {why}; {remedy(name)}"
        )
    return replace(encoding, encoder_format=layout, on_gpu=True)


def remedy(encoder: str) -> str:
    """Return what to use where an encoder of a GPU cannot be."""
    twin = next((cpu for cpu, gpu in TWINS.items() if gpu == encoder), "auto")
    return f"use --encoder {twin}"


def _codec(name: str) -> Any:
    try:
        codec = av.Codec(name, "w")
    except (ValueError, av.error.FFmpegError):
        ENCODERS[name]  # an unknown name: says the near ones
        raise OptionError(f"this FFmpeg lacks the encoder {name!r}; `vsr doctor` lists what it has") from None
    if codec.type != "video":
        raise OptionError(f"--encoder {name} encodes {codec.type}, and that is copied; name one of video")
    return codec


_BY_SUFFIX = {
    ".png": "png",
    ".jpg": "mjpeg",
    ".jpeg": "mjpeg",
    ".webp": "libwebp",
    ".bmp": "bmp",
    ".tif": "tiff",
    ".tiff": "tiff",
}
_BY_CONTAINER = {
    "yuv4mpegpipe": "wrapped_avframe",
    "null": "wrapped_avframe",
    "md5": "rawvideo",
    "framemd5": "rawvideo",
    "rawvideo": "rawvideo",
}


def _auto(source: PictureSpec, container: str, supported: set[str], suffix: str) -> str:
    if container == "image2":
        if suffix not in _BY_SUFFIX:
            shown = f"the suffix {suffix!r}" if suffix else "a name without suffix"
            raise OptionError(f"image2: {shown} is no kind of image; use one of {', '.join(_BY_SUFFIX)}")
        return _BY_SUFFIX[suffix]
    if container in _BY_CONTAINER:
        return _BY_CONTAINER[container]
    fmt = source.format
    if container == "mov" and fmt.alpha:
        return "prores_ks"
    if fmt.alpha and container in VP9_ALPHA:
        plain = fmt == pixel_format("yuva420p")
        return "libvpx-vp9" if plain or "ffv1" not in supported else "ffv1"
    if container == "avi":  # readers guess the order of H.264's pictures there, and guess wrong
        plain = fmt.depth == 8 and not fmt.alpha and fmt.family != "rgb"
        return "mpeg4" if plain and (fmt.family == "gray" or fmt.log2_chroma_h == 1) else "ffv1"
    if container == "webm":
        fits_av1 = (fmt.log2_chroma_w, fmt.log2_chroma_h) == (1, 1) and fmt.depth <= 10
        return "libsvtav1" if fits_av1 or fmt.depth > 8 else "libvpx-vp9"
    order = ("libx265", "libx264") if fmt.depth > 8 else ("libx264", "libx265")
    for name in (*order, "libsvtav1", "libvpx-vp9", "ffv1"):
        if not supported or av.Codec(name, "w").canonical_name in supported:
            return name
    raise OptionError(f"vsr has no encoder that {container} carries; use mkv, mp4, mov, webm or --encoder")


def _output_color(source: PictureSpec, target: PixelFormat) -> ColorSpec:
    color = source.color
    if target.family == "rgb":
        return replace(color, matrix=Matrix.RGB, range=Range.FULL, chroma_location=ChromaLocation.UNSPECIFIED)
    subsampled = bool(target.log2_chroma_w or target.log2_chroma_h)
    if source.format.family != "rgb":
        if subsampled and color.chroma_location is ChromaLocation.UNSPECIFIED:
            return replace(color, chroma_location=ChromaLocation.LEFT)
        return color
    return ColorSpec(
        matrix=Matrix.BT709,
        transfer=color.transfer if color.transfer is not Transfer.UNSPECIFIED else Transfer.SRGB,
        primaries=color.primaries if color.primaries is not Primaries.UNSPECIFIED else Primaries.BT709,
        range=Range.LIMITED,
        chroma_location=ChromaLocation.LEFT if subsampled else ChromaLocation.UNSPECIFIED,
    )
