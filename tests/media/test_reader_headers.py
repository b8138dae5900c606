"""What the reader says of a source: colour, HDR, rotation, shape, streams, tags."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from tests.make_media import HDR10, Clip, Picture, everything, make
from vsr.color import ChromaLocation, Matrix, Primaries, Range, Transfer
from vsr.media.reader import Reader
from vsr.media.source import Disposition


@pytest.mark.parametrize("location", [c for c in ChromaLocation if c is not ChromaLocation.UNSPECIFIED])
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
def test_chroma_location_of_h264_and_hevc(
    tmp_path: Path, codec: str, suffix: str, location: ChromaLocation
) -> None:
    options = {"chroma_sample_location": str(int(location))}
    if codec == "libx265":
        options = {"x265-params": f"log-level=none:chromaloc={int(location) - 1}"}
    path = make(tmp_path / f"a.{suffix}", Clip(picture=Picture(codec=codec, frames=3, options=options)))
    if (codec, location) == ("libx264", ChromaLocation.LEFT):
        location = ChromaLocation.UNSPECIFIED  # x264 leaves out what the standard takes for granted
    with Reader(path) as reader:
        assert reader.video.color.chroma_location is location


@pytest.mark.parametrize(
    ("value", "location"), [("vertical", ChromaLocation.LEFT), ("colocated", ChromaLocation.TOPLEFT)]
)
def test_chroma_location_of_av1(tmp_path: Path, value: str, location: ChromaLocation) -> None:
    options = {"preset": "12", "svtav1-params": f"chroma-sample-position={value}"}
    picture = Picture(codec="libsvtav1", frames=3, options=options)
    with Reader(make(tmp_path / "a.mkv", Clip(picture=picture))) as reader:
        assert reader.video.color.chroma_location is location


def test_chroma_of_jpeg_is_centred_and_of_the_rest_unspecified(tmp_path: Path) -> None:
    jpeg = Picture(codec="mjpeg", pix_fmt="yuvj420p", color=(5, 2, 2, 2), frames=2)
    with Reader(make(tmp_path / "a.avi", Clip(picture=jpeg))) as reader:
        assert reader.video.color.chroma_location is ChromaLocation.CENTER
        assert reader.video.color.range is Range.FULL
    with Reader(make(tmp_path / "b.mkv")) as reader:
        assert reader.video.color.chroma_location is ChromaLocation.UNSPECIFIED


@pytest.mark.parametrize(("codec", "suffix"), [("libx264", "mkv"), ("libx264", "nut"), ("ffv1", "mkv")])
def test_colour_tags(tmp_path: Path, codec: str, suffix: str) -> None:
    picture = Picture(codec=codec, frames=2, color=(9, 16, 9, 2))
    with Reader(make(tmp_path / f"a.{suffix}", Clip(picture=picture))) as reader:
        color = reader.video.color
        assert (color.matrix, color.transfer) == (Matrix.BT2020_NCL, Transfer.PQ)
        assert (color.primaries, color.range) == (Primaries.BT2020, Range.FULL)
        assert all(f.color == color for f in reader)


def test_hdr_metadata(tmp_path: Path) -> None:
    picture = Picture(
        codec="libx265",
        pix_fmt="yuv420p10le",
        frames=3,
        color=(9, 16, 9, 1),
        options={"x265-params": f"log-level=none:{HDR10}"},
    )
    with Reader(make(tmp_path / "a.mkv", Clip(picture=picture))) as reader:
        hdr = reader.video.hdr
    assert hdr.light is not None
    assert (hdr.light.max_cll, hdr.light.max_fall) == (1000, 400)
    assert hdr.mastering is not None
    assert hdr.mastering.luminance == (Fraction(50, 10000), Fraction(1000))
    assert hdr.mastering.white_point == (Fraction(15635, 50000), Fraction(16450, 50000))
    assert hdr.mastering.primaries == (
        (Fraction(34000, 50000), Fraction(16000, 50000)),
        (Fraction(13250, 50000), Fraction(34500, 50000)),
        (Fraction(7500, 50000), Fraction(3000, 50000)),
    )


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "mov"])
@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_rotation(tmp_path: Path, suffix: str, degrees: int) -> None:
    path = make(tmp_path / f"a.{suffix}", Clip(picture=Picture(frames=2, rotation=degrees)))
    with av.open(str(path)) as container:
        assert abs(next(container.decode(video=0)).rotation) == abs(degrees)
    with Reader(path) as reader:
        matrix = reader.video.display_matrix
    one = 1 << 16
    assert matrix is not None
    expected = {90: (0, -one, one, 0), -90: (0, one, -one, 0), 180: (-one, 0, 0, -one)}[degrees]
    assert (matrix[0], matrix[1], matrix[3], matrix[4]) == expected
    assert matrix[8] == 1 << 30


def test_no_rotation_is_none(tmp_path: Path) -> None:
    with Reader(make(tmp_path / "a.mp4")) as reader:
        assert reader.video.display_matrix is None


@pytest.mark.parametrize("ratio", [Fraction(1), Fraction(4, 3), Fraction(32, 27), Fraction(9, 16)])
def test_sample_aspect_ratio(tmp_path: Path, ratio: Fraction) -> None:
    path = make(tmp_path / "a.mp4", Clip(picture=Picture(frames=2, sample_aspect_ratio=ratio)))
    with Reader(path) as reader:
        assert reader.video.sample_aspect_ratio == ratio


def test_everything_is_described(tmp_path: Path) -> None:
    clip = everything()
    with Reader(make(tmp_path / "a.mkv", clip)) as reader:
        info = reader.info
    kinds = [(s.kind, s.codec) for s in info.streams]
    assert kinds == [
        ("audio", "aac"),
        ("audio", "flac"),
        ("subtitle", "subrip"),
        ("subtitle", "ass"),
        ("attachment", "application/x-truetype-font"),
        ("cover", "png"),
    ]
    assert [s.metadata.get("language") for s in info.streams[:4]] == ["jpn", "eng", "eng", "fre"]
    assert Disposition.COMMENT in info.streams[1].disposition
    assert Disposition.FORCED in info.streams[2].disposition
    assert [(c.title, c.start, c.end) for c in info.chapters] == [
        (title, Fraction(start, 1000), Fraction(end, 1000)) for start, end, title in clip.chapters
    ]
    assert info.streams[4].filename == "Font.ttf"
    assert [s.data for s in info.streams[4:]] == [content for _, _, content in clip.attachments]
    assert info.metadata["title"] == "A film"
    assert (info.video.codec, info.video.frame_rate) == ("h264", Fraction(25))
    assert info.video.color.matrix is Matrix.BT709
