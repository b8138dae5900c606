"""More real servers on loopback: RTMP behind TLS, RTSP, and a folder by HTTP."""

from __future__ import annotations

import contextlib
import functools
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bench.live.servers import free_port, rtmp_server, running, wait_for

_START_SECONDS = 5.0
_STREAM_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
_TLS = """
stream {{ server {{
    listen 127.0.0.1:{tls_port} ssl;
    ssl_certificate {folder}/certificate.pem; ssl_certificate_key {folder}/key.pem;
    proxy_pass 127.0.0.1:{port};
}} }}
"""


@contextlib.contextmanager
def rtmps_server(folder: Path) -> Iterator[str]:
    """Run RTMP behind TLS, with a certificate that nobody signed: certificate.pem, for 127.0.0.1."""
    if not _STREAM_MODULE.exists():
        pytest.skip("nginx with TLS is not installed (Debian package libnginx-mod-stream)")
    _make_certificate(folder)
    tls_port = free_port()
    load = f"load_module {_STREAM_MODULE};"
    more = _TLS.replace("{tls_port}", str(tls_port))
    with rtmp_server(folder, before=load, more=more, waited_for=tls_port):
        yield f"rtmps://127.0.0.1:{tls_port}/live"


def _make_certificate(folder: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed (Debian package openssl)")
    names = ("-subj", "/CN=vsr test", "-addext", "subjectAltName=IP:127.0.0.1")
    files = ("-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem"))
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    made = [openssl, "req", "-x509", "-days", "2", *key, *names, *files]
    subprocess.run(made, check=True, capture_output=True, timeout=10)


@contextlib.contextmanager
def rtsp_server(clip: Path, password: str = "") -> Iterator[str]:
    """Run GStreamer's RTSP server; yield the URL of the clip. Skips where it is not installed."""
    python = "/usr/bin/python3"
    asked = "import gi; gi.require_version('GstRtspServer', '1.0')"
    if not Path(python).exists() or subprocess.run([python, "-c", asked], capture_output=True).returncode:
        pytest.skip(
            "GStreamer's RTSP server is not installed (Debian packages python3-gi, "
            "gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-good, gstreamer1.0-plugins-bad)"
        )
    port = free_port()
    with running(python, str(Path(__file__).with_name("rtsp_server.py")), str(port), str(clip), password):
        wait_for(port)
        yield f"rtsp://127.0.0.1:{port}/clip"


@contextlib.contextmanager
def http_server(folder: Path) -> Iterator[str]:
    """Serve the files of a folder, and 401 for what begins with "closed"; yield the URL of it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Files, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Files(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/closed"):
            self.send_error(401)
        else:
            super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def wait_until_bound(*ports: int) -> None:
    """Return once somebody has bound each of these ports, of TCP or UDP, without connecting to it."""
    until = time.monotonic() + _START_SECONDS
    while not set(ports) <= _bound() and time.monotonic() < until:
        time.sleep(0.02)


def _bound() -> set[int]:
    tables = [
        Path(f"/proc/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6", "udp", "udp6")
    ]
    return {int(line.split()[1].rpartition(":")[2], 16) for table in tables for line in table}
