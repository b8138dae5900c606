"""A receiver of WHIP for tests: aiortc, behind an HTTP server."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

_ANSWER_SECONDS = 10.0
TOKEN = "the-token"
RESOURCE = "/session/1"


@dataclass
class Received:
    """What came, as it comes."""

    url: str = ""
    offers: list[str] = field(default_factory=list)
    """Their SDP."""
    authorizations: list[str | None] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    sizes: set[tuple[int, int]] = field(default_factory=set)
    frames: int = 0
    contrast: float = 0.0
    """Standard deviation of the last picture's luma; that of a black one is 0."""
    samples: int = 0
    sample_rates: set[int] = field(default_factory=set)
    loudness: float = 0.0
    """The largest sample, of 1."""
    hang_up: threading.Event = field(default_factory=threading.Event)
    """Set it to end the connection from here."""

    def take(self, frame: Any) -> None:
        """Take a decoded frame of either kind."""
        if hasattr(frame, "samples"):
            self.samples += frame.samples
            self.sample_rates.add(frame.sample_rate)
            self.loudness = max(self.loudness, float(np.abs(frame.to_ndarray()).max()) / (1 << 15))
        else:
            self.frames += 1
            self.sizes.add((frame.width, frame.height))
            self.contrast = float(frame.to_ndarray()[: frame.height].std())


@contextlib.contextmanager
def whip_server() -> Iterator[Received]:
    """Run a server on this machine that receives whatever is sent to it. Skips without aiortc."""
    aiortc = pytest.importorskip("aiortc", reason="aiortc is not installed (pip install aiortc)")
    ice = pytest.importorskip("aioice.ice")
    if not ice.get_host_addresses(use_ipv4=True, use_ipv6=True):
        pytest.skip("aiortc offers no loopback address, and this machine has no other")
    received = Received()
    loop = asyncio.new_event_loop()
    connections: list[Any] = []

    async def consume(track: Any) -> None:
        with contextlib.suppress(aiortc.mediastreams.MediaStreamError):
            while True:
                received.take(await track.recv())

    async def close_when_told(connection: Any) -> None:
        while not received.hang_up.is_set():
            await asyncio.sleep(0.05)
        received.hang_up.clear()
        await connection.close()

    async def answer(offer: str) -> str:
        connection = aiortc.RTCPeerConnection()
        tasks = [asyncio.ensure_future(close_when_told(connection))]
        connections.append((connection, tasks))
        connection.on("track", lambda track: tasks.append(asyncio.ensure_future(consume(track))))
        await connection.setRemoteDescription(aiortc.RTCSessionDescription(offer, "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
        return str(connection.localDescription.sdp)

    async def close() -> None:
        for connection, tasks in connections:
            await connection.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    class Handler(_Quiet):
        def do_POST(self) -> None:
            offer = self.body()
            received.offers.append(offer)
            received.authorizations.append(self.headers.get("Authorization"))
            answered = asyncio.run_coroutine_threadsafe(answer(offer), loop)
            self.reply(201, answered.result(_ANSWER_SECONDS), Location=RESOURCE)

        def do_DELETE(self) -> None:
            received.deleted.append(self.path)
            self.reply(200, "")

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        with _serving(Handler) as url:
            received.url = f"{url}/whip/the-key"
            yield received
    finally:
        asyncio.run_coroutine_threadsafe(close(), loop).result(_ANSWER_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextlib.contextmanager
def refusing_server(status: int, body: str) -> Iterator[str]:
    """Run a server that answers each offer so; yield its URL."""

    class Handler(_Quiet):
        def do_POST(self) -> None:
            self.body()
            self.reply(status, body, Location=RESOURCE)

        def do_DELETE(self) -> None:
            self.reply(200, "")

    with _serving(Handler) as url:
        yield f"{url}/whip/the-key"


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def body(self) -> str:
        return self.rfile.read(int(self.headers["Content-Length"])).decode()

    def reply(self, status: int, body: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/sdp")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
