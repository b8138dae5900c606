"""Proving that a result still has everything of its source: `vsr verify`, and the end of every run."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from vsr.color import ChromaLocation, ColorSpec
from vsr.media.digests import StreamDigest
from vsr.media.facts import MediaFacts, facts_by_decoding, facts_by_demuxing
from vsr.media.sidedata import DYNAMIC_SIDE_DATA, HdrMetadata
from vsr.media.source import Disposition, StreamInfo
from vsr.media.tags import content_tags, stream_tags
from vsr.timing import format_seconds

Verdict = Literal["kept", "note", "lost"]


@dataclass(frozen=True)
class Finding:
    """One thing that was compared."""

    subject: str
    verdict: Verdict
    text: str


@dataclass(frozen=True)
class VerifyReport:
    """Everything that was compared, worst first."""

    source: str
    result: str
    findings: tuple[Finding, ...]

    @property
    def lost(self) -> tuple[Finding, ...]:
        """What the result no longer has."""
        return tuple(f for f in self.findings if f.verdict == "lost")

    @property
    def exit_code(self) -> int:
        """0 when nothing was lost, else 3."""
        return 3 if self.lost else 0

    def lines(self) -> list[str]:
        """The report as text."""
        marks = {"lost": "LOST", "note": "note", "kept": "ok"}
        order = ("lost", "note", "kept")
        ranked = sorted(self.findings, key=lambda f: order.index(f.verdict))
        return [f"{marks[f.verdict]:>4}  {f.subject}: {f.text}" for f in ranked]

    def to_json(self) -> dict[str, Any]:
        """The report for programs."""
        return {
            "source": self.source,
            "result": self.result,
            "exit_code": self.exit_code,
            "findings": [asdict(f) for f in self.findings],
        }


def verify(source: str | Path, result: str | Path) -> VerifyReport:
    """Compare two files from scratch: the source is decoded, the result read.

    Raises DecodeError where either cannot be read.
    """
    found = facts_by_demuxing(result)
    expected = facts_by_decoding(source, found.info.container)
    faults = [
        Finding("source", "note", line) for line in (*expected.faults.damage(), *expected.faults.repairs())
    ]
    return VerifyReport(str(source), str(result), tuple(faults) + compare(expected, found))


def compare(
    expected: MediaFacts, found: MediaFacts, reasons: dict[int, str] | None = None
) -> tuple[Finding, ...]:
    """Compare a source's facts with a result's. `reasons` says why a stream was left behind, by index."""
    shift = _shift(expected, found)
    findings = [
        *_compare_frames(expected, found, shift),
        *_compare_picture(expected, found),
        *_compare_streams(expected, found, shift, reasons or {}),
        *_compare_chapters(expected, found, shift),
        *_compare_attachments(expected, found, reasons or {}),
        *_compare_tags("tags", expected.info.metadata, found.info.metadata, {}),
    ]
    return tuple(findings)


# -- time


def _shift(expected: MediaFacts, found: MediaFacts) -> Fraction:
    """How much later everything in the result is: containers without negative times push all streams up."""
    if not expected.frame_times or not found.frame_times:
        return Fraction(0)
    delta = found.frame_times[0] * found.time_base - expected.frame_times[0] * expected.time_base
    return Fraction(0) if abs(delta) <= found.time_base / 2 else delta


def _worst_difference(
    expected: Sequence[int],
    expected_base: Fraction,
    found: Sequence[int],
    found_base: Fraction,
    shift: Fraction,
) -> Fraction:
    """Return the largest |found - expected - shift| in seconds, over the common length."""
    unit = math.lcm(expected_base.denominator, found_base.denominator, shift.denominator)
    a = int(expected_base * unit)
    b = int(found_base * unit)
    offset = int(shift * unit)
    worst = max((abs(f * b - e * a - offset) for e, f in zip(expected, found, strict=False)), default=0)
    return Fraction(worst, unit)


def _compare_frames(expected: MediaFacts, found: MediaFacts, shift: Fraction) -> Iterator[Finding]:
    count, wanted = len(found.frame_times), len(expected.frame_times)
    if count != wanted:
        yield Finding("frames", "lost", f"{wanted} in the source, {count} in the result")
    else:
        yield Finding("frames", "kept", f"all {count}")
    if not count or not wanted:
        return
    worst = _worst_difference(
        expected.frame_times, expected.time_base, found.frame_times, found.time_base, shift
    )
    allowed = found.time_base if shift else found.time_base / 2
    if worst > allowed:
        yield Finding("frame times", "lost", f"off by up to {format_seconds(float(worst))}")
    else:
        exact = "exact" if not worst else f"exact to the container's tick of {_tick(found.time_base)}"
        yield Finding("frame times", "kept", exact)
    if shift:
        yield Finding(
            "start",
            "note",
            f"all streams together begin {format_seconds(abs(float(shift)))} "
            f"{'later' if shift > 0 else 'earlier'}; what belongs together stays together",
        )


def _tick(base: Fraction) -> str:
    return "1 ms" if base == Fraction(1, 1000) else f"{base} s"


# -- the picture


def _compare_picture(expected: MediaFacts, found: MediaFacts) -> Iterator[Finding]:
    before, after = expected.info.video, found.info.video
    yield from _compare_color(
        before.color, after.color, same_family=before.format.family == after.format.family
    )
    yield from _compare_aspect(expected, found)
    if before.format.depth > after.format.depth:
        yield Finding("bit depth", "lost", f"{before.format.depth} bits became {after.format.depth}")
    elif before.format.depth > 8:
        yield Finding("bit depth", "kept", f"{after.format.depth} bits")
    if before.display_matrix != after.display_matrix:
        yield Finding("rotation", "lost", f"{before.display_matrix} became {after.display_matrix}")
    elif before.display_matrix:
        yield Finding("rotation", "kept", "the display matrix")
    yield from _compare_alpha(expected, after.format.alpha)
    yield from _compare_hdr(before.hdr, after.hdr)
    for kind in sorted(before.other_side_data - after.other_side_data):
        yield Finding("side data", "lost", DYNAMIC_SIDE_DATA[kind])
    yield from _compare_tags("picture stream", before.metadata, after.metadata, found.info.metadata)
    yield from _compare_disposition("picture stream", before.disposition, after.disposition)


def _compare_color(before: ColorSpec, after: ColorSpec, *, same_family: bool) -> Iterator[Finding]:
    names = ["transfer", "primaries"] + (["matrix", "range", "chroma_location"] if same_family else [])
    changed = []
    for name in names:
        old, new = getattr(before, name), getattr(after, name)
        default = name == "chroma_location" and {old, new} == {
            ChromaLocation.LEFT,
            ChromaLocation.UNSPECIFIED,
        }
        if old.name != "UNSPECIFIED" and old != new and not default:
            changed.append(f"{name} {old.name} became {new.name}")
    if changed:
        yield Finding("colour", "lost", "; ".join(changed))
        return
    told = [getattr(after, name).name for name in ("matrix", "transfer", "primaries", "range")]
    yield Finding("colour", "kept", " ".join(told))


def _compare_aspect(expected: MediaFacts, found: MediaFacts) -> Iterator[Finding]:
    before, after = expected.info.video, found.info.video
    wanted = before.sample_aspect_ratio * before.width / before.height
    got = after.sample_aspect_ratio * after.width / after.height
    # Matroska keeps the shape as whole display pixels, so it is exact to one of them.
    if abs(wanted / got - 1) > Fraction(1, min(after.width, after.height)):
        yield Finding("aspect ratio", "lost", f"{float(wanted):.4f} became {float(got):.4f}")
    elif before.sample_aspect_ratio != 1:
        yield Finding("aspect ratio", "kept", f"{float(got):.4f} (samples {after.sample_aspect_ratio})")


def _compare_alpha(expected: MediaFacts, kept: bool) -> Iterator[Finding]:
    if expected.transparent_frames and not kept:
        yield Finding("alpha", "lost", f"{expected.transparent_frames} frames are transparent in the source")
    elif expected.transparent_frames:
        yield Finding("alpha", "kept", f"in {expected.transparent_frames} frames")


def _compare_hdr(before: HdrMetadata, after: HdrMetadata) -> Iterator[Finding]:
    for subject, old, new in (
        ("HDR mastering display", before.mastering, after.mastering),
        ("HDR content light level", before.light, after.light),
    ):
        if old is not None and old != new:
            yield Finding(subject, "lost", "missing" if new is None else "changed")
        elif old is not None:
            yield Finding(subject, "kept", "identical")


# -- the other streams


def _compare_streams(
    expected: MediaFacts, found: MediaFacts, shift: Fraction, reasons: dict[int, str]
) -> Iterator[Finding]:
    wanted = [
        s
        for s in expected.info.streams
        if s.index in expected.digests and s.kind not in ("cover", "attachment")
    ]
    matches = _matches([s for s in wanted if s.index not in reasons], expected, found)
    for stream in wanted:
        match = matches.get(stream.index)
        if match is None:
            remade = stream.kind == "data" and stream.metadata.get("timecode")
            if remade and found.info.video.metadata.get("timecode") == remade:
                yield Finding(stream.label, "kept", "as the tag `timecode`")
                continue
            yield Finding(stream.label, "lost", reasons.get(stream.index, "not in the result"))
            continue
        yield from _compare_stream(
            stream, expected.digests[stream.index], match, found.digests[match.index], shift
        )
        yield from _compare_tags(stream.label, stream.metadata, match.metadata, found.info.metadata)
        yield from _compare_disposition(stream.label, stream.disposition, match.disposition)
    yield from _compare_order(matches)


def _matches(wanted: list[StreamInfo], expected: MediaFacts, found: MediaFacts) -> dict[int, StreamInfo]:
    """Return which stream of the result is which of the source: by content, then by order."""
    matches: dict[int, StreamInfo] = {}
    remaining = [s for s in found.info.streams if s.index in found.digests]
    for by_content in (True, False):
        for stream in wanted:
            if stream.index in matches:
                continue
            content = expected.digests[stream.index].hexdigest
            for candidate in remaining:
                same = found.digests[candidate.index].hexdigest == content
                if candidate.kind == stream.kind and (same or not by_content):
                    matches[stream.index] = candidate
                    remaining.remove(candidate)
                    break
    return matches


def _compare_order(matches: dict[int, StreamInfo]) -> Iterator[Finding]:
    for kind in sorted({s.kind for s in matches.values()}):
        order = [matches[index].index for index in sorted(matches) if matches[index].kind == kind]
        if order != sorted(order):
            yield Finding(f"{kind} streams", "lost", "their order")


def _compare_stream(
    stream: StreamInfo, before: StreamDigest, match: StreamInfo, after: StreamDigest, shift: Fraction
) -> Iterator[Finding]:
    label = stream.label
    if before.num_packets != after.num_packets:
        yield Finding(label, "lost", f"{before.num_packets} packets became {after.num_packets}")
    elif before.codec == after.codec and before.hexdigest != after.hexdigest:
        yield Finding(label, "lost", "the packets' content changed")
    else:
        how = "bit for bit" if before.codec == after.codec else f"as {after.codec}"
        yield Finding(label, "kept", f"{after.num_packets} packets, {how}")
    worst = _worst_offset(before.times, before.time_base, after.times, after.time_base, shift)
    if worst > max(after.time_base, before.time_base):
        yield Finding(label, "lost", f"its times moved against the picture by {format_seconds(float(worst))}")


def _worst_offset(
    expected: array[int], expected_base: Fraction, found: array[int], found_base: Fraction, shift: Fraction
) -> Fraction:
    timed = [(e, f) for e, f in zip(expected, found, strict=False) if min(e, f) > -(1 << 62)]
    return _worst_difference([e for e, _ in timed], expected_base, [f for _, f in timed], found_base, shift)


def _compare_disposition(label: str, before: Disposition, after: Disposition) -> Iterator[Finding]:
    lost = before & ~after
    if lost:
        yield Finding(label, "lost", f"disposition {lost.words}")


def _compare_chapters(expected: MediaFacts, found: MediaFacts, shift: Fraction) -> Iterator[Finding]:
    before, after = expected.info.chapters, found.info.chapters
    if not before:
        return
    if len(before) != len(after):
        yield Finding("chapters", "lost", f"{len(before)} became {len(after)}")
        return
    for old, new in zip(before, after, strict=True):
        if abs(new.start - old.start) > max(abs(shift), Fraction(1, 500)):
            yield Finding("chapters", "lost", f"{old.title!r} moved to {format_seconds(float(new.start))}")
            return
        if old.title != new.title:
            yield Finding("chapters", "lost", f"{old.title!r} became {new.title!r}")
            return
    yield Finding("chapters", "kept", f"all {len(before)}")


def _compare_attachments(
    expected: MediaFacts, found: MediaFacts, reasons: dict[int, str]
) -> Iterator[Finding]:
    why = {s.filename: reasons[s.index] for s in expected.info.streams if s.index in reasons}
    for name, digest in expected.attachments.items():
        if found.attachments.get(name) == digest:
            yield Finding(f"attachment {name}", "kept", "bit for bit")
        else:
            yield Finding(f"attachment {name}", "lost", why.get(name, "not in the result"))
    present = [*found.covers, *found.attachments.values()]
    for digest in expected.covers:
        kept = digest in present
        reason = next((r for s, r in ((s, reasons.get(s.index)) for s in expected.info.streams) if r), None)
        yield Finding(
            "cover", "kept" if kept else "lost", "bit for bit" if kept else reason or "not in the result"
        )


def _compare_tags(
    label: str, before: dict[str, str], after: dict[str, str], of_file: dict[str, str]
) -> Iterator[Finding]:
    """MP4 repeats the file's creation time for each stream, Matroska has it once: `of_file` counts too."""
    tags_of = content_tags if label == "tags" else stream_tags
    found = {key.lower(): value for key, value in (of_file | after | tags_of(after)).items()}
    wanted = tags_of(before)
    missing = [key for key, value in wanted.items() if found.get(key.lower()) != value]
    if missing:
        yield Finding(label, "lost", f"tags {', '.join(missing)}")
    elif wanted and label == "tags":
        yield Finding(label, "kept", f"all {len(wanted)}")
