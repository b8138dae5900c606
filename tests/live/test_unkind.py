"""When the world is unkind: real streams that stall, end, come back and change, and runs that fail."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from tests.live.senders import Live, Part, assert_sound, made, sending
from tests.make_media import Clip, Picture, make
from vsr.errors import DecodeError, EncodeError
from vsr.live.run import LiveRun
from vsr.live.steps import Steps
from vsr.media.live_encoder import LiveEncoder
from vsr.media.reader import Reader
from vsr.options import LiveOptions

SOON_SECONDS = 1.5
"""To end a run, its receivers' processes included, on two busy cores."""


def card(size: str = "64x48", rate: int = 25, seconds: float = 2.0) -> tuple[str, ...]:
    """FFmpeg's arguments for a picture with a tone."""
    return (
        *("-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}"),
        *("-f", "lavfi", "-i", f"sine=r=48000:d={seconds}", "-c:a", "aac"),
    )


H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "10", "-pix_fmt", "yuv420p")


@pytest.fixture(scope="module")
def broadcast(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Two seconds of H.264 and AAC in MPEG-TS."""
    return made(tmp_path_factory.mktemp("made") / "a.ts", *card(), *H264)


def test_a_stop_while_the_source_stalls_does_not_wait_for_it(broadcast: bytes, tmp_path: Path) -> None:
    with sending([Part(content=broadcast, seconds=2), Part(seconds=60)]) as sender:
        live = Live(sender.url, tmp_path / "out.mkv", options=LiveOptions(timeout=60))
        live.until(lambda s: s.state == "stalled")
        begin = time.monotonic()
        report = live.end()
        assert time.monotonic() - begin < SOON_SECONDS
    assert report.exit_code == 130
    assert_sound(tmp_path / "out.mkv")


def test_a_stop_while_the_source_is_opened_again_does_not_wait_for_it(
    broadcast: bytes, tmp_path: Path
) -> None:
    with sending([Part(content=broadcast, seconds=2)], [Part(seconds=60)]) as sender:
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
