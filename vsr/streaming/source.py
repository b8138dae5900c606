"""A source that is read while it happens: opened again where it ends, stamped, on one timeline."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction

from vsr.errors import DecodeError, MediaError
from vsr.frame import Frame
from vsr.media.arrival import LiveInput
from vsr.media.interrupt import interrupted_when
from vsr.media.live_encoder import TIME_BASE, EncodedPacket, Repeat
from vsr.media.reader import CopiedPacket, Reader
from vsr.media.sound_codec import SoundCodec
from vsr.media.source import StreamInfo
from vsr.options import DropMode, LiveOptions
from vsr.pipeline.stages import StopToken
from vsr.streaming.back_off import back_off
from vsr.streaming.interval import FrameInterval
from vsr.streaming.pacer import Pacer
from vsr.streaming.places import (
    check_input,
    comes_in_bursts,
    input_options,
    is_half_checked,
    is_network,
    is_recording,
    shown,
)
from vsr.streaming.status import RunState
from vsr.streaming.timeline import Timeline
from vsr.timing import rescale

_SLICE_SECONDS = 0.05
_SILENCE_SECONDS = 0.5
"""Without a frame, until the last one is repeated: longer than what a network usually does."""
_FEWEST_FRAMES = 4
"""That have to be missing, of a source of few frames a second."""
_PICTURE = "picture"


@dataclass(frozen=True, slots=True)
class _Copy:
    """Where the packets of a stream go."""

    number: int
    time_base: Fraction
    codec: SoundCodec | None


class LiveSource:
    """A source by name. `open` it, then iterate `items` on a thread of its own.

    Frames and packets come with their arrival. Their times are on one timeline from 0 on, whatever the
    source's do; those of a source that waits (a file, a pipe) are as they are.

    Thread-safety: `stand_in`, `state` and the counts may be used by any thread; the rest is one thread's.
    """

    def __init__(self, name: str, options: LiveOptions, token: StopToken, say: Callable[[str], None]) -> None:
        """Raises OptionError for a protocol that there is not."""
        check_input(name)
        self.state: RunState = "opening"
        self.reconnects = 0
        self.frames_late = 0
        """Those that were let go: a repeated frame had their place, or they lie before the beginning."""
        self.last_arrival = time.monotonic()
        self.waits = not (options.pace or is_network(name) or options.input_format)
        """True where nothing is lost by reading it later."""
        self._name = name
        self._options = options
        self._token = token
        self._say = say
        self._repeats = options.reconnect == "on" and not self.waits and name != "-"
        self._returns = self._repeats or (options.reconnect == "auto" and is_network(name))
        self._interval = FrameInterval()
        self._lock = threading.Lock()
        self._timeline = Timeline()  # protected by _lock
        self._paced = options.pace
        self._pacer = Pacer(options.speed, token)
        self._started = 0.0
        self._opened_at = self._opening_seconds = 0.0
        self._frame_at = 0.0  # by time.monotonic; infinite while another source is being opened
        self._stuck = False
        self._kinds: list[tuple[str, str, int]] = []
        self._decoded: Collection[int] = ()
        self._copies: dict[int, _Copy] = {}
        self.shown = "standard input" if name == "-" else shown(name)

    @property
    def is_live(self) -> bool:
        """True where it goes on whether it is read or not."""
        return not (self.waits or self._paced)

    @property
    def drop(self) -> DropMode:
        """What goes where frames come too fast: what was asked for, else none of a source that waits."""
        if self._options.drop != "auto":
            return self._options.drop
        return "none" if self.waits else "newest"

    @property
    def jumps(self) -> int:
        """How often the source's times did not go on as they were."""
        return self._timeline.jumps

    def open(self) -> Reader:
        """Open it, for the first time. Raises DecodeError where it cannot be read."""
        with ThreadPoolExecutor(1, thread_name_prefix="vsr-live-open") as opening:
            try:
                self.reader = self._planned = opening.submit(self._first_opened).result()
            except BaseException:  # Ctrl-C, too
                self._token.request()
                raise
        if is_recording(self._name, self.reader):
            self._say(f"{self.shown}: it has an end, so it is no live stream: read at the speed of its times")
            self._returns = self._repeats
        if is_half_checked(self._name, self.reader):
            self._say(f"{self.shown}: the certificate of the playlist is checked, not those of its segments")
        if comes_in_bursts(self._name, self.reader):
            self._paced, self._pacer.catches_up = True, self._options.pace
            self._opening_seconds = 0.0
        return self.reader

    @property
    def frame_seconds(self) -> float:
        """From one frame to the next by the clock, as they come now."""
        return float(self._interval.seconds) / self._options.speed

    def keep(self, copied: Sequence[StreamInfo], decoded: Collection[int] = ()) -> None:
        """Say which streams beside the picture are wanted; the first one's packets get the number 1.

        Those of the numbers `decoded` are only decoded, so that they may come back as another codec.
        """
        self._kinds = [_kind(stream) for stream in copied]
        self._decoded = decoded
        self._copies = {s.index: _copy(n, s) for n, s in enumerate(copied, start=1)}

    def start(self) -> None:
        """Say that what comes is wanted from now on. What came before is let go, of a source that is live."""
        self._pacer.restart()
        self._started = time.monotonic()
        if self.state == "ended" or self.reader is not self._planned:
            self._planned.close()

    def _first_opened(self) -> Reader:
        with interrupted_when(lambda: self._token.requested):
            return self._opened()

    def _opened(self) -> Reader:
        options, begin = self._options, time.monotonic()
        live = LiveInput(
            timeout_seconds=options.timeout,
            arrived=self._arrived,
            stopped=lambda: self._token.requested,
            format=options.input_format,
            options=input_options(self._name, options.timeout) if is_network(self._name) else {},
        )
        self._pacer.restart()
        try:
            reader = Reader(self._name, deinterlace=options.deinterlace, live=live)
        except MediaError as error:
            raise DecodeError(str(error).replace(self._name, self.shown)) from error
        self._opened_at = time.monotonic()
        self._opening_seconds = self._opened_at - begin if self.is_live else 0.0
        self._interval.begin(reader.video.frame_rate)
        return reader

    def _arrived(self, moment: Fraction | None) -> float:
        self.last_arrival = self._pacer.wait(moment) if self._paced else time.monotonic()
        return self.last_arrival

    def items(self) -> Generator[Frame | EncodedPacket, None, None]:
        """Yield what comes, until the source ends for good or the run is to end: within 0.1 s then."""
        try:
            with interrupted_when(lambda: self._token.requested or self._is_stuck()):
                yield from self._until_end()
        finally:
            self.state = "ended"
            self._let_go()

    def _let_go(self) -> None:
        """Close what was read; not what the run is still being planned from, which `start` closes."""
        if self._started or self.reader is not self._planned:
            self.reader.close()

    def _until_end(self) -> Iterator[Frame | EncodedPacket]:
        while True:
            self.state = "running"
            if self._started:
                with self._lock:
                    self._timeline.begin(self._begins_at(), time.monotonic())
            yield from self._of_reader()
            self._tell_end()
            self._let_go()
            if self._token.requested or not self._returns or not self._come_back():
                return

    def _begins_at(self) -> Fraction:
        """Return the time in the source that is now, as it was opened again: what came meanwhile is old.

        The decoder needs that, but if it went out, the output would be ahead of the clock by so much.
        """
        return self.reader.info.start_seconds + Fraction(round(self._opening_seconds * 1000), 1000)

    def _is_old(self, item: Frame | CopiedPacket) -> bool:
        """True for what came while the source was opened again."""
        if time.monotonic() - self._opened_at > self._opening_seconds:
            return False
        if isinstance(item, Frame):
            return item.pts * item.time_base < self._begins_at()
        return item.packet.pts is not None and item.packet.pts * item.packet.time_base < self._begins_at()

    def _is_stuck(self) -> bool:
        """True where packets come and no frames: the codec or the stream changed. Opening it again tells."""
        if self._returns and time.monotonic() - self._frame_at > self._options.timeout:
            self._stuck = self._stuck or not self.reader.is_decoded or self.reader.faults.late_streams > 0
        return self._stuck

    def _of_reader(self) -> Iterator[Frame | EncodedPacket]:
        self._frame_at, self._stuck = time.monotonic(), False
        for item in self.reader.items():
            if isinstance(item, Frame):
                self._interval.count(item.pts * item.time_base)
                if self.reader.is_decoded:
                    self._frame_at = time.monotonic()
            if self._token.requested:
                return
            if not self._started or (self.reconnects and self._is_old(item)):
                continue
            item.arrival = max(item.arrival, self._started)
            placed = self._placed_frame(item) if isinstance(item, Frame) else self._placed_packet(item)
            if placed is not None:
                yield placed

    def stand_in(self) -> Repeat | None:
        """Return what to send for a frame that did not come, where it is time for that; see --gap.

        That a source is away is only known of one that goes on whether it is read or not.
        """
        if not self.is_live or self._options.gap != "freeze" or self._token.requested:
            return None
        step = self._interval.seconds
        silence = max(_SILENCE_SECONDS, float(_FEWEST_FRAMES * step))
        with self._lock:
            place = self._timeline.stand_in(_PICTURE, step, silence, time.monotonic())
        if place is None or self.state == "ended":
            return None
        return Repeat(rescale(1, place, TIME_BASE), rescale(1, step, TIME_BASE))

    def _placed_frame(self, frame: Frame) -> Frame | None:
        if self.waits:
            return frame
        moment = frame.pts * frame.time_base
        with self._lock:
            offset = self._timeline.place(_PICTURE, moment, frame.arrival)
        if offset is None:
            self.frames_late += 1
            return None
        frame.pts = rescale(1, moment + offset, TIME_BASE)
        frame.duration = rescale(frame.duration, frame.time_base, TIME_BASE)
        frame.time_base = TIME_BASE
        return frame

    def _placed_packet(self, item: CopiedPacket) -> EncodedPacket | None:
        copy, packet = self._copies.get(item.stream.index), item.packet
        if copy is None or packet.pts is None:
            return None
        if copy.codec is not None and (codec := copy.codec.after(packet)) is not copy.codec:
            copy = self._copies[item.stream.index] = replace(copy, codec=codec)
        dts = packet.pts if packet.dts is None else packet.dts
        base, shift = Fraction(packet.time_base), 0
        if not self.waits:
            with self._lock:
                offset = self._timeline.place(copy.number, dts * base, item.arrival)
            if offset is None:
                return None
            shift = rescale(1, offset, base)
        return EncodedPacket(
            copy.number,
            packet.pts + shift,
            dts + shift,
            packet.duration or 0,
            base,
            bool(packet.is_keyframe),
            bytes(packet),
            item.arrival,
            copy.codec,
        )

    def close(self) -> None:
        """Close what is open. Idempotent; not while `items` is being iterated."""
        self._planned.close()
        self.reader.close()

    # -- coming back

    def _tell_end(self) -> None:
        if self._token.requested:
            return
        silent = time.monotonic() - self.last_arrival
        damage = self.reader.faults.damage()
        if self.is_live and silent > self._options.timeout:
            self._say(f"{self.shown}: nothing came for {silent:.1f} s")
        elif self._stuck:
            self._say(f"{self.shown}: no frame could be decoded for {self._options.timeout:g} s")
        elif self._returns or damage:
            why = f" ({damage[-1].replace(self._name, self.shown)})" if damage else ""
            self._say(f"{self.shown}: the source ended{why}")

    def _come_back(self) -> bool:
        """Open the source again, however often it takes. Returns False where it does not come back."""
        self.state = "reconnecting"
        self._frame_at, self._stuck = math.inf, False
        pauses, since, why = back_off(), time.monotonic(), ""
        while time.monotonic() - since < self._options.give_up:
            if not self._sleep(next(pauses)):
                return False
            try:
                self.reader = self._opened()
            except MediaError as error:
                why = f" ({str(error).removeprefix(f'{self.shown}: ')})"
                continue
            self.reconnects += 1
            self._match_streams()
            self._say(f"{self.shown}: it is back after {time.monotonic() - since:.1f} s")
            return True
        self._say(f"{self.shown}: it did not come back within {self._options.give_up:g} s{why}")
        return False

    def _sleep(self, seconds: float) -> bool:
        """Wait; return False where the run is to end."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._token.requested:
            time.sleep(_SLICE_SECONDS)
        return not self._token.requested

    def _match_streams(self) -> None:
        """Find the streams that were there before, by kind and codec; receivers know no others.

        In the place of one that is only decoded any other sound will do.
        """
        free = list(self.reader.info.streams)
        self._copies = {}
        for number, kind in enumerate(self._kinds, start=1):
            match = next((stream for stream in free if _kind(stream) == kind), None)
            if match is None and number in self._decoded:
                match = next((stream for stream in free if SoundCodec.of(stream) is not None), None)
            if match is None:
                self._say(f"{self.shown}: it came back without its {' '.join(str(word) for word in kind)}")
                continue
            free.remove(match)
            self._copies[match.index] = _copy(number, match)


def _copy(number: int, stream: StreamInfo) -> _Copy:
    return _Copy(number, stream.time_base, SoundCodec.of(stream))


def _kind(stream: StreamInfo) -> tuple[str, str, int]:
    """What a receiver was told of a stream."""
    context = stream.handle.codec_context if stream.handle is not None else None
    return stream.kind, stream.codec, int(getattr(context, "sample_rate", 0) or 0)
