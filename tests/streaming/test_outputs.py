"""Receivers: each for itself, each with a time limit, whatever they do."""

from __future__ import annotations

import contextlib
import errno
import io
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from tests.make_media import Picture, make, test_card
from tests.streaming.servers import free_port
from vsr.color import ColorSpec
from vsr.frame import Frame, PictureSpec, pixel_format
from vsr.media.encoders import Encoding
from vsr.media.live_encoder import EncodedPacket, Header, LiveEncoder
from vsr.media.reader import Reader
from vsr.options import LiveOptions
from vsr.streaming import outputs
from vsr.streaming.outputs import Output
from vsr.streaming.places import place_of

TIMEOUT_SECONDS = 1.0
PICTURE = Picture(width=64, height=48)
NAL = b"\0\0\0\1\x65"
"""What a key frame of H.264 begins with."""


def encoder_of(source: Reader) -> LiveEncoder:
    yuv = pixel_format("yuv420p")
    encoding = Encoding(
        encoder="libx264",
        format=yuv,
        encoder_format="yuv420p",
        color=ColorSpec(),
        options={"preset": "ultrafast", "tune": "zerolatency", "g": "10", "forced-idr": "1"},
        notes=(),
    )
    spec = PictureSpec(width=64, height=48, format=yuv)
    return LiveEncoder(source.video, spec, encoding, (), sample_aspect_ratio=Fraction(1), tags=ColorSpec())


@pytest.fixture
def encoder(tmp_path: Path) -> Iterator[LiveEncoder]:
    with Reader(make(tmp_path / "source.mkv")) as source:
        made = encoder_of(source)
        yield made
        made.close()


def packets(encoder: LiveEncoder, count: int, *, first: int = 0, key: bool = False) -> list[EncodedPacket]:
    found: list[EncodedPacket] = []
    for number in range(first, first + count):
        frame: Frame = encoder.pool.take()
        frame.owner.make_writable()
        card = test_card(PICTURE, number)
        for plane, values in zip(frame.owner.planes, card.planes, strict=True):
            plane.update(bytes(values))
        frame.pts, frame.time_base, frame.duration = number, Fraction(1, 25), 1
        found += encoder.encode(frame, keyframe=key and number == first)
    return found


def output_to(
    name: str,
    said: list[str],
    *,
    returns: bool = False,
    waits: bool = True,
    timeout_seconds: float = TIMEOUT_SECONDS,
    **kind: Any,
) -> Output:
    return Output(
        place_of(name, None),
        timeout_seconds=timeout_seconds,
        returns=returns,
        give_up_seconds=30,
        waits=waits,
        **kind,
        say=said.append,
    )


def decoded(path: Path) -> list[float]:
    with av.open(str(path)) as source:
        return [float(frame.time or 0) for frame in source.decode(video=0)]


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts", "flv", "m3u8"])
def test_a_file_is_whole(encoder: LiveEncoder, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out.{suffix}"
    said: list[str] = []
    output = output_to(str(path), said, timeout_seconds=15)
    output.start(encoder.header)
    for packet in packets(encoder, 30):
        output.put(packet)
    output.finish()
    assert output.join(20)
    assert (said, output.status.state) == ([], "closed")
    assert len(decoded(path)) == 30


def test_a_refused_connection_is_a_sentence_without_secrets(
    encoder: LiveEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    began: list[Sequence[str]] = []

    def recorded(arguments: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        began.append(arguments)
        return popen(arguments, **options)

    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", recorded)
    output = output_to(f"rtmp://user:pw@127.0.0.1:{free_port()}/live/key", said, returns=True)
    output.start(encoder.header)
    assert output.join(20)
    assert output.failed
    (text,) = said
    assert "Connection refused" in text
    (arguments,) = began  # for all users of the machine to see
    for shown in (text, *arguments):
        assert "pw" not in shown
        assert "live/key" not in shown


def test_a_process_that_cannot_be_started_ends_the_output(
    encoder: LiveEncoder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refused(*arguments: Any, **options: Any) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(subprocess, "Popen", refused)
    said: list[str] = []
    output = output_to(str(tmp_path / "x.mkv"), said)
    output.start(encoder.header)
    assert output.join(20)
    assert output.failed
    assert "cannot be started (Too many open files)" in said[0]


def test_an_abort_does_not_wait_for_the_receiver(encoder: LiveEncoder) -> None:
    said: list[str] = []
    with silent_server() as port:
        output = output_to(f"rtmp://127.0.0.1:{port}/live/key", said, timeout_seconds=10)
        output.start(encoder.header)
        time.sleep(2)  # it is loaded, and waits for an answer
        begin = time.monotonic()
        output.abort()
        assert output.join(20)
    assert time.monotonic() - begin < 3


@contextlib.contextmanager
def silent_server() -> Iterator[int]:
    """Accept connections and read nothing."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        server.bind(("127.0.0.1", 0))
        server.listen(4)
        yield int(server.getsockname()[1])


def test_a_receiver_that_never_answers_has_a_time_limit(encoder: LiveEncoder) -> None:
    said: list[str] = []
    with silent_server() as port:
        output = output_to(f"rtmp://127.0.0.1:{port}/live/key", said)
        begin = time.monotonic()
        output.start(encoder.header)
        assert output.join(20)
        assert time.monotonic() - begin < TIMEOUT_SECONDS + 10
    assert output.failed
    assert "does not answer within 1 s" in said[0]


def test_a_receiver_that_stops_reading_has_a_time_limit(encoder: LiveEncoder) -> None:
    said: list[str] = []
    big = [
        EncodedPacket(0, n * 3600, n * 3600, 3600, Fraction(1, 90_000), True, NAL + bytes(100_000))
        for n in range(100)
    ]
    with silent_server() as port:
        output = output_to(f"tcp://127.0.0.1:{port}", said)
        output.start(encoder.header)
        for packet in big:
            output.put(packet)
        assert output.join(20)
    assert output.failed
    assert "takes nothing since 1 s" in said[0]


def test_putting_never_waits_for_a_receiver_of_a_live_source(encoder: LiveEncoder) -> None:
    said: list[str] = []
    with silent_server() as port:
        output = output_to(f"rtmp://127.0.0.1:{port}/live/key", said, waits=False)
        output.start(encoder.header)
        content = bytes(1 << 20)
        begin = time.monotonic()
        for number in range(64):
            output.put(EncodedPacket(0, number, number, 1, Fraction(1, 90_000), number % 8 == 0, content))
        assert time.monotonic() - begin < TIMEOUT_SECONDS
        assert output.status.packets_dropped > 0
        assert output.take_wish()
        output.abort()
        assert output.join(20)


def test_a_receiver_that_comes_back_goes_on_with_a_key_frame(encoder: LiveEncoder) -> None:
    """The first connection is cut; what the second gets decodes from its first packet on."""
    said: list[str] = []
    back_at: list[int] = []
    number = 0
    received = bytearray()
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(2)
        output = output_to(f"tcp://127.0.0.1:{server.getsockname()[1]}", said, returns=True, waits=False)

        def receive() -> None:
            first, _ = server.accept()
            first.recv(100)
            first.close()
            second, _ = server.accept()
            back_at.append(number)
            with second:
                while data := second.recv(65536):
                    received.extend(data)

        thread = threading.Thread(target=receive, daemon=True)
        thread.start()
        output.start(encoder.header)
        until = time.monotonic() + 20
        while time.monotonic() < until and len(received) < 20_000:
            for packet in packets(encoder, 1, first=number, key=output.take_wish()):
                output.put(packet)
            number += 1
            time.sleep(0.01)
        output.finish()
        assert output.join(20)
        thread.join(10)
    assert output.status.reconnects >= 1
    assert output.status.state == "closed"
    with av.open(io.BytesIO(bytes(received)), "r", format="mpegts") as source:
        frames = list(source.decode(video=0))
    assert frames[0].key_frame
    assert len(frames) > 10
    assert frames[0].time is not None
    assert frames[0].time * 25 > back_at[0] - 10, "what came while it was away comes late"


@pytest.mark.parametrize("may_be_absent", [True, False])
def test_a_receiver_that_is_not_there_yet_is_tried_again_where_that_is_wanted(
    encoder: LiveEncoder, may_be_absent: bool
) -> None:
    said: list[str] = []
    port = free_port()
    output = output_to(
        f"tcp://127.0.0.1:{port}",
        said,
        returns=True,
        waits=False,
        may_be_absent=may_be_absent,
        timeout_seconds=15,
    )
    output.start(encoder.header)
    for packet in packets(encoder, 10):
        output.put(packet)
    until = time.monotonic() + 20
    while not said and time.monotonic() < until:
        time.sleep(0.01)
    received = b""
    if may_be_absent:
        with socket.create_server(("127.0.0.1", port)) as server:
            server.settimeout(20)
            receiver, _ = server.accept()
            receiver.settimeout(20)
            until = time.monotonic() + 20
            while output.status.state != "writing" and time.monotonic() < until:
                time.sleep(0.01)
            for packet in packets(encoder, 10, first=10, key=output.take_wish()):
                output.put(packet)
            output.finish()
            with receiver:
                while data := receiver.recv(65536):
                    received += data
    assert output.join(20)
    assert "Connection refused" in said[0]
    assert output.status.state == ("closed" if may_be_absent else "failed")
    assert output.status.packets_dropped == 10  # which is told: nobody got them
    if may_be_absent:
        with av.open(io.BytesIO(received), "r", format="mpegts") as source:
            assert len(list(source.decode(video=0))) == 10


def test_what_comes_before_the_first_packet_of_one_that_joins_is_not_missing(
    encoder: LiveEncoder, tmp_path: Path
) -> None:
    path = tmp_path / "out.mkv"
    output = output_to(str(path), [], joins=True, timeout_seconds=15)
    output.start(encoder.header)
    until = time.monotonic() + 20
    while output.status.state != "writing" and time.monotonic() < until:
        time.sleep(0.02)
    for packet in packets(encoder, 5)[1:]:
        output.put(packet)
    assert output.take_wish()
    for packet in packets(encoder, 10, first=5, key=True):
        output.put(packet)
    output.finish()
    assert output.join(20)
    assert (output.status.state, output.status.packets_dropped) == ("closed", 0)
    assert len(decoded(path)) == 10


def test_one_that_is_waited_for_does_not_hold_up_the_run_once_it_broke_off(encoder: LiveEncoder) -> None:
    """What fills the queue waits for a receiver that takes nothing and closes."""
    output: Output
    stopped = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        output = output_to(
            f"tcp://127.0.0.1:{server.getsockname()[1]}",
            [],
            returns=True,
            timeout_seconds=15,
            stopped=stopped.is_set,
        )
        output.start(encoder.header)
        large = replace(packets(encoder, 1)[0], content=NAL + b"\xff" * (outputs.MAX_QUEUE_BYTES // 4))

        def put() -> None:
            for _ in range(20):
                output.put(large)

        putting = threading.Thread(target=put, daemon=True)
        putting.start()
        receiver, _ = server.accept()
        putting.join(2)
        assert putting.is_alive()  # for now it is waited for
        receiver.close()
    until = time.monotonic() + 20
    while output.status.state != "reconnecting" and time.monotonic() < until:
        time.sleep(0.01)
    assert putting.is_alive()  # and while it may come back
    stopped.set()
    putting.join(5)
    assert not putting.is_alive()
    output.finish()
    assert output.join(20)
    assert (output.status.state, output.status.breaks) == ("failed", 1)
    assert output.status.packets_dropped > 5


def test_an_abort_lets_go_of_what_waits_for_a_receiver(encoder: LiveEncoder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # it accepts nothing: RTMP waits for an answer
        output = output_to(f"rtmp://127.0.0.1:{server.getsockname()[1]}/a/b", [], timeout_seconds=60)
        output.start(encoder.header)
        for packet in packets(encoder, 10):
            output.put(packet)
        output.abort()
        for packet in packets(encoder, 10, first=10, key=True):
            output.put(packet)
        assert output.join(10)
    assert output.status.packets_written == 0


def test_what_a_process_says_is_bounded_and_still_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its two words and after them it warns: of each packet, for days."""
    talk = (
        "import sys; say = sys.stderr.write; noise = 'a warning of a library\\n' * 10_000\n"
        "say('started\\n' + noise + 'opened\\n' + noise + 'x: what went wrong\\n'); sys.stderr.flush()\n"
        "sys.stdin.buffer.read(); sys.exit(1)"
    )

    def popen(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        return started([command[0], "-c", talk], **options)

    started = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", popen)
    child = outputs._Child(place_of("x.mkv", None), (0,), Header(b""), 20)
    try:
        until = time.monotonic() + 20
        while not child.opened and time.monotonic() < until:
            child.check()
            assert len(child._said) <= 64 << 10
            time.sleep(0.005)
        assert child.opened
        with pytest.raises(outputs.OutputError, match=r"^x: what went wrong$"):
            child.finish()
        assert len(child._said) <= 64 << 10
    finally:
        child.kill()


def test_options_have_a_time_limit_by_default() -> None:
    assert 0 < LiveOptions().timeout < 30
