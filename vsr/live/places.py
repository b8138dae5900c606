"""What inputs and outputs of a live run are by their names: how they are opened, how they may be shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from urllib.parse import urlsplit

from vsr.errors import OptionError
from vsr.media.images import as_path, is_url

_CONTAINERS = {
    "rtmp": "flv",
    "rtmps": "flv",
    "udp": "mpegts",
    "tcp": "mpegts",
    "rtp": "rtp_mpegts",
    "rtsp": "rtsp",
}
"""What each protocol carries."""
_SUFFIXES = {".m3u8": "hls", ".mkv": "matroska", ".ts": "mpegts", ".mp4": "mp4", ".flv": "flv", ".nut": "nut"}
_MUXER_OPTIONS = {
    "hls": {
        "hls_segment_type": "fmp4",
        "hls_time": "1",
        "hls_list_size": "8",
        "hls_flags": "delete_segments+independent_segments+program_date_time",
    },
    "mp4": {"movflags": "frag_keyframe+empty_moov+delay_moov+default_base_moof"},
    "mpegts": {"flush_packets": "1", "muxdelay": "0", "muxpreload": "0"},
    "rtsp": {"rtsp_transport": "tcp"},
    "flv": {"flvflags": "no_duration_filesize"},
}
"""Fragments, so that a file is playable wherever it ends; and nothing that waits."""
_DATAGRAM = "pkt_size=1316"  # seven packets of MPEG-TS, which fit an Ethernet frame
_RAW = ("yuv4mpegpipe", "rawvideo")
_KEY = re.compile(r"^(rtmps?://[^/]+/[^/]+/).+$")
_MISSING = ("srt", "rist", "zmq", "amqp")
"""What FFmpeg may know and the one in PyAV's wheels does not."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """An output."""

    name: str
    """As it was given."""
    shown: str
    """As it may be shown: without passwords and keys."""
    container: str
    url: str
    options: dict[str, str]
    is_network: bool

    @property
    def planned_as(self) -> str:
        """A container that carries the same and can be tried in memory: these open files or connections."""
        return {"hls": "mp4", "rtsp": "mpegts", "rtp_mpegts": "mpegts"}.get(self.container, self.container)

    @property
    def is_raw(self) -> bool:
        """True where frames are written, not packets."""
        return self.container in _RAW


def place_of(name: str, format: str | None) -> Place:
    """Return what an output is. Raises OptionError for a protocol that there is not, and unknown names."""
    check_protocol(name)
    name = as_path(name)
    scheme = _scheme(name)
    suffix = Path(urlsplit(name).path if scheme else name).suffix.lower()
    container = format or _CONTAINERS.get(scheme) or _SUFFIXES.get(suffix)
    if container is None and name == "-":
        container = "yuv4mpegpipe"
    if container is None or (scheme and scheme not in _CONTAINERS):
        raise OptionError(
            f"{shown(name)}: vsr live does not know what to write here; "
            f"it writes to {', '.join(_CONTAINERS)} and to names that end in "
            f"{', '.join(_SUFFIXES)}; say -f NAME for another container"
        )
    url = "pipe:1" if name == "-" else name if scheme else f"file:{name}"
    if scheme == "udp" and "pkt_size" not in url:
        url += ("&" if "?" in url else "?") + _DATAGRAM
    if container == "hls" and not scheme:
        url = name  # its segments are named after it
    return Place(
        name=name,
        shown="standard output" if name == "-" else shown(name),
        container=container,
        url=url,
        options=dict(_MUXER_OPTIONS.get(container, {})),
        is_network=bool(scheme),
    )


def check_protocol(name: str) -> None:
    """Raise OptionError for a protocol that this build lacks, with what to use instead."""
    scheme = _scheme(name)
    if scheme in _MISSING:
        raise OptionError(
            f"{shown(name)}: this FFmpeg lacks the protocol {scheme}; udp:// and tcp:// carry the "
            "same MPEG-TS, or let another program speak it, with a pipe between them (-)"
        )


def input_options(name: str, timeout_seconds: float) -> dict[str, str]:
    """Return FFmpeg's options for a network's input."""
    # Servers begin with sound where the next key frame is yet to come: the picture must be waited for.
    options = {"analyzeduration": str(int(timeout_seconds * 1e6))}
    match _scheme(name):
        case "rtsp":
            options |= {"rtsp_transport": "tcp", "timeout": str(int(timeout_seconds * 1e6))}
        case "udp" | "rtp":
            options |= {"overrun_nonfatal": "1", "fifo_size": "8192"}
        case "http" | "https":
            options |= {"rw_timeout": str(int(timeout_seconds * 1e6)), "live_start_index": "-1"}
    return options


def is_network(name: str) -> bool:
    """True for a source that comes over a network, and may come back."""
    return bool(_scheme(name))


def shown(name: str) -> str:
    """Return a name without passwords, queries and stream keys."""
    if not is_url(name):
        return name
    parts = urlsplit(name)
    host = parts.netloc.rpartition("@")[2]
    plain = parts._replace(netloc=host, query="", fragment="").geturl()
    return _KEY.sub(r"\1...", plain)


def _scheme(name: str) -> str:
    return urlsplit(name).scheme.lower() if name != "-" and is_url(name) else ""


_QUICK = {
    "libx264": ("tune=zerolatency", "forced-idr=1"),
    "libx265": ("tune=zerolatency", "forced-idr=1"),
    "libvpx-vp9": ("deadline=realtime", "lag-in-frames=0", "cpu-used=8"),
}
KEY_SECONDS = 2
"""Between key frames: how long somebody who joins waits for a picture, at most."""


def quick_settings(encoder: str, frame_rate: Fraction | None) -> tuple[str, ...]:
    """Return an encoder's options for which each frame's packet comes at once."""
    frames = max(1, round((frame_rate or Fraction(25)) * KEY_SECONDS))
    return (*_QUICK.get(encoder, ()), f"g={frames}")
