"""A real run, and its preview."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.make_media import Clip, Picture, make
from vsr.errors import OptionError
from vsr.live.run import LiveRun
from vsr.live.status import LiveStatus
from vsr.options import LiveOptions
from vsr.pipeline.stages import StopToken

SECONDS = 20


def clip(folder: Path, *, seconds: int = SECONDS) -> str:
    picture = Picture(frames=25 * seconds, rate=Fraction(25), options={"g": "25"})
    return str(make(folder / "clip.mkv", Clip(picture=picture)))


def asked(url: str, wish: dict[str, Any] | None = None) -> Any:
    data = None if wish is None else json.dumps(wish).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.read(), answer.headers


def until(url: str, name: str, value: Any) -> Any:
    """Return the status once it has that value."""
    for _ in range(100):
        status = json.loads(asked(f"{url}status.json")[0])
        if status[name] == value:
            return status
        time.sleep(0.1)
    raise AssertionError(f"{name} is {status[name]!r}")


def options(**values: Any) -> LiveOptions:
    return LiveOptions(pace=True, preview="0", ladder="bicubic,bilinear", **values)


def test_a_run_is_seen_and_steered(tmp_path: Path) -> None:
    """Figures, a picture before and after, and another model, asked for while the run goes on."""
    stop = StopToken()
    found: dict[str, Any] = {}
    with LiveRun(clip(tmp_path), [str(tmp_path / "out.mkv")], options()) as run:
        assert run.preview is not None
        url = run.preview.url

        def look() -> None:
            try:
                asked(url)
                found["pair"] = asked(f"{url}live/pair")
                asked(f"{url}control", {"model": "bilinear"})
                found["status"] = until(url, "model", "bilinear")
                found["metrics"] = asked(f"{url}metrics")[0]
            finally:
                stop.request()

        looking = threading.Thread(target=look)

        def begin(status: LiveStatus) -> None:
            if status.frames_out and not looking.ident:
                looking.start()

        report = run.run(on_status=begin, stop=stop)
        looking.join()
    body, headers = found["pair"]
    assert body[:2] == b"\xff\xd8"
    assert body[int(headers["X-Original-Bytes"]) :][:2] == b"\xff\xd8"
    assert found["status"]["chosen"]
    assert b'vsr_live_model{model="bilinear"} 1' in found["metrics"]
    assert report.status.model == "bilinear"
    assert report.status.frames_out < 25 * SECONDS, "it was stopped from without"
    with pytest.raises(OSError, match="refused"):
        asked(url)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"preview": "web"}, "preview is 'web'"),
        ({"preview": "203.0.113.1:80"}, "preview on 203.0.113.1:80: .*; choose another"),
        ({"preview": "0", "preview_token": "short"}, "token has 5 characters"),
    ],
)
def test_bad_previews_leave_nothing_behind(tmp_path: Path, values: dict[str, Any], text: str) -> None:
    before = threading.active_count()
    output = tmp_path / "out.mkv"
    with pytest.raises(OptionError, match=text):
        LiveRun(clip(tmp_path, seconds=1), [str(output)], LiveOptions(pace=True, ladder="bilinear", **values))
    assert not output.exists()
    assert threading.active_count() == before
