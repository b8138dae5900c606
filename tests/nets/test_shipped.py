"""The networks that come with vsr: whole, small, and as good as they say."""

import pytest

from tests.quality.samples import SET5
from vsr._resources import tree
from vsr.chain import read_chain
from vsr.cli.main import main
from vsr.nets.shipped import shipped
from vsr.options import EvalOptions
from vsr.quality.evaluate import evaluate
from vsr.quality.subject import Speed, Subject

MAX_BYTES = 25 << 20
HEADINGS = ("## What it is", "## Data and licences", "## Recipe", "## Figures", "## Limits")


def test_together_they_are_small() -> None:
    assert shipped()
    assert sum(path.stat().st_size for path in tree("engines").rglob("*") if path.is_file()) < MAX_BYTES


@pytest.mark.parametrize("name", shipped())
def test_it_is_a_model_and_has_a_card(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    chain = read_chain(name)
    assert chain is not None
    assert chain.network().name == name
    assert main(["models", "show", name]) == 0
    shown = capsys.readouterr().out
    assert name in shown and all(heading in shown for heading in HEADINGS)
    assert main(["models", "list"]) == 0
    assert shipped()[name].description in capsys.readouterr().out


@pytest.mark.skipif(not SET5.is_dir(), reason="../shared/data is not here")
@pytest.mark.parametrize("name", shipped())
def test_set5_is_what_it_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Subject, "speed", lambda self: Speed(fps=1.0, width=1, height=1))  # it takes longest
    chain = read_chain(name)
    assert chain is not None
    options = EvalOptions(data=str(SET5), scale=chain.scale, precision="fp32")
    [result] = evaluate([name], options).models
    assert result.mean("psnr_y") == pytest.approx(shipped()[name].set5_psnr, abs=0.01)


def test_a_name_that_is_nearly_one_is_helped(capsys: pytest.CaptureFixture[str]) -> None:
    name = next(iter(shipped()))
    assert main(["models", "show", name[:-1] + "_"]) == 2
    assert f"Did you mean '{name}'" in capsys.readouterr().err
