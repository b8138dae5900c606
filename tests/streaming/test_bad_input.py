"""What is refused, or breaks off, has its sentence: what, got, allowed, what to do; nothing of it hangs."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import pytest

from tests.make_media import Clip, Picture, Sound, make
from tests.streaming.known import KnownClip
from tests.streaming.peers import http_server, rtmps_server, rtsp_server, wait_until_bound
from tests.streaming.servers import free_port, need_ffmpeg, rtmp_server, running
from vsr.cli.main import main
from vsr.options import LiveOptions
from vsr.streaming.run import LiveRun

LIMIT_SECONDS = 10
FAST = ("-m", "bilinear", "--timeout", "1", "--progress", "none")
Said = Callable[..., str]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> KnownClip:
    return KnownClip(tmp_path_factory.mktemp("known"))


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Run the command, which has to end in time with this code; return what it said, without secrets."""

    def run(code: int | tuple[int, ...], *arguments: object) -> str:
        begin = time.monotonic()
        assert main(["live", *map(str, arguments), *FAST]) in (code if isinstance(code, tuple) else (code,))
        assert time.monotonic() - begin < LIMIT_SECONDS
        text = capsys.readouterr().err
        assert "secret" not in text
        assert "defect" not in text
        return text

    return run


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("rtmp://", "names no host; write rtmp://HOST"),
        ("tcp://127.0.0.1", "names no port; write tcp://HOST:PORT"),
        ("udp://127.0.0.1/", "names no port; write udp://HOST:PORT"),
        ("rtsp://user:secret@127.0.0.1:99999/x", "its port is no number of 1 to 65535"),
        ("http://127.0.0.1/x/live.mpd?token=secret", "cannot read DASH; name the HLS playlist"),
        ("live.mpd", "cannot read DASH"),
        ("rist://127.0.0.1:1", "lacks the protocol rist; udp:// and tcp://"),
    ],
)
def test_names_of_sources(source: str, sentence: str, said: Said, tmp_path: Path) -> None:
    assert sentence in said(2, source, tmp_path / "out.mkv")


def test_a_format_that_nothing_reads(said: Said, tmp_path: Path) -> None:
    assert "-F gramophone: this FFmpeg reads no such format" in said(
        2, "x", tmp_path / "out.mkv", "-F", "gramophone"
    )


def test_a_container_that_is_asked_for_in_vain(clip: KnownClip, said: Said, tmp_path: Path) -> None:
    assert "-f nut: the outputs' names say what they are" in said(
        2, clip.path, tmp_path / "out.mkv", "-f", "nut"
    )


@pytest.mark.parametrize("scheme", ["rtmp", "rtsp", "tcp", "udp", "http"])
def test_a_host_that_is_not_known(scheme: str, clip: KnownClip, said: Said, tmp_path: Path) -> None:
    login = "" if scheme in ("tcp", "udp") else "user:secret@"
    url = f"{scheme}://{login}nosuchhost.invalid:5000/live/key"
    assert "this host is not known, or there is no way to it" in said(1, url, tmp_path / "out.mkv")
    if scheme != "http":
        assert "this host is not known" in said(1, clip.path, url, "--pace")


@pytest.mark.parametrize("scheme", ["rtmp", "rtsp", "tcp", "http"])
def test_a_refused_connection(scheme: str, said: Said, tmp_path: Path) -> None:
    text = said(1, f"{scheme}://127.0.0.1:{free_port()}/live/key", tmp_path / "out.mkv")
    assert "Connection refused; check that it runs, and listens at this port" in text


def test_what_a_web_server_refuses(said: Said, tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    (tmp_path / "garbage.ts").write_bytes(bytes(range(256)) * 400)
    make(tmp_path / "radio.ts", Clip(picture=Picture(frames=1), sounds=[Sound(seconds=1)]))
    with http_server(tmp_path) as server:
        plain = f"http://user:secret@{server.removeprefix('http://')}"
        assert "401 Unauthorized; write USER:PASSWORD@ before the host" in said(1, f"{plain}/closed.ts", out)
        assert "404 Not Found; check the path" in said(1, f"{plain}/missing.ts?token=secret", out)
        assert "it is not media, or it is damaged" in said(1, f"{plain}/garbage.ts", out)
        assert "no connection by TLS" in said(1, f"{server.replace('http', 'https')}/garbage.ts", out)


def test_what_a_camera_refuses(clip: KnownClip, said: Said, tmp_path: Path) -> None:
    with rtsp_server(clip.path, password="word") as server:
        wrong = server.replace("//", "//user:secret@")
        assert "401 Unauthorized; write USER:PASSWORD@" in said(1, wrong, tmp_path / "out.mkv")
        assert "404 Not Found" in said(1, server.replace("clip", "nothing"), tmp_path / "out.mkv")
        assert "401 Unauthorized" in said(1, clip.path, wrong, "--pace")


def test_what_a_broadcaster_refuses(clip: KnownClip, said: Said, tmp_path: Path) -> None:
    with rtmp_server(tmp_path) as server:
        closed = server.replace("live", "closed") + "/secret"
        sentence = "/closed/...: it closed the connection; check the path and the key"
        assert sentence in said(1, closed, tmp_path / "out.mkv")
        # Failed; or, where the clip ends before the server has closed once more, ended with packets missing.
        text = said((1, 3), clip.path, closed, "--pace")
        assert sentence in text and ("LOST" in text or "done" not in text)
        text = said(3, clip.path, tmp_path / "kept.mkv", closed, "--pace")
        assert f"LOST: {server.replace('live', 'closed')}/...: it closed" in text.replace("vsr: ", "")
    with av.open(str(tmp_path / "kept.mkv"), "r") as kept:
        assert sum(1 for _ in kept.decode(video=0)) == 60


def test_a_certificate_that_nobody_signed(said: Said, tmp_path: Path) -> None:
    with rtmps_server(tmp_path) as server:
        text = said(1, f"{server}/secret", tmp_path / "out.mkv")
    assert "its certificate is not trusted for this name; SSL_CERT_FILE=FILE.pem trusts" in text


def test_streams_without_a_picture_that_could_be_shown(clip: KnownClip, said: Said, tmp_path: Path) -> None:
    radio, unknown = tmp_path / "radio.ts", tmp_path / "unknown.mkv"
    sound = (need_ffmpeg(), "-v", "error", "-i", str(clip.path), "-vn", "-c", "copy", str(radio))
    subprocess.run(sound, check=True, timeout=10)
    unknown.write_bytes(clip.path.read_bytes().replace(b"V_MPEG4/ISO/AVC", b"V_MPEG4/ISO/XYZ"))
    assert "no video stream (it has: audio)" in said(1, radio, tmp_path / "out.mkv")
    assert "lacks a decoder for its video stream" in said(1, unknown, tmp_path / "out.mkv")


def test_a_source_that_goes_on_without_its_picture(tmp_path: Path) -> None:
    made = Clip(picture=Picture(frames=25, options={"bf": "0"}), sounds=[Sound(seconds=2.5)])
    source, out = make(tmp_path / "source.ts", made), tmp_path / "out.mkv"
    options = LiveOptions(ladder="bilinear", pace=True, timeout=1)
    with LiveRun(str(source), [str(out)], options) as run:
        report = run.run()
    assert (report.status.frames_out, report.exit_code) == (25, 0)
    with av.open(str(out), "r") as written:
        assert sum(packet.size > 0 for packet in written.demux(audio=0)) > 110


@contextlib.contextmanager
def disk(folder: Path, options: str) -> Iterator[Path]:
    """Have a disk of its own there, with these options of mount."""
    folder.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder))
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a disk takes root's rights")
    try:
        yield folder
    finally:
        subprocess.run(("umount", str(folder)), check=True)


@pytest.mark.parametrize("name", ["full.mkv", "full.m3u8"])
def test_a_disk_that_fills_ends_one_output(name: str, said: Said, tmp_path: Path) -> None:
    source = make(tmp_path / "source.mkv", Clip(picture=Picture(frames=200, options={"bf": "0"})))
    rate = ("-E", "g=12", "-E", "crf=1")
    with disk(tmp_path / "small", "size=64k") as small:
        text = said(3, source, small / name, tmp_path / "kept.mkv", *rate)
    assert f"LOST: {small / name}: the disk is full; free some space or write elsewhere" in text
    with av.open(str(tmp_path / "kept.mkv"), "r") as kept:
        assert sum(1 for _ in kept.decode(video=0)) == 200


def test_a_folder_that_cannot_be_written(clip: KnownClip, said: Said, tmp_path: Path) -> None:
    with disk(tmp_path / "locked", "ro") as locked:
        for name in ("out.mkv", "out.m3u8"):
            assert "no permission to write here; choose another" in said(1, clip.path, locked / name)


def test_a_sender_of_garbage_does_not_hang(said: Said, tmp_path: Path) -> None:
    (tmp_path / "garbage").write_bytes(bytes(range(1, 255)) * 2000)
    port = free_port()
    url = f"tcp://127.0.0.1:{port}"
    sent = ("-v", "error", "-f", "data", "-i", str(tmp_path / "garbage"), "-map", "0", "-c", "copy")
    with running(need_ffmpeg(), *sent, "-f", "data", f"{url}?listen=1"):
        wait_until_bound(port)
        assert "it is not media, or it is damaged" in said(1, url, tmp_path / "out.mkv")
