"""Frames of a live source, for one's own code."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

import vsr
from tests.make_media import Clip, Picture, make
from vsr.errors import OptionError


@pytest.fixture
def clip(tmp_path: Path) -> str:
    return str(make(tmp_path / "clip.mkv", Clip(picture=Picture(frames=20, options={"bf": "0"}))))


def frames_of(source: str, most: int = 1000, **options: Any) -> list[tuple[int, int, float]]:
    async def collect() -> list[tuple[int, int, float]]:
        found = []
        frames = vsr.live_frames(source, model="bilinear", **options)
        async for frame in frames:
            found.append((frame.width, frame.height, frame.pts_seconds))
            if len(found) == most:
                break
        await frames.aclose()  # type: ignore[attr-defined]
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
