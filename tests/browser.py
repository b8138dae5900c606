"""A real browser without a window, driven over a pipe by Chrome's DevTools protocol."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
REMEDY = "install a browser: apt-get install chromium"
_LIMIT_SECONDS = 60.0
_COMMANDS, _ANSWERS = 3, 4
"""The file descriptors on which a browser with --remote-debugging-pipe reads and writes."""
_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # which root in a container does not get
    "--remote-debugging-pipe",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--no-first-run",
)


def browser_or_skip() -> str:
    """Return the browser's path; without one skip the test, but fail where VSR_REQUIRE_BROWSER is set."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        end: Callable[[str], Any] = pytest.fail if os.environ.get("VSR_REQUIRE_BROWSER") else pytest.skip
        end(f"there is none of {', '.join(NAMES)}; {REMEDY}")
    return str(found)


class Browser:
    """A browser with one page. A context manager: leaving it ends the process. For one thread."""

    def __init__(self, path: str) -> None:
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        orders, self._orders = os.pipe()
        self._answers, answers = os.pipe()

        def give_pipes() -> None:
            # To numbers out of the way first: one of the four may be 3 or 4 itself.
            low, high = os.dup2(orders, 100), os.dup2(answers, 101)
            os.dup2(low, _COMMANDS)
            os.dup2(high, _ANSWERS)

        self._process = subprocess.Popen(
            [path, *_FLAGS, f"--user-data-dir={self._folder.name}", "about:blank"],
            preexec_fn=give_pipes,
            close_fds=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(orders)
        os.close(answers)
        self._number, self._rest = 0, b""
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        """What the page reported since it was opened: requests, messages, exceptions."""

    def __enter__(self) -> Self:
        try:
            pages = self.ask("Target.getTargets")["targetInfos"]
            page = next(page for page in pages if page["type"] == "page")
            attached = self.ask("Target.attachToTarget", targetId=page["targetId"], flatten=True)
            self._session = attached["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                self.ask(f"{domain}.enable")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the browser."""
        self._process.kill()
        self._process.wait()
        os.close(self._orders)
        os.close(self._answers)
        self._folder.cleanup()

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return what a command of the protocol gives. RuntimeError for what it refuses."""
        self._number += 1
        order = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            order["sessionId"] = self._session
        os.write(self._orders, json.dumps(order).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            self.events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, page: Path | str, *, width: int, height: int = 800, is_dark: bool = False) -> None:
        """Load a page by file or URL, in a window of that size (CSS pixels), and wait until it is there."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self._navigate("about:blank")  # the page before may still ask a server that is gone
        self._navigate(page if isinstance(page, str) else page.as_uri())

    def _navigate(self, url: str) -> None:
        self.events = []
        self.ask("Page.navigate", url=url)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())

    def run(self, script: str) -> Any:
        """Return the value of a script's last expression, which may be a promise."""
        done = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in done:
            raise RuntimeError(json.dumps(done["exceptionDetails"]))
        return done["result"].get("value")

    def screenshot(self, *, is_whole: bool = False) -> bytes:
        """Return the window, or the whole page, as PNG."""
        shot = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=is_whole)
        return base64.b64decode(shot["data"])

    def _next(self) -> dict[str, Any]:
        """Return the next message."""
        end = time.monotonic() + _LIMIT_SECONDS
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._answers], [], [], max(0.0, end - time.monotonic()))
            more = os.read(self._answers, 1 << 16) if ready else b""
            if not more:
                how = f"status {self._process.poll()}" if ready else f"no word in {_LIMIT_SECONDS:.0f} s"
                raise RuntimeError(f"the browser is gone: {how}")
            self._rest += more
        message, _, self._rest = self._rest.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer
