"""Small results of `vsr eval` and `vsr compare`, each as a page and as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.make_media import Clip, Picture, make
from tests.quality.samples import folder_of
from vsr.options import CompareOptions, EvalOptions
from vsr.quality import subject
from vsr.quality.compare import compare
from vsr.quality.evaluate import evaluate
from vsr.quality.page import comparison_page, evaluation_page

AWKWARD = "a<b>&'\"c"
"""A file name that is a tag unless it is escaped."""
Made = tuple[str, dict[str, Any]]


def evaluation(folder: Path) -> Made:
    """Return the page and the JSON of two scalers on two pictures, their speed hardly measured."""
    pictures = folder_of(folder / "set", (50, 50), (64, 48))
    (pictures / "p0.png").rename(pictures / f"{AWKWARD}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subject, "SPEED_SIZE", (64, 48))
        patch.setattr(subject, "_SPEED_SECONDS", 0.01)
        found = evaluate(["bicubic", "anime4k-classic"], EvalOptions(data=str(pictures), scale=2))
    return evaluation_page(found), found.to_json()


def comparison(folder: Path) -> Made:
    """Return the page and the JSON of two coded clips beside a third."""
    paths = []
    for name, crf in (("r", "1"), ("a", "20"), (AWKWARD, "40")):
        clip = Clip(picture=Picture(codec="libx264", options={"crf": crf}))
        paths.append(str(make(folder / f"{name}.mkv", clip)))
    found = compare(paths[1], paths[2], CompareOptions(reference=paths[0]), pictures=True)
    return comparison_page(found), found.to_json()
