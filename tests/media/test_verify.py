"""Sabotage: a good result with one thing spoiled; the verification names that thing and nothing else."""

from __future__ import annotations

import json
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
    Clip,
    Picture,
    Sound,
    everything,
    make,
    png,
    remux,
)
from tests.media.results import HDR, HDR_LIGHT_ONLY, PLAIN, TEN_BIT, lost
from vsr.errors import DecodeError
from vsr.media.verify import VerifyReport, verify

MKV = {"default_mode": "passthrough"}


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
