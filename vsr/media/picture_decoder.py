"""The picture of a source: packets of one stream to frames, each with a time of its own."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from vsr.device.cuda.gpu import Gpu, OutOfMemoryError
from vsr.errors import DecodeError
from vsr.frame import Frame
from vsr.media import nvdec
from vsr.media.arrival import Arrivals
from vsr.media.chroma import ChromaProbe
from vsr.media.cut import Cut
from vsr.media.decoders import decoder_for
from vsr.media.deinterlace import Deinterlacer
from vsr.media.describe import time_base_of
from vsr.media.faults import ReadFaults
from vsr.media.packets import Packets
from vsr.media.pixels import from_av, planar_format
from vsr.media.sidedata import CAPTION_MARK, LASTING_SIDE_DATA, frame_side_data
from vsr.media.source import VideoInfo
from vsr.options import DeinterlaceMode
from vsr.timing import rescale

_INTERLACED = range(2, 6)  # AV_FIELD_TT .. AV_FIELD_BT


def own_decoder(stream: Any, *, threads: int, is_live: bool) -> Any:
    """Return the decoder that the container brings; that of a live source holds back as little as it can."""
    context = stream.codec_context
    alpha = {key.lower(): value for key, value in stream.metadata.items()}.get("alpha_mode") == "1"
    if alpha and context.name in ("vp8", "vp9"):
        # FFmpeg's own VP8 and VP9 decoders ignore the second bitstream that carries alpha.
        return decoder_for(stream, {"vp8": "libvpx", "vp9": "libvpx-vp9"}[context.name])
    # Threads with a frame each hold a frame each.
    context.thread_type = "SLICE" if is_live else "AUTO"
    context.thread_count = threads
    return context


class PictureDecoder:
    """Decodes the packets of one stream, deinterlaces where asked or needed, and mends times.

    What is wrong is counted in the faults of `source`. Frames view memory that they keep alive themselves.
    Thread-safety: one thread at a time.
    """

    def __init__(
        self,
        stream: Any,
        context: Any,
        source: Packets,
        cut: Cut,
        *,
        name: str,
        deinterlace: DeinterlaceMode,
        gpu: Gpu | None,
        arrivals: Arrivals | None,
    ) -> None:
        """`context` decodes `stream`; frames outside of `cut` are left out.

        `gpu` is where NVDEC's frames lie. `arrivals` is for a live source: it knows when packets arrived, and
        times are as they are.
        """
        self.context = context
        """May be another one after `restart`."""
        self.captions_seen = False
        """True once a packet has carried closed captions."""
        self.copied_bytes = 0
        """Of samples unpacked to planes; none where the decoder gives planes."""
        self.first_raw: av.VideoFrame | None = None
        """The first frame inside of the cut, as decoded."""
        self.decoded_from: int | None = None
        """The time of the first frame that was decoded at all."""
        self.is_past_end = False
        """True once a frame came that is later than the cut."""
        self._stream = stream
        self._source = source
        self._cut = cut
        self._name = name
        self._mode = deinterlace
        self._gpu = gpu
        self._arrivals = arrivals
        self._time_base = time_base_of(stream)
        self._chroma = ChromaProbe(stream)
        self._is_png = stream.codec_context.name in ("png", "apng")
        self._icc_profile_seen = False
        self._filter: Deinterlacer | None = None
        self._last_pts: int | None = None
        self._settled: VideoInfo | None = None

    @property
    def is_deinterlaced(self) -> bool:
        """True once frames go through the deinterlacer."""
        return self._filter is not None

    @property
    def _faults(self) -> ReadFaults:
        return self._source.faults

    def restart(self) -> None:
        """Forget what was decoded: the next packet is from elsewhere, or for another decoder."""
        self.context.flush_buffers()
        self.first_raw = self.decoded_from = self._last_pts = self._filter = None
        self.is_past_end = False

    def settle(self, video: VideoInfo) -> None:
        """Take what the first frame told as said: from now on it is a fault where later frames tell more."""
        self._settled = video

    def side_data(self, raw: av.VideoFrame) -> dict[str, bytes]:
        """Return kind -> content of a decoded picture."""
        # PyAV crashes on the side data of PNG, whose ICC profile has a name.
        if self._is_png:
            return {"ICC_PROFILE": b""} if self._icc_profile_seen else {}
        return frame_side_data(raw)

    def decode(self, packet: Any) -> Iterator[Frame]:
        """Yield the frames that come of one more packet. Raises DecodeError and OutOfMemoryError."""
        self._chroma.look(packet)
        content = bytes(packet)
        self.captions_seen = self.captions_seen or CAPTION_MARK in content
        self._icc_profile_seen = self._icc_profile_seen or (self._is_png and b"iCCP" in content)
        try:
            frames = self.context.decode(packet)
        except av.error.FFmpegError as error:
            self._check_memory(error)
            self._faults.undecodable_packets += 1
            if self._arrivals is not None:
                self._arrivals.note_error()
            return
        for raw in frames:
            yield from self._accept(raw)

    def flush(self) -> Iterator[Frame]:
        """Yield the frames that are still inside; there are no more packets. Raises as `decode` does."""
        try:
            remaining = self.context.decode(None)
        except av.error.FFmpegError as error:
            self._check_memory(error)
            if not isinstance(error, av.error.EOFError):
                self._faults.undecodable_packets += 1
            remaining = []
        for raw in remaining:
            yield from self._accept(raw)
        if self._filter is not None:
            for raw in self._filter.flush():
                yield from self._emit(raw)

    @property
    def _is_by_nvdec(self) -> bool:
        return self._settled is not None and self._settled.decoder == "nvdec"

    def _check_memory(self, error: av.error.FFmpegError) -> None:
        """Raise OutOfMemoryError where a GPU has no room for a picture: that is no fault of the source's."""
        if self._gpu is not None and self._is_by_nvdec and isinstance(error, MemoryError):
            raise OutOfMemoryError(
                f"{self._gpu.device} is out of memory for NVDEC's pictures; use --decoder cpu, choose a "
                "smaller --size, or end other programs that use the GPU"
            ) from error

    def _accept(self, raw: av.VideoFrame) -> Iterator[Frame]:
        if raw.pts is None:
            raw.pts = self._made_up_pts()
        if self.decoded_from is None:
            self.decoded_from = raw.pts
        if raw.is_corrupt and not self._cut.is_before(raw.pts):
            self._faults.damaged_frames += 1
        self._look_for_late_side_data(raw)
        raw.time_base = self._time_base
        if self._filter is None and self._needs_deinterlacing(raw):
            self._filter = Deinterlacer(self._time_base, only_flagged=self._mode == "auto")
        if self._filter is None:
            yield from self._emit(raw)
            return
        if self._gpu is not None and nvdec.is_surface(raw):
            raw = nvdec.downloaded(raw, self._gpu)
        for done in self._filter.push(raw):
            yield from self._emit(done)

    def _look_for_late_side_data(self, raw: av.VideoFrame) -> None:
        if raw.key_frame and self._settled is not None:
            found = LASTING_SIDE_DATA.keys() & self.side_data(raw).keys()
            self._faults.late_side_data |= found - self._settled.side_data

    def _needs_deinterlacing(self, raw: av.VideoFrame) -> bool:
        if self._mode == "auto":
            return raw.interlaced_frame or self._stream.codec_context.field_order in _INTERLACED
        return self._mode == "on"

    def _made_up_pts(self) -> int:
        self._faults.repaired_timestamps += 1
        return 0 if self._last_pts is None else self._last_pts + self._frame_ticks()

    def _frame_ticks(self) -> int:
        rate = self._stream.average_rate or self._stream.guessed_rate or 25
        return max(1, rescale(1, 1 / Fraction(rate), self._time_base))

    def _emit(self, raw: av.VideoFrame) -> Iterator[Frame]:
        pts = int(raw.pts or 0)
        self.is_past_end = self.is_past_end or self._cut.is_past(pts)
        if self.is_past_end or self._cut.is_before(pts):
            return
        if self._arrivals is None and self._last_pts is not None and pts <= self._last_pts:
            # Squeezed in after the frame before, so that every later frame can keep its own time.
            self._faults.repaired_timestamps += 1
            pts = self._last_pts + max(1, self._frame_ticks() // 4)
        self._last_pts = pts
        if self.first_raw is None:
            self.first_raw = raw
            if self._cut.begin is not None:
                self._faults.undecodable_packets = 0  # those before the first key frame
        arrival = 0.0 if self._arrivals is None else self._arrivals.of(raw)
        try:
            frame = self._frame_of(raw, pts)
        except av.error.FFmpegError as error:
            target = planar_format(raw.format.name).name
            raise DecodeError(
                f"{self._name}: pixel format {raw.format.name} cannot be unpacked to {target} by this FFmpeg"
            ) from error
        frame.arrival = arrival
        yield frame

    def _frame_of(self, raw: av.VideoFrame, pts: int) -> Frame:
        """Return the Frame over a decoded picture, where that lies."""
        gpu, location, base, duration = self._gpu, self._chroma.location, self._time_base, raw.duration or 0
        if gpu is not None and nvdec.is_surface(raw):
            if nvdec.is_shown_as_arrays(raw):
                return nvdec.from_surface(
                    raw, gpu, pts=pts, time_base=base, duration=duration, chroma_location=location
                )
            raw = nvdec.downloaded(raw, gpu)
        self._faults.host_frames += self._is_by_nvdec
        frame = from_av(raw, pts=pts, time_base=base, duration=duration, chroma_location=location)
        if frame.owner is not raw:
            self.copied_bytes += frame.format.frame_bytes(frame.width, frame.height)
        return frame
