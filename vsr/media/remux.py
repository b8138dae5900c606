"""Writes packets that come in on standard input into one receiver: a process of its own for each output.

FFmpeg opens and writes some protocols with no way to end a call that waits, and PyAV holds the interpreter's
lock meanwhile. A process can always be ended; and whatever happens in it, the run that feeds it goes on.

    python -m vsr.media.remux CONTAINER STREAMS

STREAMS are the numbers, joined by commas, of those streams that the receiver gets. Standard input is where
the receiver is, which may hold keys: arguments are for all users to see; then the header of LiveEncoder, then
records of packets. Each line on standard error is
`started`, `opened`, or the sentence about what went wrong that comes before exit code 1.
"""

from __future__ import annotations

import io
import json
import signal
import struct
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from fractions import Fraction
from typing import Any, BinaryIO

import av

from vsr.media._av import detailed, explain, reason_of
from vsr.media.images import as_path
from vsr.media.live_encoder import EncodedPacket, Header

STARTED = "started"
"""The line that says that the process has loaded what it needs, and begins to open the receiver."""
OPENED = "opened"
"""The line that says that the receiver has taken the header."""
_INTERLEAVING = {"max_interleave_delta": "500000"}
"""Microseconds by which one stream waits for another, which may have stopped: not FFmpeg's ten seconds."""
_MAKERS_OF_FILES = ("hls",)
"""Containers that open files themselves."""
_PLACE = struct.Struct("<I")
"""Bytes of JSON: the URL, and options of the muxer."""
_HEADER = struct.Struct("<I?9i")
"""Bytes of content, whether there is a display matrix, and it."""
_RECORD = struct.Struct("<IBBqqqII")
"""Bytes of content, stream, key frame or not, pts, dts, duration, time base."""


def place_bytes(url: str, options: Mapping[str, str]) -> bytes:
    """Return what stands at the beginning of the process's input."""
    content = json.dumps([url, dict(options)]).encode()
    return _PLACE.pack(len(content)) + content


def _place(pipe: BinaryIO) -> tuple[str, dict[str, str]]:
    (size,) = _PLACE.unpack(pipe.read(_PLACE.size))
    url, options = json.loads(pipe.read(size))
    return url, options


def header_bytes(header: Header) -> bytes:
    """Return what follows the place."""
    matrix = header.display_matrix
    return _HEADER.pack(len(header.content), matrix is not None, *(matrix or (0,) * 9)) + header.content


def _header(pipe: BinaryIO) -> Header:
    size, is_turned, *matrix = _HEADER.unpack(pipe.read(_HEADER.size))
    return Header(pipe.read(size), tuple(matrix) if is_turned else None)


def record_bytes(packet: EncodedPacket) -> bytes:
    """Return a packet as the process reads it."""
    base = packet.time_base
    head = _RECORD.pack(
        len(packet.content),
        packet.stream,
        packet.is_keyframe,
        packet.pts,
        packet.dts,
        packet.duration,
        base.numerator,
        base.denominator,
    )
    return head + packet.content


def _records(pipe: BinaryIO) -> Iterator[EncodedPacket]:
    while len(head := pipe.read(_RECORD.size)) == _RECORD.size:
        size, stream, key, pts, dts, duration, numerator, denominator = _RECORD.unpack(head)
        content = pipe.read(size)
        if len(content) < size:
            return
        base = Fraction(numerator, denominator)
        yield EncodedPacket(stream, pts, dts, duration, base, bool(key), content)


def _open(
    header: Header, container: str, url: str, numbers: Sequence[int], options: dict[str, str]
) -> tuple[Any, dict[int, Any]]:
    """Return the receiver with its header written, and its streams by their number in the header."""
    known: Any = av.open(io.BytesIO(header.content), "r", format="nut")
    opener = _open_file if container in _MAKERS_OF_FILES else None
    out: Any = av.open(url, "w", format=container, container_options=_INTERLEAVING | options, io_open=opener)
    streams = {}
    for number in numbers:
        template = known.streams[number]
        stream = out.add_stream_from_template(template, opaque=False)
        stream.time_base = template.time_base
        if template.type == "video" and header.display_matrix is not None:
            stream.set_display_matrix(list(header.display_matrix))
        streams[number] = stream
    out.start_encoding()
    known.close()
    return out, streams


def _open_file(url: str, flags: int, options: dict[str, str]) -> BinaryIO:
    """Open a segment or a playlist for FFmpeg, which does not look whether its own writing succeeds."""
    return open(as_path(url), "wb")


def _secrets(container: str) -> AbstractContextManager[dict[str, str]]:
    """Return a block inside which there is what the receiver is opened with, as options of the muxer."""
    if container != "whip":
        return nullcontext({})
    from vsr.media.certificate import certificate_files

    return certificate_files()


def _write(out: Any, streams: Mapping[int, Any], records: Iterator[EncodedPacket]) -> None:
    for record in records:
        packet: Any = av.Packet(record.content)
        packet.pts, packet.dts, packet.duration = record.pts, record.dts, record.duration
        packet.time_base = record.time_base
        packet.is_keyframe = record.is_keyframe
        packet.stream = streams[record.stream]
        out.mux_one(packet)


def _explain_whip(error: BaseException, url: str) -> str | None:
    """Return what is wrong with a WHIP server; None for what may be wrong with any receiver."""
    reason = reason_of(error)
    match error:
        case av.error.HTTPUnauthorizedError() | av.error.HTTPForbiddenError():
            return f"{url}: the server does not let this in ({error.strerror}); give its token: --whip-token"
        case av.error.HTTPClientError() | av.error.HTTPServerError():
            return f"{url}: {error.strerror}; check that this is the URL of a WHIP endpoint"
        case _ if "answer" in reason.lower():
            return f"{url}: what answers is no WHIP server; check the URL"
        case av.error.FFmpegError() if reason.startswith("Failed to request"):  # and all that was sent
            return f"{url}: {error.strerror}; check the URL, and that its server is up"
    return None


def main(arguments: Sequence[str]) -> int:
    """Run until standard input ends. Returns the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the end is the input's: what was written is finished
    container, streams_given = arguments
    numbers = [int(number) for number in streams_given.split(",")]
    pipe = sys.stdin.buffer
    url, options = _place(pipe)
    print(STARTED, file=sys.stderr, flush=True)  # noqa: T201  (it is a protocol)
    try:
        header = _header(pipe)
        with detailed(), _secrets(container) as secrets:
            out, streams = _open(header, container, url, numbers, options | secrets)
        print(OPENED, file=sys.stderr, flush=True)  # noqa: T201
        try:
            _write(out, streams, _records(pipe))
        finally:
            out.close()
    except (av.error.FFmpegError, OSError, ValueError, struct.error) as error:
        sentence = _explain_whip(error, url) if container == "whip" else None
        sentence = sentence or explain(error, "pipe" if url.startswith("pipe:") else url)
        print(sentence, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
