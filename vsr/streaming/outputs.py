"""The receivers of the encoded stream, each on a thread and in a process of its own."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import IO

from vsr.media.live_encoder import EncodedPacket, Header
from vsr.media.remux import OPENED, STARTED, header_bytes, place_bytes, record_bytes
from vsr.streaming.back_off import back_off
from vsr.streaming.places import Place
from vsr.streaming.status import OutputState, OutputStatus

MAX_QUEUE_BYTES = 16 << 20
"""Of packets that wait for one receiver: seconds of any stream, and a bound of memory."""
_START_SECONDS = 30.0
"""Until a process has loaded what it needs: a second, on a machine that has nothing else to do."""
_SLICE_SECONDS = 0.1
_MOST_SAID_BYTES = 64 << 10
"""Of what a process says that are kept: libraries in it may warn of each packet, for days."""


class OutputError(Exception):
    """A receiver that is gone, refuses or does not move; the text is a sentence."""


class Output:
    """One receiver. What it gets is never waited for, unless it is to get everything.

    Where a receiver lags by more than the queue holds, packets are dropped up to a key frame, which is asked
    for; while it is away they are let go. One that is to get everything is waited for, away or not.
    Thread-safety: `put` and the properties for any thread, the rest for the run's.
    """

    def __init__(
        self,
        place: Place,
        *,
        streams: Sequence[int] = (0,),
        timeout_seconds: float,
        returns: bool,
        may_be_absent: bool = False,
        give_up_seconds: float,
        waits: bool,
        stopped: Callable[[], bool] = lambda: False,
        joins: bool = False,
        say: Callable[[str], None],
    ) -> None:
        """`streams` are the numbers of those that it gets, `put` lets go the others' packets.

        `returns` lets it be opened again where it breaks off, for `give_up_seconds`, and where it
        `may_be_absent` also where it cannot be opened at first; `waits` lets `put` wait for it, while it is
        away until `stopped` says True.

        One that `joins` what goes on already begins at the next key frame, which it asks for.
        """
        self.place = place
        self._streams = tuple(streams)
        self._timeout = timeout_seconds
        self._returns, self._may_be_absent = returns, may_be_absent
        self._give_up = give_up_seconds
        self._waits, self._stopped = waits, stopped
        self._begins_amid = joins or (place.is_whip and not waits)
        self._say = say
        self._header: Header | None = None
        self._thread = threading.Thread(target=self._run, name=f"vsr-out-{place.container}", daemon=True)
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        # -- protected by _lock
        self._packets: deque[EncodedPacket] = deque()
        self._bytes = 0
        self._needs_key = self._wishes_key = joins  # an encoder begins with one
        self._ended = False
        self._aborted = False
        # -- written by the thread alone, but for dropped packets
        self._state: OutputState = "opening"
        self._written_bytes = self._written_packets = self._dropped = 0
        self._reconnects = self._errors = self._breaks = 0
        self._sent = False
        self._last_error = self._last_said = ""
        self._was_open = False

    @property
    def status(self) -> OutputStatus:
        """How it is doing."""
        return OutputStatus(
            name=self.place.shown,
            state=self._state,
            bytes_written=self._written_bytes,
            packets_written=self._written_packets,
            packets_dropped=self._dropped,
            reconnects=self._reconnects,
            errors=self._errors,
            breaks=self._breaks,
            last_error=self._last_error,
        )

    @property
    def failed(self) -> bool:
        """True once nothing will be written any more, because it broke off."""
        return self._state == "failed"

    def take_wish(self) -> bool:
        """Return True once for each time that it can only go on with a key frame."""
        with self._lock:
            wish, self._wishes_key = self._wishes_key, False
            return wish

    def start(self, header: Header) -> None:
        """Begin; `header` is LiveEncoder's."""
        self._header = header
        self._thread.start()

    def put(self, packet: EncodedPacket) -> None:
        """Take a packet on its way."""
        if packet.stream not in self._streams:
            return
        with self._lock:
            while self._waits and not self._takes:
                self._changed.wait(_SLICE_SECONDS)
            if self._is_over:
                return
            if self._bytes >= MAX_QUEUE_BYTES:
                self._forget()
                self._wishes_key = True
            is_beginning = packet.stream == 0 and packet.is_keyframe
            if self._state == "reconnecting" or (self._needs_key and not is_beginning):
                self._dropped += self._misses
                return
            self._needs_key = False
            self._packets.append(packet)
            self._bytes += len(packet.content)
            self._changed.notify_all()

    @property
    def _is_over(self) -> bool:
        """True once nothing will be taken any more. Under the lock, as what follows."""
        return self._aborted or self._state in ("failed", "closed")

    @property
    def _takes(self) -> bool:
        """True where nothing has to be waited for to put a packet."""
        if self._is_over:
            return True
        return self._stopped() if self._state == "reconnecting" else self._bytes < MAX_QUEUE_BYTES

    @property
    def _misses(self) -> bool:
        """True where a packet that it does not get is missing, and not from before it began."""
        return self._written_packets > 0 or self._errors > 0 or not self._begins_amid

    def _forget(self) -> None:
        """Drop what waits; it goes on with a key frame."""
        self._dropped += len(self._packets) * self._misses
        self._packets.clear()
        self._bytes, self._needs_key = 0, True
        self._changed.notify_all()

    def finish(self) -> None:
        """Say that no packet follows: what waits is written, and the receiver finished."""
        with self._lock:
            self._ended = True
            self._changed.notify_all()

    def abort(self) -> None:
        """End at once."""
        with self._lock:
            self._aborted = self._ended = True
            self._forget()

    def join(self, timeout_seconds: float) -> bool:
        """Wait for the end. Returns True where it was reached."""
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    # -- on the thread

    def _run(self) -> None:
        pauses, broken_since = back_off(), time.monotonic()
        while True:
            written = self._written_packets
            try:
                self._serve()
                with self._lock:
                    self._become("closed")
                return
            except OutputError as error:
                self._errors += 1
                self._last_error = str(error)
            self._breaks += self._sent
            if self._written_packets > written:
                pauses, broken_since = back_off(), time.monotonic()
            if self._last_said != self._last_error:  # each attempt may end in the same way
                self._last_said = self._last_error
                self._say(self._last_error)
            if not (self._returns and (self._was_open or self._may_be_absent)):
                break
            with self._lock:
                if self._sent or not self._waits:
                    self._forget()
                self._become("reconnecting")
                if self._changed.wait_for(lambda: self._ended and not self._packets, next(pauses)):
                    break
            if time.monotonic() - broken_since > self._give_up:
                self._last_error += f"; it was tried for {self._give_up:g} s"
                self._say(self._last_error)
                break
        with self._lock:
            self._forget()
            self._become("failed")

    def _become(self, state: OutputState) -> None:
        """Change the state, and wake whom that concerns. Under the lock."""
        self._state = state
        self._changed.notify_all()

    def _serve(self) -> None:
        """Write to one process until the end. Raises OutputError where that breaks off."""
        assert self._header is not None  # set by `start`
        self._sent = False
        try:
            child = _Child(self.place, self._streams, self._header, self._timeout)
        except OSError as error:
            why = f"its process cannot be started ({error.strerror}); check the limits on processes and files"
            raise OutputError(f"{self.place.shown}: {why}") from error
        try:
            while (packet := self._next(child)) is not None:
                self._sent = True
                child.write(record_bytes(packet))
                self._written_packets += 1
                self._written_bytes += len(packet.content)
            if not self._aborted:
                child.finish()
        finally:
            child.kill()

    def _next(self, child: _Child) -> EncodedPacket | None:
        """Return the next packet, None at the end; meanwhile look after the process."""
        while True:
            child.check()
            if child.opened and self._state != "writing":
                self._begin()
            with self._lock:
                self._changed.wait_for(lambda: child.opened if self._packets else self._ended, _SLICE_SECONDS)
                if self._aborted or (self._ended and not self._packets):
                    return None
                if self._packets and child.opened:
                    packet = self._packets.popleft()
                    self._bytes -= len(packet.content)
                    self._changed.notify_all()
                    return packet

    def _begin(self) -> None:
        """Take note that the receiver was opened."""
        with self._lock:
            if self.place.is_whip and not self._waits:
                self._forget()  # what came before would be played late, all the time
            self._wishes_key = self._wishes_key or self._needs_key
            self._reconnects += self._was_open
            self._was_open, self._last_said = True, ""
            self._become("writing")


class _Child:
    """The process that writes to a receiver. Thread-safety: one thread."""

    def __init__(self, place: Place, streams: Sequence[int], header: Header, timeout_seconds: float) -> None:
        numbers = ",".join(str(number) for number in streams)
        self._place = place
        self._timeout = timeout_seconds
        self._process = subprocess.Popen(
            [sys.executable, "-m", "vsr.media.remux", place.container, numbers],
            stdin=subprocess.PIPE,
            stdout=None if place.name == "-" else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._began = time.monotonic()
        self._said = b""
        os.set_blocking(self._stdin.fileno(), False)
        os.set_blocking(self._stderr.fileno(), False)
        self._started = self.opened = False
        self.write(place_bytes(place.url, place.options) + header_bytes(header))

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def _stderr(self) -> IO[bytes]:
        assert self._process.stderr is not None
        return self._process.stderr

    def check(self) -> None:
        """Raise OutputError where the process ended, or does not get to open the receiver."""
        self._listen()
        if self._process.poll() is not None:
            raise OutputError(self._sentence())
        limit = self._timeout if self._started else _START_SECONDS
        if not self.opened and time.monotonic() - self._began > limit:
            raise OutputError(f"{self._place.shown}: it does not answer within {limit:g} s")

    def _listen(self) -> bool:
        """Take what it says. Returns False where that was nothing."""
        new = self._stderr.read(_MOST_SAID_BYTES) or b""
        self._said += new  # what is awaited may come in two parts
        if not self._started and f"{STARTED}\n".encode() in self._said:
            self._started, self._began = True, time.monotonic()
        self.opened = self.opened or f"{OPENED}\n".encode() in self._said
        self._said = self._said[-_MOST_SAID_BYTES:]
        return bool(new)

    def write(self, data: bytes) -> None:
        """Write all of it. Raises OutputError where nothing moves for as long as the time limit."""
        rest, moved = memoryview(data), time.monotonic()
        while rest:
            try:
                rest = rest[os.write(self._stdin.fileno(), rest) :]
                moved = time.monotonic()
            except BlockingIOError:
                select.select([], [self._stdin], [], _SLICE_SECONDS)
                self.check()
                moved = moved if self.opened else time.monotonic()  # until then, `check` has the limits
            except BrokenPipeError:
                self._wait()
                raise OutputError(self._sentence()) from None
            if time.monotonic() - moved > self._timeout:
                raise OutputError(f"{self._place.shown}: it takes nothing since {self._timeout:g} s")

    def finish(self) -> None:
        """Let it finish the receiver. Raises OutputError where it does not."""
        self._stdin.close()
        ended = self._wait()
        self._listen()
        if not ended:
            what = "end" if self.opened else "answer"
            raise OutputError(f"{self._place.shown}: it does not {what} within {self._timeout:g} s")
        if self._process.returncode != 0:
            raise OutputError(self._sentence())

    def _wait(self) -> bool:
        """Wait for it to end, or end it; loading what it needs has a limit of its own.

        Returns True where it ended by itself.
        """
        since, was_killed = time.monotonic(), False
        while self._process.poll() is None:
            self._listen()
            begin, limit = (since, self._timeout) if self._started else (self._began, _START_SECONDS)
            if time.monotonic() - max(begin, self._began) > limit:
                self._process.kill()
                was_killed = True
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_SLICE_SECONDS)
        return not was_killed

    def kill(self) -> None:
        """End it. Idempotent."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for pipe in (self._stdin, self._stderr):
            if not pipe.closed:
                pipe.close()

    def _sentence(self) -> str:
        while self._listen():
            pass
        lines = [
            line for line in self._said.decode(errors="replace").splitlines() if line not in (STARTED, OPENED)
        ]
        if not lines:
            return f"{self._place.shown}: writing ended without a word (exit {self._process.returncode})"
        return lines[-1].replace(self._place.url, self._place.shown).removeprefix("file:")
