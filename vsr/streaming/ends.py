"""Where upscaled frames go: through one encoder to several receivers, or as they are into a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from vsr.errors import EncodeError
from vsr.frame import Frame
from vsr.media.live_encoder import EncodedPacket, LiveEncoder, Repeat
from vsr.media.pixels import FramePool
from vsr.media.raw_output import RawOutput, TimedPipe
from vsr.media.source import StreamInfo
from vsr.options import LiveOptions
from vsr.pipeline.plan import Plan
from vsr.pipeline.stages import StopToken
from vsr.streaming.outputs import Output
from vsr.streaming.places import Place, place_of
from vsr.streaming.recording import Recording
from vsr.streaming.sound import Recoder, SoundPlan
from vsr.streaming.status import OutputStatus

Item = Frame | Repeat | EncodedPacket
"""What goes through a run."""


class End(Protocol):
    """Takes what was upscaled. Thread-safety: one thread; `pool` and `statuses` may be used by any."""

    @property
    def pool(self) -> FramePool:
        """Gives the frames to write into."""

    @property
    def statuses(self) -> tuple[OutputStatus, ...]:
        """How the receivers are doing."""

    @property
    def recording(self) -> Recording | None:
        """Writes the encoded stream into files when asked to; None where there is none."""

    @property
    def lost_sound(self) -> int:
        """Packets of sound that were to be encoded anew and could not be decoded."""

    def hear(self, packet: EncodedPacket) -> None:
        """Take a packet of sound as soon as it comes, to encode it anew; `write` gets it, too."""

    def write(self, item: Item) -> Iterator[float]:
        """Take the next item, and yield the arrivals of the frames that are through: 0 of repeated ones."""

    def finish(self, through: Callable[[float], None]) -> None:
        """Write what is left, and finish all receivers; also after an error, which may come again.

        `through` gets the arrivals of the frames that were left, as `write` yields them.
        """

    def abort(self) -> None:
        """End at once. Idempotent, never raises."""


class RawEnd:
    """Standard output as frames."""

    recording = None
    lost_sound = 0

    def __init__(self, plan: Plan, options: LiveOptions, token: StopToken) -> None:
        assert sys.__stdout__ is not None  # the target was checked
        pipe = TimedPipe(sys.__stdout__.fileno(), options.timeout, lambda: token.requested)
        self._output = RawOutput(
            plan.target,
            plan.source.video,
            plan.output,
            plan.encoding,
            pipe,
            sample_aspect_ratio=plan.sample_aspect_ratio,
            tags=plan.tags,
        )
        self.pool = self._output.pool
        self._frames = 0
        self._closed = False

    @property
    def statuses(self) -> tuple[OutputStatus, ...]:
        """One."""
        return (
            OutputStatus(
                name="standard output",
                state="closed" if self._closed else "writing",
                bytes_written=self._output.bytes_written,
                packets_written=self._frames,
            ),
        )

    def hear(self, packet: EncodedPacket) -> None:
        """Packets have no place here."""

    def write(self, item: Item) -> Iterator[float]:
        """Take the next item; packets have no place here."""
        if isinstance(item, EncodedPacket):
            return
        if isinstance(item, Repeat):
            self._output.repeat()
        else:
            self._output.write(item)
        self._frames += 1
        yield item.arrival if isinstance(item, Frame) else 0.0

    def finish(self, through: Callable[[float], None]) -> None:
        """No frame is left."""
        self._output.close()
        self._closed = True

    def abort(self) -> None:
        """Nothing is held back that could be dropped."""


class EncodedEnd:
    """An encoder, and its receivers. One that breaks off does not end the others; all do."""

    def __init__(
        self,
        plan: Plan,
        places: Sequence[Place],
        copied: Sequence[StreamInfo],
        sound: SoundPlan,
        options: LiveOptions,
        *,
        waits: bool,
        stopped: Callable[[], bool],
        say: Callable[[str], None],
    ) -> None:
        """`sound` is planned for the places, then a recording. `waits` says that the source does, so that
        receivers are waited for; those that are away until `stopped` says True.
        """
        self._encoder = LiveEncoder(
            plan.source.video,
            plan.output,
            plan.encoding,
            (*copied, *(recoding.encoder.info for recoding in sound.recodings)),
            sample_aspect_ratio=plan.sample_aspect_ratio,
            tags=plan.tags,
        )
        self.pool = self._encoder.pool
        self._timeout = options.timeout
        self._waits, self._say = waits, say
        self._outputs = [
            Output(
                place,
                streams=streams,
                timeout_seconds=options.timeout,
                returns=place.is_network and options.reconnect != "off",
                may_be_absent=options.reconnect == "on",
                give_up_seconds=options.give_up,
                waits=waits,
                stopped=stopped,
                say=say,
            )
            for place, streams in zip(places, sound.taken, strict=False)
        ]
        for output in self._outputs:
            output.start(self._encoder.header)
        self._recorded_streams = sound.taken[-1]
        self.recording = Recording(Path(options.record), self._opened_file) if options.record else None
        self._recoder = Recoder(sound.recodings, self._send)
        self._recoder.start()

    def _opened_file(self, path: Path) -> Output:
        """Return a receiver that joins what goes on: a file, whose times begin at zero."""
        place = place_of(str(path), None)
        output = Output(
            replace(place, options={**place.options, "avoid_negative_ts": "make_zero"}),
            streams=self._recorded_streams,
            timeout_seconds=self._timeout,
            returns=False,
            give_up_seconds=0,
            waits=self._waits,
            joins=True,
            say=self._say,
        )
        output.start(self._encoder.header)
        return output

    @property
    def statuses(self) -> tuple[OutputStatus, ...]:
        """In the order in which they were given."""
        return tuple(output.status for output in self._outputs)

    @property
    def lost_sound(self) -> int:
        """Packets of sound that were to be encoded anew and could not be decoded."""
        return self._recoder.errors

    def hear(self, packet: EncodedPacket) -> None:
        """Take a packet of sound as soon as it comes: muxers wait for sound as late as the picture."""
        self._recoder.put(packet)

    def write(self, item: Item) -> Iterator[float]:
        """Encode a frame or pass a packet on. Raises EncodeError once no receiver is left."""
        if isinstance(item, EncodedPacket):
            self._send(item)
        else:
            for packet in self._encoded(item):
                yield packet.arrival
                self._send(packet)
        self._check()

    def _encoded(self, item: Frame | Repeat) -> Iterator[EncodedPacket]:
        keyframe = self._wanted_key()
        if isinstance(item, Repeat):
            return self._encoder.repeat(item, keyframe=keyframe)
        return self._encoder.encode(item, keyframe=keyframe)

    def _wanted_key(self) -> bool:
        """True once for each time that a receiver can only go on with a key frame."""
        wishes = [output.take_wish() for output in self._receivers()]
        return any(wishes)

    def _receivers(self) -> list[Output]:
        """Return all that get packets now."""
        current = self.recording.current if self.recording is not None else None
        return self._outputs if current is None else [*self._outputs, current]

    def _send(self, packet: EncodedPacket) -> None:
        for output in self._receivers():
            output.put(packet)

    def _check(self) -> None:
        if all(output.failed for output in self._outputs):
            raise EncodeError(f"no output is left: {self._outputs[0].status.last_error}")
        if self._recoder.error is not None:
            raise self._recoder.error

    def finish(self, through: Callable[[float], None]) -> None:
        """Flush the encoder and finish the receivers, all within three time limits."""
        try:
            for packet in self._encoder.flush():
                through(packet.arrival)
                self._send(packet)
        finally:
            self._finish_receivers()
            self._encoder.close()
        self._check()

    def _finish_receivers(self) -> None:
        until = time.monotonic() + 3 * self._timeout
        self._recoder.finish(self._timeout)
        for output in self._receivers():
            output.finish()
        for output in self._outputs:
            if not output.join(max(0.0, until - time.monotonic())):
                output.abort()
        if self.recording is not None:
            self.recording.finish(max(0.0, until - time.monotonic()))

    def abort(self) -> None:
        """End the receivers at once."""
        self._recoder.abort()
        if self.recording is not None:
            self.recording.abort(self._timeout)
        for output in self._outputs:
            output.abort()
        for output in self._outputs:
            output.join(self._timeout)
