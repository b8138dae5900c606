"""Frames of a source that happens now, upscaled, for one's own code."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

from vsr.errors import OptionError
from vsr.frame import Frame
from vsr.live.queue import ItemQueue
from vsr.live.source import LiveSource
from vsr.models import AUTO
from vsr.options import LiveOptions
from vsr.pipeline.stages import StopToken
from vsr.registry import nearest
from vsr.upscaler import Upscaler

_SLICE_SECONDS = 0.1
_HEEDED = (
    "scale",
    "device",
    "engine",
    "precision",
    "threads",
    "deinterlace",
    "input_format",
    "pace",
    "speed",
    "latency",
    "drop",
    "timeout",
    "reconnect",
    "give_up",
)
"""Those of LiveOptions that mean something where nothing is encoded."""


async def live_frames(source: str, *, model: str = AUTO, **options: Any) -> AsyncIterator[Frame]:
    """Yield the frames of a source that happens now, upscaled, with times from about 0 on.

        async for frame in vsr.live_frames("rtmp://host/live/key", model="cnn-m-photo"): ...

    options     the fields of LiveOptions that are about reading and upscaling: pace, latency, drop, ...

    Frames that are not taken in time are dropped, by `drop`. Leaving the loop closes the source, within its
    time limit. Raises OptionError for what cannot be done, MediaError where the source cannot be opened.
    """
    for name in options:
        if name not in _HEEDED:
            raise OptionError(
                f"unknown option {name!r}; available: {', '.join(_HEEDED)}.{nearest(name, list(_HEEDED))}"
            )
    feed = await asyncio.to_thread(_Feed, source, model, LiveOptions(**options))
    try:
        while (frame := await asyncio.to_thread(feed.take)) is not None:
            yield frame
    finally:
        await asyncio.to_thread(feed.close)


class _Feed:
    """A source, read on a thread of its own, and its upscaler. Thread-safety: one thread at a time."""

    def __init__(self, name: str, model: str, options: LiveOptions) -> None:
        self._token = StopToken()
        self._source = LiveSource(name, options, self._token, lambda text: None)
        reader = self._source.open()
        try:
            self._upscaler = Upscaler(
                model,
                source=reader.video,
                scale=options.scale,
                threads=options.threads or 1,
                engine=options.engine,
                precision=options.precision,
                device=options.device,
            )
        except BaseException:
            self._source.close()
            raise
        rate = reader.video.frame_rate or 25
        drop = options.drop if options.drop != "auto" else "none" if self._source.waits else "newest"
        self._waiting: ItemQueue[Frame] = ItemQueue(max(2, round(options.latency / 1000 * rate)), drop)
        self._error: BaseException | None = None
        self._source.start()
        self._thread = threading.Thread(target=self._read, name="vsr-live-read", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for item in self._source.items():
                if isinstance(item, Frame) and not self._waiting.put(item, is_frame=True):
                    break
        except BaseException as error:
            self._error = error
        self._waiting.end()

    def take(self) -> Frame | None:
        """Return the next frame upscaled; None at the end."""
        while not self._waiting.done:
            frame = self._waiting.take(_SLICE_SECONDS)
            if frame is not None:
                return self._upscaler(frame)
        if self._error is not None:
            raise self._error
        return None

    def close(self) -> None:
        """End reading, and close all. Idempotent."""
        self._token.request()
        self._waiting.close()
        self._thread.join()
        self._source.close()
        self._upscaler.close()
