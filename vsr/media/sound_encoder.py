"""Encoding sound anew while it happens: its samples stay at the times that its source gave them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from vsr.media._av import writing
from vsr.media.live_encoder import EncodedPacket
from vsr.media.source import StreamInfo

Samples = npt.NDArray[np.float32]

_JUMP_SECONDS = Fraction(3, 100)
"""Off by more than that, silence is put in or samples are left out; a frame of 30 a second takes longer."""
_SILENCE_SECONDS = 1
"""Gaps up to that are filled, so that players have something to play. Longer ones stay gaps."""
_BEGIN_SECONDS, _END_SECONDS = Fraction(1, 250), Fraction(1, 1000)
"""A clock that is off by 4 ms on average is followed until it is by 1. Containers round to a millisecond."""
_STRETCH = 500
"""One sample among so many is added or left out meanwhile: a pitch that is off by 3.5 cents, at most."""
_USUAL_RATE = 48_000
_AVERAGED = 32
"""Frames over which times are averaged: most of a second."""


@dataclass(frozen=True, slots=True)
class _Kind:
    sample_format: str
    """FFmpeg's name; planar or packed float."""
    bits_per_channel: int
    layouts: dict[int, str]
    """By the number of channels of the source; for one that is not here that of the next lower."""
    rate: int | None
    """The only one; None: the source's where the encoder has it."""


KINDS = {
    "aac": _Kind("fltp", 64_000, {1: "mono", 2: "stereo", 6: "5.1"}, None),
    "libopus": _Kind("flt", 64_000, {1: "stereo"}, _USUAL_RATE),
}
"""The encoders there are; WebRTC's Opus is always stereo of 48 kHz."""


class SoundEncoder:
    """Turns frames of samples, of any rate and layout, into packets of one codec.

    The time of each sample is its frame's. What the codec needs of samples before the first one has times
    before it. Where the source's clock is not that of its samples, sound is stretched a little; where samples
    are missing there is silence, and where there are too many they are left out.

    Thread-safety: one thread. Times of packets only go forward.
    """

    info: StreamInfo
    """The new stream as muxers need to know it; its time base is a sample."""
    label: str
    """For people, e.g. "aac 128 kb/s"."""

    def __init__(self, encoder: str, stream: StreamInfo) -> None:
        """`encoder` is one of KINDS, for a stream like `stream`. EncodeError where it cannot be opened."""
        # A container in memory: it makes the stream from which those of the receivers are made.
        self._container: Any = av.open(io.BytesIO(), "w", format="nut")
        self._context: Any = self._opened(encoder, stream.handle.codec_context)
        self._channels = int(self._context.layout.nb_channels)
        self._rate, self._size = int(self._context.sample_rate), int(self._context.frame_size)
        self._tick = Fraction(1, self._rate)
        codec = str(self._context.codec.canonical_name)
        self.info = replace(stream, codec=codec, time_base=self._tick, handle=self._container.streams[0])
        self.label = f"{codec} {self._context.bit_rate // 1000} kb/s"
        self._resampler: Any = None
        self._form: tuple[str, str, int] | None = None
        self._fed = self._given = 0
        """Samples into and out of the resampler."""
        self._begin: int | None = None
        """The time of the first sample that waits, in samples; None before the first."""
        self._waiting: Samples = np.empty((self._channels, 0), np.float32)
        self._excess = 0
        """Samples to be left out of those that come."""
        self._off = 0.0
        """By how many samples the source's times are ahead, on average."""
        self._follows = False

    def _opened(self, encoder: str, source: Any) -> Any:
        """Return the encoder's context for sound like that of the context `source`."""
        kind, channels = KINDS[encoder], source.layout.nb_channels or 2
        is_known = source.sample_rate in (av.Codec(encoder, "w").audio_rates or ())
        rate = kind.rate or (source.sample_rate if is_known else _USUAL_RATE)
        stream: Any = self._container.add_stream(encoder, rate=rate)
        context = stream.codec_context
        context.layout = kind.layouts[max(number for number in kind.layouts if number <= channels)]
        context.format = kind.sample_format
        context.bit_rate = kind.bits_per_channel * context.layout.nb_channels
        context.flags |= int(av.codec.context.Flags.global_header)
        context.time_base = stream.time_base = Fraction(1, context.sample_rate)
        with writing(encoder):
            context.open()
            self._container.start_encoding()  # the stream then knows what the encoder decided
        return context

    def encode(self, frame: av.AudioFrame, number: int) -> Iterator[EncodedPacket]:
        """Take the next frame; packets are those of the stream `number`."""
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if form != self._form:
            self._end_resampler()
            self._form = form
        if frame.pts is not None and frame.time_base is not None:
            yield from self._keep_time(round(frame.pts * frame.time_base * self._rate), number)
        self._resample(frame)
        yield from self._encoded(number)

    def flush(self, number: int) -> Iterator[EncodedPacket]:
        """Yield what is left. Nothing can be encoded afterwards."""
        self._end_resampler()
        if self._begin is None:
            return
        self._fill_up()
        yield from self._encoded(number)
        with writing(self.info.codec):
            packets = self._context.encode(None)
        for packet in packets:
            yield self._packet(packet, number)

    # -- time

    @property
    def _next(self) -> int:
        """Where the next sample of the source would be placed."""
        assert self._begin is not None
        in_resampler = 0
        if self._form is not None:
            in_resampler = round(Fraction(self._fed * self._rate, self._form[2])) - self._given
        return int(self._begin + self._waiting.shape[1] + in_resampler - self._excess)

    def _keep_time(self, due: int, number: int) -> Iterator[EncodedPacket]:
        """See to it that the next sample is placed where it is due, in samples."""
        if self._begin is None:
            self._begin = due
        off = due - self._next
        if abs(off) <= _JUMP_SECONDS * self._rate:
            self._off += (off - self._off) / _AVERAGED
            limit = (_END_SECONDS if self._follows else _BEGIN_SECONDS) * self._rate
            self._follows = abs(self._off) > limit
            return
        self._end_resampler()
        self._off, self._follows = 0.0, False
        off = due - self._next
        if off > _SILENCE_SECONDS * self._rate:
            self._fill_up()
            yield from self._encoded(number)
            self._begin = due
        elif off > 0:
            self._append(np.zeros((self._channels, off), np.float32))
        else:
            self._excess -= off

    def _fill_up(self) -> None:
        """Append silence to the end of a frame of the codec."""
        rest = -self._waiting.shape[1] % self._size
        self._append(np.zeros((self._channels, rest), np.float32))

    # -- samples

    def _resample(self, frame: av.AudioFrame | None) -> None:
        if self._resampler is None:
            self._resampler = av.AudioResampler("fltp", self._context.layout, self._rate)
            self._fed = self._given = 0
        if frame is not None:
            self._fed += frame.samples
            frame.pts = None  # times are kept here
        for part in self._resampler.resample(frame):
            samples = part.to_ndarray()
            self._given += samples.shape[1]
            self._append(self._stretched(samples[:, self._excess :]))
            self._excess = max(0, self._excess - samples.shape[1])

    def _end_resampler(self) -> None:
        """Get what the resampler holds back; the next one may be of another rate or layout."""
        if self._resampler is not None:
            self._resample(None)
        self._resampler = None
        self._fed = self._given = 0

    def _stretched(self, samples: Samples) -> Samples:
        """Return the samples, a few more or less of them while the source's clock is followed."""
        count = samples.shape[1]
        most = max(1, count // _STRETCH)
        change = max(-most, min(most, round(self._off)))
        if not (self._follows and change and count > 1):
            return samples
        self._off -= change
        places = np.linspace(0, count - 1, count + change)
        whole = np.arange(count)
        return np.stack([np.interp(places, whole, channel) for channel in samples]).astype(np.float32)

    def _append(self, samples: Samples) -> None:
        self._waiting = np.concatenate([self._waiting, samples], axis=1)

    # -- packets

    def _encoded(self, number: int) -> Iterator[EncodedPacket]:
        """Encode all whole frames of the codec that wait."""
        while self._begin is not None and self._waiting.shape[1] >= self._size:
            chunk, self._waiting = self._waiting[:, : self._size], self._waiting[:, self._size :]
            frame = self._frame(chunk)
            frame.pts, frame.time_base, frame.sample_rate = self._begin, self._tick, self._rate
            self._begin += self._size
            with writing(self.info.codec):
                packets = self._context.encode(frame)
            for packet in packets:
                yield self._packet(packet, number)

    def _frame(self, chunk: Samples) -> av.AudioFrame:
        form = self._context.format
        values = chunk if form.is_planar else chunk.T.reshape(1, -1)
        return av.AudioFrame.from_ndarray(
            np.ascontiguousarray(values), format=form.name, layout=self._context.layout.name
        )

    def _packet(self, packet: Any, number: int) -> EncodedPacket:
        return EncodedPacket(
            number,
            packet.pts,
            packet.pts if packet.dts is None else packet.dts,
            packet.duration or self._size,
            Fraction(packet.time_base),
            True,
            bytes(packet),
        )
