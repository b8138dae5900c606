"""Pages: well-formed, by themselves, escaped, and with no number that the JSON lacks."""

from __future__ import annotations

import re

import pytest

from tests.page.parsed import Page, check_alone, check_numbers
from tests.quality.page_samples import AWKWARD, Made, comparison, evaluation


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    folder = tmp_path_factory.mktemp("pages")
    return {"evaluation": evaluation(folder), "comparison": comparison(folder)}


NAMES = ["evaluation", "comparison"]


@pytest.mark.parametrize("name", NAMES)
def test_every_number_is_in_the_json(name: str, pages: dict[str, Made]) -> None:
    text, facts = pages[name]
    assert len(Page(text).values) > 20
    check_numbers(text, facts)


@pytest.mark.parametrize("name", NAMES)
def test_it_needs_nothing_else(name: str, pages: dict[str, Made]) -> None:
    check_alone(pages[name][0])


@pytest.mark.parametrize("name", NAMES)
def test_names_are_escaped(name: str, pages: dict[str, Made]) -> None:
    page = Page(pages[name][0])
    assert "b" not in {tag for tag, _ in page.tags}
    assert any(AWKWARD in word for word in page.words)


def test_the_slider_finds_its_pictures(pages: dict[str, Made]) -> None:
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
