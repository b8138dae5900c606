"""A sender of MPEG-TS over UDP whose stream changes from one datagram to the next."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.live.material import Published
from bench.live.servers import ffmpeg

_DATAGRAM_BYTES = 7 * 188


@dataclass(frozen=True, kw_only=True)
class Part:
    """MPEG-TS that lasts so long."""

    path: Path
    seconds: float


def part(published: Published, path: Path, seconds: float, *, begins: float = 0.0) -> Part:
    """Make MPEG-TS of the first `seconds` of what is published, its times from `begins` seconds on."""
    subprocess.run(
        [
            ffmpeg(), "-v", "error", "-nostdin", "-y", "-i", str(published.path), "-t", f"{seconds:g}",
            "-c", "copy", "-output_ts_offset", f"{begins:g}", "-f", "mpegts", str(path),
        ],
        check=True,
    )  # fmt: skip
    return Part(path=path, seconds=seconds)


@contextlib.contextmanager
def sending(parts: Sequence[Part], port: int) -> Iterator[None]:
    """Send the parts one after another beside the block, without a break, each evenly over its time."""
    ended = threading.Event()
    thread = threading.Thread(target=_send, args=(parts, port, ended), name="sender", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _send(parts: Sequence[Part], port: int, ended: threading.Event) -> None:
    begins = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for each in parts:
            content = each.path.read_bytes()
            for place in range(0, len(content), _DATAGRAM_BYTES):
                due = begins + each.seconds * place / len(content)
                if ended.wait(max(0.0, due - time.monotonic())):
                    return
                sender.sendto(content[place : place + _DATAGRAM_BYTES], ("127.0.0.1", port))
            begins += each.seconds
