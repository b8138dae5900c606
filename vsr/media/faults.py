"""What was wrong with a source, counted while it was read."""

from __future__ import annotations

from dataclasses import dataclass, field

from vsr.media.sidedata import LASTING_SIDE_DATA


@dataclass(slots=True)
class ReadFaults:
    """What was wrong with a source. All zero and empty for a sound one."""

    damaged_frames: int = 0
    """Frames that the decoder concealed errors in."""
    undecodable_packets: int = 0
    late_streams: int = 0
    """Streams that begin in mid-file and cannot be kept."""
    late_side_data: set[str] = field(default_factory=set)
    """Kinds of side data that only later frames have."""
    repaired_timestamps: int = 0
    """Frames whose time was missing or not later than the one before."""
    host_frames: int = 0
    """Frames of a source that NVDEC decodes which it refused, or which were deinterlaced."""
    ended_early_seconds: float = 0.0
    """How far before its stated end the file stopped."""
    messages: list[str] = field(default_factory=list)

    def forget_frames(self) -> None:
        """Count the frames anew: another decoder begins with the same packets."""
        self.damaged_frames = self.undecodable_packets = self.repaired_timestamps = self.host_frames = 0

    def damage(self) -> list[str]:
        """One sentence for each way in which something of the content is missing."""
        lines = []
        if self.damaged_frames:
            lines.append(f"{self.damaged_frames} frames are damaged in the source; the decoder concealed it")
        if self.undecodable_packets:
            lines.append(f"{self.undecodable_packets} packets of the picture could not be decoded")
        if self.late_streams:
            lines.append(f"{self.late_streams} streams begin in mid-file and were not kept")
        for kind in sorted(self.late_side_data):
            lines.append(f"{LASTING_SIDE_DATA[kind]} begins in mid-stream and was not kept")
        if self.ended_early_seconds:
            lines.append(
                f"the source ends {self.ended_early_seconds:.1f} s before its stated end; it is cut off"
            )
        return lines + self.messages

    def repairs(self) -> list[str]:
        """One sentence for each thing that was put right without loss."""
        lines = []
        if self.repaired_timestamps:
            lines.append(f"{self.repaired_timestamps} frames had no usable time; one was made up")
        if self.host_frames:
            lines.append(
                f"{self.host_frames} frames went through the CPU: NVDEC refused or bwdif deinterlaced them"
            )
        return lines
