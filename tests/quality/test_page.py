"""Pages: well-formed, by themselves, escaped, and with no number that the JSON lacks."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.make_media import Clip, Picture, make
from tests.page.parsed import Page, check_alone, check_numbers
from tests.quality.samples import folder_of
from vsr.options import CompareOptions, EvalOptions
from vsr.quality import subject
from vsr.quality.compare import compare
from vsr.quality.evaluate import evaluate
from vsr.quality.page import comparison_page, evaluation_page

AWKWARD = "a<b>&'\"c"
"""A file name that is a tag unless it is escaped."""


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
    assert len(Page(text).values) > 20
    check_numbers(text, facts)


@pytest.mark.parametrize("name", NAMES)
def test_it_needs_nothing_else(name: str, pages: dict[str, tuple[str, dict[str, Any]]]) -> None:
    check_alone(pages[name][0])


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
