"""What the numbers of a picture mean: ITU-T H.273 code points and their conversions.

Enum values are the code points of H.273 (the same as FFmpeg's). Chroma locations are
FFmpeg's AVChromaLocation, which is H.273's Chroma420SampleLocType plus one.
"""

from dataclasses import dataclass, replace
from enum import IntEnum


class Matrix(IntEnum):
    """MatrixCoefficients, H.273 table 4."""

    RGB = 0
    BT709 = 1
    UNSPECIFIED = 2
    FCC = 4
    BT470BG = 5
    SMPTE170M = 6
    SMPTE240M = 7
    YCGCO = 8
    BT2020_NCL = 9
    BT2020_CL = 10
    SMPTE2085 = 11
    CHROMA_DERIVED_NCL = 12
    CHROMA_DERIVED_CL = 13
    ICTCP = 14


class Transfer(IntEnum):
    """TransferCharacteristics, H.273 table 3."""

    BT709 = 1
    UNSPECIFIED = 2
    GAMMA22 = 4
    GAMMA28 = 5
    SMPTE170M = 6
    SMPTE240M = 7
    LINEAR = 8
    LOG100 = 9
    LOG316 = 10
    IEC61966_2_4 = 11
    BT1361E = 12
    SRGB = 13
    BT2020_10 = 14
    BT2020_12 = 15
    PQ = 16
    SMPTE428 = 17
    HLG = 18


class Primaries(IntEnum):
    """ColourPrimaries, H.273 table 2."""

    BT709 = 1
    UNSPECIFIED = 2
    BT470M = 4
    BT470BG = 5
    SMPTE170M = 6
    SMPTE240M = 7
    FILM = 8
    BT2020 = 9
    SMPTE428 = 10
    P3_DCI = 11
    P3_D65 = 12
    EBU3213 = 22


class Range(IntEnum):
    """VideoFullRangeFlag: which code values are black and white."""

    UNSPECIFIED = 0
    LIMITED = 1
    """Y' in 16..235, Cb Cr in 16..240, times 2^(depth - 8)."""
    FULL = 2
    """0..2^depth - 1."""


class ChromaLocation(IntEnum):
    """Where a chroma sample lies relative to the luma samples it covers."""

    UNSPECIFIED = 0
    LEFT = 1
    """Beside the first column, between two rows: MPEG-2, H.264 and HEVC by default."""
    CENTER = 2
    """Between columns and rows: JPEG, MPEG-1."""
    TOPLEFT = 3
    """On the first luma sample: BT.2020 and HDR10 on UHD discs."""
    TOP = 4
    BOTTOMLEFT = 5
    BOTTOM = 6


_LUMA_WEIGHTS: dict[Matrix, tuple[float, float]] = {
    Matrix.BT709: (0.2126, 0.0722),
    Matrix.FCC: (0.30, 0.11),
    Matrix.BT470BG: (0.299, 0.114),
    Matrix.SMPTE170M: (0.299, 0.114),
    Matrix.SMPTE240M: (0.212, 0.087),
    Matrix.BT2020_NCL: (0.2627, 0.0593),
}


def luma_weights(matrix: Matrix) -> tuple[float, float] | None:
    """Return (Kr, Kb) of a matrix that H.273 defines by them, or None for the others."""
    return _LUMA_WEIGHTS.get(matrix)


_SITE_X = {ChromaLocation.LEFT: 0.0, ChromaLocation.TOPLEFT: 0.0, ChromaLocation.BOTTOMLEFT: 0.0}
_SITE_Y = {
    ChromaLocation.TOPLEFT: 0.0,
    ChromaLocation.TOP: 0.0,
    ChromaLocation.BOTTOMLEFT: 1.0,
    ChromaLocation.BOTTOM: 1.0,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ColorSpec:
    """The colour description of a picture."""

    matrix: Matrix = Matrix.UNSPECIFIED
    transfer: Transfer = Transfer.UNSPECIFIED
    primaries: Primaries = Primaries.UNSPECIFIED
    range: Range = Range.UNSPECIFIED
    chroma_location: ChromaLocation = ChromaLocation.UNSPECIFIED

    def chroma_offset(self, log2_chroma_w: int, log2_chroma_h: int) -> tuple[float, float]:
        """Return how far the first chroma sample lies right of and below the first luma sample.

        In luma samples: (0, 0.5) for 4:2:0 sited LEFT, (0.5, 0.5) for CENTER, (0, 0) for 4:4:4.
        """
        x = _SITE_X.get(self.chroma_location, 0.5) * (2**log2_chroma_w - 1)
        y = _SITE_Y.get(self.chroma_location, 0.5) * (2**log2_chroma_h - 1)
        return x, y

    def guessed(
        self, height: int, *, rgb: bool = False, subsampled: bool = True
    ) -> tuple["ColorSpec", tuple[str, ...]]:
        """Return this description with every unspecified part filled in, and one sentence for each guess.

        The usual rules of players: BT.601 below 720 lines and BT.709 from there on, limited range,
        chroma sited left as MPEG-2, H.264 and HEVC say; RGB is sRGB at full range.
        """
        notes: list[str] = []
        spec = self
        if spec.range is Range.UNSPECIFIED:
            spec = replace(spec, range=Range.FULL if rgb else Range.LIMITED)
            if not rgb:
                notes.append("range is not tagged: limited is assumed")
        if rgb:
            return replace(spec, matrix=Matrix.RGB), tuple(notes)
        if spec.matrix in (Matrix.UNSPECIFIED, Matrix.RGB):
            guess = Matrix.BT709 if height >= 720 else Matrix.SMPTE170M
            spec = replace(spec, matrix=guess)
            notes.append(f"matrix is not tagged: {guess.name} is assumed for {height} lines")
        if subsampled and spec.chroma_location is ChromaLocation.UNSPECIFIED:
            spec = replace(spec, chroma_location=ChromaLocation.LEFT)
            notes.append("chroma location is not tagged: LEFT is assumed")
        return spec, tuple(notes)
