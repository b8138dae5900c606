"""One run of `vsr upscale`: plan, stages, finish, proof."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

from vsr.errors import OptionError
from vsr.frame import Frame
from vsr.media.images import as_path
from vsr.media.nvenc import SurfacePool
from vsr.media.pixels import has_captions
from vsr.media.reader import CopiedPacket, Reader
from vsr.media.source import SourceInfo
from vsr.media.writer import Writer
from vsr.options import MAX_THREADS, UpscaleOptions
from vsr.pipeline.core_times import Stage
from vsr.pipeline.messages import Messages
from vsr.pipeline.plan import QUEUE_BYTES, make_plan
from vsr.pipeline.progress import Progress, Tracker
from vsr.pipeline.proof import can_read_back, compare_result, compare_unread, what_remains
from vsr.pipeline.report import GpuUse, Report
from vsr.pipeline.stages import Statistics, StopToken, run_stages
from vsr.pipeline.trace import Recorder
from vsr.pipeline.watch import SourceWatch
from vsr.timing import parse_seconds
from vsr.upscaler import opened

_QUEUE_FRAMES = 8

Item = Frame | CopiedPacket


class Job:
    """A source, a result and options, checked and planned; `run` does it once.

    Raises OptionError or MediaError from the constructor, before anything is written.
    Thread-safety: one thread.
    """

    def __init__(
        self,
        source: str,
        result: str,
        options: UpscaleOptions | None = None,
        *,
        on_message: Callable[[str], None] = lambda text: None,
        recorder: Recorder | None = None,
    ) -> None:
        """`on_message` gets sentences for people, here and while it runs, on this thread.

        `recorder` sees the run of the stages; make it just before.
        """
        options = options or UpscaleOptions()
        self._recorder = recorder
        self._messages = Messages(on_message)
        source, result = as_path(source), as_path(result)
        gpu = opened(options.device)
        self._opened("work")  # a GPU's threads
        self._gpu_notes_told = 0 if gpu is None else len(gpu.notes)
        if not 0 <= options.threads <= MAX_THREADS:
            raise OptionError(f"--threads {options.threads}: give 0 for one a core, or up to {MAX_THREADS}")
        start = parse_seconds(options.start, "--start") if options.start else None
        duration = parse_seconds(options.duration, "--duration") if options.duration else None
        if duration == 0:
            raise OptionError("--duration 0 leaves nothing to do")
        self._result = result
        self._trimmed = start is not None or duration is not None
        self.reader = Reader(
            source,
            deinterlace=options.deinterlace,
            start_seconds=start,
            duration_seconds=duration,
            decoder=options.decoder,
            gpu=gpu,
        )
        with contextlib.ExitStack() as on_failure:
            on_failure.callback(self.reader.close)
            self._opened("read")
            self.plan, self.upscaler = make_plan(
                self.reader.info,
                result,
                options,
                source_name=source,
                gpu=gpu,
                say=self._messages.say,
            )
            on_failure.callback(self.upscaler.close)
            self._opened("work")
            self._moved_before = (
                (gpu.moved.uploaded_bytes, gpu.moved.downloaded_bytes) if gpu is not None else (0, 0)
            )
            self._span = _span(self.reader.info, start, duration)
            self._shift = _first_time(self.reader) if start else None
            self._until = self.reader.info.start_seconds + (start or 0) + duration if duration else None
            self.writer = self._open_writer()
            self._opened("write")
            self._watch = SourceWatch(self.reader, self.plan)
            on_failure.pop_all()

    def _opened(self, stage: Stage) -> None:
        if self._recorder is not None:
            self._recorder.opened(stage)

    def _open_writer(self) -> Writer:
        plan = self.plan
        writer = Writer(
            plan.target,
            plan.source,
            plan.output,
            plan.encoding,
            plan.routes,
            sample_aspect_ratio=plan.sample_aspect_ratio,
            tags=plan.tags,
            pool=self._surfaces(),
        )
        writer.set_span(self._shift, self._until)
        return writer

    def _surfaces(self) -> SurfacePool | None:
        """Return frames in the GPU's memory where the encoder takes them there."""
        gpu, out, encoding = self.upscaler.gpu, self.plan.output, self.plan.encoding
        if gpu is None or not encoding.on_gpu:
            return None
        return SurfacePool(gpu, out.width, out.height, encoding.encoder_format, out.color)

    def run(
        self, *, on_progress: Callable[[Progress], None] | None = None, stop: StopToken | None = None
    ) -> Report:
        """Do it. `on_progress` is called on this thread several times a second.

        Raises MediaError where source or result fail in mid-run; what was written so far stays.
        """
        writer = self.writer
        tracker = Tracker(self.reader.info, self._span, writer, on_progress)

        def on_tick(statistics: Statistics) -> None:
            self._pass_on()
            tracker.tick(statistics)

        try:
            statistics = self._run_stages(writer, on_tick, stop or StopToken())
        except BaseException as error:
            self.close()
            self._explain_remains(writer, error)
            raise
        self.close()
        self._pass_on()
        return self._prove(writer, statistics, tracker)

    def _pass_on(self) -> None:
        """Tell what threads and the GPU had to say since the last time."""
        if self.upscaler.gpu is not None:
            for text in self.upscaler.gpu.notes[self._gpu_notes_told :]:
                self._gpu_notes_told += 1
                self._messages.say(text)
        self._messages.pass_on()

    def _run_stages(
        self, writer: Writer, on_tick: Callable[[Statistics], None], stop: StopToken
    ) -> Statistics:
        plan = self.plan

        def work(item: Item) -> Item:
            assert isinstance(item, Frame)
            captioned = self.reader.captions_seen and has_captions(item)
            return self.upscaler(item, into=writer.pool.take(item if captioned else None))

        def size_of(item: Item) -> int:
            return plan.in_flight_bytes if isinstance(item, Frame) else int(item.packet.size)

        def finish() -> None:
            if self._recorder is None:
                writer.close()
            else:
                with self._recorder.cores.ending("write"):
                    writer.flush()
                writer.close()

        return run_stages(
            self._watch.items(),
            work,
            writer.write,
            workers=plan.workers,
            max_items=max(_QUEUE_FRAMES, plan.workers + 2),
            max_bytes=QUEUE_BYTES,
            size_of=size_of,
            needs_work=lambda item: isinstance(item, Frame),
            finish=finish,
            stop=stop,
            interrupt=self.reader.interrupt,
            on_tick=on_tick,
            recorder=self._recorder,
        )

    def _explain_remains(self, writer: Writer, error: BaseException) -> None:
        path = Path(self._result)
        if self._result == "-" or not path.is_file() or not writer.opened:
            return
        if not writer.frame_times:
            with contextlib.suppress(OSError):
                path.unlink()
            return
        error.add_note(what_remains(self.plan.target))

    # -- proof

    def _prove(self, writer: Writer, statistics: Statistics, tracker: Tracker) -> Report:
        plan = self.plan
        stopped = statistics.stopped or statistics.aborted
        watched = self._watch.findings(complete=not (stopped or self._trimmed))
        verified = can_read_back(plan)
        begin = time.perf_counter()
        if verified:
            tracker.phase("verify")
            findings = compare_result(plan, writer, self._watch)
        else:
            findings = compare_unread(plan, writer, self._watch)
        size = Path(self._result).stat().st_size if verified else writer.bytes_written
        return Report(
            plan=plan,
            findings=watched + findings,
            verified=verified,
            stopped=stopped,
            statistics=statistics,
            result_bytes=size,
            verify_seconds=time.perf_counter() - begin,
            copied_bytes=self.reader.copied_bytes + writer.copied_bytes,
            gpu=self._gpu_use(),
            said=tuple(self._messages.told),
        )

    def _gpu_use(self) -> GpuUse | None:
        gpu = self.upscaler.gpu
        if gpu is None:
            return None
        return GpuUse(
            device=gpu.device,
            name=gpu.name,
            redone_frames=self.upscaler.redone_frames,
            uploaded_bytes=gpu.moved.uploaded_bytes - self._moved_before[0],
            downloaded_bytes=gpu.moved.downloaded_bytes - self._moved_before[1],
        )

    def close(self) -> None:
        """Close source and result. Idempotent."""
        self.writer.abandon()
        self.reader.close()
        self.upscaler.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _first_time(reader: Reader) -> Fraction:
    first = reader.first_frame
    return first.pts * first.time_base


def _span(info: SourceInfo, start: Fraction | None, duration: Fraction | None) -> Fraction | None:
    if info.duration_seconds is None:
        return duration
    rest = max(Fraction(0), info.duration_seconds - (start or 0))
    return min(rest, duration) if duration is not None else rest
