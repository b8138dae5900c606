"""What a run's source turns out to hold on the way: transparency, captions, sizes that change."""

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

from vsr.frame import Frame
from vsr.media.encoders import spec_of
from vsr.media.pixels import has_captions, is_transparent
from vsr.media.reader import CopiedPacket, Reader
from vsr.media.verify import Finding
from vsr.pipeline.plan import Plan

_SHAPE_TOLERANCE = Fraction(1, 100)


class SourceWatch:
    """Looks at every item that a reader gives, on the thread that reads.

    Thread-safety: `items` and what it counts belong to one thread until that has ended.
    """

    def __init__(self, reader: Reader, plan: Plan) -> None:
        self.num_frames = 0
        self.transparent_frames = 0
        self.captioned_frames = 0
        self._reader = reader
        self._plan = plan
        self._sizes: Counter[tuple[int, int]] = Counter()

    def items(self) -> Iterator[Frame | CopiedPacket]:
        """Yield the reader's items."""
        for item in self._reader.items():
            if isinstance(item, Frame):
                self._see(item)
            yield item

    def _see(self, frame: Frame) -> None:
        self.num_frames += 1
        self.transparent_frames += is_transparent(frame)
        self.captioned_frames += self._reader.captions_seen and has_captions(frame)
        self._sizes[frame.width, frame.height] += 1

    def findings(self, *, complete: bool) -> tuple[Finding, ...]:
        """Return what is to be said about the source. `complete`: all of it was read."""
        faults = self._reader.faults
        found = [Finding("source", "lost", line) for line in faults.damage()]
        found += [Finding("source", "note", line) for line in faults.repairs()]
        found += self._count_findings() if complete and not faults.damage() else []
        return tuple(found + self._size_findings() + self._caption_findings())

    def _count_findings(self) -> list[Finding]:
        stated = self._plan.source.video.num_frames_from_header
        if stated is None or stated == self.num_frames:
            return []
        text = f"its header says {stated} frames, its decoder gave {self.num_frames}"
        return [Finding("source", "note", text)]

    def _size_findings(self) -> list[Finding]:
        picture, output = self._plan.picture, self._plan.output
        found = []
        for (width, height), count in self._sizes.items():
            if (width, height) == (picture.width, picture.height):
                continue
            stretched = Fraction(width * picture.height, height * picture.width)
            text = f"{count} frames are {width}x{height}; they were fitted to {output.width}x{output.height}"
            if abs(stretched - 1) > _SHAPE_TOLERANCE:
                found.append(Finding("size change", "lost", f"{text}, which changed their shape"))
            else:
                found.append(Finding("size change", "note", text))
        return found

    def _caption_findings(self) -> list[Finding]:
        if not self.captioned_frames:
            return []
        encoder = self._plan.encoding.encoder
        if spec_of(encoder).keeps_captions:
            return [
                Finding("closed captions", "kept", f"given to {encoder} in {self.captioned_frames} frames")
            ]
        return [Finding("closed captions", "lost", f"{encoder} cannot carry them; libx264 and libx265 can")]
