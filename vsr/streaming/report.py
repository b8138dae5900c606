"""How a live run ended: for people as lines, for programs as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vsr.streaming.status import LiveStatus, OutputStatus


@dataclass(frozen=True, kw_only=True)
class LiveReport:
    """How a live run ended."""

    status: LiveStatus
    """At the end."""
    stopped: bool
    """The user ended it."""
    sound: tuple[str, ...] = ()
    """What was not simply copied of the source's sound."""
    not_kept: tuple[str, ...] = ()
    """What an output cannot say of the picture, one sentence each."""
    lost_sound: int = 0
    """Packets of sound that were to be encoded anew and could not be decoded."""
    said: tuple[str, ...]
    """What was told on the way, the last of it."""

    @property
    def lost(self) -> tuple[str, ...]:
        """What a receiver did not get, one sentence each."""
        lost = [text for output in self.status.outputs if (text := self._missed(output))]
        if not (self.status.frames_out or self.status.frames_paused or self.stopped):
            lost.append(f"{self.status.source}: the run ended before one frame of it was through")
        if self.status.frames_dropped:
            lost.append(
                f"{self.status.frames_dropped} of {self.status.frames_in} frames were dropped{self._late}"
            )
        return (*lost, *self.not_kept)

    def _missed(self, output: OutputStatus) -> str | None:
        """Return what an output did not get, and why; None where it got all."""
        if output.state == "failed":
            return output.last_error
        if output.state != "closed":
            return f"{output.name}: it did not take in time what was left at the end, which is missing"
        why = output.last_error or f"{output.name}: it took less than came"
        if output.packets_dropped:
            return f"{why}; {output.packets_dropped} packets did not reach it"
        if output.breaks:
            return f"{why}; what was on its way then did not reach it"
        if self.status.frames_out and not output.packets_written:
            return f"{output.name}: it got nothing; the run ended before it was open"
        return None

    @property
    def _late(self) -> str:
        late = self.status.frames_late
        return f", {late} of them because they came late from the source" if late else ""

    @property
    def exit_code(self) -> int:
        """0 all went out, 3 something did not, 130 ended by the user."""
        if self.stopped:
            return 130
        return 3 if self.lost else 0

    def lines(self) -> list[str]:
        """The end of a run as text."""
        status = self.status
        whole = status.latency.whole
        lines = [
            f"{'stopped' if self.stopped else 'done'}: {status.frames_out} frames in "
            f"{status.uptime_seconds:.1f} s, {status.frames_dropped} dropped"
            + (f", {status.frames_repeated} repeated" if status.frames_repeated else "")
            + (f", {status.frames_paused} let go while paused" if status.frames_paused else ""),
        ]
        if whole.count:
            lines.append(
                f"latency: p50 {whole.p50 * 1000:.0f} ms, p95 {whole.p95 * 1000:.0f} ms, "
                f"p99 {whole.p99 * 1000:.0f} ms, max {whole.max * 1000:.0f} ms"
            )
        if status.steps_down or status.steps_up:
            lines.append(f"ladder: {status.steps_down} steps down, {status.steps_up} up")
        if status.reconnects or status.jumps:
            lines.append(
                f"source: came back {status.reconnects} times, its times jumped {status.jumps} times"
            )
        for output in status.outputs:
            lines.append(
                f"{output.name}: {output.bytes_written / 1e6:.1f} MB in {output.packets_written} packets"
                + (f", opened again {output.reconnects} times" if output.reconnects else "")
                + (f", {output.packets_dropped} packets dropped" if output.packets_dropped else "")
            )
        lines += self.sound
        if self.lost_sound:
            lines.append(f"sound: {self.lost_sound} packets could not be decoded, and are missing")
        return lines + [f"LOST: {text}" for text in self.lost]

    def to_json(self) -> dict[str, Any]:
        """The report for programs."""
        return {
            "exit_code": self.exit_code,
            "stopped": self.stopped,
            "lost": list(self.lost),
            "sound": list(self.sound),
            "lost_sound": self.lost_sound,
            "said": list(self.said),
            "status": self.status.to_json(),
        }
