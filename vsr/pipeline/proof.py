"""What a run lost: its result, or else the plan of it, compared with its source."""

from dataclasses import replace
from pathlib import Path

from vsr.color import ColorSpec, Primaries, Transfer
from vsr.errors import MediaError
from vsr.frame import PixelFormat, pixel_format
from vsr.media.digests import StreamDigest
from vsr.media.encoder_table import spec_of
from vsr.media.facts import MediaFacts, attachment_facts, facts_by_demuxing, seconds_left_in
from vsr.media.passthrough import MP4, PICTURE_ONLY
from vsr.media.sidedata import HdrMetadata
from vsr.media.source import SourceInfo
from vsr.media.verify import Finding, compare, compare_picture
from vsr.media.writer import Target, Writer
from vsr.pipeline.plan import Plan
from vsr.pipeline.watch import SourceWatch
from vsr.timing import format_seconds

_READABLE_AGAIN = frozenset({"yuv4mpegpipe"})
_SUMS = frozenset({"null", "md5", "framemd5"})
"""Sinks without any picture: nothing can be missing in them."""
_BARE = frozenset({"yuv4mpegpipe", "rawvideo"})
"""Containers that say nothing about colour."""
# What viewers assume anyway where there is no tag.
_PLAIN_TRANSFERS = (Transfer.BT709, Transfer.SMPTE170M, Transfer.SRGB, Transfer.BT2020_10, Transfer.BT2020_12)
_PLAIN_PRIMARIES = (Primaries.BT709, Primaries.SMPTE170M, Primaries.BT470BG)


def can_read_back(plan: Plan) -> bool:
    """Return whether what was written is a file that tells what is in it."""
    target = plan.target
    if target.name == "-" or "://" in target.name or not Path(target.name).is_file():
        return False
    return target.container not in PICTURE_ONLY or target.container in _READABLE_AGAIN


def compare_result(plan: Plan, writer: Writer, watch: SourceWatch) -> tuple[Finding, ...]:
    """Read the result and compare it with what was written into it."""
    try:
        found = facts_by_demuxing(plan.target.name)
    except MediaError as error:
        return (Finding("result", "lost", f"it cannot be read back: {error}"),)
    expected = _expected(plan, writer, watch)
    if plan.target.container in PICTURE_ONLY:
        frames = tuple(f for f in compare(expected, found) if f.subject in ("frames", "frame times"))
        return frames + compare_unread(plan, writer, watch)
    reasons = {r.stream.index: r.reason for r in plan.routes if r.action == "leave"}
    return compare(expected, found, reasons)


def compare_unread(plan: Plan, writer: Writer, watch: SourceWatch) -> tuple[Finding, ...]:
    """Compare the source with what was written by the plan, where reading back tells less or nothing."""
    if plan.target.container in _SUMS:
        return ()
    findings = tuple(compare_picture(_expected(plan, writer, watch), _planned_result(plan)))
    if watch.captioned_frames and not spec_of(plan.encoding.encoder).keeps_captions:
        findings += (Finding("closed captions", "lost", f"{plan.encoding.encoder} cannot carry them"),)
    if plan.target.container not in PICTURE_ONLY:
        left = [r for r in plan.routes if r.action == "leave"]
        findings += tuple(Finding(r.stream.label, "lost", r.reason) for r in left)
    return findings


def what_remains(target: Target) -> str:
    """Return what the file of a run that failed is good for, as it lies there now."""
    seconds = seconds_left_in(target.name)
    if seconds is not None:
        return f"{target.name} is unfinished: it plays up to about {format_seconds(float(seconds))}"
    if target.container in MP4:
        return (
            f"{target.name} is unfinished and does not play: {target.container} has its index at its end; "
            "a file ending in .mkv plays as far as it was written"
        )
    return f"{target.name} is unfinished and cannot be opened"


def _expected(plan: Plan, writer: Writer, watch: SourceWatch) -> MediaFacts:
    """Return what the source gave to the result."""
    digests = dict(writer.digests)
    for route in plan.routes:
        if route.action in ("leave", "remade") and route.stream.kind not in ("attachment", "cover"):
            digests[route.stream.index] = StreamDigest(
                codec=route.stream.codec, time_base=route.stream.time_base
            )
    info = replace(plan.source, chapters=writer.chapters)
    files, covers = attachment_facts(info.streams)
    return MediaFacts(
        info=info,
        frame_times=writer.frame_times,
        time_base=writer.time_base,
        digests=digests,
        attachments=files,
        covers=covers,
        transparent_frames=watch.transparent_frames,
        captioned_frames=watch.captioned_frames,
    )


def _planned_result(plan: Plan) -> SourceInfo:
    """Return what the plan says is written, as reading it back would tell."""
    source, picture_only = plan.source.video, plan.target.container in PICTURE_ONLY
    video = replace(
        source,
        width=plan.output.width,
        height=plan.output.height,
        format=_coded_format(plan),
        color=_shown_color(plan) if picture_only else plan.tags,
        codec=plan.encoding.encoder,
        sample_aspect_ratio=plan.sample_aspect_ratio,
        display_matrix=None if picture_only else source.display_matrix,
        hdr=_written_hdr(plan),
        other_side_data=frozenset(),
    )
    return replace(plan.source, container=plan.target.container, video=video)


def _coded_format(plan: Plan) -> PixelFormat:
    """Return the format that is coded: WebP takes RGB and makes 4:2:0 of it, unless it is lossless."""
    encoding = plan.encoding
    if encoding.encoder != "libwebp" or encoding.options.get("lossless", "0") != "0":
        return encoding.format
    return pixel_format("yuva420p" if encoding.format.alpha else "yuv420p")


def _shown_color(plan: Plan) -> ColorSpec:
    """Matrix and range of a picture alone are those of its kind: its samples were converted to them."""
    tags, wanted = plan.tags, plan.picture.color
    if plan.target.container in _BARE:
        tags = replace(tags, transfer=Transfer.UNSPECIFIED, primaries=Primaries.UNSPECIFIED)
    transfer, primaries = tags.transfer, tags.primaries
    if transfer is Transfer.UNSPECIFIED and wanted.transfer in _PLAIN_TRANSFERS:
        transfer = wanted.transfer
    if primaries is Primaries.UNSPECIFIED and wanted.primaries in _PLAIN_PRIMARIES:
        primaries = wanted.primaries
    return replace(wanted, transfer=transfer, primaries=primaries)


def _written_hdr(plan: Plan) -> HdrMetadata:
    """Return the HDR metadata that the encoder was told of."""
    told = ":".join(plan.encoding.options.values())
    hdr = plan.source.video.hdr
    return HdrMetadata(
        mastering=hdr.mastering if "master-display=" in told or "mastering-display=" in told else None,
        light=hdr.light if "cll=" in told or "content-light=" in told else None,
    )
