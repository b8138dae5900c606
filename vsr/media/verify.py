"""Proving that a result still has everything of its source: `vsr verify`, and the end of every run."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from vsr.color import ChromaLocation, ColorSpec, Matrix
from vsr.media.digests import StreamDigest
from vsr.media.facts import MediaFacts, content_digest, facts_by_decoding, facts_by_demuxing
from vsr.media.reader import Reader
from vsr.media.sidedata import DYNAMIC_SIDE_DATA, HdrMetadata, turn_of
from vsr.media.source import Chapter, Disposition, SourceInfo, StreamInfo, VideoInfo
from vsr.media.tags import content_tags, stream_tags
from vsr.timing import format_seconds

Verdict = Literal["kept", "note", "lost"]

_CHAPTER_TOLERANCE = Fraction(1, 500)
# The coarsest steps of HDR metadata: chromaticities in HEVC; luminances, which AV1 codes as 24.8 and 18.14.
_CHROMATICITY_STEP = Fraction(1, 50000)
_BRIGHTEST_STEP = Fraction(1, 256)
_DARKEST_STEP = Fraction(1, 16384)
_ONE_COLOUR = ("mjpeg", "webp")
"""Codecs of which all files have the same matrix and range; samples are converted to them."""


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
    with Reader(source) as reader:  # opened first, so that of two missing files it is the one that is named
        found = facts_by_demuxing(result)
        expected = facts_by_decoding(reader, found.info.container)
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
        *compare_picture(expected, found.info),
        *_compare_captions(expected, found),
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
        yield Finding("frame times", "lost", f"off by up to {_difference(worst)}")
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


def _difference(seconds: Fraction) -> str:
    """Return a difference of times, so that none looks like nothing."""
    return f"{float(seconds) * 1e3:.3g} ms" if seconds < Fraction(1, 100) else format_seconds(float(seconds))


def _tick(base: Fraction) -> str:
    return "1 ms" if base == Fraction(1, 1000) else f"{base} s"


# -- the picture


def compare_picture(expected: MediaFacts, found: SourceInfo) -> Iterator[Finding]:
    """Compare what the pictures are: size, shape, colour, depth, alpha, HDR. Not how many they are."""
    before, after = expected.info.video, found.video
    yield Finding("size", "kept", f"{before.width}x{before.height} to {after.width}x{after.height}")
    yield from _compare_color(before, after)
    yield from _compare_chroma(before, after)
    yield from _compare_aspect(before, after)
    if before.format.depth > after.format.depth:
        yield Finding("bit depth", "lost", f"{before.format.depth} bits became {after.format.depth}")
    elif before.format.depth > 8:
        yield Finding("bit depth", "kept", f"{after.format.depth} bits")
    if before.display_matrix != after.display_matrix:
        yield Finding(
            "rotation", "lost", f"{turn_of(before.display_matrix)} became {turn_of(after.display_matrix)}"
        )
    elif before.display_matrix:
        yield Finding("rotation", "kept", "the display matrix")
    yield from _compare_alpha(expected, after.format.alpha)
    yield from _compare_hdr(before.hdr, after.hdr)
    for kind in sorted(before.other_side_data - after.other_side_data):
        yield Finding("side data", "lost", DYNAMIC_SIDE_DATA[kind])
    yield from _compare_tags("picture stream", before.metadata, after.metadata, found.metadata)
    yield from _compare_disposition("picture stream", before.disposition, after.disposition)


def _compare_color(before: VideoInfo, after: VideoInfo) -> Iterator[Finding]:
    if after.format.family == "gray" and before.format.family != "gray":
        yield Finding("colour", "lost", "the result is gray")
        return
    same_samples = before.format.family == after.format.family and after.codec not in _ONE_COLOUR
    compared = ["matrix", "range", "chroma_location"] if same_samples else []
    if before.format.family == "gray":  # which has no matrix, whatever its tag
        compared = compared[1:2]
    changed = _changed_tags(before.color, after.color, compared)
    if same_samples and before.format.family == "yuv":
        changed += _changed_guess(before, after)
    if changed:
        yield Finding("colour", "lost", "; ".join(changed))
        return
    told = [getattr(after.color, name).name for name in ("matrix", "transfer", "primaries", "range")]
    yield Finding("colour", "kept", " ".join(told))


def _changed_tags(before: ColorSpec, after: ColorSpec, of_samples: Sequence[str]) -> list[str]:
    changed = []
    for name in ("transfer", "primaries", *of_samples):
        old, new = getattr(before, name), getattr(after, name)
        default = name == "chroma_location" and {old, new} == {
            ChromaLocation.LEFT,
            ChromaLocation.UNSPECIFIED,
        }
        if old.name != "UNSPECIFIED" and old != new and not default:
            changed.append(f"{name} {old.name} became {new.name}")
    return changed


def _changed_guess(before: VideoInfo, after: VideoInfo) -> list[str]:
    """Players guess an untagged matrix from the number of lines: the same picture, other colours."""
    if before.color.matrix is not Matrix.UNSPECIFIED:
        return []
    old, new = (video.color.guessed(video.height)[0].matrix.name for video in (before, after))
    if old == new:
        return []
    how = "is taken for" if after.color.matrix is Matrix.UNSPECIFIED else "is tagged"
    return [
        f"the untagged matrix of {before.height} lines means {old}; the result {how} {new}, "
        "so its colours are others"
    ]


def _compare_chroma(before: VideoInfo, after: VideoInfo) -> Iterator[Finding]:
    """Fewer samples of chroma than the source had: at twice the size, 4:2:0 has all of 4:4:4."""
    if "gray" in (before.format.family, after.format.family):
        return
    width, height = min(before.width, after.width), min(before.height, after.height)
    high, wide = before.format.plane_shape(1, width, height)
    got_high, got_wide = after.format.plane_shape(1, after.width, after.height)
    if got_wide < wide or got_high < high:
        yield Finding("chroma", "lost", f"{wide}x{high} samples became {got_wide}x{got_high}")
    elif before.format.log2_chroma_w < after.format.log2_chroma_w or (
        before.format.log2_chroma_h < after.format.log2_chroma_h
    ):
        yield Finding("chroma", "kept", f"{wide}x{high} samples in {got_wide}x{got_high}")


def _compare_aspect(before: VideoInfo, after: VideoInfo) -> Iterator[Finding]:
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


def _compare_captions(expected: MediaFacts, found: MediaFacts) -> Iterator[Finding]:
    before, after = expected.captioned_frames, found.captioned_frames
    if before and before != after:
        yield Finding("closed captions", "lost", f"{before} frames with them became {after}")
    elif before:
        yield Finding("closed captions", "kept", f"in {before} frames")


def _compare_hdr(before: HdrMetadata, after: HdrMetadata) -> Iterator[Finding]:
    for subject, old, new, same in (
        ("HDR mastering display", before.mastering, after.mastering, _same_display(before, after)),
        ("HDR content light level", before.light, after.light, before.light == after.light),
    ):
        if old is not None and not same:
            yield Finding(subject, "lost", "missing" if new is None else "changed")
        elif old is not None:
            yield Finding(subject, "kept", "identical" if old == new else "exact to the codec's step")


def _same_display(before: HdrMetadata, after: HdrMetadata) -> bool:
    """True when the values differ by no more than codecs round them."""
    old, new = before.mastering, after.mastering
    if old is None or new is None:
        return old is new
    return (
        _near(_flat(old.primaries), _flat(new.primaries), (_CHROMATICITY_STEP,) * 6)
        and _near(old.white_point, new.white_point, (_CHROMATICITY_STEP,) * 2)
        and _near(old.luminance, new.luminance, (_DARKEST_STEP, _BRIGHTEST_STEP))
    )


def _flat(points: tuple[tuple[Fraction, Fraction], ...] | None) -> tuple[Fraction, ...] | None:
    return None if points is None else tuple(value for point in points for value in point)


def _near(
    old: tuple[Fraction, ...] | None, new: tuple[Fraction, ...] | None, steps: tuple[Fraction, ...]
) -> bool:
    if old is None or new is None:
        return old is new
    return all(abs(a - b) <= step for a, b, step in zip(old, new, steps, strict=True))


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
    converted = before.codec != after.codec
    old, new = (side.text_times if converted else side.times for side in (before, after))
    if len(old) != len(new):
        yield Finding(label, "lost", f"{len(old)} packets became {len(new)}")
    elif not converted and before.hexdigest != after.hexdigest:
        yield Finding(label, "lost", "the packets' content changed")
    else:
        rewritten = stream.kind == "subtitle" and stream.codec != match.codec
        how = f"text and times, as {match.codec}" if rewritten else "bit for bit"
        yield Finding(label, "kept", f"{len(new)} packets, {how}")
    if len(old) != len(new):
        return  # which packet is which is not known any more
    worst = _worst_offset(old, before.time_base, new, after.time_base, shift)
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
    exact_ends = "matroska" in found.info.container
    # A container without negative times pushes the streams up, and some leave the chapters where they are.
    faults = [_chapter_fault(before, after, offset, exact_ends=exact_ends) for offset in (shift, Fraction(0))]
    if all(faults):
        yield Finding("chapters", "lost", faults[0])
    else:
        yield Finding("chapters", "kept", f"all {len(before)}")


def _chapter_fault(
    before: tuple[Chapter, ...], after: tuple[Chapter, ...], offset: Fraction, *, exact_ends: bool
) -> str:
    """Return what is wrong with the first chapter that is not as it was, or nothing."""
    for number, (old, new) in enumerate(zip(before, after, strict=True)):
        if abs(new.start - old.start - offset) > _CHAPTER_TOLERANCE:
            return f"{old.title!r} moved to {format_seconds(float(new.start))}"
        if old.title != new.title:
            return f"{old.title!r} became {new.title!r}"
        # MP4 has no ends of chapters: each lasts until the next one, the last until the end of the film.
        ends = exact_ends or not (number + 1 == len(after) or new.end == after[number + 1].start)
        if ends and abs(new.end - old.end - offset) > _CHAPTER_TOLERANCE:
            return f"{old.title!r} now ends at {format_seconds(float(new.end))}"
    return ""


def _compare_attachments(
    expected: MediaFacts, found: MediaFacts, reasons: dict[int, str]
) -> Iterator[Finding]:
    left = {
        (s.kind, content_digest(s.data)): reasons[s.index]
        for s in expected.info.streams
        if s.index in reasons and s.kind in ("attachment", "cover")
    }
    files = Counter(found.attachments)
    present = Counter([*found.covers, *(digest for _, digest in found.attachments)])
    for name, digest in expected.attachments:
        kept = files[name, digest] > 0
        files[name, digest] -= 1
        present[digest] -= kept
        why = left.get(("attachment", digest), "not in the result")
        yield Finding(f"attachment {name}", *(("kept", "bit for bit") if kept else ("lost", why)))
    for digest in expected.covers:
        kept = present[digest] > 0
        present[digest] -= 1
        why = left.get(("cover", digest), "not in the result")
        yield Finding("cover", *(("kept", "bit for bit") if kept else ("lost", why)))


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
