"""What each way of showing progress prints, to the letter."""

import io
import json
from typing import Any, cast

import pytest

from tests.cli.fakes import FakePlan, FakeReport, progress
from vsr.cli.progress import Bar, JsonLines, Lines, Silent, clock, describe, display, fraction_done
from vsr.cli.streams import StatusLine
from vsr.options import ProgressMode

PLAN: Any = FakePlan()
REPORT: Any = FakeReport()


class Terminal(io.StringIO):
    """A terminal of a given width that speaks UTF-8, or ASCII."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")


def test_one_line_says_it_all() -> None:
    assert describe(progress()) == " 43%  86/200 frames  28.7 fps  0:04 left  queue 80%  12.4 MB"


def test_a_source_without_length() -> None:
    line = describe(progress(frames_total=None, seconds_total=None, elapsed_seconds=75.2))
    assert line == "86 frames  28.7 fps  1:15 gone  queue 80%  12.4 MB"


def test_time_stands_in_for_a_missing_count() -> None:
    assert fraction_done(progress(frames_total=None)) == pytest.approx(0.43)


def test_more_frames_than_the_header_says_is_not_more_than_all() -> None:
    assert fraction_done(progress(frames=300)) == 1.0


def test_before_the_first_frame() -> None:
    line = describe(progress(frames=0, seconds_done=0.0, fps=0.0, elapsed_seconds=0.1))
    assert line == "  0%  0/200 frames  0.0 fps  0:00 gone  queue 80%  12.4 MB"


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (59.6, "1:00"), (3600, "1:00:00")])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_lines_come_ever_more_rarely() -> None:
    stream, text = io.StringIO(), io.StringIO()
    shown = Lines(stream, text)
    shown.plan(PLAN)
    due = []
    for tick in range(1000):
        before = stream.tell()
        shown.progress(progress(elapsed_seconds=tick / 4))
        if stream.tell() != before:
            due.append(tick / 4)
    shown.progress(progress(phase="verify", elapsed_seconds=250.0))
    shown.report(REPORT)
    assert due == [5.0, 12.5, 23.75, 40.75, 66.25, 104.25, 161.25, 221.25]
    assert stream.getvalue().splitlines()[-1] == "verifying the result"
    assert text.getvalue() == "the plan\nthe report\n"


def test_the_bar_is_one_line_that_is_cleared() -> None:
    stream, text = Terminal(), io.StringIO()
    shown = Bar(stream, text)
    shown.progress(progress())
    shown.message("stopping")
    shown.progress(progress(frames=200))
    shown.report(REPORT)
    shown.close()
    line = describe(progress())
    full = describe(progress(frames=200))
    assert stream.getvalue() == (
        f"\r|████████▌           | {line}\x1b[K"
        "\r\x1b[K"
        "vsr: stopping\n"
        f"\r|████████████████████| {full}\x1b[K"
        "\r\x1b[K"
    )
    assert text.getvalue() == "the report\n"


def test_the_bar_in_ascii_fits_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream = Terminal("ascii")
    Bar(stream, io.StringIO()).progress(progress())
    line = stream.getvalue().removeprefix("\r").removesuffix("\x1b[K")
    assert line.startswith("|########            |  43%")
    assert len(line) == 39


def test_json_lines() -> None:
    stream = io.StringIO()
    shown = JsonLines(stream)
    shown.plan(PLAN)
    shown.progress(progress())
    shown.message("stopping")
    shown.report(REPORT)
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [
        {"event": "plan", "plan": {"model": "fake"}},
        {
            "event": "progress",
            "frames": 86,
            "frames_total": 200,
            "seconds_done": 4.3,
            "seconds_total": 10.0,
            "elapsed_seconds": 3.0,
            "fps": 28.66,
            "queue_fill": 0.8,
            "bytes_written": 12400000,
            "phase": "upscale",
        },
        {"event": "message", "text": "stopping"},
        {"event": "report", "report": {"exit_code": 0}},
    ]


def test_silence_still_says_how_it_ended() -> None:
    stream, text = io.StringIO(), io.StringIO()
    shown = Silent(stream, text)
    shown.plan(PLAN)
    shown.progress(progress())
    shown.report(REPORT)
    assert (stream.getvalue(), text.getvalue()) == ("", "the report\n")


@pytest.mark.parametrize(
    ("mode", "stream", "kind"),
    [
        ("auto", Terminal(), Bar),
        ("auto", io.StringIO(), Lines),
        ("bar", io.StringIO(), Bar),
        ("lines", Terminal(), Lines),
        ("json", Terminal(), JsonLines),
        ("none", Terminal(), Silent),
    ],
)
def test_the_mode_chooses(mode: str, stream: io.StringIO, kind: type) -> None:
    assert type(display(cast("ProgressMode", mode), stream, io.StringIO())) is kind


def test_a_status_line_is_cut_and_cleared_and_for_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "9")
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        with pytest.raises(KeyError), StatusLine(stream) as line:
            line.show("picture 1")
            raise KeyError
    assert terminal.getvalue() == "\rpicture \x1b[K\r\x1b[K"
    assert file.getvalue() == ""
