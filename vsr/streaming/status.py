"""What a live run does at one moment: the one thing that its page, its metrics and its report show."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from vsr.streaming.latency import Latency

RunState = Literal["opening", "running", "stalled", "reconnecting", "paused", "finishing", "ended"]
"""Of the source: stalled gives nothing though it is open; reconnecting is being opened again."""
OutputState = Literal["opening", "writing", "reconnecting", "failed", "closed"]
RUN_STATES: tuple[RunState, ...] = get_args(RunState)
OUTPUT_STATES: tuple[OutputState, ...] = get_args(OutputState)


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputStatus:
    """One receiver of the encoded stream."""

    name: str
    """As it may be shown: without passwords and keys."""
    state: OutputState = "opening"
    bytes_written: int = 0
    packets_written: int = 0
    packets_dropped: int = 0
    """Those that a receiver which was away or too slow did not get."""
    reconnects: int = 0
    errors: int = 0
    breaks: int = 0
    """How often it broke off with packets on their way, which nobody can count."""
    last_error: str = ""
    """A sentence, or nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveStatus:
    """A live run at one moment. Counts are since its start, rates over the last seconds."""

    state: RunState = "opening"
    source: str = ""
    """The input's name as it may be shown: without passwords and keys."""
    source_size: tuple[int, int] | None = None
    """(width, height) of the frames that come in now; None before the first."""
    output_size: tuple[int, int] | None = None
    fps_in: float = 0.0
    fps_out: float = 0.0
    frames_in: int = 0
    frames_out: int = 0
    frames_dropped: int = 0
    """By --drop, because a queue was full, or because they came late."""
    frames_late: int = 0
    """Those of frames_dropped that came late: the source's doing, not this machine's."""
    frames_paused: int = 0
    """Those that were let go because somebody paused: nothing is lost by them."""
    frames_repeated: int = 0
    """Those of frames_out that stood in for frames that did not come; see --gap."""
    latency: Latency = field(default_factory=Latency)
    """From the arrival of a frame's packet to the encoder's packet of it."""
    queue_frames: int = 0
    queue_capacity: int = 1
    ladder: tuple[str, ...] = ()
    """Its models, the best first."""
    step: int = 0
    """Which of them works now."""
    steps_down: int = 0
    steps_up: int = 0
    chosen: bool = False
    """True while somebody chose the model by hand, and the ladder rests."""
    reconnects: int = 0
    """Of the source."""
    jumps: int = 0
    """How often the source's times did not go on as they were."""
    outputs: tuple[OutputStatus, ...] = ()
    recording: str | None = None
    """The file that is being recorded into."""
    uptime_seconds: float = 0.0
    rss_bytes: int = 0
    """Memory of the process that lies in RAM."""

    @property
    def queue_fill(self) -> float:
        """How full the queue before the upscaler is, 0 to 1."""
        return min(1.0, self.queue_frames / self.queue_capacity)

    @property
    def model(self) -> str:
        """The model that works now; nothing where there is none yet."""
        return self.ladder[self.step] if self.ladder else ""

    def to_json(self) -> dict[str, Any]:
        """Return plain dictionaries, lists, text and finite numbers."""
        facts = asdict(self)
        return {**facts, "queue_fill": self.queue_fill, "model": self.model}
