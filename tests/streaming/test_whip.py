"""WHIP: a real WebRTC receiver, and servers that are none."""

from __future__ import annotations

import importlib.util
import socket
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from tests.make_media import Clip, Picture, Sound, make
from tests.streaming.whip import RESOURCE, TOKEN, refusing_server, whip_server
from vsr.cli.main import main
from vsr.options import LiveOptions
from vsr.pipeline.stages import StopToken
from vsr.streaming.report import LiveReport
from vsr.streaming.run import LiveRun

PICTURE = Picture(frames=200, rate=Fraction(50), options={"bf": "0", "g": "25"})
WAIT_SECONDS = 20


def live(source: Path, *outputs: Path | str, **options: Any) -> LiveReport:
    usual = {"ladder": "bilinear", "pace": True, "latency": 5000, "whip_token": TOKEN}
    chosen = LiveOptions(**{**usual, **options})
    with LiveRun(str(source), [str(output) for output in outputs], chosen) as run:
        return run.run()


def test_a_browser_s_protocol_and_a_file_from_one_run(tmp_path: Path) -> None:
    clip = make(tmp_path / "clip.mkv", Clip(picture=PICTURE, sounds=[Sound(seconds=4)]))
    with whip_server() as received:
        (tmp_path / "token").write_text(TOKEN)
        report = live(clip, tmp_path / "record.mkv", received.url, whip_token=f"@{tmp_path / 'token'}")
    assert report.exit_code == 0, report.lines()
    assert [output.state for output in report.status.outputs] == ["closed", "closed"]
    file, whip = report.status.outputs
    assert whip.packets_written < file.packets_written  # not what came before it was open
    assert whip.name.endswith("/...")
    assert report.sound[0].endswith("whip carries no aac")
    assert received.authorizations == [f"Bearer {TOKEN}"]
    assert received.deleted == [RESOURCE]
    assert "profile-level-id=4200" in received.offers[0]  # baseline, which all decode
    assert received.sizes == {(128, 96)}
    assert received.frames > 50
    assert received.contrast > 10
    assert received.sample_rates == {48000}
    assert received.samples > 24000
    assert 0.3 < received.loudness < 0.6  # the tone is 0.4
    with av.open(str(tmp_path / "record.mkv")) as record:
        assert [stream.codec_context.name for stream in record.streams] == ["h264", "aac"]


def test_a_source_of_more_bits_is_reduced_and_said(tmp_path: Path) -> None:
    clip = make(tmp_path / "clip.mkv", Clip(picture=Picture(pix_fmt="yuv444p10le")))
    options = LiveOptions(ladder="bilinear", pace=True)
    with LiveRun(str(clip), [str(tmp_path / "a.mkv"), "https://host/key"], options) as run:
        encoding = run.plan.plan.encoding
    assert encoding.encoder_format == "yuv420p"
    assert "WHIP takes 8 bits at most: 10-bit samples are rounded" in encoding.notes
    assert encoding.options["profile"] == "baseline"


def _until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not what() and time.monotonic() < end:
        time.sleep(0.05)


def test_a_receiver_that_hangs_up_is_called_again(tmp_path: Path) -> None:
    clip = make(tmp_path / "clip.mkv", Clip(picture=PICTURE))
    stop = StopToken()
    with whip_server() as received:

        def hang_up_once() -> None:
            _until(lambda: received.frames > 20)
            received.hang_up.set()
            _until(lambda: len(received.offers) > 1)
            seen = received.frames
            _until(lambda: received.frames > seen + 20)
            stop.request()

        thread = threading.Thread(target=hang_up_once)
        thread.start()
        options = LiveOptions(ladder="bilinear", pace=True, reconnect="on", timeout=3)
        with LiveRun(str(clip), [received.url], options) as run:
            report = run.run(stop=stop)
        thread.join()
    assert report.status.outputs[0].reconnects >= 1
    assert report.status.outputs[0].state == "closed"


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (401, "", "does not let this in (Server returned 401 Unauthorized (authorization failed)); give"),
        (404, "", "Server returned 404 Not Found; check that this is the URL of a WHIP endpoint"),
        (201, "<html>no</html>", "what answers is no WHIP server; check the URL"),
    ],
)
def test_a_server_that_refuses(
    tmp_path: Path, status: int, body: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = make(tmp_path / "clip.mkv")
    with refusing_server(status, body) as url:
        code = main(["live", str(clip), f"{url}?key=SECRET", "-m", "bilinear", "--whip-token", "HIDDEN"])
    text = capsys.readouterr().err
    assert code == 1
    assert sentence in text
    assert not any(secret in text for secret in ("SECRET", "HIDDEN", "the-key"))


def test_a_server_that_never_answers_has_a_time_limit(tmp_path: Path) -> None:
    clip = make(tmp_path / "clip.mkv", Clip(picture=PICTURE))
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/whip"
        begin = time.monotonic()
        report = live(clip, tmp_path / "out.mkv", url, timeout=1.0)
    assert time.monotonic() - begin < 15
    assert report.exit_code == 3
    assert "does not answer within 1 s" in report.lost[0]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["https://h/x", "--encoder", "libx265"], "whip cannot carry hevc (libx265)"),
        (["{folder}/a.mkv", "--whip-token", "t"], "no meaning without a WHIP output"),
        (["{folder}/a", "-f", "whip"], "a: WHIP goes to http:// and https:// alone"),
    ],
)
def test_what_makes_no_sense(
    tmp_path: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = make(tmp_path / "clip.mkv")
    given = [argument.format(folder=tmp_path) for argument in arguments]
    assert main(["live", str(clip), "-m", "bilinear", *given]) == 2
    assert sentence in capsys.readouterr().err


def test_without_the_extra_there_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "cryptography" else found(name, *rest),
    )
    clip = make(tmp_path / "clip.mkv")
    assert main(["live", str(clip), "https://h/key"]) == 2
    assert "https://h/...: WHIP needs certificates" in capsys.readouterr().err
