"""A real run, and its preview."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from tests.make_media import Clip, Picture, make
from vsr.errors import OptionError
from vsr.options import LiveOptions
from vsr.pipeline.stages import StopToken
from vsr.streaming.run import LiveRun
from vsr.streaming.status import LiveStatus

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
    found: dict[str, Any] = {}

    def look(url: str) -> None:
        asked(url)
        found["pair"] = asked(f"{url}live/pair")
        asked(f"{url}control", {"model": "bilinear"})
        found["status"] = until(url, "model", "bilinear")
        found["metrics"] = asked(f"{url}metrics")[0]

    with LiveRun(clip(tmp_path), [str(tmp_path / "out.mkv")], options()) as run:
        assert run.preview is not None
        steered(run, look)
    body, headers = found["pair"]
    assert body[:2] == b"\xff\xd8"
    assert body[int(headers["X-Original-Bytes"]) :][:2] == b"\xff\xd8"
    assert found["status"]["chosen"]
    assert b'vsr_live_model{model="bilinear"} 1' in found["metrics"]
    assert frames_of(tmp_path / "out.mkv") > 10
    with pytest.raises(OSError, match="refused"):
        asked(run.preview.url)


def steered(run: LiveRun, look: Callable[[str], None]) -> None:
    """Run while `look` asks its preview, until that has ended."""
    assert run.preview is not None
    url, stop = run.preview.url, StopToken()
    failed: list[BaseException] = []

    def body() -> None:
        try:
            look(url)
        except BaseException as error:
            failed.append(error)
        stop.request()

    looking = threading.Thread(target=body)

    def begin(status: LiveStatus) -> None:
        if status.frames_out and not looking.ident:
            looking.start()

    run.run(on_status=begin, stop=stop)
    looking.join()
    assert failed == []


def frames_of(path: Path) -> int:
    """Decode all of a file; FFmpeg's errors raise."""
    with av.open(str(path)) as container:
        times = [frame.pts or 0 for frame in container.decode(video=0)]
    assert times == sorted(set(times))
    return len(times)


def test_recordings_begin_and_end_with_the_button(tmp_path: Path) -> None:
    folder = tmp_path / "takes"
    folder.mkdir()

    def look(url: str) -> None:
        for _ in range(2):
            asked(f"{url}control", {"recording": True})
            while (status := json.loads(asked(f"{url}status.json")[0]))["recording"] is None:
                assert status["controls"]["recording"]
            time.sleep(0.8)
            asked(f"{url}control", {"recording": False})
            until(url, "recording", None)

    with LiveRun(clip(tmp_path), [str(tmp_path / "out.mkv")], options(record=str(folder))) as run:
        steered(run, look)
    files = sorted(folder.iterdir())
    assert len(files) == 2
    whole = frames_of(tmp_path / "out.mkv")
    for file in files:
        assert 5 < frames_of(file) < whole


@pytest.mark.parametrize("given", [None, "token-token", "@file"])
def test_a_new_token_is_told_once_a_given_one_never_and_none_stands_in_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("token-token\n")
    monkeypatch.setattr("secrets.token_urlsafe", lambda size: "token-token")
    said: list[str] = []
    chosen = LiveOptions(
        pace=True, preview="0.0.0.0:0", ladder="bilinear", preview_token=given, duration="0.2"
    )
    with LiveRun(clip(tmp_path, seconds=1), ["out.mkv"], chosen, on_message=said.append) as run:
        assert run.preview is not None
        assert run.preview.token == "token-token"
        report = run.run()
    assert sum("token-token" in text for text in said) == (given is None)
    assert "token-token" not in json.dumps(report.to_json())


def test_what_is_let_go_while_paused_is_no_loss(tmp_path: Path) -> None:
    with LiveRun(clip(tmp_path, seconds=2), [str(tmp_path / "out.mkv")], options(drop="none")) as run:
        run.controls.pause(True)
        report = run.run(on_status=lambda status: run.controls.pause(status.frames_paused < 10))
    status = report.status
    assert status.frames_in == 50
    assert status.frames_paused >= 10
    assert status.frames_out == 50 - status.frames_paused == frames_of(tmp_path / "out.mkv")
    assert (report.exit_code, report.lost, status.frames_dropped) == (0, (), 0)
    assert f"{status.frames_paused} let go while paused" in report.lines()[0]


def test_a_recording_that_breaks_off_ends_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "takes"
    folder.mkdir()

    def look(url: str) -> None:
        folder.rmdir()
        asked(f"{url}control", {"recording": True})
        for _ in range(100):
            if not json.loads(asked(f"{url}status.json")[0])["controls"]["recording"]:
                return
            time.sleep(0.1)
        raise AssertionError("the recording goes on without its folder")

    with LiveRun(clip(tmp_path), [str(tmp_path / "out.mkv")], options(record=str(folder))) as run:
        steered(run, look)
    assert frames_of(tmp_path / "out.mkv") > 10


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"record": "."}, "no meaning without a preview"),
        ({"preview_token": "token-token"}, "no meaning without a preview"),
        ({"preview": "0", "record": "no-such-folder"}, "no-such-folder: it is no folder"),
        ({"preview": "web"}, "preview is 'web'"),
        ({"preview": "203.0.113.1:80"}, "preview on 203.0.113.1:80: .*; choose another"),
        ({"preview": "0", "preview_token": "short"}, "token has 5 characters"),
        ({"preview": "0", "preview_token": "@no-file"}, "@no-file: No such file"),
        ({"preview": "0", "preview_token": "@."}, "Is a directory; name a file"),
        ({"preview": "0", "preview_token": f"@{__file__}"}, "holds no token; write it there"),
    ],
)
def test_bad_previews_leave_nothing_behind(tmp_path: Path, values: dict[str, Any], text: str) -> None:
    before = threading.active_count()
    output = tmp_path / "out.mkv"
    with pytest.raises(OptionError, match=text):
        LiveRun(clip(tmp_path, seconds=1), [str(output)], LiveOptions(pace=True, ladder="bilinear", **values))
    assert not output.exists()
    assert threading.active_count() == before
