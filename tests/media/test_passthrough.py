"""What becomes of the streams that are not the picture; tags; digests."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.make_media import Clip, Picture, Sound, Text, everything, make
from vsr.errors import OptionError
from vsr.media.digests import StreamDigest
from vsr.media.passthrough import EditList, plan_routes
from vsr.media.reader import CopiedPacket, Reader
from vsr.media.tags import content_tags, stream_tags


@pytest.mark.parametrize(
    ("container", "actions"),
    [
        ("matroska", ["copy", "copy", "copy", "copy", "attach", "attach"]),
        ("mp4", ["copy", "copy", "convert mov_text", "convert mov_text", "leave", "cover"]),
        ("mov", ["copy", None, "convert mov_text", "convert mov_text", "leave", "leave"]),
        ("yuv4mpegpipe", ["leave"] * 6),
        ("image2", ["leave"] * 6),
        ("null", ["leave"] * 6),
    ],
)
def test_routes(tmp_path: Path, container: str, actions: list[str | None]) -> None:
    clip = everything()
    if None in actions:  # MOV takes no FLAC
        clip = replace(clip, sounds=[clip.sounds[0], replace(clip.sounds[1], codec="ac3")])
    with Reader(make(tmp_path / "a.mkv", clip)) as reader:
        routes = plan_routes(reader.info, container)
    found = [f"{r.action} {r.encoder}".strip() for r in routes]
    assert found == [action or "copy" for action in actions]
    for route in routes:
        assert route.stream.label in route.line
        assert bool(route.reason) == (route.action in ("leave", "convert"))
        if route.action == "leave":
            assert "NOT KEPT" in route.line


@pytest.mark.parametrize(
    ("container", "codec", "carried"),
    [
        ("mpegts", "aac", True),
        ("mpegts", "ac3", True),
        ("mp4", "libopus", True),
        ("webm", "libopus", True),
        ("webm", "aac", False),
        ("avi", "ac3", True),
        ("webm", "ac3", False),
        ("nut", "flac", True),
        ("mov", "pcm_s16le", True),
        ("matroska", "pcm_s16le", True),
    ],
)
def test_sound_is_carried_or_refused(tmp_path: Path, container: str, codec: str, carried: bool) -> None:
    clip = Clip(picture=Picture(frames=2), sounds=[Sound(codec=codec, seconds=0.1)])
    with Reader(make(tmp_path / "a.mkv", clip)) as reader:
        if carried:
            assert [r.action for r in plan_routes(reader.info, container)] == ["copy"]
        else:
            with pytest.raises(OptionError, match=r"cannot carry .*\.mkv"):
                plan_routes(reader.info, container)


@pytest.mark.parametrize(
    ("container", "codec", "action"),
    [
        ("matroska", "subrip", "copy"),
        ("matroska", "webvtt", "copy"),
        ("mp4", "subrip", "convert mov_text"),
        ("webm", "subrip", "convert webvtt"),
        ("webm", "webvtt", "copy"),
        ("mpegts", "subrip", "leave"),
        ("avi", "ass", "leave"),
    ],
)
def test_text_is_carried_converted_or_named(tmp_path: Path, container: str, codec: str, action: str) -> None:
    clip = Clip(picture=Picture(frames=2), texts=[Text(codec=codec)])
    with Reader(make(tmp_path / "a.mkv", clip)) as reader:
        (route,) = plan_routes(reader.info, container)
    assert f"{route.action} {route.encoder}".strip() == action


class FakePacket(bytes):
    """As much of a packet as digests and edit lists look at."""

    pts: int | None = 0
    is_discard = False


def packet(content: bytes, pts: int | None = 0, *, discard: bool = False) -> Any:
    made = FakePacket(content)
    made.pts, made.is_discard = pts, discard
    return made


def digest(codec: str, *packets: Any) -> StreamDigest:
    made = StreamDigest(codec=codec, time_base=Fraction(1, 1000))
    for one in packets:
        made.add(one)
    return made


ADTS = b"\xff\xf1\x4c\x80\x02\x1f\xfc"
ADTS_WITH_SUM = b"\xff\xf0\x4c\x80\x02\x1f\xfc\x12\x34"


def test_equal_packets_have_equal_digests() -> None:
    assert digest("ac3", packet(b"abc")).hexdigest == digest("ac3", packet(b"abc")).hexdigest
    assert digest("ac3", packet(b"abc")).hexdigest != digest("ac3", packet(b"abd")).hexdigest
    two = digest("ac3", packet(b"abc", 5), packet(b"d", None))
    assert (two.num_packets, two.num_bytes) == (2, 4)
    assert list(two.times) == [5, -(1 << 63)]


def test_adts_headers_are_the_containers() -> None:
    plain = digest("aac", packet(b"\x21\x10content"))
    for header in (ADTS, ADTS_WITH_SUM):
        assert digest("aac", packet(header + b"\x21\x10content")).hexdigest == plain.hexdigest
    assert digest("mp3", packet(ADTS + b"x")).hexdigest != digest("mp3", packet(b"x")).hexdigest
    assert digest("aac", packet(b"\xff\xf1")).num_bytes == 2


def test_gaps_between_subtitles_are_the_containers() -> None:
    gap = b"\x00\x00"
    plain = digest("mov_text", packet(b"\x00\x02hi", 40))
    gapped = digest("mov_text", packet(gap, 0), packet(b"\x00\x02hi", 40), packet(gap, 90))
    assert (gapped.hexdigest, list(gapped.times)) == (plain.hexdigest, [40])
    assert digest("subrip", packet(gap)).num_packets == 1


def test_digests_of_a_stream_agree_across_containers(tmp_path: Path) -> None:
    sums = set()
    clip = Clip(picture=Picture(frames=5), sounds=[Sound(seconds=0.2)])
    for suffix in ("mkv", "mp4", "ts"):
        with Reader(make(tmp_path / f"a.{suffix}", clip)) as reader:
            account = StreamDigest(codec="aac", time_base=Fraction(1, 1000))
            for item in reader.items():
                if isinstance(item, CopiedPacket):
                    account.add(item.packet)
            sums.add((account.num_packets, account.num_bytes, account.hexdigest))
    assert len(sums) == 1


def test_edit_lists() -> None:
    first, second, third = packet(b"1", discard=True), packet(b"2", discard=True), packet(b"3")
    elsewhere, mp4 = EditList("matroska"), EditList("mov,mp4,m4a,3gp,3g2,mj2")
    assert [elsewhere.feed(1, p) for p in (first, second, third, third)] == [
        (),
        (),
        (second, third),
        (third,),
    ]
    assert [mp4.feed(1, p) for p in (first, second, third)] == [(first,), (second,), (third,)]


def test_edit_lists_of_streams_are_apart() -> None:
    edits = EditList("nut")
    held, other = packet(b"1", discard=True), packet(b"2")
    assert edits.feed(1, held) == ()
    assert edits.feed(2, other) == (other,)
    assert edits.feed(1, other) == (held, other)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"title": "A", "ARTIST": "B"}, {"title": "A", "ARTIST": "B"}),
        ({"encoder": "Lavf", "ENCODER": "x"}, {}),
        ({"major_brand": "isom", "compatible_brands": "iso2", "minor_version": "512"}, {}),
        ({"handler_name": "VideoHandler", "vendor_id": "[0][0][0][0]"}, {}),
        ({"BPS-eng": "1", "NUMBER_OF_FRAMES-eng": "2", "_STATISTICS_TAGS": "x", "DURATION": "0:1"}, {}),
        ({"language": "und"}, {}),
        ({"language": "jpn"}, {"language": "jpn"}),
        ({"creation_time": "1970-01-01T00:00:00.000000Z"}, {}),
        ({"creation_time": "2020-01-01T00:00:00.000000Z"}, {"creation_time": "2020-01-01T00:00:00.000000Z"}),
        ({"title-eng": "A"}, {"title-eng": "A"}),
        ({"encoded_by": "Me", "comment": "c"}, {"encoded_by": "Me", "comment": "c"}),
    ],
)
def test_tags_of_the_content_and_of_the_file(given: dict[str, str], kept: dict[str, str]) -> None:
    assert content_tags(given) == kept


def test_a_streams_name_is_its_title() -> None:
    assert stream_tags({"name": "Stereo", "language": "jpn"}) == {"title": "Stereo", "language": "jpn"}
    assert stream_tags({"name": "a", "TITLE": "b"}) == {"name": "a", "TITLE": "b"}
    assert content_tags({"name": "a"}) == {"name": "a"}
