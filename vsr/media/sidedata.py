"""HDR10 metadata and display matrices: from FFmpeg's binary structures to values and encoder options."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from fractions import Fraction

import av
from av.sidedata.sidedata import SideDataContainer

DYNAMIC_SIDE_DATA = {
    "DYNAMIC_HDR_PLUS": "HDR10+ dynamic metadata",
    "DOVI_RPU_BUFFER": "Dolby Vision metadata",
    "DOVI_METADATA": "Dolby Vision metadata",
    "DYNAMIC_HDR_VIVID": "HDR Vivid dynamic metadata",
    "STEREO3D": "stereoscopic 3D layout",
    "SPHERICAL": "spherical (360 degree) projection",
    "ICC_PROFILE": "an ICC colour profile",
}
"""Frame side data that means something to a viewer and that no writer here can carry."""


CAPTION_MARK = b"GA94"
"""The ATSC identifier before CTA-708 captions in a coded picture, in MPEG-2, H.264 and HEVC alike."""

LASTING_SIDE_DATA = DYNAMIC_SIDE_DATA | {
    "MASTERING_DISPLAY_METADATA": "HDR mastering display metadata",
    "CONTENT_LIGHT_LEVEL": "HDR content light level",
}
"""Side data that should hold from the first frame on."""


@dataclass(frozen=True)
class MasteringDisplay:
    """SMPTE ST 2086: chromaticities as CIE 1931 x, y and luminances in cd/m2; None where not given."""

    primaries: tuple[tuple[Fraction, Fraction], ...] | None
    """Red, green, blue."""
    white_point: tuple[Fraction, Fraction] | None
    luminance: tuple[Fraction, Fraction] | None
    """(minimum, maximum)."""


@dataclass(frozen=True)
class ContentLight:
    """CTA-861.3: maximum content light level and maximum frame-average light level, cd/m2."""

    max_cll: int
    max_fall: int


@dataclass(frozen=True)
class HdrMetadata:
    """Static HDR metadata of a stream."""

    mastering: MasteringDisplay | None = None
    light: ContentLight | None = None


def parse_mastering_display(data: bytes) -> MasteringDisplay:
    """Return what FFmpeg's AVMasteringDisplayMetadata holds."""
    numbers = struct.unpack("=22i", data[:88])
    ratios = [
        Fraction(n, d) if d else Fraction(0) for n, d in zip(numbers[:20:2], numbers[1:20:2], strict=True)
    ]
    has_primaries, has_luminance = numbers[20], numbers[21]
    points = [(ratios[i], ratios[i + 1]) for i in range(0, 8, 2)]
    return MasteringDisplay(
        primaries=tuple(points[:3]) if has_primaries else None,
        white_point=points[3] if has_primaries else None,
        luminance=(ratios[8], ratios[9]) if has_luminance else None,
    )


def parse_content_light(data: bytes) -> ContentLight:
    """Return what FFmpeg's AVContentLightMetadata holds."""
    return ContentLight(*struct.unpack("=2I", data[:8]))


def parse_display_matrix(data: bytes) -> tuple[int, ...]:
    """Return the nine numbers of a display matrix, row by row."""
    return struct.unpack("=9i", data[:36])


def turn_of(matrix: tuple[int, ...] | None) -> str:
    """Say in words what a player does with the picture."""
    if matrix is None:
        return "none"
    if matrix[0] * matrix[4] < matrix[1] * matrix[3]:
        return "a mirrored picture"
    return f"a turn of {round(math.degrees(math.atan2(matrix[1], matrix[0])))} degrees"


def frame_side_data(frame: av.VideoFrame) -> dict[str, bytes]:
    """Return kind -> content for the side data of a frame.

    The list is made here: `frame.side_data` would keep it, and both would hold each other, and a decoder's
    memory, until the cyclic garbage collector comes.
    """
    items = SideDataContainer(frame)  # type: ignore[call-arg]  # which the stub does not have
    return {item.type.name: bytes(item) for item in items}


def hdr_metadata(side_data: dict[str, bytes]) -> HdrMetadata:
    """Return the static HDR metadata among a frame's side data."""
    mastering = side_data.get("MASTERING_DISPLAY_METADATA")
    light = side_data.get("CONTENT_LIGHT_LEVEL")
    return HdrMetadata(
        parse_mastering_display(mastering) if mastering else None,
        parse_content_light(light) if light else None,
    )


def x26x_parameters(hdr: HdrMetadata, *, mastering_key: str, light_key: str) -> list[str]:
    """Return parameters in the syntax that x264 and x265 share.

    Chromaticities in units of 0.00002, luminance in 0.0001 cd/m2, order G B R as in the H.265 SEI.
    """
    parameters = []
    display = hdr.mastering
    if display and display.primaries and display.white_point and display.luminance:
        red, green, blue = display.primaries
        points = {"G": green, "B": blue, "R": red, "WP": display.white_point}
        text = "".join(f"{key}({round(x * 50000)},{round(y * 50000)})" for key, (x, y) in points.items())
        low, high = display.luminance
        parameters.append(f"{mastering_key}={text}L({round(high * 10000)},{round(low * 10000)})")
    if hdr.light:
        parameters.append(f"{light_key}={hdr.light.max_cll},{hdr.light.max_fall}")
    return parameters


def svtav1_parameters(hdr: HdrMetadata) -> list[str]:
    """Return SVT-AV1's parameters: the same values as decimals."""
    parameters = []
    display = hdr.mastering
    if display and display.primaries and display.white_point and display.luminance:
        red, green, blue = display.primaries
        points = {"G": green, "B": blue, "R": red, "WP": display.white_point}
        text = "".join(f"{key}({float(x):.5f},{float(y):.5f})" for key, (x, y) in points.items())
        low, high = display.luminance
        parameters.append(f"mastering-display={text}L({float(high):.4f},{float(low):.4f})")
    if hdr.light:
        parameters.append(f"content-light={hdr.light.max_cll},{hdr.light.max_fall}")
    return parameters
