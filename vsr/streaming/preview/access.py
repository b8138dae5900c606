"""Who may see a preview: addresses, tokens, and what a browser must not be tricked into."""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import socket
from email.message import Message
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from vsr.errors import OptionError

_ADDRESS = re.compile(r"(?:(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^\[\]:]*)):)?(?P<port>\d{1,5})")
_MIN_TOKEN = 8
_MAX_PORT = 65535


def parse_address(text: str) -> tuple[str, int]:
    """Return (host, port) of PORT, HOST:PORT or [IPv6]:PORT; loopback where no host is named.

    Port 0 takes any that is free. Raises OptionError for another text.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match["port"]) > _MAX_PORT:
        raise OptionError(f"preview is {text!r}; give a port like 8080, HOST:PORT or [IPv6]:PORT")
    return match["six"] or match["host"] or "127.0.0.1", int(match["port"])


def is_loopback(host: str) -> bool:
    """True for a host that nothing outside this machine can reach."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def reachable(host: str) -> str:
    """Return what a URL calls `host`; of an address that stands for all, this machine's name."""
    if host in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def token_for(host: str, token: str | None) -> str | None:
    """Return the token that a preview on `host` asks for: the given one, or beyond loopback a new one.

    Raises OptionError for one that is easily guessed or that a URL cannot hold as it is.
    """
    if token is None:
        return None if is_loopback(host) else secrets.token_urlsafe(16)
    if len(token) < _MIN_TOKEN or not re.fullmatch(r"[A-Za-z0-9._~-]+", token):
        raise OptionError(
            f"the preview's token has {len(token)} characters; give {_MIN_TOKEN} or more, "
            "of A-Z a-z 0-9 . _ ~ - alone"
        )
    return token


class Guard:
    """Decides about requests. Immutable; thread-safety: safe."""

    def __init__(self, host: str, token: str | None) -> None:
        """`host` is what the server is bound to; without a token only this machine can be asked at all."""
        self._hosts = {"localhost", "127.0.0.1", "::1", host.lower()}
        self._token = token

    def refusal(self, target: str, headers: Message[str, str]) -> HTTPStatus | None:
        """Return why a request is refused, or None.

        Without a token any page in a browser on this machine could reach the port under a name that its own
        server resolves to loopback; such a request names that host. With one it lacks the token.
        """
        if self._token is None:
            return None if _host_of(headers.get("Host", "")) in self._hosts else HTTPStatus.FORBIDDEN
        given = _token_of(target, headers)
        same = hmac.compare_digest(given.encode(), self._token.encode())
        return None if same else HTTPStatus.UNAUTHORIZED

    def change_refusal(self, headers: Message[str, str]) -> HTTPStatus | None:
        """Return why a request that changes something, and is not refused anyway, is refused, or None.

        A foreign page may send forms and text, but JSON only after asking, which is not answered. Nor does it
        have the token; with one, a page may come by another name, through a server with TLS.
        """
        origin = headers.get("Origin")
        if self._token is None and origin is not None and origin != f"http://{headers.get('Host')}":
            return HTTPStatus.FORBIDDEN
        kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return None if kind == "application/json" else HTTPStatus.UNSUPPORTED_MEDIA_TYPE


def _host_of(header: str) -> str:
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def _token_of(target: str, headers: Message[str, str]) -> str:
    """Return the token of a request: in its header, as programs send it, or in its address, as people do."""
    scheme, _, given = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    _, _, query = target.partition("?")
    return parse_qs(query).get("token", [""])[0]
