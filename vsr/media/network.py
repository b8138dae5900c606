"""What went wrong with a server or a receiver, and what to do about it."""

from __future__ import annotations

import errno
import re
from urllib.parse import urlsplit

import av

_BY_KIND: dict[type[BaseException], str] = {
    av.error.ConnectionRefusedError: "Connection refused; check that it runs, and listens at this port",
    av.error.HTTPUnauthorizedError: "401 Unauthorized; write USER:PASSWORD@ before the host, or check them",
    av.error.HTTPForbiddenError: "403 Forbidden; check what the server lets in: user, token, address",
    av.error.HTTPNotFoundError: "404 Not Found; check the path, and that somebody sends it",
}
_CLOSED = "it closed the connection; check the path and the key, and whether they may be used"
_REFUSED = "it is refused; check the path and the key, and that nobody else sends there"
_TLS = ("rtmps", "https", "tls")
_HANDSHAKE = re.compile(r"Cannot open connection tls:|\bTLS\b|certificate", re.IGNORECASE)
_UNKNOWN_HOST = re.compile(r"resolve hostname|getaddrinfo|Cannot open connection tcp:")


def network_reason(error: BaseException, url: str) -> str | None:
    """Return a sentence for an error of a connection, or None where the error says enough."""
    for kind, reason in _BY_KIND.items():
        if isinstance(error, kind):
            return reason
    if isinstance(error, PermissionError) and urlsplit(url).netloc:  # of RTMP's servers, too
        return _REFUSED
    number = getattr(error, "errno", None)
    if number in (errno.EPIPE, errno.ECONNRESET):
        return _CLOSED
    if number != errno.EIO:
        return None
    log = getattr(error, "log", None)
    text = str(log[2]).strip() if log and log[1] not in av.codecs_available else ""
    if urlsplit(url).scheme.lower() in _TLS and _HANDSHAKE.search(text):
        return (
            "no connection by TLS: it does not speak it at this port, or its certificate is not trusted "
            "for this name; SSL_CERT_FILE=FILE.pem trusts one of your own"
        )
    if _UNKNOWN_HOST.search(text):
        return "this host is not known, or there is no way to it; check its name, and the network"
    return f"Input/output error ({text})" if text else _CLOSED
