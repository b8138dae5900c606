"""Reading a source: frames of its picture, packets of everything else, in the order of the file."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av

from vsr.device.cuda.gpu import Gpu
from vsr.errors import DecodeError, DeviceError, OptionError
from vsr.frame import Frame
from vsr.media import images, nvdec
from vsr.media._av import detailed, explain, reading
from vsr.media.arrival import Arrivals, LiveInput
from vsr.media.cut import Cut
from vsr.media.decoders import ANYWHERE, named_decoder
from vsr.media.describe import chapter_of, stream_info, time_base_of, video_info
from vsr.media.faults import ReadFaults
from vsr.media.packets import Packets
from vsr.media.picture_decoder import PictureDecoder, own_decoder
from vsr.media.source import Disposition, SourceInfo, StreamInfo, VideoInfo
from vsr.options import DeinterlaceMode

_SEEK_BACK_SECONDS = (0, 2, 10, 60)
_STATED_DURATION = ("mov,mp4", "matroska", "avi", "flv", "asf")


@dataclass(slots=True)
class CopiedPacket:
    """A packet of a stream that is not the picture, as read."""

    stream: StreamInfo
    packet: Any
    arrival: float = 0.0
    """When it arrived, by time.monotonic; of live sources only."""


class Reader:
    """A source opened for reading.

    Iterating yields the frames of its first picture stream; `items` yields frames and the packets of
    all other streams, interleaved as in the file. Only one pass is possible.

    Thread-safety: one thread at a time; it may be another one than opened it. Frames view memory that
    they keep alive themselves.
    """

    def __init__(
        self,
        source: str | Path,
        *,
        deinterlace: DeinterlaceMode = "auto",
        start_seconds: Fraction | None = None,
        duration_seconds: Fraction | None = None,
        threads: int = 0,
        decoder: str = "auto",
        gpu: Gpu | None = None,
        live: LiveInput | None = None,
    ) -> None:
        """Open `source` and decode its first frame.

        `threads` are the decoder's, 0 for one a core; each holds a frame or more. `decoder` is auto, cpu,
        nvdec or a name of FFmpeg's; auto is nvdec where `gpu` is given and its NVDEC can decode the source:
        frames then lie on that GPU, but for those that NVDEC refuses or that are deinterlaced.
        `live` is for a source that does not wait: frames and packets know when they arrived, each frame comes
        out of the decoder as soon as it can, and times are as they are, whether they go back or jump.
        Raises DecodeError, and OptionError for a decoder that is not there or not for this source.
        """
        if decoder == "nvdec" and gpu is None:
            raise OptionError("--decoder nvdec decodes on a GPU: add --device cuda, or use --decoder auto")
        self._gpu = gpu
        self._threads = threads
        self.name = "standard input" if str(source) == "-" else str(source)
        self._live = live
        self._arrivals = None if live is None else Arrivals(live.arrived)
        stopped = None if live is None else live.stopped
        self._standard_input = images.StandardInput(stopped) if str(source) == "-" else None
        self._start = start_seconds
        self._closed = False
        self._pending: deque[Frame | CopiedPacket] = deque()
        with reading(self.name), detailed():
            self._container = images.open_input(str(source), self._standard_input, live)
        keep = decoder not in ("auto", "cpu") or gpu is not None
        self._source = Packets(self._container, self.name, keep=keep)
        try:
            self._open(deinterlace, duration_seconds)
            self._choose_decoder(decoder)
        except BaseException:
            self._container.close()
            raise

    # -- opening

    def _open(self, deinterlace: DeinterlaceMode, duration: Fraction | None) -> None:
        self._stream = self._picture_stream()
        self._infos = {
            stream.index: stream_info(stream)
            for stream in self._container.streams
            # Discarded by the demuxer is the text track that MP4 keeps its chapters in.
            if stream is not self._stream and stream.discard != av.stream.Discard.all
        }
        origin = Fraction(self._container.start_time or 0, 1_000_000)
        self._cut = Cut(time_base_of(self._stream), origin, self._start, duration)
        self._picture = PictureDecoder(
            self._stream,
            own_decoder(self._stream, threads=self._threads, is_live=self._live is not None),
            self._source,
            self._cut,
            name=self.name,
            deinterlace=deinterlace,
            gpu=self._gpu,
            arrivals=self._arrivals,
        )
        self._begin()
        self.info = self._describe()
        self._picture.settle(self.info.video)

    def _picture_stream(self) -> Any:
        for stream in self._container.streams.video:
            if not stream.disposition & Disposition.ATTACHED_PIC:
                if stream.codec_context is None:
                    raise DecodeError(f"{self.name}: this FFmpeg lacks a decoder for its video stream")
                return stream
        if self._container.streams.video:
            raise DecodeError(f"{self.name}: no video stream, only a cover picture; nothing to upscale")
        kinds = sorted({s.type for s in self._container.streams})
        raise DecodeError(f"{self.name}: no video stream (it has: {', '.join(kinds) or 'nothing'})")

    @property
    def video(self) -> VideoInfo:
        """The picture."""
        return self.info.video

    @property
    def has_size(self) -> bool:
        """True where it is known how many bytes there are, as of a file; a stream goes on for ever."""
        return bool(self._container.size > 0)

    @property
    def captions_seen(self) -> bool:
        """True once a packet of the picture has carried closed captions."""
        return self._picture.captions_seen

    @property
    def copied_bytes(self) -> int:
        """Of samples unpacked to planes; none where the decoder gives planes."""
        return self._picture.copied_bytes

    @property
    def faults(self) -> ReadFaults:
        """What was wrong with the source so far."""
        return self._source.faults

    @property
    def is_decoded(self) -> bool:
        """True of a live source while its picture comes as what the decoder knows."""
        assert self._arrivals is not None
        return self._arrivals.is_decoded

    # -- another decoder than the container's

    def _choose_decoder(self, wanted: str) -> None:
        """Go on with the decoder that was asked for, or with NVDEC where that can."""
        gpu, problem = self._gpu, None
        if wanted not in (*ANYWHERE, self._picture.context.codec.name):
            problem = self._try(wanted, lambda: named_decoder(self._stream, wanted, self._threads))
        elif gpu is not None and wanted in ("auto", "nvdec"):
            problem = nvdec.problem(self.video, gpu)
            problem = problem or self._try("nvdec", lambda: nvdec.nvdec_decoder(self._stream, gpu))
        if problem and wanted != "auto":
            raise DecodeError(f"--decoder {wanted}: {self.name}: {problem}; use --decoder auto")
        if problem:
            note = f"decoded on the CPU, not by NVDEC: {problem}"
            self.info = replace(self.info, notes=(*self.info.notes, note))
        self._source.forget()

    def _try(self, name: str, make: Callable[[], Any]) -> str | None:
        """Begin again with another decoder. Where that does not do, go back, and return why."""
        if not self._source.can_repeat:
            return "its first frame comes too late to try it"
        before, video = self._picture.context, self.video
        try:
            self._picture.context = make()
        except DeviceError as error:
            return str(error)
        first = self._prime_again(on_trial=True)
        problem = self._misfit(name, first)
        if problem is None:
            before.flush_buffers()
            self.info = replace(self.info, video=replace(video, decoder=name))
            self._picture.settle(self.video)
        else:
            self._picture.context = before
            self._prime_again(on_trial=False)
        return problem

    def _prime_again(self, *, on_trial: bool) -> Frame | None:
        """Read up to the first frame once more, with the packets that were kept."""
        self._items.close()
        self.faults.forget_frames()
        return self.first_frame if self._prime(on_trial=on_trial) else None

    def _misfit(self, name: str, first: Frame | None) -> str | None:
        """Return why a decoder that gave this first frame does not do, or None."""
        video = self.video
        if first is None:
            return f"{name} gives no frame"
        if name == "nvdec" and first.device == "cpu":
            return "it refuses the stream"
        if (first.width, first.height, first.format) == (video.width, video.height, video.format):
            return None
        return (
            f"{name} gives {first.width}x{first.height} {first.format.name}, "
            f"{video.decoder} gives {video.width}x{video.height} {video.format.name}"
        )

    def _begin(self) -> None:
        """Read up to the first frame: only a frame tells what the decoder really gives.

        A container without an index, like MPEG-TS, seeks to a moment and not to a key frame; where
        decoding then begins after the start, the search begins again from further back.
        """
        found = self._search(self._start) if self._start else self._prime()
        if not found:
            if self._start:
                raise DecodeError(f"{self.name}: there is no frame from --start on; begin earlier")
            detail = f" ({self.faults.damage()[0]})" if self.faults.damage() else ""
            raise DecodeError(f"{self.name}: not one frame could be decoded{detail}")

    def _search(self, start: Fraction) -> bool:
        origin = Fraction(self._container.start_time or 0, 1_000_000)
        targets = [max(origin, origin + start - back) for back in _SEEK_BACK_SECONDS]
        found = False
        for target in dict.fromkeys([*targets, origin, origin - 10]):  # the last is what MPEG-TS needs
            try:
                self._seek(target)
            except av.error.FFmpegError as error:
                if target >= origin:
                    raise DecodeError(f"--start: {explain(error, self.name)}") from error
                break
            found = self._prime()
            decoded_from = self._picture.decoded_from
            if decoded_from is not None and decoded_from <= (self._cut.begin or 0):
                break
        return found

    def _seek(self, seconds: Fraction) -> None:
        self._container.seek(int(seconds * 1_000_000), backward=True)
        self._source.restart()

    def _prime(self, *, on_trial: bool = False) -> bool:
        self._picture.restart()
        self._items = self._demux(on_trial=on_trial)
        queued: deque[Frame | CopiedPacket] = deque()
        for item in self._items:
            queued.append(item)
            if isinstance(item, Frame):
                break
            if item.stream.kind == "cover":
                self._infos[item.stream.index] = replace(item.stream, data=bytes(item.packet))
        self._pending = queued
        return self._picture.first_raw is not None

    def _describe(self) -> SourceInfo:
        container = self._container
        raw = self._picture.first_raw
        assert raw is not None
        first = self.first_frame
        stated = container.format.name.startswith(_STATED_DURATION) and container.duration is not None
        duration = container.duration
        return SourceInfo(
            name=self.name,
            container=container.format.name,
            video=video_info(
                self._stream,
                raw,
                first,
                self._picture.side_data(raw),
                interlaced=self._picture.is_deinterlaced,
                captioned=self.captions_seen,
                decoder=self._picture.context.codec.name,
            ),
            streams=tuple(self._infos.values()),
            chapters=tuple(chapter_of(c) for c in container.chapters()),
            metadata=dict(container.metadata),
            start_seconds=Fraction(container.start_time or 0, 1_000_000),
            duration_seconds=Fraction(duration, 1_000_000) if duration is not None else None,
            duration_is_stated=stated,
        )

    @property
    def first_frame(self) -> Frame:
        """The first frame, decoded already. Only before reading begins."""
        return next(item for item in self._pending if isinstance(item, Frame))

    # -- reading

    def items(self) -> Iterator[Frame | CopiedPacket]:
        """Yield frames and copied packets in the order of the file, until its end or the duration's."""
        while self._pending:
            yield self._pending.popleft()
        yield from self._items
        self._check_end()

    def __iter__(self) -> Iterator[Frame]:
        for item in self.items():
            if isinstance(item, Frame):
                yield item

    def _demux(self, *, on_trial: bool) -> Generator[Frame | CopiedPacket, None, None]:
        picture = self._picture
        for packet in self._source.items(on_trial=on_trial):
            is_picture = packet.stream_index == self._stream.index
            if self._arrivals is not None:
                self._arrivals.note(packet, is_picture=is_picture)
            if is_picture:
                if not picture.is_past_end:
                    yield from picture.decode(packet)
                elif not self._infos or self._cut.is_far_past(packet.dts):
                    break
                continue
            info = self._infos.get(packet.stream_index)
            if (
                info is not None
                and packet.size
                and self._cut.wants(packet, info, past_end=picture.is_past_end)
            ):
                self._cut.clip(packet, info)
                arrival = 0.0 if self._arrivals is None else self._arrivals.latest
                yield CopiedPacket(info, packet, arrival)
        if not picture.is_past_end:
            yield from picture.flush()

    def _check_end(self) -> None:
        info = self.info
        if not info.duration_is_stated or info.duration_seconds is None or self._cut.end is not None:
            return
        # Matroska and MP4 count from zero, whenever their streams begin.
        missing = float(
            min(info.start_seconds, Fraction(0)) + info.duration_seconds - self._source.end_seconds
        )
        if missing > max(0.5, 0.01 * float(info.duration_seconds)):
            self.faults.ended_early_seconds = missing

    # -- closing

    def interrupt(self) -> None:
        """End a read that waits for standard input, as if the input ended. From any thread."""
        if self._standard_input is not None:
            self._standard_input.interrupt()

    def close(self) -> None:
        """Close the file. Frames already given out stay valid. Idempotent."""
        if not self._closed:
            self._closed = True
            self._pending.clear()
            self._items.close()
            # Waits for the decoder's threads without the interpreter's lock; freeing it would hold that.
            self._picture.context.flush_buffers()
            self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
