"""The encoders that vsr knows, and what it knows of them beyond what FFmpeg says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vsr.color import ChromaLocation, ColorSpec, Matrix, Range
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
    presets: tuple[str, ...] = ()
    """All of them, also known by their number, of encoders whose library only knows them, not FFmpeg."""
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


_X26X_PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
)
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
            presets=_X26X_PRESETS,
            parameters_option="x264-params",
        ),
        "libx265": EncoderSpec(
            summary="HEVC; the default above 8 bit and for HDR",
            keeps_captions=True,
            keeps_sample_aspect=True,
            quality=20,
            preset="veryfast",
            presets=_X26X_PRESETS,
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
            presets=_X26X_PRESETS,
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
