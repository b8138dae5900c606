"""What inputs and outputs of a live run are by their names: how they are opened, how they may be shown."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from urllib.parse import urlsplit

from vsr.errors import OptionError
from vsr.media.images import as_path, is_url
from vsr.media.reader import Reader
from vsr.streaming.interval import FrameInterval

_CONTAINERS = {
    "rtmp": "flv",
    "rtmps": "flv",
    "udp": "mpegts",
    "tcp": "mpegts",
    "rtp": "rtp_mpegts",
    "rtsp": "rtsp",
    "http": "whip",
    "https": "whip",
}
"""What each protocol carries."""
_CARRIES_ANY = ("udp", "tcp")
"""Protocols that have no container of their own."""
_SUFFIXES = {".m3u8": "hls", ".mkv": "matroska", ".ts": "mpegts", ".mp4": "mp4", ".flv": "flv", ".nut": "nut"}
_MUXER_OPTIONS = {
    "hls": {
        "hls_segment_type": "fmp4",
        "hls_time": "0.5",
        "hls_list_size": "8",
        "hls_flags": "delete_segments+independent_segments+program_date_time+temp_file",
    },
    "mp4": {"movflags": "frag_keyframe+empty_moov+delay_moov+default_base_moof"},
    "mpegts": {"flush_packets": "1", "muxdelay": "0", "muxpreload": "0"},
    "rtsp": {"rtsp_transport": "tcp"},
    "flv": {"flvflags": "no_duration_filesize"},
    # FFmpeg calls the muxer experimental. Where it begins the handshake, no second goes by until a retry.
    "whip": {"strict": "experimental", "whip_flags": "dtls_active"},
}
"""Fragments, so that a file is playable wherever it ends; and nothing that waits."""
_TURNING = ("matroska", "webm", "mp4", "mov", "hls")
"""Containers that hold a display matrix; HLS, because its segments are MP4."""
_DATAGRAM = "pkt_size=1316"  # seven packets of MPEG-TS, which fit an Ethernet frame
_RAW = ("yuv4mpegpipe", "rawvideo")
_KEY = re.compile(r"^(rtmps?://[^/]+/[^/]+/).+$")
_PLAYLIST = "hls"
_HTTP = ("http", "https")
_DATAGRAMS = ("udp", "rtp")
"""A source of these may name no host: any may send."""
_WITH_PORT = (*_DATAGRAMS, "tcp")
_SECURE = ("rtmps", "https")
_ANALYZED_SHARE = 0.8
"""Of the time for opening, what finding the streams may take."""
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
        stand_ins = {"hls": "mp4", "rtsp": "mpegts", "rtp_mpegts": "mpegts", "whip": "mp4"}
        return stand_ins.get(self.container, self.container)

    @property
    def is_whip(self) -> bool:
        """True for WebRTC, whose receivers decode less than others."""
        return self.container == "whip"

    @property
    def holds_turn(self) -> bool:
        """True where players are told how to turn the picture."""
        return self.container in _TURNING

    @property
    def is_unchecked(self) -> bool:
        """True where the receiver's certificate is not looked at: PyAV hands on no options of protocols."""
        return _scheme(self.name) in _SECURE

    @property
    def is_raw(self) -> bool:
        """True where frames are written, not packets."""
        return self.container in _RAW


def place_of(name: str, format: str | None, *, whip_token: str | None = None) -> Place:
    """Return what an output is; `whip_token` is what WHIP servers are told.

    Raises OptionError for a protocol that there is not, and unknown names.
    """
    check_protocol(name)
    name = as_path(name)
    scheme = _scheme(name)
    suffix = Path(urlsplit(name).path if scheme else name).suffix.lower()
    container = _CONTAINERS.get(scheme) or _SUFFIXES.get(suffix) or format
    if format and scheme in _CARRIES_ANY:
        container = format
    if container is None and name == "-":
        container = "yuv4mpegpipe"
    is_whip = container == "whip"
    if is_whip and scheme not in _HTTP:
        raise OptionError(f"{shown(name)}: WHIP goes to http:// and https:// alone; leave -f out")
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
    options = dict(_MUXER_OPTIONS.get(container, {}))
    if container == "hls":
        options["hls_fmp4_init_filename"] = f"{Path(name).stem}_init.mp4"  # a folder may hold several
    if is_whip and whip_token is not None:
        options["authorization"] = whip_token
    return Place(
        name=name,
        shown=_shown_output(name, is_whip=is_whip),
        container=container,
        url=url,
        options=options,
        is_network=bool(scheme),
    )


def check_protocol(name: str) -> None:
    """Raise OptionError for half a URL, and a protocol that this build lacks, with what to use instead."""
    scheme = _scheme(name)
    if scheme in _MISSING:
        raise OptionError(
            f"{shown(name)}: this FFmpeg lacks the protocol {scheme}; udp:// and tcp:// carry the "
            "same MPEG-TS, or let another program speak it, with a pipe between them (-)"
        )
    if scheme in (*_CONTAINERS, *_HTTP):
        _check_address(name, scheme)


def _check_address(name: str, scheme: str) -> None:
    parts = urlsplit(name)
    try:
        port = parts.port
    except ValueError:
        raise OptionError(f"{shown(name)}: its port is no number of 1 to 65535; correct it") from None
    if scheme in _WITH_PORT and port is None:
        raise OptionError(f"{shown(name)}: it names no port; write {scheme}://HOST:PORT")
    if scheme not in _DATAGRAMS and not parts.hostname:
        raise OptionError(f"{scheme}://: it names no host; write {scheme}://HOST...")


def check_input(name: str) -> None:
    """Raise OptionError for a source of a protocol or a format that this build lacks."""
    check_protocol(name)
    if urlsplit(name).path.lower().endswith(".mpd"):
        raise OptionError(
            f"{shown(name)}: this FFmpeg cannot read DASH; name the HLS playlist of the same stream (.m3u8), "
            "or let a program that reads DASH pipe it in (-)"
        )


def input_options(name: str, timeout_seconds: float) -> dict[str, str]:
    """Return FFmpeg's options for an input over a network."""
    microseconds = str(int(timeout_seconds * 1e6))
    # Servers begin with sound where the next key frame is yet to come: the picture must be waited for. But a
    # stream that was announced and never comes must not use up the time for opening.
    options = {"analyzeduration": str(int(_ANALYZED_SHARE * timeout_seconds * 1e6))}
    match _scheme(name):
        case "rtmp" | "rtmps":
            # Its times are in milliseconds, from which FFmpeg estimates the rate: by 20 frames, not 3.
            options |= {"fpsprobesize": "3"}
        case "rtsp":
            options |= {"rtsp_transport": "tcp", "timeout": microseconds}
        case scheme if scheme in _DATAGRAMS:
            options |= {"overrun_nonfatal": "1", "fifo_size": "8192"}
        case scheme if scheme in _HTTP:
            options |= {"rw_timeout": microseconds, "live_start_index": "-1"}
    if _scheme(name) in _SECURE:
        trusted = ssl.get_default_verify_paths().cafile
        options |= {"tls_verify": "1"} | ({"ca_file": trusted} if trusted else {})
    return options


def is_network(name: str) -> bool:
    """True for a source that comes over a network, and may come back."""
    return bool(_scheme(name))


def is_recording(name: str, reader: Reader) -> bool:
    """True for what a server gives as fast as it is taken, and has an end: a file, a finished playlist."""
    info = reader.info
    has_end = info.duration_seconds is not None or (info.container != _PLAYLIST and reader.has_size)
    return _scheme(name) in _HTTP and has_end


def comes_in_bursts(name: str, reader: Reader) -> bool:
    """True for what has to be read at the speed of its times: segments come whole."""
    return reader.info.container == _PLAYLIST or is_recording(name, reader)


def is_half_checked(name: str, reader: Reader) -> bool:
    """True where only the first connection's certificate is looked at.

    FFmpeg opens the segments of a playlist, which may be another host's, without the options for that.
    """
    return reader.info.container == _PLAYLIST and _scheme(name) == "https"


def shown(name: str) -> str:
    """Return a name without passwords, queries and stream keys."""
    if not is_url(name):
        return name
    parts = urlsplit(name)
    host = parts.netloc.rpartition("@")[2]
    plain = parts._replace(netloc=host, query="", fragment="").geturl()
    return _KEY.sub(r"\1...", plain)


def _shown_output(name: str, *, is_whip: bool) -> str:
    """Return the name of an output as it may be shown: of WHIP's, the path may be the key."""
    if is_whip:
        return urlsplit(shown(name))._replace(path="/...").geturl()
    return "standard output" if name == "-" else shown(name)


def _scheme(name: str) -> str:
    return urlsplit(name).scheme.lower() if name != "-" and is_url(name) else ""


_QUICK = {
    "libx264": ("tune=zerolatency", "forced-idr=1"),
    "libx265": ("tune=zerolatency", "forced-idr=1"),
    "libvpx-vp9": ("deadline=realtime", "lag-in-frames=0", "cpu-used=8"),
}
KEY_SECONDS = 2
"""Between key frames: how long somebody who joins waits for a picture, at most."""


def quick_settings(encoder: str, frame_rate: Fraction | None, *, whip: bool = False) -> tuple[str, ...]:
    """Return an encoder's options for which each frame's packet comes at once.

    `whip` says that any browser is to decode it.
    """
    interval = FrameInterval()
    interval.begin(frame_rate)
    frames = max(1, round(KEY_SECONDS / interval.seconds))
    profile = ("profile=baseline",) if whip and encoder == "libx264" else ()  # RFC 7742, 6.2
    return (*_QUICK.get(encoder, ()), *profile, f"g={frames}")
