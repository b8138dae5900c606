"""Real servers on loopback, and the ffmpeg that publishes to them and receives from them."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

_RTMP_MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")
_START_SECONDS = 5.0

_NGINX = """
load_module {module};
daemon off; master_process off; worker_processes 1;
pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
rtmp {{ server {{
    listen 127.0.0.1:{port};
    application live {{ live on; }}
    application closed {{ live on; deny publish all; deny play all; }}
}} }}
{more}
"""


class NotInstalledError(Exception):
    """A program is missing; the text names the Debian package that has it."""


def free_port() -> int:
    """Return a TCP port of loopback that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def ffmpeg() -> str:
    """Return FFmpeg's command. Raises NotInstalledError."""
    found = shutil.which("ffmpeg")
    if found is None:
        raise NotInstalledError("ffmpeg is not installed (Debian package ffmpeg)")
    return found


@contextlib.contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command beside the block."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def rtmp_server(
    folder: Path, port: int | None = None, *, before: str = "", more: str = "", waited_for: int | None = None
) -> Iterator[str]:
    """Run nginx with its RTMP module; yield the URL of its application. Raises NotInstalledError.

    Beside it there is "closed", which lets nobody publish or play. `before` and `more` are put before and
    after the rest of its configuration, with {port} and {folder}; somebody then listens at `waited_for` too.
    """
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    if nginx is None or not _RTMP_MODULE.exists():
        raise NotInstalledError("nginx with RTMP is not installed (Debian packages nginx, libnginx-mod-rtmp)")
    port = port or free_port()
    (folder / "logs").mkdir(exist_ok=True, parents=True)
    configuration = folder / "nginx.conf"
    rest = more.format(folder=folder, port=port)
    configuration.write_text(before + _NGINX.format(module=_RTMP_MODULE, folder=folder, port=port, more=rest))
    with running(nginx, "-p", str(folder), "-c", str(configuration)):
        wait_for(port)
        if waited_for is not None:
            wait_for(waited_for)
        yield f"rtmp://127.0.0.1:{port}/live"


def wait_for(port: int) -> None:
    """Return once somebody listens at a port of loopback. Raises TimeoutError."""
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")
