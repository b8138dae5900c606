"""What the FFmpeg that came with PyAV can do, for `vsr doctor`."""

from dataclasses import dataclass
from typing import Literal

import av

from vsr.media.encoder_table import ENCODERS
from vsr.media.nvenc import TWINS

_DECODERS = ("h264", "hevc", "av1", "libdav1d", "vp9", "vp8", "mpeg2video", "mpeg4", "vc1", "prores", "ffv1")


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """Versions, and which of the codecs that matter are there."""

    pyav: str
    ffmpeg: str
    libraries: dict[str, str]
    """FFmpeg's libraries and their versions."""
    encoders: dict[str, bool]
    """The encoders that vsr knows, and whether this FFmpeg has them."""
    gpu_encoders: dict[str, bool]
    """The same of those that need an NVIDIA GPU, whether or not there is one."""
    decoders: dict[str, bool]
    """The decoders of the formats that are met most."""
    num_codecs: int
    num_formats: int


def inventory() -> Inventory:
    """Return what is there. Opens no codec and touches no device."""
    return Inventory(
        pyav=av.__version__,
        ffmpeg=str(av.ffmpeg_version_info),
        libraries={name: ".".join(map(str, version)) for name, version in av.library_versions.items()},
        encoders={name: _has(name, "w") for name in ENCODERS if name not in TWINS.values()},
        gpu_encoders={name: _has(name, "w") for name in TWINS.values()},
        decoders={name: _has(name, "r") for name in _DECODERS},
        num_codecs=len(av.codecs_available),
        num_formats=len(av.formats_available),
    )


def _has(name: str, mode: Literal["r", "w"]) -> bool:
    try:
        av.Codec(name, mode)
    except ValueError:  # UnknownCodecError is one
        return False
    return True
