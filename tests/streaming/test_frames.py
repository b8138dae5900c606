"""Frames of a live source, for one's own code."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import vsr
from tests.make_media import Clip, Picture, make
from vsr.errors import OptionError
from vsr.frame import Frame
from vsr.upscaler import Upscaler


@pytest.fixture
def clip(tmp_path: Path) -> str:
    return str(make(tmp_path / "clip.mkv", Clip(picture=Picture(frames=20, options={"bf": "0"}))))


def frames_of(source: str, most: int = 1000, **options: Any) -> list[tuple[int, int, float]]:
    async def collect() -> list[tuple[int, int, float]]:
        found = []
        frames = vsr.live(source, model="bilinear", **options)
        async for frame in frames:
            found.append((frame.width, frame.height, frame.pts_seconds))
            if len(found) == most:
                break
        await frames.aclose()
        return found

    return asyncio.run(collect())


def test_all_frames_of_a_source_that_waits(clip: str) -> None:
    found = frames_of(clip)
    assert len(found) == 20
    assert {size[:2] for size in found} == {(128, 96)}
    assert found[-1][2] - found[0][2] == pytest.approx(19 / 25, abs=0.002)


def test_leaving_early_ends_the_thread(clip: str) -> None:
    assert len(frames_of(clip, most=3, pace=True)) == 3
    assert "vsr-live-read" not in {thread.name for thread in threading.enumerate()}


def test_options_of_encoding_are_refused(clip: str) -> None:
    with pytest.raises(OptionError, match="unknown option 'crf'"):
        frames_of(clip, crf=20)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"latency": 0}, "--latency 0"),
        ({"speed": 0.0, "pace": True}, "--speed 0"),
        ({"speed": 2.0}, "without --pace"),
        ({"timeout": 0.0}, "--timeout 0"),
        ({"threads": -1}, "--threads -1"),
    ],
)
def test_options_are_checked_before_the_source_is_opened(options: dict[str, Any], text: str) -> None:
    with pytest.raises(OptionError, match=text):
        frames_of("not-there.mkv", **options)


def threads_of_a_feed() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("vsr-live")}


def until_they_end() -> None:
    end = time.monotonic() + 5
    while threads_of_a_feed():
        assert time.monotonic() < end, threads_of_a_feed()
        time.sleep(0.02)


def test_cancelling_while_the_source_is_opened_leaves_nothing_behind() -> None:
    """The server takes the connection and says nothing: opening ends with its time limit."""

    async def follow(url: str) -> None:
        async with asyncio.timeout(0.5):
            async for _ in vsr.live(url, model="bilinear", timeout=1.0):
                pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        begin = time.monotonic()
        with pytest.raises(TimeoutError):
            asyncio.run(follow(f"tcp://127.0.0.1:{server.getsockname()[1]}"))
        assert time.monotonic() - begin < 5
    until_they_end()


def test_cancelling_while_a_frame_is_at_work_closes_the_upscaler_after_it(
    clip: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    at_work = threading.Event()

    class Slow(Upscaler):
        def __call__(self, frame: Frame, into: Frame | None = None) -> Frame:
            at_work.set()
            time.sleep(0.3)
            order.append("frame")
            return super().__call__(frame, into)

        def close(self) -> None:
            order.append("close")
            super().close()

    monkeypatch.setattr("vsr.streaming.frames.Upscaler", Slow)

    async def follow() -> None:
        async with contextlib.aclosing(vsr.live(clip, model="bilinear")) as frames:
            task = asyncio.ensure_future(anext(frames))
            await asyncio.to_thread(at_work.wait)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(follow())
    until_they_end()
    assert order == ["frame", "close"]


def test_an_exception_in_the_loop_closes_the_source(clip: str) -> None:
    async def follow() -> None:
        async with contextlib.aclosing(vsr.live(clip, model="bilinear", pace=True)) as frames:
            async for _ in frames:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(follow())
    until_they_end()


def test_more_sources_than_the_event_loop_has_threads() -> None:
    """A source that says nothing holds up no other one, nor the end."""

    async def follow(url: str, count: int) -> None:
        silent = [vsr.live(url, model="bilinear", timeout=1.0) for _ in range(count)]
        tasks = [asyncio.ensure_future(anext(frames)) for frames in silent]
        await asyncio.sleep(0.3)
        assert await asyncio.wait_for(asyncio.to_thread(lambda: 7), 3) == 7
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        asyncio.run(follow(f"tcp://127.0.0.1:{server.getsockname()[1]}", 36))
    until_they_end()


def test_a_slow_loop_drops_frames_says_so_and_is_not_held_up(
    clip: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def follow(drop: str, tell: Callable[[float], None]) -> int:
        count = 0
        async for frame in vsr.live(clip, model="bilinear", pace=True, latency=80, drop=drop):
            tell(frame.pts_seconds)
            count += 1
            await asyncio.sleep(0.15)
        return count

    caplog.set_level(logging.INFO, "vsr.streaming")
    newest: list[float] = []
    oldest: list[float] = []
    assert asyncio.run(follow("newest", newest.append)) < 15
    assert asyncio.run(follow("oldest", oldest.append)) < 15
    assert sum("frames were dropped" in record.getMessage() for record in caplog.records) == 2
    assert newest == sorted(newest) and oldest == sorted(oldest)
    assert oldest[-1] - oldest[0] == pytest.approx(19 / 25, abs=0.002), "the last one is never dropped"
