"""Writing a result: the picture encoded, everything else as it was, interleaved and finished properly."""

from __future__ import annotations

import contextlib
import io
import math
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av

from vsr.color import ColorSpec
from vsr.errors import OptionError
from vsr.frame import Frame, PictureSpec
from vsr.media._av import detailed, reason_of, writing
from vsr.media.digests import StreamDigest
from vsr.media.encoders import Encoding
from vsr.media.passthrough import MKV, MP4, PICTURE_ONLY, EditList, Route, cover_file
from vsr.media.picture_stream import add_picture, opening, tagged
from vsr.media.pixels import FramePool, Pool
from vsr.media.reader import CopiedPacket
from vsr.media.source import Chapter, SourceInfo, StreamInfo, trimmed
from vsr.media.tags import content_tags, stream_tags
from vsr.timing import rescale


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where and as what a result is written."""

    name: str
    """A path, or `-` for standard output."""
    container: str
    """FFmpeg's muxer name."""
    url: str
    """What FFmpeg opens."""
    options: dict[str, str]
    """Options of the muxer."""


class Writer:
    """A result being written.

    The encoder is opened at once, one of frames on a GPU by the first of them, and the container's header
    tried in memory; the file is made only when the first frame has been encoded, so that a refusal never
    costs an existing file. Ownership: `write` gives frames that came from `pool` back to it.
    Thread-safety: one thread at a time; `pool` and `bytes_written` may be used by any.
    """

    def __init__(
        self,
        target: Target,
        source: SourceInfo,
        picture: PictureSpec,
        encoding: Encoding,
        routes: tuple[Route, ...],
        *,
        sample_aspect_ratio: Fraction,
        tags: ColorSpec,
        pool: Pool | None = None,
    ) -> None:
        """`pool` gives the frames that `write` gets; by default they lie in host memory."""
        self.target = target
        self.pool = pool or FramePool(picture.width, picture.height, picture.format, picture.color)
        self.digests: dict[int, StreamDigest] = {}
        """What was handed to the muxer, by the source's stream index."""
        self.chapters = source.chapters
        """As written; see `set_span`."""
        self.frame_times: array[int] = array("q")
        """Times of the frames written, in units of `time_base`."""
        self._source = source
        self._picture = picture
        self._encoding = encoding
        self._routes = {route.stream.index: route for route in routes}
        self._tags = tags
        self._sample_aspect_ratio = sample_aspect_ratio
        self._durations: dict[int, int] = {}
        self._outputs: dict[int, Any] = {}
        self._held: list[CopiedPacket] = []
        self._edits = EditList(target.container)
        self._shift: Fraction | None = None
        self._started = False
        self._flushed = False
        self._closed = False
        self._single = target.container == "image2" and "update" in target.options
        self._only: Frame | None = None
        self.bytes_written = 0
        self._repacked_bytes = 0
        wrapped = encoding.encoder == "wrapped_avframe"
        self._raw_bytes = picture.format.frame_bytes(picture.width, picture.height) if wrapped else 0
        self.time_base = self._choose_time_base()
        with writing(target.name), detailed():
            self._container: Any = self._open(target.url)
            self._video: Any = self._add_picture(self._container)
            self._outputs = self._add_others(self._container)
            self._try_header()

    # -- opening

    def _choose_time_base(self) -> Fraction:
        video = self._source.video
        if self.target.container == "yuv4mpegpipe":
            return 1 / (video.frame_rate or Fraction(25))
        return video.time_base

    def _open(self, place: str | io.RawIOBase | io.BytesIO) -> Any:
        options = dict(self.target.options)
        if self.target.container in MP4 and "movie_timescale" not in options:
            options["movie_timescale"] = str(self._movie_timescale())
        if self.target.container in MKV:
            options.setdefault("default_mode", "passthrough")
        return av.open(place, "w", format=self.target.container, container_options=options)

    def _movie_timescale(self) -> int:
        """The edit lists' unit: fine enough to hold the start of every stream exactly."""
        denominators = [self.time_base.denominator] + [
            r.stream.time_base.denominator for r in self._routes.values() if r.action == "copy"
        ]
        common = math.lcm(*denominators)
        return common if common <= 1_000_000_000 else self.time_base.denominator

    def _try_header(self) -> None:
        """Raise what writing the header would, with no file touched."""
        if self._container.format.flags & av.format.Flags.no_file.value:
            return None
        if self._encoding.on_gpu:
            return self._rehearse(self._add_opened_picture)
        # A stand-in for the encoder is enough to say yes; only a second encoder can say no.
        with contextlib.suppress(av.error.FFmpegError, ValueError):
            return self._rehearse(self._add_stand_in)
        return self._rehearse(self._add_picture)

    def _rehearse(self, add_picture: Callable[[Any], Any]) -> None:
        container = self._open(_Pipe() if self.target.name == "-" else io.BytesIO())
        try:
            add_picture(container)
            self._add_others(container)
            container.start_encoding()
        except (av.error.ArgumentError, av.error.InvalidDataError, av.error.PatchWelcomeError) as error:
            raise OptionError(
                f"{self.target.name}: {self.target.container} refuses these streams ({reason_of(error)}); "
                "use .mkv, or another --encoder"
            ) from error
        finally:
            with contextlib.suppress(av.error.FFmpegError, OSError, ValueError):
                container.close()

    def _add_stand_in(self, container: Any) -> None:
        own = self._video.codec_context
        stream = container.add_stream_from_template(self._video, opaque=False)
        stream.time_base = self.time_base
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = own.width, own.height, own.pix_fmt
        context.sample_aspect_ratio = own.sample_aspect_ratio
        context.extradata = own.extradata

    def _add_opened_picture(self, container: Any) -> None:
        """Add the picture, and open its encoder as only a frame can that lies where its frames will."""
        stream = self._add_picture(container)
        picture = self.pool.picture(self.pool.take())
        picture.pts, picture.time_base = 0, self.time_base
        self._encode(stream, picture)

    def _add_picture(self, container: Any) -> Any:
        return add_picture(
            container,
            self._source.video,
            self._picture,
            self._encoding,
            time_base=self.time_base,
            sample_aspect_ratio=self._sample_aspect_ratio,
            tags=self._tags,
        )

    def _encode(self, stream: Any, picture: av.VideoFrame) -> list[Any]:
        """Return the packets that a picture brings. The first opens an encoder of pictures on a GPU."""
        context = stream.codec_context
        if context.is_open:
            packets: list[Any] = stream.encode(picture)
            return packets
        context.pix_fmt = picture.format.name
        with opening(self._encoding.encoder), detailed():
            return list(stream.encode(picture))

    def _add_others(self, container: Any) -> dict[int, Any]:
        """Add what is not the picture; return the new streams by the source's index."""
        outputs = {}
        for route in self._routes.values():
            match route.action:
                case "copy" | "cover":
                    outputs[route.stream.index] = self._add_copy(container, route)
                case "convert":
                    outputs[route.stream.index] = self._add_converter(container, route)
                case "attach":
                    self._attach(container, route)
        if self.target.container not in PICTURE_ONLY:
            container.metadata.update(content_tags(self._source.metadata))
        return outputs

    def _add_copy(self, container: Any, route: Route) -> Any:
        info = route.stream
        stream = container.add_stream_from_template(info.handle)
        stream.time_base = info.time_base
        return self._described(stream, route)

    def _add_converter(self, container: Any, route: Route) -> Any:
        info = route.stream
        decoder = info.handle.codec_context
        if not decoder.is_open:
            decoder.open(strict=False)
        stream = container.add_stream(route.encoder)
        stream.codec_context.subtitle_header = decoder.subtitle_header
        stream.codec_context.time_base = Fraction(1, 1000)
        stream.time_base = info.time_base
        return self._described(stream, route)

    def _described(self, stream: Any, route: Route) -> Any:
        stream.metadata.clear()
        stream.metadata.update(stream_tags(route.stream.metadata))
        stream.disposition = int(route.stream.disposition)
        self.digests[route.stream.index] = StreamDigest(
            codec=route.encoder or route.stream.codec, time_base=route.stream.time_base
        )
        return stream

    def _attach(self, container: Any, route: Route) -> None:
        info = route.stream
        if info.kind == "cover":
            name, mime = cover_file(info)
        else:
            name, mime = info.filename, info.metadata.get("mimetype", "application/octet-stream")
        container.add_attachment(name, mime, info.data)

    @property
    def opened(self) -> bool:
        """True once the file has been made, or an existing one replaced."""
        return self._started

    @property
    def copied_bytes(self) -> int:
        """Samples laid out anew for the encoder, or copied because it still held a frame that came again."""
        return self._repacked_bytes + self.pool.copied_bytes

    # -- writing

    def write(self, item: Frame | CopiedPacket) -> None:
        """Encode a frame, or pass a packet on. Items come in the order of the source."""
        with writing(self.target.name):
            if isinstance(item, Frame) and self._single:
                self._keep_only(item)
            elif isinstance(item, Frame):
                self._write_frame(item)
            elif self._started:
                self._pass_on(item)
            else:
                self._held.append(item)

    def _keep_only(self, frame: Frame) -> None:
        """Hold a picture until it is known to be all: a second must not cost an existing file."""
        if self._only is not None:
            raise self._too_many()
        self._only = frame

    def _too_many(self) -> OptionError:
        name = Path(self.target.name)
        numbered = name.with_name(f"{name.stem}%05d{name.suffix}")
        return OptionError(
            f"{name}: one image cannot hold more than one frame; write to {numbered}, "
            "or cut one frame out with --start and --duration"
        )

    def _start(self) -> None:
        if self._started:
            return
        self._container.set_chapters([_av_chapter(n, chapter) for n, chapter in enumerate(self.chapters)])
        path = Path(self.target.name)
        new = not path.exists()
        try:
            with detailed():
                self._container.start_encoding()
        except BaseException:
            if new and path.is_file() and not path.stat().st_size:
                path.unlink()
            raise
        self._started = True
        held, self._held = self._held, []
        for item in held:
            self._pass_on(item)

    def set_span(self, begin: Fraction | None, end: Fraction | None) -> None:
        """Say which part of the source this is, in seconds. `begin` is subtracted from every time.

        Raises OptionError where all of a video was to become one image.
        """
        whole = begin is None and end is None
        if self._single and whole and (self._source.video.num_frames_from_header or 0) > 1:
            raise self._too_many()
        self._shift = begin
        self.chapters = trimmed(self._source.chapters, begin or Fraction(0), end)

    def _write_frame(self, frame: Frame) -> None:
        shift = rescale(1, self._shift, self.time_base) if self._shift else 0
        pts = rescale(frame.pts, frame.time_base, self.time_base) - shift
        duration = rescale(frame.duration, frame.time_base, self.time_base)
        own = self.pool.picture(frame)
        picture = tagged(own, self._encoding, self._tags)
        if picture is not own:
            self._repacked_bytes += self._picture.format.frame_bytes(frame.width, frame.height)
        picture.pts = pts
        picture.time_base = self.time_base
        picture.duration = duration
        picture.pict_type = 0
        self.frame_times.append(pts)
        self._durations[pts] = duration
        packets = self._encode(self._video, picture)
        self._start()
        for packet in packets:
            self._mux_picture(packet)
        self.pool.give(frame)

    def _mux_picture(self, packet: Any) -> None:
        if not packet.duration:
            packet.duration = self._durations.get(packet.pts, 0)
        self._durations.pop(packet.pts, None)
        # A wrapped frame's packet is only a pointer to it.
        self.bytes_written += self._raw_bytes or packet.size
        self._container.mux_one(packet)

    def _pass_on(self, item: CopiedPacket) -> None:
        output = self._outputs.get(item.stream.index)
        if output is None:
            return
        for packet in self._edits.feed(item.stream.index, item.packet):
            self._move(item.stream, packet)
            if self._routes[item.stream.index].action == "convert":
                packet = self._convert(item.stream, packet, output)
            if packet is not None:
                self._write_packet(item.stream, packet, output)

    def _move(self, stream: StreamInfo, packet: Any) -> None:
        if self._shift:
            shift = rescale(1, self._shift, stream.time_base)
            packet.pts = None if packet.pts is None else packet.pts - shift
            packet.dts = None if packet.dts is None else packet.dts - shift

    def _convert(self, stream: StreamInfo, packet: Any, output: Any) -> Any:
        """Return the subtitle in the output's codec; None, and one missing, where it cannot be read."""
        try:
            return _convert_subtitle(stream, packet, output)
        except (av.error.FFmpegError, ValueError):
            self.digests[stream.index].add_missing(packet)
            return None

    def _write_packet(self, stream: StreamInfo, packet: Any, output: Any) -> None:
        self.digests[stream.index].add(packet)
        self.bytes_written += packet.size
        packet.stream = output
        self._container.mux_one(packet)

    # -- finishing

    def flush(self) -> None:
        """Write what the encoder still holds; no frame may follow. Idempotent."""
        if self._flushed or self._closed:
            return
        self._flushed = True
        with writing(self.target.name):
            if self._only is not None:
                self._write_frame(self._only)
            if self._started:
                for packet in self._video.encode(None):
                    self._mux_picture(packet)

    def close(self) -> None:
        """Flush the encoder and finish the file. Idempotent."""
        if self._closed:
            return
        try:
            self.flush()
        finally:
            self._closed = True
            with writing(self.target.name):
                self._release()

    def _release(self) -> None:
        """Close the container and let go of the encoder and the frames: verification needs the memory."""
        try:
            self._container.close()
        finally:
            self._video = self._container = self._only = None
            self._outputs.clear()
            self.pool.clear()

    def abandon(self) -> None:
        """Close the file without flushing the encoder, after an error. Idempotent, never raises."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(av.error.FFmpegError, OSError):
            self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()


class _Pipe(io.RawIOBase):
    """Somewhere to write without a way back, as standard output is."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(data)

    def seekable(self) -> bool:
        return False


def _convert_subtitle(stream: StreamInfo, source: Any, output: Any) -> Any:
    subtitle = stream.handle.codec_context.decode2(source)
    if subtitle is None or not len(subtitle):
        return None
    packet: Any = output.codec_context.encode_subtitle(subtitle)
    packet.pts = packet.dts = source.pts
    packet.duration = source.duration
    packet.time_base = source.time_base
    return packet


def _av_chapter(number: int, chapter: Chapter) -> dict[str, Any]:
    base = Fraction(1, 1_000_000_000)
    return {
        "id": number + 1,
        "start": rescale(1, chapter.start, base),
        "end": rescale(1, chapter.end, base),
        "time_base": base,
        "metadata": dict(chapter.metadata),
    }
