"""The server of a preview: a page, the status, metrics, pictures and controls over HTTP."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs

from vsr.errors import OptionError
from vsr.frame import Frame
from vsr.streaming.controls import Controls
from vsr.streaming.metrics import CONTENT_TYPE, metrics_text
from vsr.streaming.preview.access import Guard, reachable, token_for
from vsr.streaming.preview.page import preview_page
from vsr.streaming.preview.pictures import Pictures
from vsr.streaming.status import LiveStatus

_LOG = logging.getLogger(__name__)
_MAX_CONNECTIONS = 32
"""At once; more are closed unheard. A browser has six at most."""
_MAX_BODY_BYTES = 4096
_IDLE_SECONDS = 10.0
"""How long a connection may take to send a whole request or to take the answer."""
_WAIT_SECONDS = 1.0
"""How long a question for a picture waits for one."""
_NICE = 10
"""The priority of those who look, as `nice` counts: the run's own is 0."""
_POLL_SECONDS = 0.1
"""How long closing may go unnoticed."""
_PAGE, _JSON, _TEXT = "text/html; charset=utf-8", "application/json", "text/plain; charset=utf-8"


class Preview:
    """A live run in a browser, at `url` from the moment it is made until `close`.

    Nothing it does can hold the run up: requests have threads of their own, with limits in time, size and
    number. Thread-safety: `show` belongs to one thread, the rest to any.
    """

    url: str
    """Where the page is, with the token where one is asked for."""

    def __init__(
        self,
        address: tuple[str, int],
        token: str | None,
        status: Callable[[], LiveStatus],
        control: Controls,
    ) -> None:
        """Listen on (host, port), port 0 on any that is free.

        Whoever asks must have `token`; where it is None, one is made unless `host` is loopback's. `status` is
        called for each request, from any thread. Raises OptionError for an address that cannot be listened
        on, and for a token that is too short.
        """
        host, port = address
        self.token = token_for(host, token)
        self._pictures = Pictures()
        site = _Site(Guard(host, self.token), status, control, self._pictures)
        try:
            self._server = _Server((host, port), site)
        except (OSError, OverflowError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or "that is no name and no port"
            raise OptionError(
                f"preview on {host}:{port}: {reason}; choose another port or address"
            ) from error
        query = f"?token={self.token}" if self.token else ""
        self.url = f"http://{reachable(host)}:{self._server.server_port}/{query}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), name="vsr-preview"
        )
        self._thread.start()

    def show(self, original: Frame, upscaled: Frame) -> None:
        """Show a frame before and after, if somebody looks. Never waits; both stay the caller's."""
        self._pictures.show(original, upscaled)

    def close(self) -> None:
        """Stop listening, end every connection and join their threads. Idempotent."""
        if self._thread.is_alive():
            self._pictures.close()
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class _Site:
    """What there is to ask for. Thread-safety: safe."""

    def __init__(
        self, guard: Guard, status: Callable[[], LiveStatus], control: Controls, pictures: Pictures
    ) -> None:
        self.guard, self.control, self.pictures = guard, control, pictures
        self.page, self.policy = preview_page()
        self._status = status

    def metrics(self) -> str:
        """Return Prometheus' text."""
        return metrics_text(self._status())

    def status(self) -> str:
        """Return the status, and what was asked of the run, as JSON."""
        control = self.control
        wishes = {
            "step": control.step,
            "paused": control.paused,
            "recording": control.recording,
            "can_record": control.can_record,
        }
        return json.dumps({**self._status().to_json(), "controls": wishes})

    def change(self, body: bytes) -> None:
        """Do what a JSON object asks for: model, paused or recording. Raises OptionError for another one."""
        try:
            wish = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise OptionError("the request is no JSON") from error
        match wish:
            case {"model": str() | None as model, **rest} if not rest:
                self.control.choose(model)
            case {"paused": bool(paused), **rest} if not rest:
                self.control.pause(paused)
            case {"recording": bool(recording), **rest} if not rest:
                self.control.record(recording)
            case _:
                raise OptionError(
                    'give one of {"model": NAME or null}, {"paused": true or false} and '
                    '{"recording": true or false}'
                )


class _Server(ThreadingHTTPServer):
    """Knows its connections, so that it can refuse and end them."""

    daemon_threads = False  # server_close then joins them
    request_queue_size = 16

    def __init__(self, address: tuple[str, int], site: _Site) -> None:
        self.site = site
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        found = socket.getaddrinfo(*address, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family = found[0][0]
        super().__init__(found[0][4][:2], _Handler)  # type: ignore[arg-type]

    def server_bind(self) -> None:
        """Bind without the base's look-up of the own name, which may wait for a name server."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "", self.server_address[1]

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Return whether there is room for one more connection, and count it."""
        with self._lock:
            if len(self._open) >= _MAX_CONNECTIONS:
                return False
            self._open.add(request)
            return True

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection behind the run's own work: coding a picture of 1080 lines takes 18 ms."""
        if sys.platform == "linux":  # where threads have priorities of their own
            thread = threading.get_native_id()
            own = os.getpriority(os.PRIO_PROCESS, thread)
            os.setpriority(os.PRIO_PROCESS, thread, max(own, _NICE))
        super().process_request_thread(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """End a connection."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """End all connections, too."""
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what failed, unless the connection broke or was too slow: nobody is left to tell then."""
        error = sys.exception()
        if not isinstance(error, OSError):
            _LOG.error("a request to the preview failed", exc_info=error)


class _Incoming(io.RawIOBase):
    """What a connection sends, with one time limit for each request. Thread-safety: one thread."""

    def __init__(self, connection: socket.socket, limit_seconds: float) -> None:
        self._connection, self._limit = connection, limit_seconds
        self.begin()

    def begin(self) -> None:
        """Begin to wait for a request."""
        self._until = time.monotonic() + self._limit

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what has come. Raises TimeoutError once the request takes too long."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        try:
            return self._connection.recv_into(buffer)
        finally:
            self._connection.settimeout(self._limit)


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "vsr", ""
    timeout = _IDLE_SECONDS
    server: _Server

    def setup(self) -> None:
        """Read with a time limit for the whole of a request, not for each of its bytes."""
        super().setup()
        self.rfile.close()
        self._incoming = _Incoming(self.connection, self.timeout)
        self.rfile = io.BufferedReader(self._incoming)

    def handle_one_request(self) -> None:
        """Read a request and answer it."""
        self._incoming.begin()
        super().handle_one_request()

    def do_HEAD(self) -> None:
        """Answer a question, without what it asks for."""
        self.do_GET()

    def do_GET(self) -> None:
        """Answer a question."""
        site = self.server.site
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # the body, which is not read, must not pass for a request
        refusal = site.guard.refusal(self.path, self.headers)
        if refusal is not None:
            self._refuse(refusal)
            return
        path, _, query = self.path.partition("?")
        if path == "/":
            site.pictures.want()  # the first is then there when the page asks
            self._answer(_PAGE, site.page.encode(), policy=site.policy)
        elif path == "/status.json":
            self._answer(_JSON, site.status().encode())
        elif path == "/metrics":
            self._answer(CONTENT_TYPE, site.metrics().encode())
        elif path == "/live/pair":
            self._answer_pair(query)
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """Take a wish."""
        site = self.server.site
        refusal = site.guard.refusal(self.path, self.headers) or site.guard.change_refusal(self.headers)
        if refusal is None and self.path.partition("?")[0] != "/control":
            refusal = HTTPStatus.NOT_FOUND
        size = self.headers.get("Content-Length", "")
        if refusal is None and ("Transfer-Encoding" in self.headers or not size.isdecimal()):
            refusal = HTTPStatus.LENGTH_REQUIRED
        if refusal is None and (len(size) > 9 or int(size) > _MAX_BODY_BYTES):
            refusal = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        if refusal is not None:
            self._refuse(refusal)
            return
        try:
            site.change(self.rfile.read(int(size)))
        except OptionError as error:
            self._answer(_TEXT, f"{error}\n".encode(), status=HTTPStatus.BAD_REQUEST)
        else:
            self._answer(_JSON, site.status().encode())

    def _answer_pair(self, query: str) -> None:
        after = parse_qs(query).get("after", ["0"])[0]
        if not (after.isdecimal() and len(after) < 18):
            self._refuse(HTTPStatus.BAD_REQUEST)
            return
        pair = self.server.site.pictures.pair(int(after), _WAIT_SECONDS)
        if pair is None:
            self._answer(_TEXT, b"", status=HTTPStatus.NO_CONTENT)
            return
        extra = {"X-Number": str(pair.number), "X-Original-Bytes": str(len(pair.original))}
        self._answer("application/octet-stream", pair.original + pair.upscaled, extra=extra)

    def _refuse(self, status: HTTPStatus) -> None:
        """Say no, and end the connection: what else of the request there is stays unread."""
        self.close_connection = True
        extra = {"WWW-Authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else {}
        self._answer(_TEXT, f"{status.value} {status.phrase}\n".encode(), status=status, extra=extra)

    def _answer(
        self,
        kind: str,
        body: bytes,
        *,
        status: HTTPStatus = HTTPStatus.OK,
        policy: str = "default-src 'none'",
        extra: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        if status is not HTTPStatus.NO_CONTENT:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        for name, value in (
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", policy),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Referrer-Policy", "no-referrer"),
            ("X-Content-Type-Options", "nosniff"),
            *(extra or {}).items(),
        ):
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing: a page asks many times a second."""
