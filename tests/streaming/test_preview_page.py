"""The page of a preview in a real browser: pictures, divider, figures and controls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.browser import Browser, browser_or_skip
from tests.streaming.statuses import running
from vsr.color import ColorSpec, Matrix, Range
from vsr.frame import Frame, empty_frame, pixel_format
from vsr.media.rgb import read_rgb
from vsr.ops.matrices import from_rgb
from vsr.streaming.controls import Controls
from vsr.streaming.preview.server import Preview
from vsr.streaming.status import LiveStatus

COLOR = ColorSpec(matrix=Matrix.BT709, range=Range.LIMITED)
RED, BLUE = (0.8, 0.1, 0.1), (0.1, 0.2, 0.9)
TOKEN = "token-of-the-page"
SECONDS = 10.0
"""For what a page does by itself; a busy machine takes seconds where a free one takes tenths."""


def plain(rgb: tuple[float, ...], width: int, height: int) -> Frame:
    frame = empty_frame(width, height, pixel_format("yuv420p"), color=COLOR)
    codes = np.rint(from_rgb(frame.format, COLOR) @ [*rgb, 1])
    for plane, code in zip(frame.planes, codes, strict=True):
        plane[...] = code
    return frame


@dataclass
class FakeRun:
    """A run that does nothing but show red before and blue after, and heed its controls."""

    controls: Controls = field(default_factory=lambda: Controls(running().ladder, can_record=True))
    frames: int = 0
    ladder: tuple[str, ...] = running().ladder

    def status(self) -> LiveStatus:
        """What the controls ask for is what it does."""
        step = self.controls.step
        return replace(
            running(),
            ladder=self.ladder,
            frames_in=self.frames,
            step=1 if step is None else step,
            chosen=step is not None,
            state="paused" if self.controls.paused else "running",
            source="<b>bold</b>",
        )

    def show(self, preview: Preview, stop: threading.Event) -> None:
        """Show thirty frames a second."""
        original, upscaled = plain(RED, 160, 90), plain(BLUE, 320, 180)
        while not stop.wait(1 / 30):
            self.frames += 1
            preview.show(original, upscaled)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser(browser_or_skip()) as found:
        yield found


@pytest.fixture
def run() -> FakeRun:
    return FakeRun()


@pytest.fixture
def preview(run: FakeRun) -> Iterator[Preview]:
    stop = threading.Event()
    with Preview(("127.0.0.1", 0), TOKEN, run.status, run.controls) as found:
        thread = threading.Thread(target=run.show, args=(found, stop))
        thread.start()
        yield found
        stop.set()
        thread.join()


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)


def text_of(browser: Browser, name: str) -> str:
    return str(browser.run(f"document.getElementById('{name}').textContent"))


def has_picture(browser: Browser) -> bool:
    return bool(browser.run("find('upscaled').width === 320 && find('original').width === 160"))


def picture(browser: Browser, folder: Path) -> npt.NDArray[np.float32]:
    """Return what the slider shows, (H, W, 3)."""
    left, top, width, height = (
        round(each)
        for each in browser.run(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => {"
            "const b = slider.getBoundingClientRect(); done([b.x, b.y, b.width, b.height]) })))"
        )
    )
    path = folder / "shot.png"
    path.write_bytes(browser.screenshot())
    shot: npt.NDArray[np.float32] = np.asarray(read_rgb(path), np.float32).transpose(1, 2, 0)
    return shot[top : top + height, left : left + width]


def border(shot: npt.NDArray[np.float32]) -> float:
    """Return where red ends and blue begins, 0 to 1 of the width."""
    row = shot[shot.shape[0] // 2]
    is_red = np.abs(row - RED).max(axis=1) < 0.1
    is_blue = np.abs(row - BLUE).max(axis=1) < 0.1
    assert is_red.sum() + is_blue.sum() >= len(row) - 4, "something else is shown, too"
    assert not is_red.any() or not is_blue.any() or is_red.nonzero()[0].max() < is_blue.nonzero()[0].min()
    return float(is_red.mean())


def complaints(browser: Browser) -> list[Any]:
    said = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
    return [event["params"] for event in browser.events if event.get("method") in said]


def test_the_first_picture_comes_within_three_seconds(browser: Browser, preview: Preview) -> None:
    begin = time.monotonic()
    browser.open(preview.url, width=900)
    until(lambda: has_picture(browser))
    assert time.monotonic() - begin < 3


def test_the_divider_is_moved_by_its_slider_and_on_the_picture(
    browser: Browser, preview: Preview, tmp_path: Path
) -> None:
    browser.open(preview.url, width=900)
    until(lambda: has_picture(browser))
    assert border(picture(browser, tmp_path)) == pytest.approx(0.5, abs=0.02)
    browser.run("cut.value = 25; cut.dispatchEvent(new Event('input'))")
    assert border(picture(browser, tmp_path)) == pytest.approx(0.25, abs=0.02)
    left, top, width = browser.run(
        "(b => [b.x, b.y + b.height / 2, b.width])(slider.getBoundingClientRect())"
    )
    mouse = {"y": top, "button": "left", "buttons": 1, "clickCount": 1}
    browser.ask("Input.dispatchMouseEvent", type="mousePressed", x=left + width / 2, **mouse)
    browser.ask("Input.dispatchMouseEvent", type="mouseMoved", x=left + 0.9 * width, **mouse)
    assert border(picture(browser, tmp_path)) == pytest.approx(0.9, abs=0.02)


def test_figures_are_shown_and_kept_up_to_date(browser: Browser, preview: Preview, run: FakeRun) -> None:
    browser.open(preview.url, width=900)
    until(lambda: text_of(browser, "state") == "running")
    assert text_of(browser, "source") == "<b>bold</b>"
    figures = text_of(browser, "figures")
    for shown in (
        "at 30.0/s",
        "dropped11",
        "640x360 to 1280x720",
        "queue2 of 8",
        "2 of 3, 5 down, 4 up",
        "123 MB",
    ):
        assert shown in figures
    assert "latency max40000.0 ms" in figures
    seen = run.frames
    until(lambda: int(text_of(browser, "figures").split("frames in")[1].split(" ")[0]) > seen)
    bars = browser.run("[...find('histogram').children].map(bar => bar.clientHeight)")
    assert len(bars) == len(running().latency.recent_bars)
    assert max(bars) > 50 and min(bars) == 0
    assert "receiver is gone" in text_of(browser, "outputs")
    assert complaints(browser) == []


def test_the_controls_reach_the_run(browser: Browser, preview: Preview, run: FakeRun) -> None:
    browser.open(preview.url, width=900)
    until(lambda: browser.run("model.options.length") == 4)
    browser.run("model.value = 'bilinear'; model.dispatchEvent(new Event('change'))")
    until(lambda: run.controls.step == 2)
    until(lambda: "modelbilinear" in text_of(browser, "figures"))
    browser.run("pause.click()")
    until(lambda: text_of(browser, "state") == "paused" and text_of(browser, "pause") == "Go on")
    assert run.controls.paused
    browser.run("pause.click()")
    until(lambda: text_of(browser, "state") == "running")
    browser.run("model.value = ''; model.dispatchEvent(new Event('change'))")
    until(lambda: run.controls.step is None)
    browser.run("record.click()")
    until(lambda: run.controls.recording and text_of(browser, "record") == "Stop recording")


def test_the_keyboard_keeps_its_place_and_nothing_is_said_twice(
    browser: Browser, preview: Preview, run: FakeRun
) -> None:
    """A screen reader says what is written into a status line, the same text too."""
    browser.open(preview.url, width=900)
    until(lambda: text_of(browser, "state") == "running")
    browser.run(
        "window.said = 0; new MutationObserver(() => said++)"
        ".observe(document.querySelector('main, body'), {subtree: true, childList: true, attributes: false});"
        "for (const name of ['state', 'refusal']) new MutationObserver(() => window.again = true)"
        ".observe(find(name), {childList: true, characterData: true, subtree: true}); model.focus()"
    )
    browser.run("model.value = 'bicubic'; model.dispatchEvent(new Event('change', {bubbles: true}))")
    until(lambda: run.controls.step == 1)
    until(lambda: browser.run("said") > 4)
    assert browser.run("window.again === undefined")
    assert browser.run("document.activeElement === model && model.value === 'bicubic'")
    browser.ask("Input.dispatchKeyEvent", type="keyDown", key="Tab", windowsVirtualKeyCode=9)
    assert browser.run("document.activeElement === pause")


def test_another_run_has_other_models(browser: Browser, preview: Preview, run: FakeRun) -> None:
    """The page stays open while vsr is started anew; a model that is refused is not shown as chosen."""
    browser.open(preview.url, width=900)
    until(lambda: browser.run("model.options.length") == 4)
    run.ladder = ("other-a", "other-b", "other-c")
    until(lambda: browser.run("[...model.options].map(o => o.value).join()") == ",other-a,other-b,other-c")
    browser.run("model.value = 'other-b'; model.dispatchEvent(new Event('change'))")
    until(lambda: "this run has" in text_of(browser, "refusal"))
    until(lambda: browser.run("model.value") == "")


def test_without_its_token_the_page_is_not_there(browser: Browser, preview: Preview) -> None:
    browser.open(preview.url.partition("?")[0], width=900)
    assert browser.run("document.body.textContent") == "401 Unauthorized\n"
    assert browser.run("document.scripts.length") == 0


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
def test_it_fits(browser: Browser, preview: Preview, width: int, is_dark: bool) -> None:
    browser.open(preview.url, width=width, is_dark=is_dark)
    until(lambda: has_picture(browser) and text_of(browser, "state") == "running")
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    assert browser.run("find('record').clientHeight") >= 20
    assert complaints(browser) == []


def test_a_run_that_ends_is_said(browser: Browser, run: FakeRun) -> None:
    with Preview(("127.0.0.1", 0), None, run.status, run.controls) as site:
        browser.open(site.url, width=900)
        until(lambda: text_of(browser, "state") == "running")
    until(lambda: text_of(browser, "state") == "no answer from vsr")
