"""The server of a preview: what it serves, to whom, and what it does with what is no request."""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from tests.streaming.statuses import running
from vsr.color import ColorSpec, Matrix, Range
from vsr.errors import OptionError
from vsr.frame import Frame, empty_frame, pixel_format
from vsr.streaming.controls import Controls
from vsr.streaming.preview import pictures, server
from vsr.streaming.preview.access import is_loopback, parse_address, reachable, token_for
from vsr.streaming.preview.pictures import Pictures
from vsr.streaming.preview.server import Preview

TOKEN = "right-token-1"
JSON = {"Content-Type": "application/json"}
COLOR = ColorSpec(matrix=Matrix.BT709, range=Range.LIMITED)


def gray(level: int, width: int = 32, height: int = 16) -> Frame:
    frame = empty_frame(width, height, pixel_format("yuv420p"), color=COLOR)
    for plane, value in zip(frame.planes, (level, 128, 128), strict=True):
        plane[...] = value
    return frame


def preview(token: str | None = None) -> Preview:
    return Preview(("127.0.0.1", 0), token, running, Controls(running().ladder))


@pytest.fixture
def site() -> Iterator[Preview]:
    with preview() as found:
        yield found


def ask(
    site: Preview, path: str, method: str = "GET", body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes, http.client.HTTPMessage]:
    host = urlsplit(site.url).netloc
    with closing(http.client.HTTPConnection(host, timeout=5)) as connection:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers


def send(site: Preview, data: bytes) -> bytes:
    """Return all that comes back for bytes that need not be a request."""
    parts = urlsplit(site.url)
    with socket.create_connection((parts.hostname, parts.port or 0), timeout=5) as connection:
        received = b""
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                received += part
        except TimeoutError:
            raise
        except OSError:  # the server has closed it already
            pass
        return received


def threads() -> int:
    return threading.active_count()


# -- what is served


def test_the_page_runs_its_own_script_alone(site: Preview) -> None:
    status, body, headers = ask(site, "/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert body.startswith(b"<!DOCTYPE html>") and b"<script>" in body
    assert "http://" not in body.decode() and "https://" not in body.decode()
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert headers["Cache-Control"] == "no-store"


def test_status_and_metrics_are_the_run_s(site: Preview) -> None:
    _, body, headers = ask(site, "/status.json")
    facts = json.loads(body)
    assert headers["Content-Type"] == "application/json"
    assert facts["frames_in"] == 1201
    assert facts["controls"] == {"step": None, "paused": False, "recording": False, "can_record": False}
    _, body, headers = ask(site, "/metrics")
    assert b"\nvsr_live_frames_in_total 1201\n" in body
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")


def test_several_questions_on_one_connection(site: Preview) -> None:
    connection = http.client.HTTPConnection(urlsplit(site.url).netloc, timeout=5)
    for path in ("/status.json", "/metrics", "/live/pair", "/"):
        connection.request("GET", path)
        assert connection.getresponse().read() is not None
    connection.close()


@pytest.mark.parametrize("path", ["/", "/status.json", "/metrics", "/nothing"])
def test_a_head_is_a_get_without_its_body(site: Preview, path: str) -> None:
    wanted, body, _ = ask(site, path)
    status, empty, headers = ask(site, path, "HEAD")
    assert (status, empty) == (wanted, b"")
    assert int(headers["Content-Length"]) == pytest.approx(len(body), abs=200)


def test_a_body_that_is_not_read_is_no_next_request(site: Preview) -> None:
    inner = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
    outer = b"GET /status.json HTTP/1.1\r\nHost: localhost\r\n"
    for how in (b"Content-Length: %d\r\n\r\n" % len(inner), b"Transfer-Encoding: chunked\r\n\r\n"):
        assert send(site, outer + how + inner).count(b"HTTP/1.1 200") == 1
    chunked = b"POST /control HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    answer = send(site, chunked + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}" + inner)
    assert answer.startswith(b"HTTP/1.1 411") and answer.count(b"HTTP/1.1 ") == 1


def test_a_request_of_http_1_0(site: Preview) -> None:
    answer = send(site, b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"\n")


def test_controls_are_set(site: Preview) -> None:
    controls = server_controls(site)
    for wish, name, value in (
        ({"model": "bilinear"}, "step", 2),
        ({"paused": True}, "paused", True),
        ({"model": None}, "step", None),
        ({"paused": False}, "paused", False),
    ):
        status, body, _ = ask(site, "/control", "POST", json.dumps(wish), JSON)
        assert status == 200
        assert json.loads(body)["controls"][name] == value == getattr(controls, name)


def server_controls(site: Preview) -> Controls:
    return site._server.site.control


# -- pictures


def test_a_pair_is_of_one_frame_and_each_only_once(site: Preview) -> None:
    assert ask(site, "/")[0] == 200
    site.show(gray(100), gray(200, 64, 32))
    status, body, headers = ask(site, "/live/pair?after=0")
    assert status == 200
    first = int(headers["X-Original-Bytes"])
    assert body[:2] == body[first : first + 2] == b"\xff\xd8"
    assert body[first - 2 : first] == body[-2:] == b"\xff\xd9"
    begin = time.monotonic()
    assert ask(site, f"/live/pair?after={headers['X-Number']}")[0] == 204
    assert 0.8 < time.monotonic() - begin < 4


def test_a_question_waits_for_the_next_frame(site: Preview) -> None:
    threading.Timer(0.3, site.show, (gray(100), gray(100))).start()
    assert ask(site, "/live/pair")[0] == 200


def test_nothing_is_kept_or_coded_while_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Frame] = []

    def keep(frame: Frame) -> Frame:
        kept.append(frame)
        return frame

    monkeypatch.setattr(pictures, "_kept", keep)
    shown = Pictures()
    shown.show(gray(1), gray(1))
    assert kept == []
    shown.want()
    shown.show(gray(1), gray(1))
    assert len(kept) == 2
    shown.show(gray(1), gray(1))
    assert len(kept) == 2, "the next one came sooner than a fifteenth of a second"
    monkeypatch.setattr(shown, "_wanted_until", 0.0)
    time.sleep(0.08)
    shown.show(gray(1), gray(1))
    assert len(kept) == 2


def test_a_page_that_was_open_before_the_run_began_gets_its_pictures() -> None:
    shown = Pictures()
    shown.want()
    shown.show(gray(1), gray(1))
    pair = shown.pair(5000, 1)
    assert pair is not None and pair.number == 1
    assert shown.pair(1, 0) is None


def test_what_is_shown_is_a_copy() -> None:
    shown, frame = Pictures(), gray(40)
    shown.want()
    shown.show(frame, frame)
    frame.planes[0][...] = 235  # a pool gave the memory to another frame
    pair = shown.pair(0, 1)
    other = Pictures()
    other.want()
    other.show(gray(40), gray(40))
    want = other.pair(0, 1)
    assert pair is not None and want is not None
    assert pair.original == want.original


def test_show_does_not_wait_for_those_who_look() -> None:
    shown = Pictures()
    shown.want()
    with shown._lock:
        begin = time.monotonic()
        shown.show(gray(1), gray(1))
        assert time.monotonic() - begin < 1
    assert shown.pair(0, 0) is None


def test_the_same_pair_is_coded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Pictures()
    coded: list[Frame] = []

    def encode(frame: Frame) -> bytes:
        coded.append(frame)
        return b"jpeg"

    monkeypatch.setattr(shown, "_encoders", (encode, encode))
    shown.want()
    shown.show(gray(1), gray(1))
    found = [shown.pair(0, 1) for _ in range(3)]
    assert len(coded) == 2, "before and after"
    assert len(set(found)) == 1


# -- who may ask

PATHS = ["/", "/status.json", "/metrics", "/live/pair", "/nothing"]


@pytest.mark.parametrize("path", PATHS)
def test_without_the_token_nothing_is_served(path: str) -> None:
    with preview(TOKEN) as site:
        for asked, headers in (
            (path, {}),
            (f"{path}?token=wrong-token-1", {}),
            (path, {"Authorization": "Bearer wrong"}),
            (path, {"Authorization": f"Basic {TOKEN}"}),
            (path, {"Authorization": "Bearer \xe9"}),
        ):
            status, body, found = ask(site, asked, headers=headers)
            assert (status, body, found["WWW-Authenticate"]) == (401, b"401 Unauthorized\n", "Bearer")


def test_without_the_token_nothing_is_changed() -> None:
    with preview(TOKEN) as site:
        assert ask(site, "/control", "POST", '{"paused": true}', JSON)[0] == 401
        assert not server_controls(site).paused
        allowed = {**JSON, "Authorization": f"Bearer {TOKEN}"}
        assert ask(site, "/control", "POST", '{"paused": true}', allowed)[0] == 200
        assert server_controls(site).paused


def test_with_the_token_all_is_served() -> None:
    with preview(TOKEN) as site:
        assert site.url.endswith(f"/?token={TOKEN}")
        assert ask(site, f"/?token={TOKEN}", headers={"Host": "any.example"})[0] == 200
        assert ask(site, "/metrics", headers={"Authorization": f"bearer {TOKEN}"})[0] == 200


def test_beyond_loopback_there_is_always_a_token() -> None:
    with Preview(("0.0.0.0", 0), None, running, Controls([])) as site:
        assert site.token is not None and len(site.token) >= 20
        assert urlsplit(site.url).hostname == socket.gethostname().lower()
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(site.url).port, timeout=5)
        connection.request("GET", "/status.json")
        assert connection.getresponse().status == 401
        connection.close()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "[::2]", "", "["])
def test_a_name_that_only_leads_to_loopback_is_refused(site: Preview, host: str) -> None:
    assert ask(site, "/status.json", headers={"Host": host})[0] == 403
    assert ask(site, "/control", "POST", '{"paused": true}', {**JSON, "Host": host})[0] == 403


@pytest.mark.parametrize(
    ("headers", "want"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({**JSON, "Origin": "http://evil.example"}, 403),
        ({**JSON, "Origin": "null"}, 403),
        ({**JSON, "Origin": "http://["}, 403),
    ],
)
def test_foreign_pages_change_nothing(site: Preview, headers: dict[str, str], want: int) -> None:
    assert ask(site, "/control", "POST", '{"paused": true}', headers)[0] == want
    assert not server_controls(site).paused


def test_with_the_token_a_page_may_come_through_a_server_with_tls() -> None:
    with preview(TOKEN) as site:
        behind = {**JSON, "Origin": "https://live.example", "Host": "127.0.0.1:8080"}
        assert ask(site, "/control", "POST", '{"paused": true}', behind)[0] == 401
        behind["Authorization"] = f"Bearer {TOKEN}"
        assert ask(site, "/control", "POST", '{"paused": true}', behind)[0] == 200
        assert server_controls(site).paused


# -- what is no request


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("", "is no JSON"),
        ("{", "is no JSON"),
        ("[" * 4000, "is no JSON"),
        ("[]", "give one of"),
        ('{"model": 3}', "give one of"),
        ('{"paused": 1}', "give one of"),
        ('{"paused": true, "recording": true}', "give one of"),
        ('{"model": "cnn-x"}', "model is 'cnn-x'; this run has cnn-m-photo, bicubic, bilinear, or null"),
        ('{"recording": true}', "recording is not set up in this run; start it with --record DIR"),
    ],
)
def test_bad_wishes_are_answered_with_a_sentence(site: Preview, body: str, text: str) -> None:
    status, found, _ = ask(site, "/control", "POST", body, JSON)
    assert status == 400
    assert text in found.decode()


@pytest.mark.parametrize(
    ("path", "method", "want"),
    [
        ("/nothing", "GET", 404),
        ("/../page.js", "GET", 404),
        ("/live/pair?after=x", "GET", 400),
        ("/live/pair?after=-1", "GET", 400),
        ("/live/pair?after=" + "9" * 400, "GET", 400),
        ("/", "PUT", 501),
        ("/", "OPTIONS", 501),
    ],
)
def test_what_is_not_there(site: Preview, path: str, method: str, want: int) -> None:
    assert ask(site, path, method)[0] == want


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n",
        b"\x00\xff" * 100 + b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 500 + b"\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"POST /control HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\r\n",
        b"POST /control HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: -5\r\n\r\n",
        b"POST /control HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 0000000000099999999999\r\n\r\n",
        b"POST /control HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 50\r\n\r\n{",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_malformed_requests_harm_nothing(site: Preview, data: bytes) -> None:
    answer = send(site, data)
    assert not answer.startswith(b"HTTP/1.1 2")
    assert ask(site, "/status.json")[0] == 200


def test_too_many_connections_are_closed_and_the_run_goes_on(site: Preview) -> None:
    parts = urlsplit(site.url)
    many = [
        socket.create_connection((parts.hostname, parts.port or 0), timeout=5)
        for _ in range(server._MAX_CONNECTIONS)
    ]
    try:
        assert send(site, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") == b""
        site.show(gray(1), gray(1))
    finally:
        for each in many:
            each.close()
    for _ in range(50):  # the server sees the ends one after the other
        try:
            assert ask(site, "/status.json")[0] == 200
            return
        except (ConnectionError, http.client.HTTPException):
            time.sleep(0.1)
    pytest.fail("no connection was free again")


def test_a_connection_that_says_nothing_is_closed(monkeypatch: pytest.MonkeyPatch, site: Preview) -> None:
    monkeypatch.setattr(server._Handler, "timeout", 0.2)
    parts = urlsplit(site.url)
    with socket.create_connection((parts.hostname, parts.port or 0), timeout=5) as connection:
        connection.sendall(b"GET / HT")
        assert connection.recv(100) == b""


def test_a_connection_that_says_a_little_now_and_then_is_closed(
    monkeypatch: pytest.MonkeyPatch, site: Preview
) -> None:
    """Or some thirty of them keep everybody else out for as long as they like."""
    monkeypatch.setattr(server._Handler, "timeout", 0.5)
    parts = urlsplit(site.url)
    begin = time.monotonic()
    with socket.create_connection((parts.hostname, parts.port or 0), timeout=0.1) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        while time.monotonic() - begin < 8:
            try:
                connection.sendall(b"X: y\r\n")
                if connection.recv(100) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
    assert time.monotonic() - begin < 5


def test_each_request_of_a_connection_has_its_own_time(
    monkeypatch: pytest.MonkeyPatch, site: Preview
) -> None:
    monkeypatch.setattr(server._Handler, "timeout", 1.0)
    with closing(http.client.HTTPConnection(urlsplit(site.url).netloc, timeout=5)) as connection:
        connection.connect()
        for _ in range(4):
            connection.request("GET", "/metrics")
            assert connection.getresponse().read()
            time.sleep(0.4)


def test_a_status_that_fails_ends_that_request_alone(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> Any:
        raise ValueError("no status")

    with Preview(("127.0.0.1", 0), None, fail, Controls([])) as site:
        with pytest.raises(http.client.RemoteDisconnected):
            ask(site, "/status.json")
        assert ask(site, "/")[0] == 200
    assert "a request to the preview failed" in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priorities of their own")
def test_those_who_look_come_after_the_run() -> None:
    found: list[int] = []

    def status() -> Any:
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return running()

    with Preview(("127.0.0.1", 0), None, status, Controls([])) as site:
        assert ask(site, "/metrics")[0] == 200
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert found == [max(own, server._NICE)]


# -- beginning and end


def test_closing_ends_open_connections_and_all_threads() -> None:
    before = threads()
    site = preview()
    parts = urlsplit(site.url)
    idle = socket.create_connection((parts.hostname, parts.port or 0), timeout=5)

    def wait_for_a_picture() -> None:
        with suppress(OSError):  # how the server ends it is not what is tested
            send(site, b"GET /live/pair HTTP/1.1\r\nHost: localhost\r\n\r\n")

    waiting = threading.Thread(target=wait_for_a_picture)
    waiting.start()
    while len(site._server._open) < 2:
        time.sleep(0.01)
    begin = time.monotonic()
    site.close()
    site.close()
    assert time.monotonic() - begin < 3
    assert idle.recv(10) == b""
    idle.close()
    waiting.join(5)
    assert threads() == before


def test_an_address_that_is_taken_is_refused(site: Preview) -> None:
    port = urlsplit(site.url).port or 0
    with pytest.raises(OptionError, match=f"preview on 127.0.0.1:{port}: .*; choose another"):
        Preview(("127.0.0.1", port), None, running, Controls([]))


@pytest.mark.parametrize("host", ["a..b", "no-such-host.invalid", "1.2.3.4.5", "192.0.2.1"])
def test_a_host_that_is_not_this_machine_is_refused(host: str) -> None:
    with pytest.raises(OptionError, match=f"preview on {host}:8080: .*; choose another"):
        Preview((host, 8080), TOKEN, running, Controls([]))


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("8080", ("127.0.0.1", 8080)),
        (":8080", ("127.0.0.1", 8080)),
        ("0.0.0.0:80", ("0.0.0.0", 80)),
        ("box.local:1", ("box.local", 1)),
        ("[::1]:8080", ("::1", 8080)),
        ("0", ("127.0.0.1", 0)),
    ],
)
def test_addresses(text: str, want: tuple[str, int]) -> None:
    assert parse_address(text) == want


@pytest.mark.parametrize("text", ["", "x", "65536", "::1:80", "host", "-1", "a:b", "http://x:80", "1.5"])
def test_bad_addresses(text: str) -> None:
    with pytest.raises(OptionError, match="give a port like 8080"):
        parse_address(text)


def test_tokens() -> None:
    assert token_for("localhost", None) is None
    assert token_for("127.0.0.1", TOKEN) == TOKEN
    assert token_for("10.0.0.1", None) != token_for("10.0.0.1", None)
    for bad in ("short", "with space in it", "a&b=c&d=e&f", ""):
        with pytest.raises(OptionError, match="give 8 or more"):
            token_for("localhost", bad)


def test_what_is_loopback() -> None:
    assert [host for host in ("127.0.0.1", "127.9.9.9", "::1", "LOCALHOST") if not is_loopback(host)] == []
    assert [
        host for host in ("0.0.0.0", "::", "10.0.0.1", "box", "localhost.example") if is_loopback(host)
    ] == []
    assert reachable("::1") == "[::1]"


def test_memory_of_pairs_is_bounded() -> None:
    shown = Pictures()
    for index in range(40):
        shown.want()
        shown._shown_at = 0.0
        shown.show(gray(index), gray(index))
        assert shown.pair(index, 0) is not None
    held = [frame for frame in shown._frames or ()]
    assert len(held) == 2
    assert all(np.asarray(frame.planes[0]).base is None for frame in held), "no pool's memory is held"
