"""One run of `vsr live`: source, queue, upscalers, encoder and receivers, each on threads of their own."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from vsr.errors import MediaError
from vsr.frame import Frame
from vsr.media.live_encoder import Repeat
from vsr.media.source import VideoInfo
from vsr.options import LiveOptions
from vsr.pipeline.messages import Messages
from vsr.pipeline.stages import StopToken
from vsr.streaming.controls import Controls
from vsr.streaming.ends import EncodedEnd, End, Item, RawEnd
from vsr.streaming.ladder import Ladder
from vsr.streaming.latency import LatencyHistogram
from vsr.streaming.places import place_of
from vsr.streaming.planning import LivePlan, check, plan_live
from vsr.streaming.preview.access import parse_address
from vsr.streaming.preview.server import Preview
from vsr.streaming.queue import ItemQueue, capacity_for
from vsr.streaming.rates import Rate
from vsr.streaming.report import LiveReport
from vsr.streaming.source import LiveSource
from vsr.streaming.status import LiveStatus
from vsr.streaming.tokens import token_of
from vsr.timing import parse_seconds

_TICK_SECONDS = 0.25
_SLICE_SECONDS = 0.1
_UPSCALED_FRAMES = 2
"""That may wait for the encoder: one that is being written, and the next."""
_STALLED_SECONDS = 1.0
_MESSAGES_KEPT = 200


class LiveRun:
    """A source, receivers and options, opened and planned; `run` does it once.

    Raises OptionError or MediaError from the constructor, before anything is written.
    Thread-safety: one thread; `status` and `controls` may be used by any.
    """

    def __init__(
        self,
        source: str,
        outputs: Sequence[str],
        options: LiveOptions | None = None,
        *,
        on_message: Callable[[str], None] = lambda text: None,
    ) -> None:
        """`on_message` gets sentences for people, here and while it runs, on this thread."""
        options = options or LiveOptions()
        self._options = options
        self._messages = Messages(on_message)
        self._token = StopToken()
        self._duration = parse_seconds(options.duration, "--duration") if options.duration else None
        whip_token = token_of(options.whip_token, "--whip-token")
        places = [place_of(name, options.format, whip_token=whip_token) for name in outputs]
        check(places, options)
        self.source = LiveSource(source, options, self._token, self._messages.say)
        with contextlib.ExitStack() as on_failure:
            reader = self.source.open()
            on_failure.callback(self._stop_reading)
            self._prepare(reader.video)
            if self.source.is_live:
                self._reading.start()
            self.plan: LivePlan = plan_live(
                reader.info, source, places, options, waits=self.source.waits, say=self._messages.say
            )
            steps = self.plan.steps
            on_failure.callback(steps.close)
            self.source.keep(self.plan.copied, self.plan.sound.only_decoded)
            self.controls = Controls(steps.models, can_record=options.record is not None)
            self._ladder = Ladder(steps.costs)
            self.preview = self._opened_preview(options, on_message)
            on_failure.pop_all()
        self._places = places

    def _prepare(self, video: VideoInfo) -> None:
        """Make what the reading thread needs, which begins before there is a plan."""
        options = self._options
        self._waiting: ItemQueue[Item] = ItemQueue(2, self.source.drop, options.latency / 1000)
        self._upscaled: ItemQueue[Item] = ItemQueue(_UPSCALED_FRAMES, "none")
        self._latency = LatencyHistogram()
        self._frames_in = self._frames_out = self._frames_repeated = self._frames_paused = 0
        self._rate_in, self._rate_out = Rate(), Rate()
        self._source_size = (video.width, video.height)
        self._began = time.monotonic()
        self._error: BaseException | None = None
        self._error_lock = threading.Lock()
        self._stopped = self._finished = False
        self._end: End | None = None
        self._reading = threading.Thread(
            target=self._guarded, args=(self._read,), name="vsr-live-read", daemon=True
        )

    def _opened_preview(self, options: LiveOptions, tell: Callable[[str], None]) -> Preview | None:
        if options.preview is None:
            return None
        address = parse_address(options.preview)
        given = token_of(options.preview_token, "--preview-token")
        preview = Preview(address, given, self.status, self.controls)
        url = preview.url if given is None else f"{preview.url.partition('?')[0]}?token=..."
        tell(f"preview at {url}")  # not what the report keeps: a new token is in it
        return preview

    def _stop_reading(self) -> None:
        self._token.request()
        self._waiting.close()
        if self._reading.ident is not None:
            self._reading.join()
        self.source.close()

    # -- running

    def run(
        self, *, on_status: Callable[[LiveStatus], None] | None = None, stop: StopToken | None = None
    ) -> LiveReport:
        """Do it. `on_status` is called on this thread several times a second.

        Raises MediaError where the source cannot be read or no receiver is left.
        """
        stop = stop or StopToken()
        self._began = time.monotonic()
        self._end = self._open_end()
        threads = [
            threading.Thread(target=self._guarded, args=(body,), name=name, daemon=True)
            for name, body in (
                ("vsr-live-write", self._write),
                ("vsr-live-work", self._work),
            )
        ]
        self.source.start()
        for thread in threads:
            thread.start()
        if not self.source.is_live:
            self._reading.start()
        threads.append(self._reading)
        try:
            self._wait(threads, stop, on_status)
        finally:
            self._give_up()
            for thread in threads:
                thread.join()
            self._messages.pass_on()
            self.close()
        if self._error is not None:
            raise self._error
        said = tuple(self._messages.told)
        status = replace(self.status(), state="ended")
        return LiveReport(
            status=status,
            stopped=self._stopped,
            sound=self.plan.sound.lines,
            not_kept=self.plan.lost,
            lost_sound=0 if self._end is None else self._end.lost_sound,
            said=said,
        )

    def _open_end(self) -> End:
        plan = self.plan
        if self._places[0].is_raw:
            return RawEnd(plan.plan, self._options, self._token)
        return EncodedEnd(
            plan.plan,
            self._places,
            plan.copied,
            plan.sound,
            self._options,
            waits=self.source.waits,
            stopped=lambda: self._token.requested,
            say=self._messages.say,
        )

    def _wait(
        self,
        threads: Sequence[threading.Thread],
        stop: StopToken,
        on_status: Callable[[LiveStatus], None] | None,
    ) -> None:
        """Return when all threads have ended. Sleeps in slices, so that signal handlers run."""
        while alive := [thread for thread in threads if thread.is_alive()]:
            alive[0].join(_TICK_SECONDS)
            self._messages.pass_on()
            del self._messages.told[:-_MESSAGES_KEPT]  # it runs for days
            if on_status is not None:
                on_status(self.status())
            if stop.requested and not self._token.requested:
                self._stopped = True
                self._token.request()
            if stop.aborted:
                self._give_up()
            if self._duration is not None and time.monotonic() - self._began >= self._duration:
                self._token.request()

    def _give_up(self) -> None:
        """End what still runs. Idempotent."""
        self._token.request()
        self._waiting.close()
        self._upscaled.close()
        if self._end is not None and not self._finished:
            self._end.abort()

    def _guarded(self, body: Callable[[], None]) -> None:
        """Run the body of a thread. An error ends the run, but what came before it goes out."""
        try:
            body()
        except BaseException as error:
            with self._error_lock:
                self._error = self._error or error
            self._token.request()

    # -- the threads

    def _read(self) -> None:
        with contextlib.ExitStack() as at_end:
            at_end.callback(self._waiting.end)
            for item in at_end.enter_context(contextlib.closing(self.source.items())):
                if isinstance(item, Frame):
                    self._frames_in += 1
                    self._rate_in.count(time.monotonic())
                    self._source_size = (item.width, item.height)
                    self._waiting.capacity = capacity_for(
                        self._options.latency / 1000, self.source.frame_seconds, item.nbytes
                    )
                    if self.controls.paused:
                        self._frames_paused += 1
                        continue
                elif self._end is not None:
                    self._end.hear(item)
                if not self._waiting.put(item, is_frame=_is_frame(item)):
                    break

    def _work(self) -> None:
        assert self._end is not None
        with contextlib.ExitStack() as at_end:
            at_end.callback(self._upscaled.end)
            at_end.callback(self._waiting.close)
            while not self._waiting.done:
                item = self._waiting.take(min(_SLICE_SECONDS, self.source.frame_seconds / 2))
                if item is None and not self.controls.paused:
                    item = self.source.stand_in()
                elif isinstance(item, Frame):
                    item = self._enlarged(item, self._end)
                if item is not None and not self._upscaled.put(item, is_frame=_is_frame(item)):
                    break

    def _enlarged(self, frame: Frame, end: End) -> Frame:
        chosen = self.controls.step
        if chosen is not None and chosen != self._ladder.step:
            self._ladder.begin(chosen)
        before, usual = self._ladder.step, self._ladder.mean_seconds
        begin = time.monotonic()
        result = self.plan.steps(frame, self._ladder.step, end.pool.take())
        now = time.monotonic()
        if chosen is None and len(self.plan.steps.models) > 1:
            fill = self._waiting.frames / self._waiting.capacity
            interval = self.source.frame_seconds
            after = self._ladder.observe(now - begin, interval, fill, now)
            if after != before:
                models, took = self.plan.steps.models, now - begin if usual is None else usual
                self._messages.say(
                    f"{models[before]} -> {models[after]}: it took {took * 1000:.1f} ms a frame, "
                    f"one comes each {interval * 1000:.1f} ms"
                )
        if self.preview is not None:
            self.preview.show(frame, result)
        return result

    def _write(self) -> None:
        assert self._end is not None
        try:
            self._pass_on(self._end)
        except BaseException:
            self._upscaled.close()
            with contextlib.suppress(MediaError):  # the first error is the one to tell
                self._end.finish(self._count_out)
            raise
        self._end.finish(self._count_out)
        self._finished = True

    def _pass_on(self, end: End) -> None:
        while not self._upscaled.done:
            item = self._upscaled.take(_SLICE_SECONDS)
            if end.recording is not None and not end.recording.follow(self.controls.recording):
                self.controls.record(False)
            if item is None:
                continue
            for arrival in end.write(item):
                self._count_out(arrival)

    def _count_out(self, arrival: float) -> None:
        """Count a frame that is through; `arrival` is 0 for one that was repeated."""
        now = time.monotonic()
        if arrival:
            self._latency.add(now - arrival, now)
        self._frames_out += 1
        self._frames_repeated += not arrival
        self._rate_out.count(now)

    # -- what it shows

    def status(self) -> LiveStatus:
        """Return how it is doing now."""
        now, late = time.monotonic(), self.source.frames_late
        state = self.source.state
        if state == "running" and self.controls.paused:
            state = "paused"
        elif state == "running" and now - self.source.last_arrival > _STALLED_SECONDS:
            state = "stalled"
        elif state == "ended":
            state = "finishing"
        output = self.plan.steps.output
        return LiveStatus(
            state=state,
            source=self.source.shown,
            source_size=self._source_size,
            output_size=(output.width, output.height),
            fps_in=self._rate_in.read(now),
            fps_out=self._rate_out.read(now),
            frames_in=self._frames_in + late,
            frames_out=self._frames_out,
            frames_dropped=self._waiting.dropped + late,
            frames_late=late,
            frames_paused=self._frames_paused,
            frames_repeated=self._frames_repeated,
            latency=self._latency.read(now),
            queue_frames=self._waiting.frames,
            queue_capacity=self._waiting.capacity,
            ladder=self.plan.steps.models,
            step=self._ladder.step,
            steps_down=self._ladder.steps_down,
            steps_up=self._ladder.steps_up,
            chosen=self.controls.step is not None,
            reconnects=self.source.reconnects,
            jumps=self.source.jumps,
            outputs=() if self._end is None else self._end.statuses,
            recording=self._end.recording.name if self._end is not None and self._end.recording else None,
            uptime_seconds=now - self._began,
            rss_bytes=_rss_bytes(),
        )

    def close(self) -> None:
        """Close source, upscalers and preview. Idempotent."""
        self._stop_reading()
        if self.preview is not None:
            self.preview.close()
        self.plan.steps.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _is_frame(item: Item) -> bool:
    return isinstance(item, Frame | Repeat)


def _rss_bytes() -> int:
    """Return how much of the process's memory lies in RAM; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
