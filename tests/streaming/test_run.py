"""Whole runs of `vsr live` on files and pipes."""

from __future__ import annotations

import itertools
import re
import socket
import subprocess
import sys
import threading
import time
from fractions import Fraction
from pathlib import Path

import av
import pytest

from tests.make_media import Clip, Picture, Sound, make, remux
from tests.streaming.servers import free_port
from vsr.cli.main import main
from vsr.errors import DecodeError, OptionError
from vsr.frame import Frame
from vsr.media.reader import Reader
from vsr.options import LiveOptions
from vsr.pipeline.stages import StopToken
from vsr.streaming.report import LiveReport
from vsr.streaming.run import LiveRun
from vsr.streaming.status import LiveStatus
from vsr.streaming.steps import Steps

RATE = Fraction(50)
VSR = (sys.executable, "-m", "vsr.cli")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    picture = Picture(frames=60, rate=RATE, options={"bf": "0", "g": "25"})
    return make(tmp_path / "clip.mkv", Clip(picture=picture, sounds=[Sound(seconds=1.2)]))


def live(source: Path | str, *outputs: Path | str, **options: object) -> LiveReport:
    chosen = LiveOptions(ladder="bilinear", **options)  # type: ignore[arg-type]
    with LiveRun(str(source), [str(output) for output in outputs], chosen) as run:
        return run.run()


def times_of(path: Path, kind: str = "video") -> list[float]:
    with av.open(str(path), "r") as source:
        stream = next(stream for stream in source.streams if stream.type == kind)
        return [float(p.pts * p.time_base) for p in source.demux(stream) if p.pts is not None]


def test_a_paced_file_goes_to_several_outputs_in_its_own_time(clip: Path, tmp_path: Path) -> None:
    outputs = [tmp_path / name for name in ("out.mkv", "out.ts", "out.m3u8")]
    begin = time.monotonic()
    report = live(clip, *outputs, pace=True)
    assert time.monotonic() - begin > 1.0
    assert report.status.frames_in == 60
    assert report.status.frames_out + report.status.frames_dropped == 60
    assert [output.state for output in report.status.outputs] == ["closed"] * 3
    assert report.status.latency.whole.count == report.status.frames_out
    assert report.exit_code == (3 if report.status.frames_dropped else 0)
    found = {len(times_of(output)) for output in outputs}
    assert found == {report.status.frames_out}


def test_picture_and_sound_stay_together(clip: Path, tmp_path: Path) -> None:
    report = live(clip, tmp_path / "out.mkv")
    assert report.exit_code == 0
    before = times_of(clip)[0] - times_of(clip, "audio")[0]
    after = times_of(tmp_path / "out.mkv")[0] - times_of(tmp_path / "out.mkv", "audio")[0]
    assert abs(before - after) <= 0.0011  # Matroska's unit
    assert len(times_of(tmp_path / "out.mkv")) == 60
    assert len(times_of(tmp_path / "out.mkv", "audio")) == len(times_of(clip, "audio"))


def test_a_pipe_is_bit_equal_to_upscale(clip: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw.y4m"
    make(raw, Clip(picture=Picture(codec="wrapped_avframe", frames=25)), format="yuv4mpegpipe")
    results = []
    for command in (("live", "-", "-", "-m"), ("upscale", "-", "-", "-m")):
        with raw.open("rb") as pipe:
            run = subprocess.run(
                [*VSR, *command, "cnn-m-photo"], stdin=pipe, capture_output=True, check=True, timeout=60
            )
        results.append(run.stdout)
    assert results[0] == results[1]
    assert results[0].startswith(b"YUV4MPEG2 W128 H96 ")


def test_an_output_that_dies_does_not_end_the_other(clip: Path, tmp_path: Path) -> None:
    refused = f"tcp://127.0.0.1:{free_port()}"
    report = live(clip, tmp_path / "out.mkv", refused, pace=True)
    assert [output.state for output in report.status.outputs] == ["closed", "failed"]
    assert report.exit_code == 3
    assert "Connection refused" in report.lost[0]
    assert report.status.outputs[1].packets_written == 0
    assert len(times_of(tmp_path / "out.mkv")) == report.status.frames_out


def test_a_run_of_which_no_output_is_left_fails(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["live", str(clip), f"tcp://127.0.0.1:{free_port()}", "--pace", "-m", "bilinear"])
    assert code == 1
    sentences = [line for line in capsys.readouterr().err.splitlines() if "Connection refused" in line]
    assert ["no output is left" in sentence for sentence in sentences] == [False, True]


@pytest.mark.parametrize("pace", [True, False])
def test_a_receiver_that_comes_late_gets_all_that_can_wait(clip: Path, tmp_path: Path, pace: bool) -> None:
    """A source that is read at its own pace goes on; one that waits loses nothing."""
    port, out, was_absent = free_port(), tmp_path / "late.ts", threading.Event()

    def receive() -> None:
        was_absent.wait(20)
        with socket.create_server(("127.0.0.1", port)) as server:
            server.settimeout(20)
            receiver, _ = server.accept()
            receiver.settimeout(20)
            with receiver, out.open("wb") as file:
                while data := receiver.recv(65536):
                    file.write(data)

    thread = threading.Thread(target=receive)
    thread.start()
    url = f"tcp://127.0.0.1:{port}"
    options = LiveOptions(ladder="bilinear", pace=pace, speed=0.2 if pace else 1, reconnect="on", timeout=15)
    stop = StopToken()

    def look(status: LiveStatus) -> None:
        if status.outputs[0].errors:
            was_absent.set()
        if status.reconnects and status.outputs[0].state == "writing":  # on lets the source repeat
            stop.request()

    with LiveRun(str(clip), [url], options) as run:
        report = run.run(on_status=look, stop=stop)
    thread.join(20)
    (output,) = report.status.outputs
    assert (output.state, output.errors > 0, output.reconnects) == ("closed", True, 0)
    assert sum("Connection refused" in text for text in report.said) == 1
    missing = report.status.frames_out - len(times_of(out))
    assert (missing > 5, bool(report.lost)) == (pace, pace)
    assert pace or missing == 0


def test_stopping_finishes_the_outputs(clip: Path, tmp_path: Path) -> None:
    stop = StopToken()
    threading.Timer(0.6, stop.request).start()
    options = LiveOptions(ladder="bilinear", pace=True, reconnect="on")
    with LiveRun(str(clip), [str(tmp_path / "out.mp4")], options) as run:
        report = run.run(stop=stop)
    assert report.exit_code == 130
    assert len(times_of(tmp_path / "out.mp4")) == report.status.frames_out > 0


def test_a_file_that_repeats_goes_on_where_it_ended(clip: Path, tmp_path: Path) -> None:
    report = live(clip, tmp_path / "out.mkv", pace=True, reconnect="on", duration="5")
    assert report.status.reconnects >= 1
    for kind in ("video", "audio"):
        times = times_of(tmp_path / "out.mkv", kind)
        steps = [b - a for a, b in itertools.pairwise(times)]
        assert min(steps) > 0
        assert max(steps) < 2.5
    assert times[-1] > 2


def test_a_change_of_size_goes_on(tmp_path: Path) -> None:
    """Two sizes in one file of MPEG-TS, as a broadcaster changes over."""
    parts = [
        make(tmp_path / f"{n}.ts", Clip(picture=Picture(width=w, height=h, frames=20, options={"bf": "0"})))
        for n, (w, h) in enumerate(((64, 48), (96, 64)))
    ]
    both = tmp_path / "both.ts"
    both.write_bytes(b"".join(part.read_bytes() for part in parts))
    report = live(both, tmp_path / "out.mkv", pace=True)
    assert report.status.frames_out + report.status.frames_dropped >= 38
    assert report.status.source_size == (96, 64)
    assert report.status.output_size == (128, 96)
    times = times_of(tmp_path / "out.mkv")
    assert all(a < b for a, b in itertools.pairwise(times))


def test_frames_that_the_encoder_holds_back_are_counted(clip: Path, tmp_path: Path) -> None:
    held = ("tune=film", "rc-lookahead=40", "bf=3")
    report = live(clip, tmp_path / "out.mkv", encoder_options=held)
    assert len(times_of(tmp_path / "out.mkv")) == report.status.frames_out == 60
    assert report.status.latency.whole.count == 60


def test_the_ladder_knows_the_speed_at_which_frames_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 25 frames a second, played at twice that: 30 ms is too long for one."""

    def slow(steps: Steps, frame: Frame, index: int, into: Frame | None = None) -> Frame:
        time.sleep(0.030 if index == 0 else 0)
        return enlarge(steps, frame, index, into)

    enlarge = Steps.__call__
    monkeypatch.setattr(Steps, "__call__", slow)
    clip = make(
        tmp_path / "clip.mkv", Clip(picture=Picture(frames=125, rate=Fraction(25), options={"bf": "0"}))
    )
    options = LiveOptions(ladder="bicubic,bilinear", pace=True, speed=2, latency=400)
    with LiveRun(str(clip), [str(tmp_path / "out.mkv")], options) as run:
        report = run.run()
    assert report.status.queue_capacity == 20
    (step,) = [text for text in report.said if " -> " in text and "ms a frame" in text]
    found = re.fullmatch(
        r"bicubic -> bilinear: it took ([0-9]+\.[0-9]) ms a frame, one comes each 20.0 ms", step
    )
    assert found and 30 < float(found[1]) < 100


def test_a_turned_picture_stays_turned_where_the_container_can_say_it(tmp_path: Path) -> None:
    turned = make(tmp_path / "turned.mkv", Clip(picture=Picture(frames=5, rotation=90)))
    with Reader(turned) as source:
        matrix = source.video.display_matrix
    assert matrix is not None
    able = [tmp_path / f"able.{suffix}" for suffix in ("mkv", "mp4", "m3u8")]
    unable = [tmp_path / f"unable.{suffix}" for suffix in ("ts", "flv", "nut")]
    report = live(turned, *able, *unable)
    for path in (*able, *unable):
        with Reader(path) as result:
            assert result.video.display_matrix == (matrix if path in able else None)
    assert report.exit_code == 3
    assert report.lost == tuple(
        f"{path}: {name} cannot say a turn of -90 degrees; players show the picture as it is coded"
        for path, name in zip(unable, ("mpegts", "flv", "nut"), strict=True)
    )
    assert set(report.lost) <= set(report.said)
    assert live(turned, *[path.with_stem("again") for path in able]).lost == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["srt://h:1", "out.mkv"], "lacks the protocol srt"),
        (["{clip}", "out.xyz"], "does not know what to write here"),
        (["{clip}", "-", "{folder}/out.mkv"], "goes alone"),
        (["{clip}", "{folder}/a.mkv", "{folder}/a.mkv"], "named twice"),
        (["{clip}", "{folder}/a.mkv", "--latency", "0"], "--latency 0: give 1 to 60000"),
        (["{clip}", "{folder}/a.mkv", "--speed", "2"], "no meaning without --pace"),
        (["{clip}", "{folder}/a.mkv", "--timeout", "0"], "--timeout 0: give a number above 0"),
        (["{clip}", "{folder}/no/a.mkv"], "does not exist"),
        (["{clip}", "{clip}"], "output and input are the same file"),
        (["{clip}", "{folder}/a.mkv", "-m", "bilinear,nothing"], "nothing"),
    ],
)
def test_bad_input(
    clip: Path, tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [argument.format(clip=clip, folder=tmp_path) for argument in arguments]
    assert main(["live", *given]) == 2
    assert message in capsys.readouterr().err


def test_a_source_that_is_not_there() -> None:
    with pytest.raises(DecodeError, match="Connection refused"):
        LiveRun(f"rtmp://u:secret@127.0.0.1:{free_port()}/live/key", ["-"], LiveOptions())
    with pytest.raises(OptionError, match="there is no output"):
        LiveRun("missing.mkv", [], LiveOptions())


@pytest.mark.parametrize("scheme", ["rtmp", "rtsp", "tcp", "http", "udp"])
def test_a_source_that_never_answers_has_one_time_limit(scheme: str) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        begin = time.monotonic()
        with pytest.raises(DecodeError):
            LiveRun(f"{scheme}://127.0.0.1:{server.getsockname()[1]}/x", ["-"], LiveOptions(timeout=1))
        assert 0.9 < time.monotonic() - begin < 1.7


def test_a_source_that_falls_silent_while_it_is_opened_has_the_same_limit(clip: Path, tmp_path: Path) -> None:
    """It is connected to, begins after a while, and its streams are never found out."""
    remux(clip, tmp_path / "clip.ts", format="mpegts")
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1)

        def send() -> None:
            peer, _ = server.accept()
            time.sleep(0.7)
            peer.sendall((tmp_path / "clip.ts").read_bytes()[: 188 * 5])
            ended.wait(10)
            peer.close()

        ended = threading.Event()
        thread = threading.Thread(target=send)
        thread.start()
        begin = time.monotonic()
        with pytest.raises(DecodeError):
            LiveRun(f"tcp://127.0.0.1:{server.getsockname()[1]}", ["-"], LiveOptions(timeout=1))
        took = time.monotonic() - begin
        ended.set()
        thread.join()
    assert 0.9 < took < 1.7
