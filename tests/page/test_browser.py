"""Every page as a browser shows it: light and dark, on a phone and on a desk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.bench import page_samples
from tests.browser import Browser, browser_or_skip
from tests.page.parsed import check_values
from tests.quality.page_samples import Made, comparison, evaluation
from vsr.bench.page import results_page
from vsr.media.rgb import read_rgb
from vsr.page.html import document, number

LOOK = (Path(__file__).parent / "look.js").read_text(encoding="utf-8")
NAMES = ["evaluation", "comparison", "models", "kernels", "pipeline", "peers"]
TEXT_CONTRAST, SHAPE_CONTRAST, LINE_CONTRAST = 4.5, 3.0, 1.3
"""The first two are those of WCAG 2.1, 1.4.3 and 1.4.11; lines of axes only guide the eye."""
LEAST_TEXT_PIXELS = 10


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser(browser_or_skip()) as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Made]]:
    """Each page's file, with its text and the JSON of the same results."""
    folder = tmp_path_factory.mktemp("pages")
    made = {"evaluation": evaluation(folder), "comparison": comparison(folder)}
    for suite in ("models", "kernels", "pipeline", "peers"):
        found = page_samples.results(suite)
        made[suite] = results_page(found), found.to_json()
    return {
        name: (write(folder / f"{name}.html", text), (text, facts)) for name, (text, facts) in made.items()
    }


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", NAMES)
def test_it_is_whole_and_readable(
    name: str,
    width: int,
    is_dark: bool,
    browser: Browser,
    pages: dict[str, tuple[Path, Made]],
    tmp_path: Path,
) -> None:
    path, (_, facts) = pages[name]
    seen = look(browser, path, width, is_dark)
    assert faults(seen, browser.events, path) == []
    assert len(seen["values"]) > 20
    check_values([(value, shown) for value, shown in seen["values"]], seen["words"], facts)
    picture = shot(browser, tmp_path)
    assert picture.shape == (800, width, 3)
    assert picture.std() > 0.02, "the page is blank"
    assert (np.median(picture) < 0.3) == is_dark and (np.median(picture) > 0.8) != is_dark


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("<script>console.error('no')</script>", "it says"),
        ("<script>nothing.there</script>", "it says"),
        ('<img alt="" src="https://example.invalid/a.png">', "it asks for https"),
        ('<img alt="" src="other.png">', "it asks for file"),
        ('<div style="width:5000px">wide</div>', "it is wider"),
        ('<p style="color:#999;background:#aaa">pale</p>', "'pale' has contrast"),
        ('<p style="font-size:6px">tiny</p>', "'tiny' has 6"),
        ('<svg viewBox="0 0 9 9" aria-label="a"><text x="8" y="9">cut</text></svg>', "'cut' is cut off"),
        ('<svg viewBox="0 0 9 9" style="display:none" aria-label="a"></svg>', "svg. is 0"),
        ('<svg viewBox="0 0 9 9"></svg>', "svg. has no text"),
        ('<div class="bar" style="background:#fefefe"></div>', "div.bar has contrast"),
    ],
)
def test_what_is_wrong_is_seen(body: str, fault: str, browser: Browser, tmp_path: Path) -> None:
    path = write(tmp_path / "wrong.html", document("Wrong", [body]))
    found = faults(look(browser, path, 360, False), browser.events, path)
    assert any(fault in each for each in found), found


def test_numbers_that_are_not_in_the_json_are_seen(browser: Browser, tmp_path: Path) -> None:
    path = write(tmp_path / "page.html", document("Numbers", [f"<p>{number(1.25)} and 2.5</p>"]))
    seen = look(browser, path, 360, False)
    values = [(value, shown) for value, shown in seen["values"]]
    check_values(values, seen["words"], {"a": 1.25, "b": "about 2.5 s"})
    for lacking in ({"a": 1.25}, {"b": "about 2.5 s"}):
        with pytest.raises(AssertionError):
            check_values(values, seen["words"], lacking)


def test_the_slider_moves_and_changes(
    browser: Browser, pages: dict[str, tuple[Path, Made]], tmp_path: Path
) -> None:
    browser.open(pages["comparison"][0], width=700, height=700)

    def shown(script: str) -> npt.NDArray[np.float32]:
        browser.run(
            f"{script}; frame.dispatchEvent(new Event('input'));"
            "document.querySelector('.label').parentElement.scrollIntoView();"
            "Promise.all([left.decode(), right.decode()]).then(() => new Promise(done =>"
            "requestAnimationFrame(() => requestAnimationFrame(done))))"
        )
        box = browser.run("(b => [b.x, b.y, b.width, b.height])(slider.getBoundingClientRect())")
        left, top, width, height = map(round, box)
        return shot(browser, tmp_path)[max(top, 0) : top + height, max(left, 0) : left + width]

    right, middle, left = (shown(f"cut.value = {value}") for value in (0, 50, 100))
    half = right.shape[1] // 2
    labels = 60
    assert np.array_equal(middle[labels:, : half - 4], left[labels:, : half - 4])
    assert np.array_equal(middle[labels:, half + 4 :], right[labels:, half + 4 :])
    assert np.abs(left - right)[labels:].mean() > 0.003
    other = shown("b.value = a.value; cut.value = 0")
    assert np.abs(other - left)[labels:, 4:-4].max() < 0.01, "the same video on both sides"
    itself, others = shown("view.value = 'difference'"), shown("b.selectedIndex = 2")
    assert itself.mean() < 0.1 * others.mean(), "a video differs from itself"
    browser.run("zoom.value = '4'; zoom.dispatchEvent(new Event('input'))")
    assert browser.run("slider.clientWidth == 4 * left.getAttribute('width')")
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")


def test_the_picture_itself_can_be_dragged(browser: Browser, pages: dict[str, tuple[Path, Made]]) -> None:
    browser.open(pages["comparison"][0], width=700, height=700)
    left, top, width = browser.run(
        "slider.scrollIntoView({block: 'center'});"
        "(b => [b.x, b.y + b.height / 2, b.width])(slider.getBoundingClientRect())"
    )
    mouse = {"y": top, "button": "left", "buttons": 1, "clickCount": 1}
    browser.ask("Input.dispatchMouseEvent", type="mousePressed", x=left + width / 2, **mouse)
    browser.ask("Input.dispatchMouseEvent", type="mouseMoved", x=left + width / 4, **mouse)
    assert float(browser.run("cut.value")) == pytest.approx(25, abs=0.5)


def look(browser: Browser, path: Path, width: int, is_dark: bool) -> dict[str, Any]:
    """Return what `look.js` sees on a page."""
    browser.open(path, width=width, is_dark=is_dark)
    seen: dict[str, Any] = browser.run(LOOK)
    return seen


def faults(seen: dict[str, Any], events: list[dict[str, Any]], path: Path) -> list[str]:
    """Return what is wrong with a page, a sentence each."""
    found = [f"{name} has no text that stands for it" for name in seen["unnamed"]]
    for event in events:
        method, parameters = event.get("method"), event.get("params", {})
        if method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
            found.append(f"it says {parameters}")
        url = parameters.get("request", {}).get("url", "")
        if method == "Network.requestWillBeSent" and url != path.as_uri() and not url.startswith("data:"):
            found.append(f"it asks for {url}")
    if seen["scroll_width"] > seen["inner_width"]:
        found.append(f"it is wider than its window: {seen['scroll_width']}")
    for text in seen["texts"]:
        if text["contrast"] < TEXT_CONTRAST:
            found.append(f"{text['text']!r} has contrast {text['contrast']:.2f}")
        if text["pixels"] < LEAST_TEXT_PIXELS:
            found.append(f"{text['text']!r} has {text['pixels']:.1f} pixels")
        if not text["is_inside"]:
            found.append(f"{text['text']!r} is cut off")
    for shape in seen["shapes"]:
        least = LINE_CONTRAST if shape["name"].endswith(".axis") else SHAPE_CONTRAST
        if shape["contrast"] < least:
            found.append(f"{shape['name']} has contrast {shape['contrast']:.2f}")
    for size in seen["sizes"]:
        if min(size["width"], size["height"]) < 8:
            found.append(f"{size['name']} is {size['width']:.0f}x{size['height']:.0f}")
    return found + ["a picture does not load"] * seen["broken_pictures"]


def shot(browser: Browser, folder: Path) -> npt.NDArray[np.float32]:
    """Return the window as (H, W, 3), 0 to 1."""
    path = folder / "shot.png"
    path.write_bytes(browser.screenshot())
    picture: npt.NDArray[np.float32] = np.asarray(read_rgb(path), np.float32).transpose(1, 2, 0)
    return picture
