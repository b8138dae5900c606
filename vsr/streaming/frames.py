"""Frames of a source that happens now, upscaled, for one's own code."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from vsr.errors import OptionError
from vsr.frame import Frame
from vsr.models import AUTO
from vsr.options import LiveOptions
from vsr.pipeline.stages import StopToken
from vsr.registry import nearest
from vsr.streaming.places import place_of
from vsr.streaming.planning import check
from vsr.streaming.queue import ItemQueue, capacity_for
from vsr.streaming.source import LiveSource
from vsr.upscaler import Upscaler

_LOG = logging.getLogger(__name__)
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


async def live(source: str, *, model: str = AUTO, **options: Any) -> AsyncGenerator[Frame, None]:
    """Yield the frames of a source that happens now, upscaled, with times from about 0 on.

        async for frame in vsr.live("rtmp://host/live/key", model="cnn-m-photo"): ...

    options     the fields of LiveOptions that are about reading and upscaling: pace, latency, drop, ...

    Frames that are not taken in time are dropped, by `drop`; that, and a source that breaks off and comes
    back, is logged. Leaving the loop, an exception in it and the end of its task close the source, within its
    time limit; `contextlib.aclosing` makes that happen at once. The event loop is never held up, nor are its
    own threads used. Raises OptionError for what cannot be done, MediaError where the source cannot be
    opened.
    """
    feed = _Feed(source, model, _checked(options))
    worker = ThreadPoolExecutor(1, thread_name_prefix="vsr-live-work")
    do = functools.partial(asyncio.get_running_loop().run_in_executor, worker)
    try:
        await do(feed.open)
        while (frame := await do(feed.take)) is not None:
            yield frame
    finally:
        feed.stop()
        closing = do(feed.close)  # after whatever is under way there
        worker.shutdown(wait=False)
        await asyncio.shield(closing)


def _checked(options: dict[str, Any]) -> LiveOptions:
    for name in options:
        if name not in _HEEDED:
            raise OptionError(
                f"unknown option {name!r}; available: {', '.join(_HEEDED)}.{nearest(name, list(_HEEDED))}"
            )
    checked = LiveOptions(**options)
    check([place_of("-", None)], checked)  # what is for a pipe of frames
    return checked


class _Feed:
    """A source, read on a thread of its own, and its upscaler.

    Thread-safety: one thread at a time; `stop` is any thread's, and ends what that one waits for.
    """

    def __init__(self, name: str, model: str, options: LiveOptions) -> None:
        self._model, self._options = model, options
        self._token = StopToken()
        self._source = LiveSource(name, options, self._token, self._say)
        self._open = contextlib.ExitStack()
        self._error: BaseException | None = None

    def _say(self, text: str) -> None:
        _LOG.info("%s", text)

    def open(self) -> None:
        """Open the source, and prepare its upscaler."""
        options, source = self._options, self._source
        video = source.open().video
        self._open.callback(source.close)
        self._waiting: ItemQueue[Frame] = ItemQueue(2, source.drop, options.latency / 1000)
        self._thread = threading.Thread(target=self._read, name="vsr-live-read", daemon=True)
        self._open.callback(self._end_reading)
        if source.is_live:
            self._thread.start()  # what comes meanwhile is old by the time that it is wanted
        self._upscaler = Upscaler(
            self._model,
            source=video,
            scale=options.scale,
            threads=options.threads or 1,
            engine=options.engine,
            precision=options.precision,
            device=options.device,
        )
        self._open.callback(self._upscaler.close)
        source.start()
        if not source.is_live:
            self._thread.start()

    def _read(self) -> None:
        try:
            with contextlib.closing(self._source.items()) as items:
                for item in items:
                    if isinstance(item, Frame) and not self._put(item):
                        break
        except BaseException as error:
            self._error = error
        self._waiting.end()

    def _put(self, frame: Frame) -> bool:
        limit = self._options.latency / 1000
        self._waiting.capacity = capacity_for(limit, self._source.frame_seconds, frame.nbytes)
        return self._waiting.put(frame, is_frame=True)

    def take(self) -> Frame | None:
        """Return the next frame upscaled; None at the end."""
        while not (self._waiting.done or self._token.requested):
            frame = self._waiting.take(_SLICE_SECONDS)
            if frame is not None:
                return self._upscaler(frame)
        if self._error is not None:
            raise self._error
        return None

    def stop(self) -> None:
        """Ask for the end. Returns at once."""
        self._token.request()

    def close(self) -> None:
        """End reading, and close all that was opened. Idempotent."""
        self.stop()
        self._open.close()

    def _end_reading(self) -> None:
        self._waiting.close()
        if self._thread.ident is not None:
            self._thread.join()
        if self._waiting.dropped:
            self._say(f"{self._source.shown}: {self._waiting.dropped} frames were dropped")
