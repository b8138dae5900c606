"""What names of inputs and outputs mean, and what may be seen of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from vsr.errors import OptionError
from vsr.options import LiveOptions
from vsr.streaming import planning
from vsr.streaming.places import check_protocol, is_half_checked, place_of, shown


@pytest.mark.parametrize(
    ("name", "format", "container"),
    [
        ("rtmp://host/app/key", None, "flv"),
        ("RTMPS://host/app/key", None, "flv"),
        ("udp://127.0.0.1:1", None, "mpegts"),
        ("tcp://127.0.0.1:1?listen=1", None, "mpegts"),
        ("rtsp://host/x", None, "rtsp"),
        ("out.mkv", None, "matroska"),
        ("folder/list.m3u8", None, "hls"),
        ("out.mp4", None, "mp4"),
        ("-", None, "yuv4mpegpipe"),
        ("-", "mpegts", "mpegts"),
        ("out.bin", "nut", "nut"),
        ("tcp://127.0.0.1:1", "nut", "nut"),
        ("out.mkv", "nut", "matroska"),
        ("rtmp://host/app/key", "nut", "flv"),
    ],
)
def test_containers(name: str, format: str | None, container: str) -> None:
    assert place_of(name, format).container == container


@pytest.mark.parametrize("name", ["out", "out.gif", "gopher://host/x"])
def test_unknown_outputs_are_refused(name: str) -> None:
    with pytest.raises(OptionError, match="does not know what to write here"):
        place_of(name, None)


def test_a_missing_protocol_is_said_with_the_alternative() -> None:
    for check in (check_protocol, lambda name: place_of(name, None)):
        with pytest.raises(OptionError, match=r"lacks the protocol srt; udp:// and tcp://"):
            check("srt://host:9000?passphrase=secret")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rtmp://user:pw@host/app/secret-key", "rtmp://host/app/..."),
        ("rtmps://host/app/a/b?token=1", "rtmps://host/app/..."),
        ("rtsp://user:pw@cam:554/stream", "rtsp://cam:554/stream"),
        ("http://host/x.m3u8?token=abc", "http://host/x.m3u8"),
        ("folder/a@b.mkv", "folder/a@b.mkv"),
    ],
)
def test_secrets_are_not_shown(name: str, expected: str) -> None:
    assert shown(name) == expected


def test_an_output_that_is_named_twice_is_refused_without_its_key() -> None:
    place = place_of("rtmp://user:pw@127.0.0.1/live/key", None)
    with pytest.raises(OptionError, match="named twice") as refused:
        planning.check([place, place], LiveOptions())
    assert "pw" not in str(refused.value)
    assert "key" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "container", "half"),
    [
        ("https://host/x.m3u8", "hls", True),
        ("HTTPS://host/x", "hls", True),
        ("http://host/x.m3u8", "hls", False),
        ("https://host/x.ts", "mpegts", False),
    ],
)
def test_segments_come_unchecked(name: str, container: str, half: bool) -> None:
    reader: Any = SimpleNamespace(info=SimpleNamespace(container=container))
    assert is_half_checked(name, reader) is half


def test_datagrams_are_whole_packets() -> None:
    assert place_of("udp://h:1", None).url == "udp://h:1?pkt_size=1316"
    assert place_of("udp://h:1?ttl=2", None).url == "udp://h:1?ttl=2&pkt_size=1316"
