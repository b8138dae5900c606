"""Facts against facts: what counts as lost, and what containers and codecs may change."""

from __future__ import annotations

from array import array
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

import vsr
from tests.make_media import (
    FONT,
    Clip,
    Text,
    make,
    mux_in_order,
)
from tests.media.results import HDR, PLAIN, lost
from vsr.color import ColorSpec, Matrix
from vsr.frame import pixel_format
from vsr.media.digests import StreamDigest
from vsr.media.facts import MediaFacts, facts_by_demuxing
from vsr.media.sidedata import HdrMetadata, MasteringDisplay
from vsr.media.source import Chapter
from vsr.media.verify import compare, verify

QUARTER = (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
MIRRORED = (-65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)


@pytest.fixture(scope="module")
def facts(good: tuple[Path, Path]) -> MediaFacts:
    return facts_by_demuxing(good[1])


def losses(expected: MediaFacts, found: MediaFacts, reasons: dict[int, str] | None = None) -> list[str]:
    return [f"{f.subject}: {f.text}" for f in compare(expected, found, reasons) if f.verdict == "lost"]


def pictured(facts: MediaFacts, **changes: Any) -> MediaFacts:
    return replace(facts, info=replace(facts.info, video=replace(facts.info.video, **changes)))


@pytest.mark.parametrize(
    ("old", "new", "lost"),
    [
        ("yuv420p", "gray", ["colour: the result is gray"]),
        ("gbrp", "gray", ["colour: the result is gray"]),
        ("gray", "yuv420p", []),
        ("yuv444p", "yuv420p", ["chroma: 128x96 samples became 64x48"]),
        ("yuv422p", "yuv420p", ["chroma: 64x96 samples became 64x48"]),
        ("gbrp", "yuv420p", ["chroma: 128x96 samples became 64x48"]),
        ("yuv420p", "yuv444p", []),
        ("yuv420p", "gbrp", []),
    ],
)
def test_planes_that_are_gone(facts: MediaFacts, old: str, new: str, lost: list[str]) -> None:
    source = pictured(facts, format=pixel_format(old))
    result = pictured(facts, format=pixel_format(new))
    assert losses(source, result) == lost


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (QUARTER, None, "a turn of 90 degrees became none"),
        (MIRRORED, None, "a mirrored picture became none"),
        (None, QUARTER, "none became a turn of 90 degrees"),
    ],
)
def test_a_lost_rotation_in_words(facts: MediaFacts, old: Any, new: Any, text: str) -> None:
    said = losses(pictured(facts, display_matrix=old), pictured(facts, display_matrix=new))
    assert said == [f"rotation: {text}"]


def test_twice_the_size_in_420_has_all_chroma_of_444(facts: MediaFacts) -> None:
    source = pictured(facts, format=pixel_format("yuv444p"), width=64, height=48)
    found = compare(source, facts)
    assert [f for f in found if f.verdict == "lost"] == []
    told = {f.subject: f.text for f in found}
    assert told["size"] == "64x48 to 128x96"
    assert told["chroma"] == "64x48 samples in 64x48"


@pytest.mark.parametrize(
    ("lines", "matrix", "lost"),
    [
        (1080, Matrix.UNSPECIFIED, True),
        (1080, Matrix.BT709, True),
        (1080, Matrix.SMPTE170M, False),
        (600, Matrix.UNSPECIFIED, False),
        (600, Matrix.BT709, True),
    ],
)
def test_a_matrix_that_players_guess(facts: MediaFacts, lines: int, matrix: Matrix, lost: bool) -> None:
    source = pictured(facts, width=640, height=480, color=ColorSpec())
    result = pictured(facts, width=lines * 4 // 3, height=lines, color=ColorSpec(matrix=matrix))
    said = losses(source, result)
    assert len(said) == lost
    assert all(line.startswith("colour: the untagged matrix of 480 lines means SMPTE170M") for line in said)


def at(milliseconds: int) -> Fraction:
    return Fraction(milliseconds, 1000)


def chaptered(facts: MediaFacts, container: str, *chapters: tuple[int, int, str]) -> MediaFacts:
    made = tuple(Chapter(at(a), at(b), (("title", title),)) for a, b, title in chapters)
    return replace(facts, info=replace(facts.info, chapters=made, container=container))


def shifted(facts: MediaFacts, milliseconds: int) -> MediaFacts:
    """Return everything but the chapters later."""
    assert facts.time_base == at(1)
    digests = {
        index: replace(d, times=array("q", (t + milliseconds for t in d.times)))
        for index, d in facts.digests.items()
    }
    return replace(
        facts, frame_times=array("q", (t + milliseconds for t in facts.frame_times)), digests=digests
    )


@pytest.mark.parametrize(
    ("chapters", "shift", "lost"),
    [
        ([(0, 200, "A"), (200, 400, "B")], 250, False),
        ([(250, 450, "A"), (450, 650, "B")], 250, False),
        ([(100, 300, "A"), (300, 500, "B")], 250, True),
        ([(0, 200, "A"), (450, 650, "B")], 250, True),
        ([(0, 200, "A"), (200, 300, "B")], 0, True),
        ([(0, 100, "A"), (200, 400, "B")], 0, True),
        ([(0, 200, "A"), (200, 400, "C")], 0, True),
        ([(0, 201, "A"), (201, 400, "B")], 0, False),
    ],
)
def test_chapters_move_as_a_whole_or_not_at_all(
    facts: MediaFacts, chapters: list[tuple[int, int, str]], shift: int, lost: bool
) -> None:
    source = chaptered(facts, "matroska,webm", (0, 200, "A"), (200, 400, "B"))
    result = shifted(chaptered(facts, "matroska,webm", *chapters), shift)
    assert [line.split(":")[0] for line in losses(source, result)] == ["chapters"] * lost


def test_ends_of_chapters_that_mp4_cannot_keep(facts: MediaFacts) -> None:
    source = chaptered(facts, "matroska,webm", (0, 150, "A"), (200, 400, "B"))
    assert losses(source, chaptered(facts, "mov,mp4,m4a", (0, 200, "A"), (200, 600, "B"))) == []
    assert losses(source, chaptered(facts, "mov,mp4,m4a", (0, 100, "A"), (200, 600, "B")))


def test_two_attachments_of_one_name(facts: MediaFacts) -> None:
    source = replace(facts, attachments=(("a.ttf", "1"), ("a.ttf", "2"), ("b.ttf", "3"), ("b.ttf", "3")))
    assert losses(source, source) == []
    for missing in range(4):
        some = source.attachments[:missing] + source.attachments[missing + 1 :]
        result = replace(source, attachments=some)
        assert losses(source, result) == [f"attachment {'aabb'[missing]}.ttf: not in the result"]


def test_each_attachment_has_its_own_reason(facts: MediaFacts) -> None:
    by_kind = {s.kind: s.index for s in facts.info.streams}
    reasons = {by_kind["audio"]: "no", by_kind["attachment"]: "no files", by_kind["cover"]: "no covers"}
    found = replace(facts, attachments=(), covers=())
    said = losses(facts, found, reasons)
    assert "cover: no covers" in said
    assert f"attachment {FONT[0]}: no files" in said


# -- the steps of HDR metadata

DISPLAY = MasteringDisplay(
    primaries=(
        (Fraction(34000, 50000), Fraction(16000, 50000)),
        (Fraction(13250, 50000), Fraction(34500, 50000)),
        (Fraction(7500, 50000), Fraction(3000, 50000)),
    ),
    white_point=(Fraction(15635, 50000), Fraction(16450, 50000)),
    luminance=(Fraction(50, 10000), Fraction(1000)),
)


@pytest.mark.parametrize(
    ("changes", "lost"),
    [
        ({"luminance": (Fraction(82, 16384), Fraction(1000) + Fraction(1, 256))}, False),
        ({"luminance": (Fraction(50, 10000), Fraction(1001))}, True),
        ({"luminance": (Fraction(1, 10000), Fraction(1000))}, True),
        ({"luminance": None}, True),
        (
            {"white_point": (Fraction(round(0.3127 * 65536), 65536), Fraction(round(0.329 * 65536), 65536))},
            False,
        ),
        ({"white_point": (Fraction(15640, 50000), Fraction(16450, 50000))}, True),
        ({"primaries": (DISPLAY.white_point,) * 3}, True),
    ],
)
def test_hdr_values_may_be_rounded_and_no_more(
    facts: MediaFacts, changes: dict[str, Any], lost: bool
) -> None:
    source = pictured(facts, hdr=HdrMetadata(DISPLAY))
    result = pictured(facts, hdr=HdrMetadata(replace(DISPLAY, **changes)))
    assert losses(source, result) == ["HDR mastering display: changed"] * lost


def test_hdr10_through_av1_is_kept(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mkv", Clip(picture=HDR))
    report = vsr.upscale(source, tmp_path / "b.mkv", encoder="libsvtav1", preset="12", model="lanczos3")
    assert report.exit_code == 0, report.lines()


# -- digests across containers


def second_video(path: Path, codec: str) -> Path:
    """Return a file with two streams of pictures: the second is copied."""
    other: Any
    inside: Any
    out: Any
    options = {"x265-params": "log-level=none:bframes=0"} if codec == "libx265" else {}
    first = make(path.with_name("1.mkv"), Clip(picture=PLAIN))
    second = make(
        path.with_name("2.mkv"), Clip(picture=replace(PLAIN, codec=codec, frames=8, options=options))
    )
    with av.open(str(first)) as inside, av.open(str(second)) as other, av.open(str(path), "w") as out:
        packets = []
        for source in (inside, other):
            stream = out.add_stream_from_template(source.streams.video[0])
            stream.time_base = source.streams.video[0].time_base
            read = [p for p in source.demux() if p.size]
            for packet in read:
                packet.stream = stream
            packets += read
        mux_in_order(out, packets)
    return path


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize(("before", "after"), [("ts", "mkv"), ("mkv", "ts"), ("ts", "mp4"), ("mp4", "mkv")])
def test_a_copied_picture_is_compared_across_containers(
    tmp_path: Path, codec: str, before: str, after: str
) -> None:
    source = second_video(tmp_path / f"a.{before}", codec)
    report = vsr.upscale(source, tmp_path / f"b.{after}", preset="ultrafast", threads=1, model="lanczos3")
    assert report.exit_code == 0, report.lines()
    assert lost(verify(source, tmp_path / f"b.{after}")) == []


def digest_of(codec: str, *packets: bytes) -> StreamDigest:
    digest = StreamDigest(codec=codec, time_base=at(1))
    for number, content in enumerate(packets):
        packet: Any = av.Packet(content)
        packet.pts = number
        digest.add(packet)
    return digest


def test_a_changed_unit_is_seen_in_any_framing() -> None:
    slices = b"\x65" + b"\x11\x22\x33" * 99, b"\x41\x80"
    annex_b = b"\0\0\0\1\x09\xf0" + b"".join(b"\0\0\1" + s for s in slices)
    lengths = b"".join(len(s).to_bytes(4) + s for s in slices)
    wanted = digest_of("h264", lengths).hexdigest
    assert digest_of("h264", annex_b).hexdigest == wanted
    assert digest_of("h264", lengths.replace(b"\x80", b"\x90")).hexdigest != wanted
    assert digest_of("h264", annex_b.replace(b"\x80", b"\x90")).hexdigest != wanted
    assert digest_of("h264", b"\xff" * 9).hexdigest != digest_of("h264", b"\xfe" * 9).hexdigest


# -- converted subtitles


def with_text(facts: MediaFacts, digest: StreamDigest) -> MediaFacts:
    return replace(facts, digests={**facts.digests, 3: digest})


def test_events_without_text_do_not_count_in_a_conversion(facts: MediaFacts) -> None:
    head = b"0,0,Default,,0,0,0,,"
    events = (head + b"one", head + rb"{\an8}", head + b"", head + rb"{\i1}two")
    before = digest_of("ass", *events)
    after = StreamDigest(codec="subrip", time_base=at(1))
    for time, text in ((0, b"one"), (3, b"<i>two</i>")):
        packet: Any = av.Packet(text)
        packet.pts = time
        after.add(packet)
    assert losses(with_text(facts, before), with_text(facts, after)) == []
    copied = digest_of("ass", *events[:2], *events[3:])
    assert "4 packets became 3" in losses(with_text(facts, before), with_text(facts, copied))[0]


def test_an_event_that_could_not_be_converted_is_lost(facts: MediaFacts) -> None:
    before = digest_of("subrip", b"one")
    before.add_missing(av.Packet(b"?"))
    said = losses(with_text(facts, before), with_text(facts, digest_of("subrip", b"one")))
    assert any("2 packets became 1" in line for line in said)


@pytest.mark.parametrize("codec", ["ass", "subrip"])
def test_a_run_and_its_verification_agree_on_converted_text(tmp_path: Path, codec: str) -> None:
    lines = [(0, 40, "one"), (80, 40, r"{\an8}"), (120, 30, "two")]
    source = make(tmp_path / "a.mkv", Clip(picture=PLAIN, texts=[Text(codec=codec, lines=lines)]))
    report = vsr.upscale(source, tmp_path / "b.mp4", preset="ultrafast", threads=1, model="lanczos3")
    assert report.exit_code == 0, report.lines()
    assert lost(verify(source, tmp_path / "b.mp4")) == []
