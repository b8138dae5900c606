"""Sabotage: a good result with one thing spoiled; the verification names that thing and nothing else."""

from __future__ import annotations

import json
from array import array
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

import vsr
from tests.make_media import (
    COVER,
    FONT,
    HDR10,
    Clip,
    Picture,
    Sound,
    Text,
    everything,
    make,
    mux_in_order,
    png,
    remux,
)
from vsr.color import ColorSpec, Matrix
from vsr.errors import DecodeError
from vsr.frame import pixel_format
from vsr.media.digests import StreamDigest
from vsr.media.facts import MediaFacts, facts_by_demuxing
from vsr.media.sidedata import HdrMetadata, MasteringDisplay
from vsr.media.source import Chapter
from vsr.media.verify import VerifyReport, compare, verify

MKV = {"default_mode": "passthrough"}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a source with everything in it and its honest result."""
    folder = tmp_path_factory.mktemp("good")
    source = make(folder / "source.mkv", everything())
    report = vsr.upscale(source, folder / "result.mkv", preset="ultrafast", threads=1, model="lanczos3")
    assert report.exit_code == 0, report.lines()
    return source, folder / "result.mkv"


def lost(report: VerifyReport) -> list[str]:
    return [f.subject for f in report.lost]


def spoiled(good: tuple[Path, Path], folder: Path, **changes: Any) -> VerifyReport:
    result = remux(good[1], folder / "spoiled.mkv", container_options=MKV, **changes)
    return verify(good[0], result)


def kind_of(packets: list[Any], kind: str, number: int = 0) -> list[Any]:
    indices = sorted({p.stream_index for p in packets if p.stream.type == kind})
    return [p for p in packets if p.stream_index == indices[number]]


def test_an_honest_copy_has_lost_nothing(good: tuple[Path, Path], tmp_path: Path) -> None:
    report = spoiled(good, tmp_path)
    assert (lost(report), report.exit_code) == ([], 0)
    kept = [f.subject for f in report.findings if f.verdict == "kept"]
    for subject in ("frames", "frame times", "colour", "chapters", f"attachment {FONT[0]}", "cover", "tags"):
        assert subject in kept
    assert sum("stream" in subject for subject in kept) == 4


def without(dropped: Any) -> Any:
    return lambda packets: [p for p in packets if p is not dropped(packets)]


def test_of_missing_files_the_source_is_named_first(good: tuple[Path, Path], tmp_path: Path) -> None:
    source, result = tmp_path / "source.mkv", tmp_path / "result.mkv"
    for given, name in (
        ((source, result), "source.mkv"),
        ((good[0], result), "result.mkv"),
        ((source, good[1]), "source.mkv"),
    ):
        with pytest.raises(DecodeError, match=f"{name}: no such file"):
            verify(*given)


def test_a_frame_is_missing_at_the_end(good: tuple[Path, Path], tmp_path: Path) -> None:
    report = spoiled(good, tmp_path, packets=without(lambda ps: kind_of(ps, "video")[-1]))
    assert lost(report) == ["frames"]
    assert report.exit_code == 3
    assert "15 in the source, 14 in the result" in report.lost[0].text


def test_a_frame_is_missing_in_the_middle(good: tuple[Path, Path], tmp_path: Path) -> None:
    report = spoiled(good, tmp_path, packets=without(lambda ps: kind_of(ps, "video")[7]))
    assert set(lost(report)) == {"frames", "frame times"}


def test_one_frame_is_shown_late(good: tuple[Path, Path], tmp_path: Path) -> None:
    def late(packets: list[Any]) -> list[Any]:
        frame = kind_of(packets, "video")[7]
        frame.pts, frame.dts = frame.pts + 3, frame.dts + 3
        return packets

    report = spoiled(good, tmp_path, packets=late)
    assert lost(report) == ["frame times"]
    assert report.lost[0].text == "off by up to 3 ms"


@pytest.mark.parametrize("delay_ms", [100, 5, -40])
@pytest.mark.parametrize("number", [0, 1])
def test_audio_that_moved(good: tuple[Path, Path], tmp_path: Path, delay_ms: int, number: int) -> None:
    def move(packets: list[Any]) -> list[Any]:
        for packet in kind_of(packets, "audio", number):
            packet.pts, packet.dts = packet.pts + delay_ms, packet.dts + delay_ms
        return packets

    report = spoiled(good, tmp_path, packets=move)
    if delay_ms < 0 and number == 0:
        # Matroska begins at zero: all else is pushed up together, and the sound is what moved.
        assert all("stream 1" in subject or subject == "chapters" for subject in lost(report))
        assert lost(report)
    else:
        assert [s.split(" (")[0] for s in lost(report)] == [f"stream {1 + number}"]
        assert f"{abs(delay_ms) / 1000:.3f} s" in report.lost[0].text
    assert report.exit_code == 3


@pytest.mark.parametrize(("kind", "number", "index"), [("audio", 0, 1), ("audio", 1, 2), ("subtitle", 1, 4)])
def test_a_flipped_byte(good: tuple[Path, Path], tmp_path: Path, kind: str, number: int, index: int) -> None:
    def flip(packets: list[Any]) -> list[Any]:
        victim = kind_of(packets, kind, number)[1]
        content = bytearray(bytes(victim))
        content[len(content) // 2] ^= 1
        copy: Any = av.Packet(bytes(content))
        copy.pts, copy.dts, copy.time_base = victim.pts, victim.dts, victim.time_base
        copy.duration, copy.is_keyframe = victim.duration, True
        copy.stream = victim.stream
        return [copy if p is victim else p for p in packets]

    report = spoiled(good, tmp_path, packets=flip)
    assert [s.split(" (")[0] for s in lost(report)] == [f"stream {index}"]
    assert "content changed" in report.lost[0].text


@pytest.mark.parametrize(("kind", "number", "index"), [("audio", 0, 1), ("audio", 1, 2), ("subtitle", 0, 3)])
def test_a_packet_is_missing(
    good: tuple[Path, Path], tmp_path: Path, kind: str, number: int, index: int
) -> None:
    report = spoiled(good, tmp_path, packets=without(lambda ps: kind_of(ps, kind, number)[-1]))
    assert [s.split(" (")[0] for s in lost(report)] == [f"stream {index}"]
    assert "packets became" in report.lost[0].text


def test_a_whole_stream_is_missing(good: tuple[Path, Path], tmp_path: Path) -> None:
    """The last of its kind: the one before it must still be recognised."""
    source, _ = good
    clip = everything()
    short = make(tmp_path / "short.mkv", replace(clip, sounds=clip.sounds[:1]))
    vsr.upscale(short, tmp_path / "result.mkv", preset="ultrafast", threads=1, model="lanczos3")
    report = verify(source, tmp_path / "result.mkv")
    assert [s.split(" (")[0] for s in lost(report)] == ["stream 2"]


def test_the_first_of_two_streams_is_missing(good: tuple[Path, Path], tmp_path: Path) -> None:
    source, _ = good
    clip = everything()
    short = make(tmp_path / "short.mkv", replace(clip, sounds=clip.sounds[1:]))
    vsr.upscale(short, tmp_path / "result.mkv", preset="ultrafast", threads=1, model="lanczos3")
    report = verify(source, tmp_path / "result.mkv")
    assert [s.split(" (")[0] for s in lost(report)] == ["stream 1"]


def test_streams_in_another_order(good: tuple[Path, Path], tmp_path: Path) -> None:
    clip = everything()
    swapped = make(tmp_path / "swapped.mkv", replace(clip, sounds=clip.sounds[::-1]))
    vsr.upscale(swapped, tmp_path / "result.mkv", preset="ultrafast", threads=1, model="lanczos3")
    report = verify(good[0], tmp_path / "result.mkv")
    assert lost(report) == ["audio streams"]
    assert report.exit_code == 3


def test_a_chapter_is_missing(good: tuple[Path, Path], tmp_path: Path) -> None:
    report = spoiled(good, tmp_path, chapters=lambda cs: cs[:-1])
    assert lost(report) == ["chapters"]
    assert "3 became 2" in report.lost[0].text


def test_a_chapter_is_renamed(good: tuple[Path, Path], tmp_path: Path) -> None:
    def rename(chapters: list[Any]) -> list[Any]:
        chapters[1]["metadata"] = {"title": "Muddle"}
        return chapters

    assert lost(spoiled(good, tmp_path, chapters=rename)) == ["chapters"]


def test_a_chapter_has_moved(good: tuple[Path, Path], tmp_path: Path) -> None:
    def move(chapters: list[Any]) -> list[Any]:
        chapters[1]["start"] += chapters[1]["time_base"].denominator // 50
        return chapters

    report = spoiled(good, tmp_path, chapters=move)
    assert lost(report) == ["chapters"]
    assert "Middle" in report.lost[0].text


def test_a_changed_title(good: tuple[Path, Path], tmp_path: Path) -> None:
    report = spoiled(good, tmp_path, metadata=lambda tags: tags | {"title": "Another film"})
    assert lost(report) == ["tags"]
    assert "title" in report.lost[0].text


def test_a_tag_is_missing(good: tuple[Path, Path], tmp_path: Path) -> None:
    report = spoiled(
        good, tmp_path, metadata=lambda tags: {k: v for k, v in tags.items() if k.lower() != "artist"}
    )
    assert lost(report) == ["tags"]
    assert "artist" in report.lost[0].text.lower()


def test_the_font_is_missing(good: tuple[Path, Path], tmp_path: Path) -> None:
    report = spoiled(good, tmp_path, attachments=lambda name: name != FONT[0])
    assert lost(report) == [f"attachment {FONT[0]}"]


def test_the_cover_is_missing(good: tuple[Path, Path], tmp_path: Path) -> None:
    report = spoiled(good, tmp_path, attachments=lambda name: name != COVER[0])
    assert lost(report) == ["cover"]


def test_a_font_of_another_content(good: tuple[Path, Path], tmp_path: Path) -> None:
    clip = everything()
    other = make(
        tmp_path / "other.mkv", replace(clip, attachments=[(*FONT[:2], FONT[2][:-1]), (*COVER, png())])
    )
    vsr.upscale(other, tmp_path / "result.mkv", preset="ultrafast", threads=1, model="lanczos3")
    assert lost(verify(good[0], tmp_path / "result.mkv")) == [f"attachment {FONT[0]}"]


def retagged(kind: str, number: int, **tags: str) -> Any:
    seen: list[int] = []

    def change(old: Any, new: Any) -> None:
        if old.type == kind:
            seen.append(old.index)
            if len(seen) == number + 1:
                new.metadata.update(tags)

    return change


@pytest.mark.parametrize(("kind", "number", "index"), [("audio", 1, 2), ("subtitle", 0, 3)])
def test_another_language(
    good: tuple[Path, Path], tmp_path: Path, kind: str, number: int, index: int
) -> None:
    report = spoiled(good, tmp_path, streams=retagged(kind, number, language="ger"))
    assert [s.split(" (")[0] for s in lost(report)] == [f"stream {index}"]
    assert "language" in report.lost[0].text


def test_another_title_of_the_picture(good: tuple[Path, Path], tmp_path: Path) -> None:
    report = spoiled(good, tmp_path, streams=retagged("video", 0, title="other"))
    assert lost(report) == ["picture stream"]


@pytest.mark.parametrize(
    ("kind", "number", "subject", "word"),
    [
        ("audio", 0, "stream 1", "default"),
        ("audio", 1, "stream 2", "comment"),
        ("subtitle", 0, "stream 3", "forced"),
        ("video", 0, "picture stream", "default"),
    ],
)
def test_a_disposition_is_missing(
    good: tuple[Path, Path], tmp_path: Path, kind: str, number: int, subject: str, word: str
) -> None:
    seen: list[int] = []

    def clear(old: Any, new: Any) -> None:
        if old.type == kind:
            seen.append(old.index)
            if len(seen) == number + 1:
                new.disposition = 0

    report = spoiled(good, tmp_path, streams=clear)
    assert [s.split(" (")[0] for s in lost(report)] == [subject]
    assert word in report.lost[0].text


# -- what stands in the picture's own headers: the honest result of a source that lacks it

PLAIN = Picture(frames=4, color=(1, 1, 1, 1))
TEN_BIT = replace(PLAIN, codec="libx265", pix_fmt="yuv420p10le", color=(9, 16, 9, 1))
HDR = replace(TEN_BIT, options={"x265-params": f"log-level=none:{HDR10}"})
HDR_LIGHT_ONLY = replace(TEN_BIT, options={"x265-params": "log-level=none:max-cll=1000,400:repeat-headers=1"})


@pytest.mark.parametrize(
    ("whole", "poorer", "subjects"),
    [
        (HDR, TEN_BIT, ["HDR mastering display", "HDR content light level"]),
        (HDR, HDR_LIGHT_ONLY, ["HDR mastering display"]),
        (TEN_BIT, replace(PLAIN, color=(9, 16, 9, 1)), ["bit depth"]),
        (replace(PLAIN, sample_aspect_ratio=Fraction(4, 3)), PLAIN, ["aspect ratio"]),
        (PLAIN, replace(PLAIN, color=(6, 1, 1, 1)), ["colour"]),
        (PLAIN, replace(PLAIN, color=(1, 13, 1, 1)), ["colour"]),
        (PLAIN, replace(PLAIN, color=(1, 1, 9, 1)), ["colour"]),
        (PLAIN, replace(PLAIN, color=(1, 1, 1, 2)), ["colour"]),
        (replace(PLAIN, rotation=90), PLAIN, ["rotation"]),
        (replace(PLAIN, rotation=90), replace(PLAIN, rotation=-90), ["rotation"]),
        (replace(PLAIN, codec="ffv1", pix_fmt="yuva420p"), replace(PLAIN, codec="ffv1"), ["alpha"]),
    ],
)
def test_something_in_the_picture_is_missing(
    tmp_path: Path, whole: Picture, poorer: Picture, subjects: list[str]
) -> None:
    source = make(tmp_path / "source.mkv", Clip(picture=whole))
    other = make(tmp_path / "other.mkv", Clip(picture=poorer))
    vsr.upscale(other, tmp_path / "result.mkv", preset="ultrafast", threads=1, model="lanczos3")
    report = verify(source, tmp_path / "result.mkv")
    assert lost(report) == subjects
    assert report.exit_code == 3
    if poorer.codec == whole.codec and "alpha" not in subjects:
        honest = vsr.upscale(source, tmp_path / "honest.mkv", preset="ultrafast", threads=1, model="lanczos3")
        assert honest.exit_code == 0, honest.lines()
        assert lost(verify(source, tmp_path / "honest.mkv")) == []


def test_another_siting_of_chroma(tmp_path: Path) -> None:
    whole = replace(PLAIN, options={"chroma_sample_location": "topleft"})
    source = make(tmp_path / "source.mkv", Clip(picture=whole))
    vsr.upscale(
        make(tmp_path / "other.mkv", Clip(picture=PLAIN)),
        tmp_path / "result.mkv",
        preset="ultrafast",
        model="lanczos3",
    )
    report = verify(source, tmp_path / "result.mkv")
    assert lost(report) == ["colour"]
    assert "TOPLEFT" in report.lost[0].text


# -- the report


def test_the_report_says_the_worst_first_and_goes_to_programs(
    good: tuple[Path, Path], tmp_path: Path
) -> None:
    report = spoiled(good, tmp_path, chapters=lambda cs: cs[:-1])
    assert report.lines()[0].startswith("LOST  chapters")
    assert all(line.startswith("  ok") for line in report.lines()[1:])
    told = json.loads(json.dumps(report.to_json()))
    assert told["exit_code"] == 3
    assert {"subject": "chapters", "verdict": "lost", "text": "3 became 2"} in told["findings"]


def test_a_result_that_begins_later_as_a_whole_is_a_note(good: tuple[Path, Path], tmp_path: Path) -> None:
    def later(packets: list[Any]) -> list[Any]:
        for packet in packets:
            packet.pts, packet.dts = packet.pts + 250, packet.dts + 250
        return packets

    def chapters_too(chapters: list[Any]) -> list[Any]:
        for chapter in chapters:
            chapter["start"] += 250_000_000
            chapter["end"] += 250_000_000
        return chapters

    report = spoiled(good, tmp_path, packets=later, chapters=chapters_too)
    assert lost(report) == []
    assert [f.subject for f in report.findings if f.verdict == "note"] == ["start"]


def test_files_that_cannot_be_read(good: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "text.mkv").write_text("no film")
    for pair in (
        (good[0], tmp_path / "text.mkv"),
        (tmp_path / "text.mkv", good[1]),
        (good[0], tmp_path / "no"),
    ):
        with pytest.raises(DecodeError):
            verify(*pair)


def test_sound_alone_is_compared_across_containers(tmp_path: Path) -> None:
    """AAC in MPEG-TS has ADTS headers, in MP4 none: the content is the same."""
    source = make(tmp_path / "a.ts", Clip(picture=PLAIN, sounds=[Sound(seconds=0.2)]))
    report = vsr.upscale(source, tmp_path / "b.mp4", preset="ultrafast", threads=1, model="lanczos3")
    assert report.exit_code == 0, report.lines()
    assert lost(verify(source, tmp_path / "b.mp4")) == []


# -- facts against facts

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
