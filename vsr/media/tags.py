"""Which metadata belongs to the content, and which only describes the file it stood in."""

from __future__ import annotations

from collections.abc import Mapping

_OF_THE_FILE = frozenset(
    {
        "encoder",
        "encoding_tool",
        "major_brand",
        "minor_version",
        "compatible_brands",
        "duration",
        "vendor_id",
        "handler_name",
        "number_of_frames",
        "number_of_bytes",
        "bps",
        "software",
        "alpha_mode",
        "filename",
        "mimetype",
        "writing_application",
        "muxing_application",
        "creation_software",
    }
)


def content_tags(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that say something about the content: titles, languages, dates, credits.

    Left out is what describes the old file's writing (encoder, brands, handler names, statistics):
    it would be false in the new one. An undetermined language counts as none.
    """
    kept = {}
    for key, value in metadata.items():
        lower = key.lower()
        base = lower.split("-")[0]  # mkvmerge writes BPS-eng
        if base in _OF_THE_FILE or lower.startswith("_statistics"):
            continue
        if (lower, value) == ("language", "und") or (
            lower == "creation_time" and value.startswith("1970-01-01T00:00:00")  # a clock that was not set
        ):
            continue
        kept[key] = value
    return kept


def stream_tags(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the content's tags of one stream. MP4 calls a stream's title its name."""
    kept = content_tags(metadata)
    if not any(key.lower() == "title" for key in kept):
        kept = {("title" if key.lower() == "name" else key): value for key, value in kept.items()}
    return kept
