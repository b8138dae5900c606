"""When the world is unkind: real streams that stall, end, come back and change, and runs that fail."""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import av
import pytest

from tests.make_media import Clip, Picture, Sound, make
from tests.streaming.senders import Live, Part, assert_sound, made, scene, sending, skews_of, steps_of
from vsr.errors import DecodeError, EncodeError
from vsr.media.live_encoder import LiveEncoder
from vsr.media.reader import Reader
from vsr.options import GapMode, LiveOptions
from vsr.pipeline.stages import StopToken
from vsr.streaming import source as source_module
from vsr.streaming.report import LiveReport
from vsr.streaming.run import LiveRun
from vsr.streaming.steps import Steps

SOON_SECONDS = 5
"""To end a run, its receivers' processes included, on two busy cores; the time limit is a minute."""


H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "10")

MPEG2 = ("-c:v", "mpeg2video", "-b:v", "1M", "-g", "10")
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-tune", "zerolatency", "-x265-params", "log-level=0")
FRAME_SECONDS = 0.04


@pytest.fixture(scope="module")
def broadcast(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Three seconds of H.264 and AAC in MPEG-TS."""
    return made(tmp_path_factory.mktemp("made") / "a.ts", *scene(seconds=3), *H264)


def test_a_stop_while_the_source_stalls_does_not_wait_for_it(broadcast: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "takes"
    folder.mkdir()
    options = LiveOptions(timeout=60, preview="0", record=str(folder))
    with sending([Part(content=broadcast, seconds=3), Part(seconds=60)]) as sender:
        live = Live(sender.url, tmp_path / "out.mkv", options=options)
        live.until(lambda s: s.frames_out > 10)
        live.run.controls.record(True)
        live.until(lambda s: s.state == "stalled")
        begin = time.monotonic()
        report = live.end()
        assert time.monotonic() - begin < SOON_SECONDS
    assert report.exit_code == 130
    assert_sound(tmp_path / "out.mkv")
    (take,) = folder.iterdir()
    assert_begins_at_zero(take)


def assert_begins_at_zero(take: Path) -> None:
    """Assert that the times of a recording do, and that its sound is still with its picture."""
    assert_sound(take)
    with av.open(str(take)) as file:
        firsts = [float((stream.start_time or 0) * (stream.time_base or 0)) for stream in file.streams]
    assert len(firsts) == 2
    assert min(firsts) == 0
    assert max(firsts) < 0.5
    assert max(map(abs, skews_of(take))) < 1.2 * FRAME_SECONDS


def test_a_stop_while_the_source_is_opened_again_does_not_wait_for_it(
    broadcast: bytes, tmp_path: Path
) -> None:
    with sending([Part(content=broadcast, seconds=3)], [Part(seconds=60)]) as sender:
        live = Live(sender.url, tmp_path / "out.mkv", options=LiveOptions(timeout=60))
        live.until(lambda s: sender.connections == 2)
        begin = time.monotonic()
        live.end()
        assert time.monotonic() - begin < SOON_SECONDS
    assert_sound(tmp_path / "out.mkv")


def fails_after(count: int, whole: Any, error: Exception) -> Any:
    """Return a function that does what `whole` does so many times, and then fails."""
    calls = iter(range(count))

    def failing(*arguments: Any, **named: Any) -> Any:
        if next(calls, None) is None:
            raise error
        return whole(*arguments, **named)

    return failing


def items_that_fail(reader: Reader, whole: Any = Reader.items) -> Iterator[Any]:
    for number, item in enumerate(whole(reader)):
        if number == 20:
            raise DecodeError("no further")
        yield item


@pytest.mark.parametrize("where", ["reading", "upscaling", "encoding"])
def test_an_error_still_finishes_the_receivers(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = make(tmp_path / "clip.mkv", Clip(picture=Picture(frames=60, options={"bf": "0", "g": "25"})))
    outputs = [tmp_path / "out.mkv", tmp_path / "out.mp4"]
    options = LiveOptions(ladder="bilinear", pace=True)
    with LiveRun(str(clip), [str(output) for output in outputs], options) as run:
        if where == "reading":
            monkeypatch.setattr(Reader, "items", items_that_fail)
        elif where == "upscaling":
            failing = fails_after(20, Steps.__call__, DecodeError("no further"))
            monkeypatch.setattr(Steps, "__call__", failing)
        else:
            failing = fails_after(20, LiveEncoder.encode, EncodeError("no further"))
            monkeypatch.setattr(LiveEncoder, "encode", failing)
        with pytest.raises((DecodeError, EncodeError), match="no further"):
            run.run()
    for output in outputs:
        assert_sound(output)
        with av.open(str(output)) as file:
            assert file.duration is not None  # its end was written
            assert len(list(file.decode(video=0))) == 20


def part(folder: Path, *codec: str, at: float = 0, seconds: float = 1.0, **how: Any) -> Part:
    """A stretch of the scene whose times begin there."""
    arguments = (*scene(seconds=seconds, **how), *codec, "-output_ts_offset", str(at))
    return Part(content=made(folder / "part.ts", *arguments), seconds=seconds)


def assert_goes_on(path: Path, *, gap_seconds: float) -> None:
    """Assert that all decodes, nothing goes back, no gap is longer, and the sound stays with the picture."""
    assert_sound(path)
    for kind in ("video", "audio"):
        assert min(steps_of(path, kind)) > 0
        assert max(steps_of(path, kind)) < gap_seconds
    skews = skews_of(path)
    assert len(skews) >= 3
    assert max(skews) - min(skews) < 1.2 * FRAME_SECONDS


@contextlib.contextmanager
def receiving(gaps: list[float]) -> Iterator[str]:
    """Yield the URL of a receiver that notes for how long nothing came, each time."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        thread = threading.Thread(target=note_gaps, args=(server, gaps))
        thread.start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def note_gaps(server: socket.socket, gaps: list[float]) -> None:
    """Read one connection to its end."""
    connection, _ = server.accept()
    connection.settimeout(20)
    with connection:
        last = time.monotonic()
        while connection.recv(65536):
            now = time.monotonic()
            gaps.append(now - last)
            last = now


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended."""

    report: LiveReport
    said: list[str]
    written: Path
    gaps: list[float] = field(default_factory=list)
    """For how long a receiver got nothing, each time."""


def outcome_of(folder: Path, *plays: Sequence[Part], **options: Any) -> Outcome:
    """Run one source into a file until the source is given up."""
    with sending(*plays) as sender:
        live = Live(sender.url, folder / "out.mkv", options=LiveOptions(**options))
        return Outcome(report=live.wait(), said=live.said, written=folder / "out.mkv")


def one_that_jumps(folder: Path) -> Outcome:
    parts = [
        part(folder, *H264, seconds=1.5),
        part(folder, *H264, at=3600),
        part(folder, *H264, at=10),
        part(folder, *H264, at=95_443.0 - 1.4, seconds=2),  # 33 bits are over after 0.7 s of it
        part(folder, *H264, at=500, size="96x64"),
        part(folder, *H264, at=900, size="96x64", rate=50),
    ]
    return outcome_of(folder, parts, timeout=2, give_up=0.1, gap="leave")


def one_that_comes_back(folder: Path) -> Outcome:
    plays = [
        [part(folder, *H264, seconds=1.5)],
        [part(folder, *HEVC, size="96x64", rate=50, seconds=3)],
        [part(folder, *MPEG2, at=7000, seconds=3)],
        [part(folder, *H264, at=95_442, seconds=3)],
    ]
    return outcome_of(folder, *plays, timeout=2, give_up=1)


def one_that_changes_to(codec: Sequence[str], folder: Path) -> Outcome:
    changed = [part(folder, *H264, seconds=1.5), part(folder, *codec, at=100, seconds=3)]
    return outcome_of(folder, changed, [part(folder, *codec, at=104, seconds=3)], timeout=1, give_up=1)


def one_that_stalls(gap: GapMode, folder: Path) -> Outcome:
    """Two and a half seconds of silence, after which the same connection goes on."""
    begin, again = part(folder, *H264, seconds=3), part(folder, *H264, at=5.5, seconds=1.5)
    gaps: list[float] = []
    with sending([begin, Part(seconds=2.5), again]) as sender, receiving(gaps) as receiver:
        options = LiveOptions(timeout=10, gap=gap, reconnect="off")
        live = Live(sender.url, folder / "out.mkv", receiver, options=options)
        return Outcome(report=live.wait(), said=live.said, written=folder / "out.mkv", gaps=gaps)


Outcomes = dict[str, Future[Outcome]]
RUNS: dict[str, Callable[[Path], Outcome]] = {
    "jumps": one_that_jumps,
    "comes back": one_that_comes_back,
    "hevc": partial(one_that_changes_to, HEVC),
    "mpeg2": partial(one_that_changes_to, MPEG2),
    "freeze": partial(one_that_stalls, "freeze"),
    "leave": partial(one_that_stalls, "leave"),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    """All those runs, at once: mostly they wait."""
    with ThreadPoolExecutor(len(RUNS)) as pool:
        yield {name: pool.submit(run, tmp_path_factory.mktemp("run")) for name, run in RUNS.items()}


def test_times_that_jump_and_wrap_and_a_picture_that_changes_in_mid_stream(outcomes: Outcomes) -> None:
    run = outcomes["jumps"].result()
    assert run.report.status.jumps == 5
    assert run.report.status.source_size == (96, 64)
    assert_goes_on(run.written, gap_seconds=0.5)


def test_a_source_that_comes_back_as_another(outcomes: Outcomes) -> None:
    run = outcomes["comes back"].result()
    assert run.report.status.reconnects == 3
    assert "did not come back within 1 s (" in run.said[-1]
    assert run.report.exit_code == (3 if run.report.status.frames_dropped else 0)
    assert run.report.status.frames_repeated > 50
    assert max(steps_of(run.written, "video")) < 1.0  # frozen, though each time it was away longer
    assert_goes_on(run.written, gap_seconds=2.5)


@pytest.mark.parametrize("codec", ["hevc", "mpeg2"])
def test_a_codec_that_changes_in_mid_stream_is_opened_again(codec: str, outcomes: Outcomes) -> None:
    run = outcomes[codec].result()
    assert any("no frame could be decoded for 1 s" in text for text in run.said), run.said
    assert run.report.status.reconnects == 1
    assert_sound(run.written)


def test_receivers_do_not_starve_while_the_source_stalls(outcomes: Outcomes) -> None:
    run = outcomes["freeze"].result()
    status = run.report.status
    assert run.report.status.jumps == 0
    assert status.frames_out == status.frames_in - status.frames_dropped + status.frames_repeated
    assert status.frames_repeated > 30
    assert max(run.gaps[3:]) < 1.5
    assert max(steps_of(run.written, "video")) < 0.6
    assert_goes_on(run.written, gap_seconds=3)


def test_a_gap_may_be_left(outcomes: Outcomes) -> None:
    run = outcomes["leave"].result()
    assert run.report.status.jumps == run.report.status.frames_repeated == 0
    assert max(steps_of(run.written, "video")) == pytest.approx(2.5, abs=0.4)
    assert_goes_on(run.written, gap_seconds=3)


def test_nothing_grows_with_each_time_that_a_source_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two hundred times, as fast as it can."""
    monkeypatch.setattr("vsr.streaming.back_off._FIRST_SECONDS", 0.001)
    monkeypatch.setattr(source_module, "_SLICE_SECONDS", 0.001)
    clip = make(tmp_path / "clip.mkv", Clip(picture=Picture(frames=2), sounds=[Sound(seconds=0.08)]))
    token = StopToken()
    options = LiveOptions(pace=True, speed=1000, reconnect="on")
    source = source_module.LiveSource(str(clip), options, token, lambda text: None)
    source.keep(source.open().info.streams)
    source.start()
    seen: dict[int, tuple[int, int, int]] = {}
    items = source.items()
    for _ in items:
        if source.reconnects in (50, 200):
            gc.collect()
            resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            seen[source.reconnects] = resident, len(os.listdir("/proc/self/fd")), threading.active_count()
        if source.reconnects == 200:
            break
    items.close()
    (before, files, threads), (after, files_after, threads_after) = seen[50], seen[200]
    assert (files_after, threads_after) == (files, threads)
    assert after - before < 8 << 20
