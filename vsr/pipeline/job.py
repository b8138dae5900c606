"""One run of `vsr upscale`: plan, stages, finish, proof."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from vsr.color import ColorSpec, Primaries, Transfer
from vsr.errors import MediaError, OptionError
from vsr.frame import Frame, PixelFormat, pixel_format
from vsr.media.digests import StreamDigest
from vsr.media.encoders import spec_of
from vsr.media.facts import MediaFacts, attachment_facts, facts_by_demuxing
from vsr.media.images import as_path
from vsr.media.nvenc import SurfacePool
from vsr.media.passthrough import PICTURE_ONLY
from vsr.media.pixels import has_captions
from vsr.media.reader import CopiedPacket, Reader
from vsr.media.sidedata import HdrMetadata
from vsr.media.source import SourceInfo
from vsr.media.verify import Finding, compare, compare_picture
from vsr.media.writer import Writer
from vsr.options import MAX_THREADS, UpscaleOptions
from vsr.pipeline.messages import Messages
from vsr.pipeline.plan import QUEUE_BYTES, Plan, make_plan
from vsr.pipeline.stages import Statistics, StopToken, run_stages
from vsr.pipeline.watch import SourceWatch
from vsr.timing import format_seconds, parse_seconds
from vsr.upscaler import opened

_QUEUE_FRAMES = 8
_READABLE_AGAIN = frozenset({"yuv4mpegpipe"})
_SUMS = frozenset({"null", "md5", "framemd5"})
"""Sinks without any picture: nothing can be missing in them."""
_BARE = frozenset({"yuv4mpegpipe", "rawvideo"})
"""Containers that say nothing about colour."""
# What viewers assume anyway where there is no tag.
_PLAIN_TRANSFERS = (Transfer.BT709, Transfer.SMPTE170M, Transfer.SRGB, Transfer.BT2020_10, Transfer.BT2020_12)
_PLAIN_PRIMARIES = (Primaries.BT709, Primaries.SMPTE170M, Primaries.BT470BG)

Item = Frame | CopiedPacket


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run stands."""

    frames: int
    frames_total: int | None
    """None where the source does not say; an estimate from duration and rate otherwise."""
    seconds_done: float
    """Of the video."""
    seconds_total: float | None
    elapsed_seconds: float
    fps: float
    """Over the last moments."""
    queue_fill: float
    """0 to 1: near 1 the encoder is what everything waits for."""
    bytes_written: int
    phase: Literal["upscale", "verify"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuUse:
    """What a run did on a GPU."""

    device: str
    name: str
    redone_frames: int
    """Computed again in float32, because float16 did not hold them."""
    uploaded_bytes: int
    """Of pixels, from host memory; 0 where frames are decoded on the GPU."""
    downloaded_bytes: int
    """To host memory; a few for each frame where they are encoded on the GPU."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """How a run ended, and the proof."""

    plan: Plan
    findings: tuple[Finding, ...]
    """What was compared between source and result."""
    verified: bool
    """False for pipes and images, which cannot be read back."""
    stopped: bool
    statistics: Statistics
    result_bytes: int
    verify_seconds: float
    gpu: GpuUse | None = None
    """None where the CPU upscaled."""
    said: tuple[str, ...] = ()
    """What was told on the way: what waited for an engine to be built, and what changed when it was."""

    @property
    def lost(self) -> tuple[Finding, ...]:
        """What the result no longer has."""
        return tuple(f for f in self.findings if f.verdict == "lost")

    @property
    def notes(self) -> tuple[str, ...]:
        """Guesses and conversions of the plan, and what verification only remarks on."""
        return (*self.plan.notes, *(f"{f.subject}: {f.text}" for f in self.findings if f.verdict == "note"))

    @property
    def exit_code(self) -> int:
        """0 nothing lost, 3 something lost, 130 stopped by the user."""
        if self.stopped:
            return 130
        return 3 if self.lost else 0

    def lines(self) -> list[str]:
        """The end of a run as text: short when all is well."""
        frames, elapsed = self.statistics.frames_done, self.statistics.elapsed_seconds
        name = "standard output" if self.plan.target.name == "-" else self.plan.target.name
        state = "stopped" if self.stopped else "done"
        lines = [
            f"{state}: {frames} frames in {elapsed:.1f} s ({frames / max(elapsed, 1e-9):.1f} fps), "
            f"{name}, {self.result_bytes / 1e6:.1f} MB"
        ]
        if self.gpu is not None:
            up, down = self.gpu.uploaded_bytes / 1e6, self.gpu.downloaded_bytes / 1e6
            lines.append(f"{self.gpu.device}: {up:.1f} MB went up to it, {down:.1f} MB came down")
        if self.gpu is not None and self.gpu.redone_frames:
            lines.append(f"note: {self.gpu.redone_frames} frames exceeded float16 and were redone in float32")
        lines += [f"note: {text}" for text in self.said]
        lines += [f"note: {f.subject}: {f.text}" for f in self.findings if f.verdict == "note"]
        lines += [f"LOST: {f.subject}: {f.text}" for f in self.lost]
        kept = sum(f.verdict == "kept" for f in self.findings)
        if not self.verified:
            lines.append("not verified: pipes and images are not read back")
        elif not self.lost:
            lines.append(f"verified: nothing lost ({kept} things compared)")
        return lines

    def to_json(self) -> dict[str, Any]:
        """The report for programs."""
        return {
            "exit_code": self.exit_code,
            "stopped": self.stopped,
            "verified": self.verified,
            "frames": self.statistics.frames_done,
            "result_bytes": self.result_bytes,
            "verify_seconds": self.verify_seconds,
            "findings": [asdict(finding) for finding in self.findings],
            "statistics": asdict(self.statistics),
            "gpu": None if self.gpu is None else asdict(self.gpu),
            "said": list(self.said),
            "plan": self.plan.to_json(),
        }


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
    ) -> None:
        """`on_message` gets sentences for people, here and while it runs, on this thread."""
        options = options or UpscaleOptions()
        self._messages = Messages(on_message)
        source, result = as_path(source), as_path(result)
        gpu = opened(options.device)
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
            self.plan, self.upscaler = make_plan(
                self.reader.info,
                result,
                options,
                source_name=source,
                gpu=gpu,
                say=self._messages.say,
            )
            on_failure.callback(self.upscaler.close)
            self._moved_before = (
                (gpu.moved.uploaded_bytes, gpu.moved.downloaded_bytes) if gpu is not None else (0, 0)
            )
            self._span = _span(self.reader.info, start, duration)
            self._shift = _first_time(self.reader) if start else None
            self._until = self.reader.info.start_seconds + (start or 0) + duration if duration else None
            self.writer = self._open_writer()
            self._watch = SourceWatch(self.reader, self.plan)
            on_failure.pop_all()

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
        tracker = _Tracker(self.reader.info, self._span, writer, on_progress)

        def on_tick(statistics: Statistics) -> None:
            self._messages.pass_on()
            tracker.tick(statistics)

        try:
            statistics = self._run_stages(writer, on_tick, stop or StopToken())
        except BaseException as error:
            self.close()
            self._explain_remains(writer, error)
            raise
        self.close()
        self._messages.pass_on()
        return self._prove(writer, statistics, tracker)

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

        return run_stages(
            self._watch.items(),
            work,
            writer.write,
            workers=plan.workers,
            max_items=max(_QUEUE_FRAMES, plan.workers + 2),
            max_bytes=QUEUE_BYTES,
            size_of=size_of,
            needs_work=lambda item: isinstance(item, Frame),
            finish=writer.close,
            stop=stop,
            interrupt=self.reader.interrupt,
            on_tick=on_tick,
        )

    def _explain_remains(self, writer: Writer, error: BaseException) -> None:
        path = Path(self._result)
        if self._result == "-" or not path.is_file() or not writer.opened:
            return
        if not writer.frame_times:
            with contextlib.suppress(OSError):
                path.unlink()
            return
        seconds = format_seconds(float(writer.frame_times[-1] * writer.time_base))
        error.add_note(f"{self._result} is unfinished: it ends at about {seconds}")

    # -- proof

    def _prove(self, writer: Writer, statistics: Statistics, tracker: _Tracker) -> Report:
        plan = self.plan
        stopped = statistics.stopped or statistics.aborted
        watched = self._watch.findings(complete=not (stopped or self._trimmed))
        verified = self._can_read_back()
        begin = time.perf_counter()
        if verified:
            tracker.phase("verify")
            findings = self._compare(writer)
        else:
            findings = self._compare_unread(writer)
        size = Path(self._result).stat().st_size if verified else writer.bytes_written
        return Report(
            plan=plan,
            findings=watched + findings,
            verified=verified,
            stopped=stopped,
            statistics=statistics,
            result_bytes=size,
            verify_seconds=time.perf_counter() - begin,
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

    def _can_read_back(self) -> bool:
        target = self.plan.target
        if target.name == "-" or "://" in target.name or not Path(target.name).is_file():
            return False
        return target.container not in PICTURE_ONLY or target.container in _READABLE_AGAIN

    def _compare(self, writer: Writer) -> tuple[Finding, ...]:
        plan = self.plan
        try:
            found = facts_by_demuxing(plan.target.name)
        except MediaError as error:
            return (Finding("result", "lost", f"it cannot be read back: {error}"),)
        expected = self._expected(writer)
        if plan.target.container in PICTURE_ONLY:
            frames = tuple(f for f in compare(expected, found) if f.subject in ("frames", "frame times"))
            return frames + self._compare_unread(writer)
        reasons = {r.stream.index: r.reason for r in plan.routes if r.action == "leave"}
        return compare(expected, found, reasons)

    def _compare_unread(self, writer: Writer) -> tuple[Finding, ...]:
        """Compare the source with what was written by the plan, where reading back tells less or nothing."""
        plan = self.plan
        if plan.target.container in _SUMS:
            return ()
        findings = tuple(compare_picture(self._expected(writer), planned_result(plan)))
        if self._watch.captioned_frames and not spec_of(plan.encoding.encoder).keeps_captions:
            findings += (Finding("closed captions", "lost", f"{plan.encoding.encoder} cannot carry them"),)
        if plan.target.container not in PICTURE_ONLY:
            left = [r for r in plan.routes if r.action == "leave"]
            findings += tuple(Finding(r.stream.label, "lost", r.reason) for r in left)
        return findings

    def _expected(self, writer: Writer) -> MediaFacts:
        return replace(
            _expected(self.plan, writer),
            transparent_frames=self._watch.transparent_frames,
            captioned_frames=self._watch.captioned_frames,
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


class _Tracker:
    """Turns the stages' statistics into progress."""

    def __init__(
        self,
        info: SourceInfo,
        span: Fraction | None,
        writer: Writer,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._writer = writer
        self._on_progress = on_progress
        self._span = span
        rate = info.video.frame_rate
        self._frames_total = round(span * rate) if span and rate else info.video.num_frames_from_header
        self._recent: list[tuple[float, int]] = [(0.0, 0)]
        self._last = Statistics()

    def tick(self, statistics: Statistics) -> None:
        """Report, from the run's own thread."""
        self._last = statistics
        self._recent.append((statistics.elapsed_seconds, statistics.frames_done))
        del self._recent[:-20]
        self.phase("upscale")

    def phase(self, phase: Literal["upscale", "verify"]) -> None:
        """Report where the run stands now."""
        if self._on_progress is None:
            return
        (begin, first), (end, last) = self._recent[0], self._recent[-1]
        times = self._writer.frame_times
        done = float((times[-1] - times[0]) * self._writer.time_base) if times else 0.0
        self._on_progress(
            Progress(
                frames=self._last.frames_done,
                frames_total=self._frames_total,
                seconds_done=done,
                seconds_total=float(self._span) if self._span else None,
                elapsed_seconds=self._last.elapsed_seconds,
                fps=(last - first) / (end - begin) if end > begin else 0.0,
                queue_fill=self._last.queue_fill,
                bytes_written=self._writer.bytes_written,
                phase=phase,
            )
        )


def _first_time(reader: Reader) -> Fraction:
    first = reader.first_frame
    return first.pts * first.time_base


def _span(info: SourceInfo, start: Fraction | None, duration: Fraction | None) -> Fraction | None:
    if info.duration_seconds is None:
        return duration
    rest = max(Fraction(0), info.duration_seconds - (start or 0))
    return min(rest, duration) if duration is not None else rest


def _expected(plan: Plan, writer: Writer) -> MediaFacts:
    digests = dict(writer.digests)
    for route in plan.routes:
        if route.action in ("leave", "remade") and route.stream.kind not in ("attachment", "cover"):
            digests[route.stream.index] = StreamDigest(
                codec=route.stream.codec, time_base=route.stream.time_base
            )
    info = replace(plan.source, chapters=writer.chapters)
    files, covers = attachment_facts(info.streams)
    return MediaFacts(
        info=info,
        frame_times=writer.frame_times,
        time_base=writer.time_base,
        digests=digests,
        attachments=files,
        covers=covers,
    )


def planned_result(plan: Plan) -> SourceInfo:
    """Return what the plan says is written, as reading it back would tell."""
    source, picture_only = plan.source.video, plan.target.container in PICTURE_ONLY
    video = replace(
        source,
        width=plan.output.width,
        height=plan.output.height,
        format=_coded_format(plan),
        color=_shown_color(plan) if picture_only else plan.tags,
        codec=plan.encoding.encoder,
        sample_aspect_ratio=plan.sample_aspect_ratio,
        display_matrix=None if picture_only else source.display_matrix,
        hdr=_written_hdr(plan),
        other_side_data=frozenset(),
    )
    return replace(plan.source, container=plan.target.container, video=video)


def _coded_format(plan: Plan) -> PixelFormat:
    """Return the format that is coded: WebP takes RGB and makes 4:2:0 of it, unless it is lossless."""
    encoding = plan.encoding
    if encoding.encoder != "libwebp" or encoding.options.get("lossless", "0") != "0":
        return encoding.format
    return pixel_format("yuva420p" if encoding.format.alpha else "yuv420p")


def _shown_color(plan: Plan) -> ColorSpec:
    """Matrix and range of a picture alone are those of its kind: its samples were converted to them."""
    tags, wanted = plan.tags, plan.picture.color
    if plan.target.container in _BARE:
        tags = replace(tags, transfer=Transfer.UNSPECIFIED, primaries=Primaries.UNSPECIFIED)
    transfer, primaries = tags.transfer, tags.primaries
    if transfer is Transfer.UNSPECIFIED and wanted.transfer in _PLAIN_TRANSFERS:
        transfer = wanted.transfer
    if primaries is Primaries.UNSPECIFIED and wanted.primaries in _PLAIN_PRIMARIES:
        primaries = wanted.primaries
    return replace(wanted, transfer=transfer, primaries=primaries)


def _written_hdr(plan: Plan) -> HdrMetadata:
    """Return the HDR metadata that the encoder was told of."""
    told = ":".join(plan.encoding.options.values())
    hdr = plan.source.video.hdr
    return HdrMetadata(
        mastering=hdr.mastering if "master-display=" in told or "mastering-display=" in told else None,
        light=hdr.light if "cll=" in told or "content-light=" in told else None,
    )
