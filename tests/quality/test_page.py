"""Pages: well-formed, by themselves, escaped, and with no number that the JSON lacks."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from tests.make_media import Clip, Picture, make
from tests.quality.samples import folder_of, numbers_in
from vsr.options import CompareOptions, EvalOptions
from vsr.quality import subject
from vsr.quality.compare import compare
from vsr.quality.evaluate import evaluate
from vsr.quality.page import charts, comparison_page, evaluation_page
from vsr.quality.page.html import number, table

VOID = {"meta", "img", "input", "br", "hr"}
AWKWARD = "a<b>&'\"c"
"""A file name that is a tag unless it is escaped."""


class Page(HTMLParser):
    """A page taken apart; tags that do not match are an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.values: list[tuple[float, str]] = []
        """The value of each <data>, and what it shows."""
        self.words: list[str] = []
        """All text but that of <data>, of scripts and of charts' ticks."""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> ends nothing"

    def handle_data(self, data: str) -> None:
        if "data" in self.open:
            self.values.append((float(self.tags[-1][1]["value"] or "nan"), data))
        elif not self.is_in_tick and not {"script", "style"} & set(self.open):
            self.words.append(data)

    @property
    def is_in_tick(self) -> bool:
        return self.open[-1:] == ["text"] and self.tags[-1][1].get("class") == "tick"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, dict[str, Any]]]:
    """Each page with the JSON of the same results."""
    folder = tmp_path_factory.mktemp("pages")
    pictures = folder_of(folder / "set", (50, 50), (64, 48))
    (pictures / "p0.png").rename(pictures / f"{AWKWARD}.png")
    evaluation = evaluate(["bicubic", "anime4k-classic"], EvalOptions(data=str(pictures), scale=2))
    paths = []
    for name, crf in (("r", "1"), ("a", "20"), (AWKWARD, "40")):
        clip = Clip(picture=Picture(codec="libx264", options={"crf": crf}))
        paths.append(str(make(folder / f"{name}.mkv", clip)))
    comparison = compare(paths[1], paths[2], CompareOptions(reference=paths[0]), pictures=True)
    return {
        "evaluation": (evaluation_page(evaluation), evaluation.to_json()),
        "comparison": (comparison_page(comparison), comparison.to_json()),
    }


@pytest.fixture(scope="module", autouse=True)
def quick() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subject, "SPEED_SIZE", (64, 48))
        patch.setattr(subject, "_SPEED_SECONDS", 0.01)
        yield


NAMES = ["evaluation", "comparison"]


@pytest.mark.parametrize("name", NAMES)
def test_every_number_is_in_the_json(name: str, pages: dict[str, tuple[str, dict[str, Any]]]) -> None:
    text, facts = pages[name]
    page, known = Page(text), numbers_in(facts)
    assert len(page.values) > 20
    for value, shown in page.values:
        assert value in known, shown
        digits = re.sub(r"[^\d.-]", "", shown)
        places = len(digits.partition(".")[2])
        assert float(digits) == pytest.approx(value, abs=0.5001 * 10**-places)
    said = " ".join(page.words).replace(facts["vsr"], "")
    for note in [*facts["notes"], *(n for model in facts.get("models", []) for n in model["notes"])]:
        said = said.replace(note, "")
    assert not re.findall(r"\d+\.\d+", said)


@pytest.mark.parametrize("name", NAMES)
def test_it_needs_nothing_else(name: str, pages: dict[str, tuple[str, dict[str, Any]]]) -> None:
    page = Page(pages[name][0])
    assert not re.search(r"https?://|@import|url\(", pages[name][0])
    assert not {"link", "iframe", "object"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        assert str(attributes.get("src", "data:image/png;base64,")).startswith("data:image/png;base64,")
        assert tag != "img" or "alt" in attributes
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in page.tags
    assert "prefers-color-scheme: dark" in pages[name][0]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_escaped(name: str, pages: dict[str, tuple[str, dict[str, Any]]]) -> None:
    page = Page(pages[name][0])
    assert "b" not in {tag for tag, _ in page.tags}
    assert any(AWKWARD in word for word in page.words)


def test_the_slider_finds_its_pictures(pages: dict[str, tuple[str, dict[str, Any]]]) -> None:
    text, facts = pages["comparison"]
    page = Page(text)
    identities = [str(attributes.get("id")) for _, attributes in page.tags if "id" in attributes]
    assert len(identities) == len(set(identities))
    frames = [each["frame"] for each in facts["shown"]]
    assert {f"p{frame}-{side}" for frame in frames for side in range(3)} < set(identities)
    for name in [*re.findall(r'getElementById\("(\w+)"\)', text), "frame", "left", "right"]:
        assert name in identities
    chosen = [str(a["value"]) for tag, a in page.tags if tag == "option" and "selected" in a]
    assert chosen == ["0", "2"]


def test_pieces() -> None:
    assert number(None, absent="equal") == "equal"
    assert number(1234.567, 1) == '<data value="1234.567">1,234.6</data>'
    assert '<td class="best">2</td>' in table(["", "x"], [["a", "1"], ["b", "2"]], [(1, 1)])


@pytest.mark.parametrize("make_axis", [charts.linear, charts.logarithmic])
@pytest.mark.parametrize("values", [[3.0], [2.0, 2.0], [0.02, 71.0], [1e-4, 9e5], [10.0, 100.0]])
def test_axes_hold_their_values(make_axis: Callable[[str, list[float]], Any], values: list[float]) -> None:
    axis = make_axis("x", values)
    assert all(-1e-9 <= axis.place(value) <= 1 + 1e-9 for value in values)
    assert list(axis.ticks) == sorted(set(axis.ticks)) and 2 <= len(axis.ticks) <= 12
    assert axis.place(axis.ticks[0]) == pytest.approx(0) and axis.place(axis.ticks[-1]) == pytest.approx(1)


def test_lines_break_where_nothing_was_measured() -> None:
    chart = charts.lines([("a", [(0.0, 1.0), (1.0, None), (2.0, 3.0), (3.0, 2.0)])], "seconds", "dB")
    assert re.findall(r'class="plot"[^>]*d="([^"]*)"', chart)[0].count("M") == 2
    assert charts.lines([("a", [(0.0, None)])], "seconds", "dB") == ""


def test_labels_do_not_lie_on_each_other() -> None:
    near = [(f"model {n}", 100.0 + n, 30 + 0.001 * n) for n in range(4)]
    axes = charts.logarithmic("fps", [1.0, 1000.0]), charts.linear("dB", [20.0, 40.0])
    chart = charts.points(near, *axes)
    tops = [float(y) for y in re.findall(r'<text x="[\d.]+" y="([\d.]+)"[^>]*>model', chart)]
    assert len(tops) == 4
    assert np.diff(sorted(tops)).min() >= 12.9
