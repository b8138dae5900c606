"""What happened between two statuses of a live run: for logs that programs read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from vsr.streaming.status import LiveStatus, OutputStatus


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """Something that happened."""

    name: str
    """state, drop, step, reconnect, recording, output, output_drop or output_error."""
    facts: dict[str, Any]
    """Plain text and numbers. Totals are since the run's start."""


def events_between(before: LiveStatus, after: LiveStatus) -> Iterator[LiveEvent]:
    """Yield what changed from one status of a run to a later one; what came and went between is counted."""
    if before.state != after.state:
        yield LiveEvent("state", {"state": after.state, "was": before.state})
    if dropped := after.frames_dropped - before.frames_dropped:
        yield LiveEvent("drop", {"frames": dropped, "total": after.frames_dropped})
    if before.model and before.model != after.model:
        yield LiveEvent("step", {"model": after.model, "was": before.model, "chosen": after.chosen})
    if before.reconnects != after.reconnects:
        yield LiveEvent("reconnect", {"total": after.reconnects})
    if before.recording != after.recording:
        yield LiveEvent("recording", {"file": after.recording, "was": before.recording})
    former = dict(enumerate(before.outputs))
    for number, output in enumerate(after.outputs):
        yield from _of_output(former.get(number, OutputStatus(name=output.name)), output)


def _of_output(before: OutputStatus, after: OutputStatus) -> Iterator[LiveEvent]:
    name = {"output": after.name}
    if before.errors != after.errors:
        yield LiveEvent("output_error", {**name, "error": after.last_error, "total": after.errors})
    if before.state != after.state:
        yield LiveEvent("output", {**name, "state": after.state, "was": before.state})
    if dropped := after.packets_dropped - before.packets_dropped:
        yield LiveEvent("output_drop", {**name, "packets": dropped, "total": after.packets_dropped})
