"""The packets of a source in the order of the file, kept at first so that a second decoder can begin too."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from vsr.media._av import explain
from vsr.media.faults import ReadFaults

MOST_KEPT = 2000
"""Packets up to the first frame beyond which no second decoder is tried: they take memory."""


class Packets:
    """Reads a container, on the thread that asks. `keep` says that reading may begin again."""

    def __init__(self, container: Any, name: str, *, keep: bool) -> None:
        self.faults = ReadFaults()
        """What was wrong, here and where the packets go."""
        self.end_seconds = Fraction(0)
        """Where the last packet so far ends."""
        self.can_repeat = keep
        """True as long as all packets since `restart` are kept."""
        self._container = container
        self._name = name
        self._kept: list[Any] = []
        self._unread = self._read()

    def restart(self) -> None:
        """Begin anew, after a search in the container."""
        self.faults = ReadFaults()
        self._kept.clear()
        self._unread = self._read()

    def forget(self) -> None:
        """Keep no packets: whoever reads them now is the last."""
        self.can_repeat = False
        self._kept.clear()

    def items(self, *, on_trial: bool = False) -> Iterator[Any]:
        """Yield the packets since `restart`, those first that were read already.

        `on_trial` ends where no more are kept, so that who reads only to try does not cost the others theirs.
        """
        yield from tuple(self._kept)
        for packet in self._unread:
            if self.can_repeat:
                self._keep(packet)
            yield packet
            if on_trial and len(self._kept) == MOST_KEPT:
                return

    def _keep(self, packet: Any) -> None:
        if len(self._kept) < MOST_KEPT:
            self._kept.append(packet)
        else:
            self.forget()

    def _read(self) -> Iterator[Any]:
        packets = self._container.demux()
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except IndexError:  # PyAV's word for a stream that the file began without
                self.faults.late_streams += 1
                packets = self._container.demux()
                continue
            except av.error.FFmpegError as error:
                self.faults.messages.append(f"reading stopped: {explain(error, self._name)}")
                return
            if packet.dts is None and packet.pts is None and not packet.size:
                continue  # PyAV's flush packets; flushing is done once, at the end
            if packet.pts is not None:
                end = (packet.pts + (packet.duration or 0)) * Fraction(packet.time_base)
                self.end_seconds = max(self.end_seconds, end)
            yield packet
