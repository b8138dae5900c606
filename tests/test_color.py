"""Colour descriptions: code points, where chroma lies, and what is guessed where tags are silent."""

from dataclasses import replace

import pytest

from vsr.color import ChromaLocation, ColorSpec, Matrix, Primaries, Range, Transfer, luma_weights

FULL_SPEC = ColorSpec(
    matrix=Matrix.BT2020_NCL,
    transfer=Transfer.PQ,
    primaries=Primaries.BT2020,
    range=Range.FULL,
    chroma_location=ChromaLocation.TOPLEFT,
)

# By hand from H.273: offset of the first chroma sample in luma samples, for two, one and no halvings.
SITES = {
    ChromaLocation.LEFT: (0.0, 0.5),
    ChromaLocation.CENTER: (0.5, 0.5),
    ChromaLocation.TOPLEFT: (0.0, 0.0),
    ChromaLocation.TOP: (0.5, 0.0),
    ChromaLocation.BOTTOMLEFT: (0.0, 1.0),
    ChromaLocation.BOTTOM: (0.5, 1.0),
}


@pytest.mark.parametrize("location", SITES)
@pytest.mark.parametrize(("log2_w", "log2_h"), [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (2, 2)])
def test_chroma_offset(location: ChromaLocation, log2_w: int, log2_h: int) -> None:
    x, y = SITES[location]
    spec = ColorSpec(chroma_location=location)
    assert spec.chroma_offset(log2_w, log2_h) == (x * (2**log2_w - 1), y * (2**log2_h - 1))


def test_chroma_that_is_not_subsampled_lies_on_luma() -> None:
    for location in ChromaLocation:
        assert ColorSpec(chroma_location=location).chroma_offset(0, 0) == (0, 0)


def test_422_sited_left_lies_on_every_row() -> None:
    assert ColorSpec(chroma_location=ChromaLocation.LEFT).chroma_offset(1, 0) == (0, 0)


@pytest.mark.parametrize(
    ("height", "matrix"),
    [
        *((lines, Matrix.SMPTE170M) for lines in (1, 576, 719)),
        *((lines, Matrix.BT709) for lines in (720, 2160)),
    ],
)
def test_the_matrix_is_guessed_by_height_and_said(height: int, matrix: Matrix) -> None:
    spec, notes = ColorSpec().guessed(height)
    assert spec.matrix is matrix
    assert spec.range is Range.LIMITED
    assert spec.chroma_location is ChromaLocation.LEFT
    assert [n for n in notes if matrix.name in n and str(height) in n]
    assert len(notes) == 3


def test_what_is_tagged_is_not_guessed() -> None:
    assert FULL_SPEC.guessed(480) == (FULL_SPEC, ())


@pytest.mark.parametrize("field", ["matrix", "range", "chroma_location"])
def test_each_guess_has_one_note(field: str) -> None:
    value = getattr(ColorSpec(), field)
    spec, notes = replace(FULL_SPEC, **{field: value}).guessed(1080)
    assert len(notes) == 1
    assert field.replace("_", " ") in notes[0]
    for other in {"matrix", "transfer", "primaries", "range", "chroma_location"} - {field}:
        assert getattr(spec, other) == getattr(FULL_SPEC, other)


def test_transfer_and_primaries_are_never_guessed() -> None:
    spec, _ = ColorSpec().guessed(1080)
    assert (spec.transfer, spec.primaries) == (Transfer.UNSPECIFIED, Primaries.UNSPECIFIED)


def test_chroma_is_not_sited_where_it_is_not_subsampled() -> None:
    spec, notes = ColorSpec().guessed(1080, subsampled=False)
    assert spec.chroma_location is ChromaLocation.UNSPECIFIED
    assert not [n for n in notes if "location" in n]


def test_rgb_is_full_range_and_needs_no_word() -> None:
    spec, notes = ColorSpec().guessed(480, rgb=True)
    assert (spec.matrix, spec.range, notes) == (Matrix.RGB, Range.FULL, ())
    tagged, _ = ColorSpec(range=Range.LIMITED).guessed(480, rgb=True)
    assert tagged.range is Range.LIMITED


def test_a_matrix_of_rgb_on_yuv_is_a_wrong_tag() -> None:
    spec, notes = ColorSpec(matrix=Matrix.RGB).guessed(1080)
    assert spec.matrix is Matrix.BT709
    assert notes


@pytest.mark.parametrize("matrix", list(Matrix))
def test_luma_weights_are_those_of_h273_or_none(matrix: Matrix) -> None:
    table = {
        Matrix.BT709: (0.2126, 0.0722),
        Matrix.FCC: (0.30, 0.11),
        Matrix.BT470BG: (0.299, 0.114),
        Matrix.SMPTE170M: (0.299, 0.114),
        Matrix.SMPTE240M: (0.212, 0.087),
        Matrix.BT2020_NCL: (0.2627, 0.0593),
    }
    assert luma_weights(matrix) == table.get(matrix)


def test_code_points_are_those_of_ffmpeg() -> None:
    from av.video.reformatter import ColorPrimaries, ColorTrc

    assert {(m.name, m.value) for m in ColorTrc} >= {
        ("BT709", Transfer.BT709),
        ("SMPTE2084", Transfer.PQ),
        ("ARIB_STD_B67", Transfer.HLG),
    }
    assert int(ColorPrimaries.BT2020) == Primaries.BT2020
