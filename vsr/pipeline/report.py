"""How a run ended: for people as lines, for programs as JSON."""

from dataclasses import asdict, dataclass
from typing import Any

from vsr.media.verify import Finding
from vsr.pipeline.plan import Plan
from vsr.pipeline.stages import Statistics


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuUse:
    """What a run did on a GPU."""

    device: str
    name: str
    redone_frames: int
    """Computed again in float32, because float16 did not hold them."""
    uploaded_bytes: int
    """Of pixels, from host memory; 0 where frames are decoded on the GPU."""
    downloaded_bytes: int
    """To host memory; a few for each frame where they are encoded on the GPU."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """How a run ended, and the proof."""

    plan: Plan
    findings: tuple[Finding, ...]
    """What was compared between source and result."""
    verified: bool
    """False for pipes and images, which cannot be read back."""
    stopped: bool
    statistics: Statistics
    result_bytes: int
    verify_seconds: float
    copied_bytes: int = 0
    """Of pixels in host memory that had to be laid out anew between decoder, upscaler and encoder. Encoders
    copy what they are given once more."""
    gpu: GpuUse | None = None
    """None where the CPU upscaled."""
    said: tuple[str, ...] = ()
    """What was told on the way: what waited for an engine to be built, and what changed when it was."""

    @property
    def lost(self) -> tuple[Finding, ...]:
        """What the result no longer has."""
        return tuple(f for f in self.findings if f.verdict == "lost")

    @property
    def notes(self) -> tuple[str, ...]:
        """Guesses and conversions of the plan, and what verification only remarks on."""
        return (*self.plan.notes, *(f"{f.subject}: {f.text}" for f in self.findings if f.verdict == "note"))

    @property
    def exit_code(self) -> int:
        """0 nothing lost, 3 something lost, 130 stopped by the user."""
        if self.stopped:
            return 130
        return 3 if self.lost else 0

    def lines(self) -> list[str]:
        """The end of a run as text: short when all is well."""
        frames, elapsed = self.statistics.frames_done, self.statistics.elapsed_seconds
        name = "standard output" if self.plan.target.name == "-" else self.plan.target.name
        state = "stopped" if self.stopped else "done"
        lines = [
            f"{state}: {frames} frames in {elapsed:.1f} s ({frames / max(elapsed, 1e-9):.1f} fps), "
            f"{name}, {_amount(self.result_bytes)}"
        ]
        if self.gpu is not None:
            up, down = _amount(self.gpu.uploaded_bytes), _amount(self.gpu.downloaded_bytes)
            lines.append(f"{self.gpu.device}: {up} went up to it, {down} came down")
        if self.gpu is not None and self.gpu.redone_frames:
            lines.append(f"note: {self.gpu.redone_frames} frames exceeded float16 and were redone in float32")
        lines += [f"note: {text}" for text in self.said]
        lines += [f"note: {f.subject}: {f.text}" for f in self.findings if f.verdict == "note"]
        lines += [f"LOST: {f.subject}: {f.text}" for f in self.lost]
        kept = sum(f.verdict == "kept" for f in self.findings)
        if not self.verified:
            lines.append("not verified: pipes and images are not read back")
        elif not self.lost:
            lines.append(f"verified: nothing lost ({kept} things compared)")
        return lines

    def to_json(self) -> dict[str, Any]:
        """The report for programs."""
        return {
            "exit_code": self.exit_code,
            "stopped": self.stopped,
            "verified": self.verified,
            "frames": self.statistics.frames_done,
            "result_bytes": self.result_bytes,
            "verify_seconds": self.verify_seconds,
            "copied_bytes": self.copied_bytes,
            "findings": [asdict(finding) for finding in self.findings],
            "statistics": asdict(self.statistics),
            "gpu": None if self.gpu is None else asdict(self.gpu),
            "said": list(self.said),
            "plan": self.plan.to_json(),
        }


def _amount(num_bytes: int) -> str:
    """Return "12.4 MB", "48.3 kB" or "612 bytes"."""
    for unit, size in (("MB", 1e6), ("kB", 1e3)):
        if num_bytes >= size:
            return f"{num_bytes / size:.1f} {unit}"
    return f"{num_bytes} bytes"
