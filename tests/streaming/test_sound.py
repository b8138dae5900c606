"""Sound that an output cannot carry: encoded anew for that one, and copied for the others."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.make_media import Clip, Picture, Sound, make, remux
from tests.streaming.servers import need_ffmpeg, rtmp_server, running
from vsr.errors import OptionError
from vsr.media.reader import Reader
from vsr.options import LiveOptions
from vsr.pipeline.stages import StopToken
from vsr.streaming.places import place_of
from vsr.streaming.report import LiveReport
from vsr.streaming.run import LiveRun
from vsr.streaming.sound import plan_sound

PICTURE = Picture(frames=60, rate=Fraction(50), options={"bf": "0", "g": "25"})
WAIT_SECONDS = 20


def live(source: Path | str, *outputs: Path | str, **options: object) -> LiveReport:
    chosen = LiveOptions(ladder="bilinear", **options)  # type: ignore[arg-type]
    with LiveRun(str(source), [str(output) for output in outputs], chosen) as run:
        return run.run()


def sound_of(path: Path, codec: str) -> list[bytes]:
    with av.open(str(path)) as source:
        stream = source.streams.audio[0]
        assert stream.codec_context.codec.canonical_name == codec
        return [bytes(packet) for packet in source.demux(stream) if packet.size]


def test_sound_that_is_announced_and_does_not_come_is_left_out_and_said(tmp_path: Path) -> None:
    clip = make(tmp_path / "clip.ts", Clip(picture=PICTURE, sounds=[Sound(seconds=1.2)]))
    with av.open(str(clip)) as whole:
        number = whole.streams.audio[0].id
    content = clip.read_bytes()
    packets = [content[at : at + 188] for at in range(0, len(content), 188)]
    kept = [p for p in packets if ((p[1] & 0x1F) << 8 | p[2]) != number]
    assert len(kept) < len(packets)
    clip.write_bytes(b"".join(kept))
    report = live(clip, tmp_path / "out.mkv")
    assert (report.exit_code, report.status.frames_out) == (0, PICTURE.frames)
    (sentence,) = [text for text in report.said if "nothing of it came" in text]
    assert sentence.startswith("not kept: stream 1 (audio, aac)")


def onset_seconds(path: Path) -> float:
    """Return how long after the first picture the first sound is heard."""
    heard: list[float] = []
    shown: list[float] = []
    source: Any
    with av.open(str(path)) as source:
        for frame in source.decode():
            moment = float(frame.time or 0)
            if isinstance(frame, av.VideoFrame):
                shown.append(moment)
                continue
            loud = np.flatnonzero(np.abs(frame.to_ndarray()).max(axis=0) > 0.1)  # the tone is 0.4
            if loud.size:
                heard.append(moment + int(loud[0]) / frame.sample_rate)
    return min(heard) - min(shown)


def test_one_source_is_copied_here_and_encoded_anew_there(tmp_path: Path) -> None:
    sound = Sound(codec="libopus", seconds=0.7, start_seconds=0.3, metadata={"language": "eng"})
    clip = make(tmp_path / "clip.mkv", Clip(picture=PICTURE, sounds=[sound]))
    kept, changed = tmp_path / "kept.mkv", tmp_path / "changed.flv"
    report = live(clip, kept, changed)
    assert report.exit_code == 0
    assert report.sound == (
        f"sound: stream 1 (audio, opus, eng) -> aac 64 kb/s for {changed}: flv carries no opus",
    )
    assert report.to_json()["sound"] == list(report.sound)
    assert report.sound[0] in report.lines()
    assert sound_of(kept, "opus") == sound_of(clip, "opus")
    assert sound_of(changed, "aac")
    assert onset_seconds(kept) == pytest.approx(0.3, abs=0.01)
    assert onset_seconds(changed) == pytest.approx(0.3, abs=0.01)


def test_a_server_gets_aac_and_a_file_what_came(tmp_path: Path) -> None:
    clip = make(tmp_path / "clip.mkv", Clip(picture=PICTURE, sounds=[Sound(codec="flac", seconds=1.2)]))
    record, received = tmp_path / "record.mkv", tmp_path / "received.ts"
    stop = StopToken()
    with rtmp_server(tmp_path) as server:
        reading = (need_ffmpeg(), "-v", "error", "-i", f"{server}/out", "-c", "copy", "-flush_packets", "1")
        options = LiveOptions(ladder="bilinear", pace=True, reconnect="on")
        with LiveRun(str(clip), [str(record), f"{server}/out"], options) as run:
            ending = threading.Thread(target=_stop_when_filled, args=(received, stop))
            with running("sh", "-c", 'sleep 1; exec "$@"', "sh", *reading, str(received)):
                ending.start()
                report = run.run(stop=stop)
                ending.join()
    assert report.exit_code == 130
    assert sound_of(record, "flac")
    assert sound_of(received, "aac")
    with av.open(str(received)) as source:
        assert all(frame.samples for frame in source.decode(audio=0))


def _stop_when_filled(path: Path, stop: StopToken) -> None:
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until and not (path.exists() and path.stat().st_size > 60_000):
        time.sleep(0.05)
    stop.request()


def test_sound_goes_on_where_the_source_comes_back_with_another(tmp_path: Path) -> None:
    """First the rate changes within the stream; then all of it is another codec."""
    parts = [
        make(tmp_path / f"{n}.ts", Clip(picture=PICTURE, sounds=[Sound(codec=codec, rate=rate, seconds=1.2)]))
        for n, (codec, rate) in enumerate((("mp2", 48000), ("mp2", 44100), ("ac3", 32000)))
    ]
    streams = [part.read_bytes() for part in parts]
    stop, out = StopToken(), tmp_path / "out.flv"
    with socket.create_server(("127.0.0.1", 0)) as server:
        served = threading.Thread(
            target=_serve, args=(server, [streams[0] + streams[1], streams[2]], stop), daemon=True
        )
        served.start()
        options = LiveOptions(ladder="bilinear", drop="none", timeout=1)
        with LiveRun(f"tcp://127.0.0.1:{server.getsockname()[1]}", [str(out)], options) as run:
            report = run.run(stop=stop)
        served.join(WAIT_SECONDS)
    assert report.status.reconnects >= 1
    assert "came back without" not in " ".join(report.said)
    assert report.lost_sound <= 2  # where one stream is cut off for the other
    with av.open(str(out)) as source:
        frames = [(frame.time or 0, frame.samples / frame.sample_rate) for frame in source.decode(audio=0)]
    assert all(a < b for (a, _), (b, _) in itertools.pairwise(frames))
    assert sum(seconds for _, seconds in frames) > 2.5


def _serve(server: socket.socket, streams: list[bytes], stop: StopToken) -> None:
    """Send one stream to each connection, in their own time more or less, and then end the run."""
    for stream in streams:
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):  # of a run that ends before
            for begin in range(0, len(stream), 4096):
                connection.sendall(stream[begin : begin + 4096])
                time.sleep(0.02)
    time.sleep(0.5)
    stop.request()


def test_what_the_outputs_get(tmp_path: Path) -> None:
    sounds = [Sound(codec="flac"), Sound(codec="aac", hertz=660)]
    clip = make(tmp_path / "clip.mkv", Clip(sounds=sounds))
    names = ["a.mkv", "a.ts", "rtmp://host/live/key", "a.mp4", "web/a.m3u8", "rtsp://host/a", "udp://host:1"]
    with Reader(str(clip)) as source:
        plan = plan_sound(source.info.streams, [place_of(name, None) for name in names])
    assert [recoding.source for recoding in plan.recodings] == [1]
    assert plan.taken == ((0, 1, 2), (0, 3, 2), (0, 3), (0, 1, 2), (0, 1, 2), (0, 3, 2), (0, 3, 2))
    assert plan.only_decoded == frozenset()
    assert plan.lines == (
        "sound: stream 1 (audio, flac) -> aac 64 kb/s for a.ts, rtmp://host/live/..., rtsp://host/a, "
        "udp://host:1: mpegts carries no flac, flv carries no flac, rtsp carries no flac",
        "sound: stream 2 (audio, aac) does not go to rtmp://host/live/...: flv carries one of sound",
    )


def test_a_container_without_aac_gets_opus(tmp_path: Path) -> None:
    clip = make(tmp_path / "clip.mkv", Clip(sounds=[Sound()]))
    with Reader(str(clip)) as source:
        plan = plan_sound(source.info.streams, [place_of("a.webm", "webm")])
        assert [recoding.encoder.info.codec for recoding in plan.recodings] == ["opus"]
        assert plan.only_decoded == {1}
        with pytest.raises(OptionError, match=r"h264 can carry neither stream 1.*name another container"):
            plan_sound(source.info.streams, [place_of("a.h264", "h264")])


def test_damaged_sound_is_counted_and_does_not_end_the_run(tmp_path: Path) -> None:
    whole = make(tmp_path / "whole.mkv", Clip(picture=PICTURE, sounds=[Sound(codec="flac", seconds=1.2)]))

    def spoiled(packets: list[Any]) -> list[Any]:
        for packet in [p for p in packets if p.stream.type == "audio"][4:6]:
            packet.update(b"\xff" * packet.size)
        return packets

    clip = remux(whole, tmp_path / "clip.mkv", packets=spoiled)
    report = live(clip, tmp_path / "out.flv")
    assert report.lost_sound == 2
    assert "sound: 2 packets could not be decoded, and are missing" in report.lines()
    assert report.status.frames_out == 60
    assert report.exit_code == 0
