"""The servers of `bench.live` for tests: where they are not installed, the test is skipped."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.live import servers
from bench.live.servers import free_port, running

__all__ = ["free_port", "need_ffmpeg", "rtmp_server", "running"]


def need_ffmpeg() -> str:
    """Return FFmpeg's command, or skip the test."""
    with _skipping():
        return servers.ffmpeg()


@contextlib.contextmanager
def rtmp_server(folder: Path) -> Iterator[str]:
    """Run nginx with its RTMP module; yield the URL of its application. Skips where it is not installed."""
    with _skipping(), servers.rtmp_server(folder) as url:
        yield url


@contextlib.contextmanager
def _skipping() -> Iterator[None]:
    try:
        yield
    except servers.NotInstalledError as error:
        pytest.skip(str(error))
