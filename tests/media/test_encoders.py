"""Which encoder, which pixel format, which settings: the table of choices."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import pytest

from vsr.color import ChromaLocation, ColorSpec, Matrix, Range
from vsr.errors import OptionError
from vsr.frame import PictureSpec, pixel_format
from vsr.media.encoder_settings import parse_pairs
from vsr.media.encoder_table import ENCODERS, spec_of
from vsr.media.encoders import Encoding, choose
from vsr.media.sidedata import ContentLight, HdrMetadata, MasteringDisplay
from vsr.media.target import resolve
from vsr.options import UpscaleOptions

TAGGED = ColorSpec(matrix=Matrix.BT709, range=Range.LIMITED, chroma_location=ChromaLocation.LEFT)


def chosen(
    fmt: str, name: str, hdr: HdrMetadata | None = None, *, container: str | None = None, **options: Any
) -> Encoding:
    target, supported = resolve(name, container, overwrite=True, source="-")
    source = PictureSpec(width=64, height=48, format=pixel_format(fmt), color=TAGGED)
    return choose(
        source, hdr or HdrMetadata(), target.container, supported, UpscaleOptions(**options), name=target.name
    )


@pytest.mark.parametrize(
    ("fmt", "name", "encoder", "encoder_format"),
    [
        ("yuv420p", "a.mkv", "libx264", "yuv420p"),
        ("yuv420p", "a.mp4", "libx264", "yuv420p"),
        ("yuv420p", "a.mov", "libx264", "yuv420p"),
        ("yuv420p", "a.ts", "libx264", "yuv420p"),
        ("yuv420p", "a.flv", "libx264", "yuv420p"),
        ("yuv422p", "a.mkv", "libx264", "yuv422p"),
        ("yuv444p", "a.mp4", "libx264", "yuv444p"),
        ("yuv440p", "a.mkv", "libx264", "yuv444p"),
        ("yuv411p", "a.mkv", "libx264", "yuv422p"),
        ("yuv420p10le", "a.mkv", "libx265", "yuv420p10le"),
        ("yuv420p10le", "a.mp4", "libx265", "yuv420p10le"),
        ("yuv422p12le", "a.mkv", "libx265", "yuv422p12le"),
        ("yuv420p9le", "a.mkv", "libx265", "yuv420p10le"),
        ("gbrp10le", "a.mkv", "libx265", "gbrp10le"),
        ("gray", "a.mkv", "libx264", "yuv420p"),
        ("gray10le", "a.mkv", "libx265", "yuv420p10le"),
        ("gbrp", "a.mkv", "libx264", "yuv444p"),
        ("yuv420p", "a.webm", "libsvtav1", "yuv420p"),
        ("yuv420p10le", "a.webm", "libsvtav1", "yuv420p10le"),
        ("yuv444p", "a.webm", "libvpx-vp9", "yuv444p"),
        ("yuva420p", "a.webm", "libvpx-vp9", "yuva420p"),
        ("yuva420p", "a.mkv", "libvpx-vp9", "yuva420p"),
        ("yuva444p10le", "a.mkv", "ffv1", "yuva444p10le"),
        ("yuva444p", "a.mkv", "ffv1", "yuva444p"),
        ("gbrap", "a.mkv", "ffv1", "bgra"),
        ("gbrap16le", "a.mp4", "libx265", "gbrp12le"),
        ("yuva420p10le", "a.mp4", "libx265", "yuv420p10le"),
        ("yuva444p", "a.webm", "libvpx-vp9", "yuva420p"),
        ("yuva420p", "a.mov", "prores_ks", "yuva444p10le"),
        ("gbrap", "a.mov", "prores_ks", "yuva444p10le"),
        ("yuva420p", "a.mp4", "libx264", "yuv420p"),
        ("yuv420p", "a.avi", "mpeg4", "yuv420p"),
        ("yuv444p", "a.avi", "ffv1", "yuv444p"),
        ("yuv422p10le", "a.avi", "ffv1", "yuv422p10le"),
        ("yuv420p", "a.png", "png", "rgb24"),
        ("yuv420p10le", "a.png", "png", "rgb48be"),
        ("gbrap", "a.png", "png", "rgba"),
        ("gray16le", "a.png", "png", "gray16be"),
        ("gbrap", "a.tiff", "tiff", "rgba"),
        ("gbrp", "a.tif", "tiff", "rgb24"),
        ("gbrp", "a.bmp", "bmp", "bgr24"),
        ("gbrap", "a.webp", "libwebp", "bgra"),
        ("yuv420p", "a.webp", "libwebp", "yuv420p"),
        ("yuv420p", "a.jpg", "mjpeg", "yuvj420p"),
        ("yuv422p", "a.jpeg", "mjpeg", "yuvj422p"),
        ("yuv420p", "a.y4m", "wrapped_avframe", "yuv420p"),
        ("yuv420p10le", "a.y4m", "wrapped_avframe", "yuv420p10le"),
        ("gbrp", "a.y4m", "wrapped_avframe", "yuv444p"),
        ("gray", "a.y4m", "wrapped_avframe", "gray"),
        ("gray", "a.png", "png", "gray"),
        ("gray", "a.tiff", "tiff", "gray"),
    ],
)
def test_the_table_of_choices(fmt: str, name: str, encoder: str, encoder_format: str) -> None:
    encoding = chosen(fmt, name)
    assert (encoding.encoder, encoding.encoder_format) == (encoder, encoder_format)


@pytest.mark.parametrize(
    "fmt", ["yuv420p", "yuv422p10le", "gbrp", "gbrap16le", "gray", "yuva444p", "yuv411p"]
)
def test_what_is_chosen_can_be_opened(fmt: str) -> None:
    """The encoder takes the format that was decided on."""
    for name in ("a.mkv", "a.mp4", "a.mov", "a.webm", "a.avi", "a.png", "a.tiff"):
        encoding = chosen(fmt, name)
        context: Any = av.CodecContext.create(encoding.encoder, "w")
        context.width, context.height, context.time_base = 64, 64, Fraction(1, 25)
        context.pix_fmt, context.options = encoding.encoder_format, dict(encoding.options)
        context.open()
        assert context.is_open


@pytest.mark.parametrize("fmt", ["gbrp", "gbrap", "gray"])
@pytest.mark.parametrize("encoder", ["bmp", "tiff", "png", "ffv1", "qtrle"])
def test_no_choice_goes_through_a_palette_or_narrow_samples(fmt: str, encoder: str) -> None:
    name = {"bmp": "a.bmp", "tiff": "a.tiff", "png": "a.png", "qtrle": "a.mov"}.get(encoder, "a.mkv")
    encoding = chosen(fmt, name, encoder=encoder)
    taken = av.VideoFormat(encoding.encoder_format)
    assert not taken.has_palette
    assert all(c.bits >= 8 for c in taken.components)


def test_an_encoder_of_narrow_samples_and_palettes_is_refused() -> None:
    with pytest.raises(OptionError, match="takes no pixel format"):
        chosen("gbrp", "a.gif", container="gif", encoder="gif")


def test_an_encoder_that_is_named_needs_no_other_for_its_container() -> None:
    assert chosen("yuv422p", "a.mxf", encoder="mpeg2video").encoder_format == "yuv422p"
    with pytest.raises(OptionError, match="vsr has no encoder that"):
        chosen("yuv420p", "a.swf")


@pytest.mark.parametrize(
    "fmt", ["gray", "gray10le", "gray16le", "yuv410p", "yuv411p", "gbrp10le", "yuva422p10le"]
)
def test_a_lossless_encoder_gets_what_there_is(fmt: str) -> None:
    assert chosen(fmt, "a.mkv", encoder="ffv1").encoder_format == fmt


def test_what_is_reduced_is_said() -> None:
    assert chosen("yuv420p", "a.mkv").notes == ()
    assert any("12 bits" in n or "10 bits" in n for n in chosen("yuv420p16le", "a.mkv").notes)
    assert any("RGB becomes yuv444p" in n for n in chosen("gbrp", "a.mkv").notes)
    assert any("chroma is reduced" in n for n in chosen("yuv444p", "a.mp4", encoder="mpeg4").notes)


def test_the_colour_of_files_that_have_only_one() -> None:
    jpeg = chosen("yuv420p", "a.jpg").color
    assert (jpeg.matrix, jpeg.range, jpeg.chroma_location) == (
        Matrix.SMPTE170M,
        Range.FULL,
        ChromaLocation.CENTER,
    )
    assert chosen("yuv420p", "a.mkv").color == TAGGED
    assert chosen("yuv420p", "a.png").color.matrix is Matrix.RGB


@pytest.mark.parametrize(
    ("name", "encoder"), [("a.webm", "libx264"), ("a.mp4", "tiff"), ("a.avi", "libx265"), ("a.flv", "ffv1")]
)
def test_what_a_container_cannot_carry_is_refused_with_a_way_out(name: str, encoder: str) -> None:
    with pytest.raises(OptionError, match="cannot carry") as caught:
        chosen("yuv420p", name, encoder=encoder)
    assert "mkv carries most" in str(caught.value)
    assert "--encoder" in str(caught.value)


def test_an_encoder_of_audio_is_none_of_video() -> None:
    with pytest.raises(OptionError, match="--encoder aac encodes audio, and that is copied"):
        chosen("yuv420p", "a.mkv", encoder="aac")


@pytest.mark.parametrize(("given", "near"), [("x265", "libx265"), ("libx24", "libx264"), ("ffv", "ffv1")])
def test_an_unknown_encoder_gets_the_near_one(given: str, near: str) -> None:
    with pytest.raises(OptionError, match="unknown encoder") as caught:
        chosen("yuv420p", "a.mkv", encoder=given)
    assert near in str(caught.value).rsplit("Did you mean", 1)[-1]


def test_encoders_outside_the_table_run_with_their_own_settings() -> None:
    encoding = chosen(
        "yuv422p", "a.mkv", container="nut", encoder="huffyuv", encoder_options=("pred=median",)
    )
    assert encoding.options == {"pred": "median"}
    with pytest.raises(OptionError, match="no meaning"):
        chosen("yuv420p", "a.mkv", container="nut", encoder="huffyuv", crf=3)


@pytest.mark.parametrize("encoder", [n for n, s in ENCODERS.items() if s.quality_option])
def test_crf_within_and_out_of_range(encoder: str) -> None:
    name = {"mjpeg": "a.jpg", "libwebp": "a.webp"}.get(encoder, "a.mkv")
    low, high = spec_of(encoder).quality_range
    for value in (low, high):
        chosen("yuv420p", name, encoder=encoder, crf=value)
    for value in (low - 1, high + 1):
        with pytest.raises(OptionError, match=f"{low:g} to {high:g}"):
            chosen("yuv420p", name, encoder=encoder, crf=value)


@pytest.mark.parametrize(
    ("encoder", "good", "bad", "sentence"),
    [
        (
            "libx264",
            ("slow", "0", "9"),
            ("quick", "10", "-1"),
            "takes ultrafast, superfast, .*veryslow, placebo",
        ),
        ("libx265", ("placebo", "3"), ("quick",), "takes ultrafast, superfast, .*veryslow, placebo"),
        ("libsvtav1", ("8", "-1"), ("quick", "99", "1.5"), "--preset .*: libsvtav1 takes -2 to 13"),
        ("libvpx-vp9", ("-8", "8"), ("quick", "9"), "libvpx-vp9 takes -8 to 8"),
        ("prores_ks", ("lt", "4444xq", "2"), ("quick", "6"), "prores_ks takes auto, proxy, .*4444xq"),
        ("hevc_nvenc", ("p7", "slow"), ("veryfast",), "hevc_nvenc takes .*p1, p2, .*p7"),
    ],
)
def test_presets_that_an_encoder_has(
    encoder: str, good: tuple[str, ...], bad: tuple[str, ...], sentence: str
) -> None:
    name = "a.mov" if encoder == "prores_ks" else "a.mkv"
    for preset in good:
        chosen("yuv420p", name, encoder=encoder, preset=preset)
    for preset in bad:
        with pytest.raises(OptionError, match=sentence):
            chosen("yuv420p", name, encoder=encoder, preset=preset)


@pytest.mark.parametrize("encoder", ["libx264", "libx264rgb", "libx265"])
def test_every_preset_of_the_table_opens_its_encoder(encoder: str) -> None:
    presets = spec_of(encoder).presets
    for preset in (*presets, str(len(presets) - 1)):
        context: Any = av.CodecContext.create(encoder, "w")
        context.width, context.height, context.time_base = 64, 64, Fraction(1, 25)
        context.pix_fmt = "rgb24" if encoder == "libx264rgb" else "yuv420p"
        context.options = {"preset": preset} | (
            {} if encoder != "libx265" else {"x265-params": "log-level=none"}
        )
        context.open()
        assert context.is_open


def test_settings_reach_the_encoder() -> None:
    options = chosen("yuv420p", "a.mkv", crf=23.5, preset="slow", encoder_options=("tune=animation",)).options
    assert (options["crf"], options["preset"], options["tune"]) == ("23.5", "slow", "animation")
    assert chosen("yuv420p", "a.mkv", encoder_options=("crf=5",)).options["crf"] == "5"
    assert chosen("yuv420p", "a.webm", preset="7").options["preset"] == "7"
    assert chosen("yuv420p", "a.mkv", encoder="mpeg4", crf=4).options["global_quality"] == str(4 * 118)


HDR = HdrMetadata(
    MasteringDisplay(
        primaries=(
            (Fraction(34000, 50000), Fraction(16000, 50000)),
            (Fraction(13250, 50000), Fraction(34500, 50000)),
            (Fraction(7500, 50000), Fraction(3000, 50000)),
        ),
        white_point=(Fraction(15635, 50000), Fraction(16450, 50000)),
        luminance=(Fraction(50, 10000), Fraction(1000)),
    ),
    ContentLight(1000, 400),
)


def test_hdr_reaches_the_encoders_that_know_it() -> None:
    shared = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    x265 = chosen("yuv420p10le", "a.mkv", HDR, encoder_options=("x265-params=aq-mode=3",)).options[
        "x265-params"
    ]
    assert f"master-display={shared}" in x265.split(":")
    assert "max-cll=1000,400" in x265.split(":")
    assert x265.split(":")[-1] == "aq-mode=3"
    x264 = chosen("yuv420p10le", "a.mkv", HDR, encoder="libx264").options["x264-params"]
    assert f"mastering-display={shared}" in x264
    assert "cll=1000,400" in x264
    av1 = chosen("yuv420p10le", "a.webm", HDR).options["svtav1-params"]
    assert "content-light=1000,400" in av1
    assert "R(0.68000,0.32000)" in av1
    assert "L(1000.0000,0.0050)" in av1


def test_pairs() -> None:
    assert parse_pairs(("a=b", "c=d=e", "f="), "-E") == {"a": "b", "c": "d=e", "f": ""}
    for bad in ("a", "=b", ""):
        with pytest.raises(OptionError, match=r"-E.*KEY=VALUE"):
            parse_pairs((bad,), "-E")


def test_every_encoder_of_the_table_is_in_this_ffmpeg() -> None:
    for name in ENCODERS:
        assert av.Codec(name, "w").type == "video"
