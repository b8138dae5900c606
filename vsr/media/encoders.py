"""Which encoder, pixel format and settings carry a source best: one table, one choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av

from vsr.color import ChromaLocation, ColorSpec, Matrix, Primaries, Range, Transfer
from vsr.errors import DeviceError, OptionError
from vsr.frame import PictureSpec, PixelFormat, pixel_format
from vsr.media.nvenc import LAYOUTS, TWINS, Nvenc
from vsr.media.pixels import keeps_whole_samples, planar_format
from vsr.media.sidedata import HdrMetadata, svtav1_parameters, x26x_parameters
from vsr.options import UpscaleOptions
from vsr.registry import Registry


@dataclass(frozen=True, kw_only=True)
class EncoderSpec:
    """What vsr knows of an encoder beyond what FFmpeg says."""

    summary: str
    quality_option: str | None = "crf"
    quality: float | None = None
    """The default quality: visually close to the source, at a size that fits a disc."""
    quality_range: tuple[float, float] = (0, 51)
    preset_option: str | None = "preset"
    preset: str | None = None
    """The default preset: the slowest that still keeps up with playback on a laptop."""
    options: Mapping[str, str] | None = None
    parameters_option: str | None = None
    """The option that takes the library's own key=value:key=value list."""
    any_size: bool = False
    """True when odd sides are fine with subsampled chroma."""
    keeps_sample_aspect: bool = False
    """True when the coded picture itself says how wide a sample is; PyAV cannot tell the container."""
    keeps_captions: bool = False
    """True when it writes the closed captions that frames carry."""
    color: ColorSpec | None = None
    """The only colour description that files of this kind can have."""
    gray: bool = False
    """True when a gray stream is as playable as any other of this encoder."""


_NVENC_OPTIONS = {"rc": "vbr", "b": "0", "tune": "hq"}
"""Quality decides, no rate: otherwise 2 Mbit/s, FFmpeg's default, would bound it."""

ENCODERS = Registry(
    "encoder",
    {
        "libx264": EncoderSpec(
            summary="H.264, plays everywhere; the default for 8 bit",
            keeps_captions=True,
            keeps_sample_aspect=True,
            quality=18,
            preset="veryfast",
            parameters_option="x264-params",
        ),
        "libx265": EncoderSpec(
            summary="HEVC; the default above 8 bit and for HDR",
            keeps_captions=True,
            keeps_sample_aspect=True,
            quality=20,
            preset="veryfast",
            options={"x265-params": "log-level=none", "a53cc": "1"},
            parameters_option="x265-params",
        ),
        "libsvtav1": EncoderSpec(
            summary="AV1, 8 and 10 bit 4:2:0; the default for WebM",
            quality=28,
            quality_range=(1, 63),
            preset="9",
            parameters_option="svtav1-params",
        ),
        "h264_nvenc": EncoderSpec(
            summary="H.264 on an NVIDIA GPU; the default for 8 bit with --device cuda",
            keeps_sample_aspect=True,
            quality_option="cq",
            quality=19,
            quality_range=(1, 51),
            preset="p5",
            options=_NVENC_OPTIONS,
        ),
        "hevc_nvenc": EncoderSpec(
            summary="HEVC on an NVIDIA GPU; the default for 10 bit with --device cuda",
            keeps_sample_aspect=True,
            quality_option="cq",
            quality=21,
            quality_range=(1, 51),
            preset="p5",
            options=_NVENC_OPTIONS,
        ),
        "av1_nvenc": EncoderSpec(
            summary="AV1 on an NVIDIA GPU",
            quality_option="cq",
            quality=28,
            quality_range=(1, 63),
            preset="p5",
            options=_NVENC_OPTIONS,
        ),
        "libvpx-vp9": EncoderSpec(
            summary="VP9; the default for WebM and MKV where there is alpha",
            any_size=True,
            quality=24,
            quality_range=(0, 63),
            preset_option="cpu-used",
            preset="5",
            options={"b": "0", "row-mt": "1", "deadline": "good"},
        ),
        "ffv1": EncoderSpec(
            summary="lossless, for archives and further work",
            keeps_sample_aspect=True,
            any_size=True,
            quality_option=None,
            preset_option=None,
            options={"level": "3", "slicecrc": "1"},
            gray=True,
        ),
        "prores_ks": EncoderSpec(
            summary="ProRes for editing; 4444 keeps alpha",
            quality_option=None,
            preset_option="profile",
            options={"vendor": "apl0"},
        ),
        "libx264rgb": EncoderSpec(
            summary="H.264 that stays in RGB",
            keeps_captions=True,
            keeps_sample_aspect=True,
            quality=18,
            preset="veryfast",
            parameters_option="x264-params",
        ),
        "mpeg4": EncoderSpec(
            summary="MPEG-4 part 2, for AVI",
            keeps_sample_aspect=True,
            quality_option="qscale",
            quality=3,
            quality_range=(1, 31),
            preset_option=None,
            options={"flags": "+qscale"},
        ),
        "png": EncoderSpec(
            summary="images", any_size=True, quality_option=None, preset_option=None, gray=True
        ),
        "mjpeg": EncoderSpec(
            summary="JPEG images",
            any_size=True,
            quality_option="qscale",
            quality=2,
            quality_range=(1, 31),
            preset_option=None,
            options={"flags": "+qscale", "huffman": "optimal"},
            color=ColorSpec(matrix=Matrix.SMPTE170M, range=Range.FULL, chroma_location=ChromaLocation.CENTER),
        ),
        "libwebp": EncoderSpec(
            summary="WebP images",
            any_size=True,
            quality_option="quality",
            quality=92,
            quality_range=(0, 100),
            preset_option=None,
            color=ColorSpec(
                matrix=Matrix.SMPTE170M, range=Range.LIMITED, chroma_location=ChromaLocation.CENTER
            ),
        ),
        "tiff": EncoderSpec(
            summary="TIFF images",
            any_size=True,
            quality_option=None,
            preset_option=None,
            gray=True,
        ),
        "bmp": EncoderSpec(summary="BMP images", any_size=True, quality_option=None, preset_option=None),
        "rawvideo": EncoderSpec(
            summary="uncompressed",
            any_size=True,
            quality_option=None,
            preset_option=None,
            gray=True,
        ),
        "wrapped_avframe": EncoderSpec(
            summary="uncompressed, for yuv4mpegpipe and null",
            any_size=True,
            quality_option=None,
            preset_option=None,
            gray=True,
        ),
    },
)
"""The encoders with defaults of their own. Any other that this FFmpeg has runs with its own defaults."""

_OTHER = EncoderSpec(summary="", quality_option=None, preset_option=None)


def spec_of(encoder: str) -> EncoderSpec:
    """Return what the table says of an encoder, or what holds for any."""
    return ENCODERS[encoder] if encoder in ENCODERS else _OTHER  # noqa: SIM401  (unknown is no KeyError)


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

    def from_host(self) -> Encoding:
        """Return the same for frames in host memory."""
        return replace(self, encoder_format=self.format.name, on_gpu=False)


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
    encoder_format, notes = _pick_format(encoder, codec, spec, source, container)
    fmt = planar_format(encoder_format)
    color = spec.color if spec.color and fmt.family == "yuv" else _output_color(source, fmt)
    settings = _settings(encoder, spec, fmt, hdr, options)
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
    if layout is None or not (is_nvenc or (name, container) == ("wrapped_avframe", "null")):
        return encoding
    why = nvenc.refusal(name, layout)
    if why is not None and not is_nvenc:
        return encoding
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


_VP9_ALPHA = ("matroska", "webm")


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
    if fmt.alpha and container in _VP9_ALPHA:
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


def _pick_format(
    name: str, codec: Any, spec: EncoderSpec, source: PictureSpec, container: str
) -> tuple[str, tuple[str, ...]]:
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
    return best, _format_notes(name, source.format, candidates[best])


def _really_takes(encoder: str, offer: str, container: str) -> bool:
    """False for what an encoder lists and then refuses."""
    has_alpha = offer.startswith(("yuva", "gbrap"))
    if encoder in TWINS.values():  # of 16 bits they code 10, of RGB 4:2:0
        return not (offer.endswith("16le") or any(order in offer for order in ("rgb", "bgr", "gbr")))
    if encoder == "libvpx-vp9":  # RGB only as an experiment; alpha needs Matroska's second stream
        return "gbr" not in offer and (not has_alpha or (offer == "yuva420p" and container in _VP9_ALPHA))
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


_QP_TO_LAMBDA = 118  # FFmpeg's FF_QP2LAMBDA


def _settings(
    name: str, spec: EncoderSpec, fmt: PixelFormat, hdr: HdrMetadata, options: UpscaleOptions
) -> dict[str, str]:
    settings = dict(spec.options or {})
    low, high = spec.quality_range
    if options.crf is not None and spec.quality_option and not low <= options.crf <= high:
        raise OptionError(f"--crf {options.crf:g}: {name} takes {low:g} to {high:g}")
    _set_choice(settings, name, "--crf", spec.quality_option, options.crf, spec.quality)
    _set_choice(settings, name, "--preset", spec.preset_option, options.preset, spec.preset)
    if name == "prores_ks" and options.preset is None:
        settings["profile"] = "4444" if fmt.log2_chroma_w == 0 else "hq"
    if "qscale" in settings:
        settings["global_quality"] = str(round(float(settings.pop("qscale")) * _QP_TO_LAMBDA))
    parameters = _hdr_parameters(name, hdr)
    given = parse_pairs(options.encoder_options, "--encoder-option")
    if spec.parameters_option:
        key = spec.parameters_option
        parts = [settings.get(key, ""), *parameters, given.pop(key, "")]
        if joined := ":".join(part for part in parts if part):
            settings[key] = joined
    settings.update(given)
    return settings


def _set_choice(
    settings: dict[str, str], name: str, flag: str, option: str | None, given: Any, default: Any
) -> None:
    if option is None:
        if given is not None:
            raise OptionError(f"{flag} has no meaning for {name}; set its own options with -E KEY=VALUE")
        return
    value = given if given is not None else default
    if value is not None:
        settings[option] = f"{value:g}" if isinstance(value, float | int) else str(value)


def _hdr_parameters(name: str, hdr: HdrMetadata) -> list[str]:
    if name in ("libx264", "libx264rgb"):
        return x26x_parameters(hdr, mastering_key="mastering-display", light_key="cll")
    if name == "libx265":
        return x26x_parameters(hdr, mastering_key="master-display", light_key="max-cll")
    if name == "libsvtav1":
        return svtav1_parameters(hdr)
    return []


_EXAMPLES = {"--model-option": "scale=3", "--degrade": "blur=1.2"}


def parse_pairs(pairs: tuple[str, ...], flag: str) -> dict[str, str]:
    """Return {"k": "v"} for ("k=v",). Raises OptionError for anything without an equals sign."""
    result = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            example = _EXAMPLES.get(flag, "tune=animation")
            raise OptionError(f"{flag}: {pair!r} is not KEY=VALUE, e.g. {example}")
        result[key] = value
    return result
