"""The sound of a live run: which output gets which stream as it is, and which encoded anew."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vsr.errors import OptionError
from vsr.media.live_encoder import EncodedPacket
from vsr.media.passthrough import carries
from vsr.media.sound_codec import SoundCodec
from vsr.media.sound_decoder import SoundDecoder
from vsr.media.sound_encoder import SoundEncoder
from vsr.media.source import StreamInfo
from vsr.streaming.places import Place
from vsr.streaming.queue import ItemQueue

_MPEGTS = ("aac", "aac_latm", "mp1", "mp2", "mp3", "ac3", "eac3", "dts", "truehd", "opus", "s302m")
_TAKES = {
    "flv": ("aac", "mp3"),
    "mpegts": _MPEGTS,
    "rtp_mpegts": _MPEGTS,
    "whip": ("opus",),
    "rtsp": ("aac", "mp2", "mp3", "opus", "vorbis", "pcm_alaw", "pcm_mulaw", "pcm_s16be", "adpcm_g722"),
}
"""What receivers of each take, where FFmpeg's muxer would write more: FLV of other codecs is not what servers
expect, others are private data in MPEG-TS, and RTP has no payload for them. Elsewhere the muxer decides."""
_ENCODERS = ("aac", "libopus")
"""Those that are tried, one after another."""
_ONE_STREAM = ("flv", "whip")
_TRANSPORT = "nut"
"""What carries streams to the processes that write."""
_SLICE_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class Recoding:
    """A stream of the source that is encoded anew, once for all outputs that need it so."""

    source: int
    """The number of the stream that is copied."""
    number: int
    """Of the new one: they follow those that are copied."""
    encoder: SoundEncoder


@dataclass(frozen=True, kw_only=True)
class SoundPlan:
    """What becomes of a source's sound."""

    recodings: tuple[Recoding, ...]
    taken: tuple[tuple[int, ...], ...]
    """For each output the numbers of the streams that it gets, those of the picture (0) and sound."""
    lines: tuple[str, ...]
    """What is not simply copied, a sentence each."""

    @property
    def only_decoded(self) -> frozenset[int]:
        """The streams of the source that no output gets as they are."""
        copied = {number for numbers in self.taken for number in numbers}
        return frozenset(recoding.source for recoding in self.recodings) - copied


def plan_sound(copied: Sequence[StreamInfo], places: Sequence[Place]) -> SoundPlan:
    """Decide for each output and stream. Raises OptionError where an output can have it in no way."""
    planner = _Planner(copied)
    taken = tuple((0, *planner.streams_of(place)) for place in places)
    return SoundPlan(recodings=tuple(planner.recodings.values()), taken=taken, lines=tuple(planner.lines()))


class _Planner:
    def __init__(self, copied: Sequence[StreamInfo]) -> None:
        self._copied = copied
        self.recodings: dict[tuple[int, str], Recoding] = {}
        self._reasons: dict[tuple[int, str], dict[str, str]] = {}
        self._left: list[str] = []

    def streams_of(self, place: Place) -> list[int]:
        numbers: list[int] = []
        for number, stream in enumerate(self._copied, start=1):
            if numbers and place.container in _ONE_STREAM:
                one = f"{place.container} carries one of sound"
                self._left.append(f"sound: {stream.label} does not go to {place.shown}: {one}")
            elif (why := _refusal(place, stream)) is None:
                numbers.append(number)
            else:
                numbers.append(self._recoded(place, number, stream, why).number)
        return numbers

    def _recoded(self, place: Place, number: int, stream: StreamInfo, why: str) -> Recoding:
        if SoundCodec.of(stream) is None:
            raise OptionError(
                f"{place.shown}: {place.container} cannot carry {stream.label}, which this FFmpeg cannot "
                "decode either; encode it as AAC at the source"
            )
        for name in _ENCODERS:
            recoding = self.recodings.get((number, name))
            if recoding is None:
                following = len(self._copied) + 1 + len(self.recodings)
                recoding = Recoding(source=number, number=following, encoder=SoundEncoder(name, stream))
            if _refusal(place, recoding.encoder.info) is None:
                self.recodings[number, name] = recoding
                self._reasons.setdefault((number, name), {})[place.shown] = why
                return recoding
        raise OptionError(
            f"{place.shown}: {place.container} can carry neither {stream.label} nor AAC or Opus; name "
            "another container, or take the sound out at the source"
        )

    def lines(self) -> list[str]:
        lines = []
        for key, recoding in self.recodings.items():
            stream, reasons = self._copied[recoding.source - 1], self._reasons[key]
            names, why = ", ".join(reasons), ", ".join(dict.fromkeys(reasons.values()))
            lines.append(f"sound: {stream.label} -> {recoding.encoder.label} for {names}: {why}")
        return lines + self._left


def _refusal(place: Place, stream: StreamInfo) -> str | None:
    """Return why an output cannot have a stream as it is; None where it can."""
    known = _TAKES.get(place.container)
    layout = stream.handle.codec_context.layout if stream.handle and stream.handle.codec_context else None
    if (
        (known is not None and stream.codec not in known)
        or not carries(place.planned_as, stream)
        or not carries(_TRANSPORT, stream)
    ):
        return f"{place.container} carries no {stream.codec}"
    if place.is_whip and layout is not None and layout.nb_channels != 2:
        return f"{place.container} carries {stream.codec} in stereo only"
    return None


class Recoder:
    """Encodes sound anew on a thread of its own, so that no picture waits for it.

    Thread-safety: `put` and `finish` for the run's threads, `deliver` is called on its own.
    """

    def __init__(self, recodings: Sequence[Recoding], deliver: Callable[[EncodedPacket], None]) -> None:
        """`deliver` gets the packets of the new streams."""
        self._recodings = recodings
        self._deliver = deliver
        self._decoders = {recoding.source: SoundDecoder() for recoding in recodings}
        self._waiting: ItemQueue[EncodedPacket] = ItemQueue(1, "none")
        self._thread = threading.Thread(target=self._run, name="vsr-live-sound", daemon=True)
        self.error: BaseException | None = None
        """What ended it."""

    @property
    def errors(self) -> int:
        """Packets of the source that could not be decoded, and are missing."""
        return sum(decoder.errors for decoder in self._decoders.values())

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def put(self, packet: EncodedPacket) -> None:
        """Take a packet of the source; waits while too many wait."""
        if packet.stream in self._decoders:
            self._waiting.put(packet, is_frame=False)

    def finish(self, timeout_seconds: float) -> None:
        """Deliver what is left."""
        self._waiting.end()
        self._thread.join(timeout_seconds)

    def abort(self) -> None:
        """End at once. Idempotent."""
        self._waiting.close()

    def _run(self) -> None:
        try:
            while not self._waiting.done:
                packet = self._waiting.take(_SLICE_SECONDS)
                if packet is not None:
                    self._recode(packet)
            for recoding in self._recodings:
                for packet in recoding.encoder.flush(recoding.number):
                    self._deliver(packet)
        except BaseException as error:  # the run asks for it
            self.error = error
            self._waiting.close()

    def _recode(self, packet: EncodedPacket) -> None:
        wanted = [recoding for recoding in self._recodings if recoding.source == packet.stream]
        for frame in self._decoders[packet.stream].decode(packet):
            pts = frame.pts
            for recoding in wanted:
                frame.pts = pts
                for made in recoding.encoder.encode(frame, recoding.number):
                    self._deliver(made)
