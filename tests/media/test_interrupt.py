"""Ending what FFmpeg waits for."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import av
import pytest

from vsr.media.interrupt import interrupted_when

SOON_SECONDS = 1.0
"""A tenth of it on a machine that has nothing else to do."""


@contextlib.contextmanager
def silence(kind: str) -> Iterator[int]:
    """Yield the port of somebody who says nothing."""
    with socket.socket(type=socket.SOCK_STREAM if kind != "udp" else socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        if kind != "udp":
            server.listen(4)
            yield int(server.getsockname()[1])
            return
        port = int(server.getsockname()[1])
    yield port


@pytest.mark.parametrize("kind", ["tcp", "udp", "rtmp", "rtsp", "http"])
def test_opening_ends_when_it_is_told_to(kind: str) -> None:
    stop, ended_at = threading.Event(), 0.0

    def opened() -> None:
        nonlocal ended_at
        with interrupted_when(stop.is_set), contextlib.suppress(av.error.FFmpegError):
            av.open(f"{kind}://127.0.0.1:{port}/live/key", "r", timeout=(10, 10))
        ended_at = time.monotonic()

    with silence(kind) as port:
        thread = threading.Thread(target=opened)
        thread.start()
        time.sleep(0.3)
        assert thread.is_alive()
        stop.set()
        told_at = time.monotonic()
        thread.join(15)
    assert ended_at - told_at < SOON_SECONDS


def test_what_begins_after_that_ends_too() -> None:
    ended = threading.Event()

    def opened() -> None:
        with interrupted_when(lambda: True), contextlib.suppress(av.error.FFmpegError):
            av.open(f"tcp://127.0.0.1:{port}", "r", timeout=(10, 10))
        ended.set()

    with silence("tcp") as port:
        threading.Thread(target=opened).start()
        assert ended.wait(SOON_SECONDS)


def test_blocks_lie_in_each_other() -> None:
    """Each ends what is inside it; and the outer one holds on after the inner one."""
    took: list[float] = []

    def opened(*, outer: bool, inner: bool) -> None:
        with interrupted_when(lambda: outer):
            with interrupted_when(lambda: inner):
                took.append(_seconds_to_open(port))
            took.append(_seconds_to_open(port))

    with silence("tcp") as port:
        for outer, inner in ((True, False), (False, True)):
            thread = threading.Thread(target=opened, kwargs={"outer": outer, "inner": inner})
            thread.start()
            thread.join(15)
    assert [seconds < 0.6 for seconds in took] == [True, True, True, False]


def _seconds_to_open(port: int) -> float:
    begin = time.monotonic()
    with pytest.raises(av.error.FFmpegError):
        av.open(f"tcp://127.0.0.1:{port}", "r", timeout=(0.8, 0.8))
    return time.monotonic() - begin


def test_other_threads_and_later_reads_keep_their_time_limit() -> None:
    with interrupted_when(lambda: True):
        pass
    with silence("tcp") as port:
        begin = time.monotonic()
        with pytest.raises(av.error.FFmpegError):
            av.open(f"tcp://127.0.0.1:{port}", "r", timeout=(0.5, 0.5))
    assert time.monotonic() - begin > 0.4
