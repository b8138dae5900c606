"""What a run's source turns out to hold on the way: transparency, captions, sizes that change."""

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

from vsr.frame import Frame, PictureSpec
from vsr.media.pixels import has_captions, is_transparent
from vsr.media.reader import CopiedPacket, Reader
from vsr.media.verify import Finding
from vsr.pipeline.plan import Plan
from vsr.timing import format_seconds

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
        self._kinds: Counter[PictureSpec] = Counter()
        self._first_pts: int | None = None
        self._off_grid_seconds = 0.0

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
        kind = PictureSpec(width=frame.width, height=frame.height, format=frame.format, color=frame.color)
        self._kinds[kind] += 1
        self._measure_rate(frame)

    def _measure_rate(self, frame: Frame) -> None:
        """How far the frame lies from where a constant rate would put it."""
        if self._first_pts is None:
            self._first_pts = frame.pts
        rate = self._plan.source.video.frame_rate or Fraction(25)
        here = float((frame.pts - self._first_pts) * frame.time_base)
        steady = float((self.num_frames - 1) / rate)
        self._off_grid_seconds = max(self._off_grid_seconds, abs(here - steady))

    def findings(self, *, complete: bool) -> tuple[Finding, ...]:
        """Return what is to be said about the source. `complete`: all of it was read."""
        faults = self._reader.faults
        found = [Finding("source", "lost", line) for line in faults.damage()]
        found += [Finding("source", "note", line) for line in faults.repairs()]
        found += self._count_findings() if complete and not faults.damage() else []
        return tuple(found + self._change_findings() + self._rate_findings())

    def _count_findings(self) -> list[Finding]:
        stated = self._plan.source.video.num_frames_from_header
        if stated is None or stated == self.num_frames:
            return []
        text = f"its header says {stated} frames, its decoder gave {self.num_frames}"
        return [Finding("source", "note", text)]

    def _change_findings(self) -> list[Finding]:
        found = []
        first = next(iter(self._kinds), None)
        for kind, count in self._kinds.items():
            if first is None or kind == first:
                continue
            if (kind.width, kind.height) != (first.width, first.height):
                found.append(self._size_finding(kind, count))
            if kind.format.depth > self._plan.output.format.depth:
                bits = f"{kind.format.depth} bits became {self._plan.output.format.depth}"
                found.append(Finding("bit depth", "lost", f"{bits} in {count} frames"))
            changed = [
                f"{name} {getattr(kind.color, name).name}"
                for name in ("transfer", "primaries")
                if getattr(kind.color, name) is not getattr(first.color, name)
            ]
            if changed:
                text = f"{count} frames have {', '.join(changed)}; the result has the first frame's tags"
                found.append(Finding("colour", "lost", text))
        return found

    def _size_finding(self, kind: PictureSpec, count: int) -> Finding:
        picture, output = self._plan.picture, self._plan.output
        stretched = Fraction(kind.width * picture.height, kind.height * picture.width)
        fitted = f"they were fitted to {output.width}x{output.height}"
        text = f"{count} frames are {kind.width}x{kind.height}; {fitted}"
        if abs(stretched - 1) > _SHAPE_TOLERANCE:
            return Finding("size change", "lost", f"{text}, which changed their shape")
        return Finding("size change", "note", text)

    def _rate_findings(self) -> list[Finding]:
        """A pipe of yuv4mpegpipe says one rate and no times; a file of it is read back instead."""
        target, rate = self._plan.target, self._plan.source.video.frame_rate or Fraction(25)
        if (target.container, target.name) != ("yuv4mpegpipe", "-") or self._off_grid_seconds < float(
            1 / rate
        ):
            return []
        worst = format_seconds(self._off_grid_seconds)
        text = f"yuv4mpegpipe has one rate: off by up to {worst}; -f nut keeps them"
        return [Finding("frame times", "lost", text)]
