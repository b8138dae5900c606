"""Runs of tests: a hang is a failure."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import vsr
from tests.make_media import Clip, Picture, Sound, make
from vsr.pipeline.report import Report

LIMIT_SECONDS = 30.0
WIDTH, HEIGHT, FRAMES = 70, 46, 10


def within_limit(body: Callable[[], Report]) -> Report:
    """Run in a thread of its own: a hang fails the test instead of blocking all of them."""
    outcome: list[Report | BaseException] = []

    def run() -> None:
        try:
            outcome.append(body())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(LIMIT_SECONDS)
    assert not thread.is_alive(), "the run hangs"
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def upscale(source: Path, result: Path | str, **options: Any) -> Report:
    """`vsr.upscale`, by lanczos3 in two threads unless said otherwise."""
    usual: dict[str, Any] = {"threads": 2, "model": "lanczos3"}
    return within_limit(lambda: vsr.upscale(source, result, **(usual | options)))


def y4m(path: Path) -> Path:
    """Write a film of whole numbers only, so that it is the same on every machine."""
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F25:1 Ip A1:1 C420mpeg2\n".encode())
        for number in range(FRAMES):
            file.write(b"FRAME\n")
            for plane, (w, h) in enumerate(
                [(WIDTH, HEIGHT), (WIDTH // 2, HEIGHT // 2), (WIDTH // 2, HEIGHT // 2)]
            ):
                y, x = np.mgrid[:h, :w]
                values = (x * x * 3 + y * 7 + x * y // 4 + number * 11 + plane * 40) % 220 + 16
                file.write(values.astype(np.uint8).tobytes())
    return path


def sounding_clip(path: Path, frames: int = 60) -> Path:
    picture = Picture(frames=frames, options={"g": "12"})
    return make(path, Clip(picture=picture, sounds=[Sound(seconds=frames / 25)]))
