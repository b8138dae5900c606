"""A page taken apart, and what holds for every page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

VOID = {"meta", "img", "input", "br", "hr"}


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


def check_numbers(text: str, facts: dict[str, Any]) -> None:
    """Every number of the page is in the JSON of the same results, as it is or, in words, as a text."""
    page = Page(text)
    check_values(page.values, " ".join(page.words), facts)


def check_values(values: list[tuple[float, str]], words: str, facts: dict[str, Any]) -> None:
    """`values` are those of <data> with what they show, `words` all other text but that of ticks."""
    numbers, texts = numbers_in(facts), " ".join(texts_in(facts))
    for value, shown in values:
        assert value in numbers, shown
        digits = re.sub(r"[^\d.-]", "", shown.partition(" ")[0])
        places = len(digits.partition(".")[2])
        assert float(digits) == pytest.approx(value, abs=0.5001 * 10**-places)
    for number in re.findall(r"\d+\.\d+", words):
        assert number in texts


def check_alone(text: str) -> None:
    """The page needs no other file and no network, and is made for both themes and any width."""
    page = Page(text)
    assert not re.search(r"https?://|@import|url\(", text)
    assert not {"link", "iframe", "object"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        assert str(attributes.get("src", "data:image/png;base64,")).startswith("data:image/png;base64,")
        assert tag != "img" or "alt" in attributes
        assert tag != "svg" or attributes.get("aria-label")
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in page.tags
    assert "prefers-color-scheme: dark" in text


def numbers_in(value: Any) -> set[float]:
    """Return all numbers that a JSON value holds."""
    return {
        float(each) for each in _leaves(value) if isinstance(each, int | float) and not isinstance(each, bool)
    }


def texts_in(value: Any) -> set[str]:
    """Return all texts that a JSON value holds, names of members too."""
    return {each for each in _leaves(value) if isinstance(each, str)}


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from _leaves(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _leaves(each)
    else:
        yield value
