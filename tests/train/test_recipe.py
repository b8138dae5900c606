"""Recipes: those shipped can be read, and what is wrong in one is said."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import pytest

from tests.train.scenes import SMALL, write_recipe
from vsr.cli.main import main
from vsr.errors import OptionError
from vsr.train.degrade import Degradation
from vsr.train.recipe import (
    AdversaryOptions,
    DataOptions,
    EvaluationOptions,
    LossOptions,
    NetworkOptions,
    TrainingOptions,
    read_recipe,
    recipe_file,
    shipped_recipes,
)

ADVERSARY = '[adversary]\nkind = "srgan"\n'
SHIPPED = sorted((Path(__file__).parents[2] / "vsr" / "train" / "recipes").glob("*.toml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_recipes_can_be_read(path: Path) -> None:
    assert read_recipe(path).name == path.stem


def test_every_system_has_a_recipe() -> None:
    kinds = {read_recipe(path).network.kind for path in SHIPPED}
    systems = {
        "cnn",
        "srcnn",
        "vdsr",
        "espcn",
        "johnson",
        "srresnet",
        "rrdb",
        "enhancenet",
        "pixel-recursive",
    }
    assert kinds == systems
    names = {path.stem for path in SHIPPED}
    assert {f"enhancenet-{v}-x4" for v in ("e", "p", "ea", "pa", "eat", "pat")} <= names
    assert {f"cnn-{size}-{kind}" for size in "sml" for kind in ("photo", "anime")} <= names


def test_values_have_the_types_of_their_fields(tmp_path: Path) -> None:
    recipe = read_recipe(write_recipe(tmp_path / "small.toml", SMALL.replace("1e-2", "1")))
    assert recipe.training.learning_rate == 1.0
    assert isinstance(recipe.training.learning_rate, float)
    assert recipe.data.folders == ("pictures",)
    assert recipe.network.options == {"width": 2, "layers": 2}
    assert recipe.adversary is None


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("batch = 4", "batchh = 4", "unknown key 'batchh'.*Did you mean 'batch'"),
        ("steps = 60\n", "", "steps is missing"),
        ("batch = 4", 'batch = "4"', "batch is '4'; int is wanted"),
        ("batch = 4", "batch = true", "batch is True; int is wanted"),
        ("batch = 4", 'schedule = "linear"', "schedule is 'linear'; allowed are cosine, steps, constant"),
        ("batch = 4", "betas = [0.9]", "betas has 1 values; 2 are wanted"),
        ('folders = ["pictures"]', 'folders = "pictures"', "folders is 'pictures'; a list is wanted"),
        ("[data]", "[data", "is no TOML"),
        ("steps = 60\n", "steps = 0\n", "training.steps is 0; give 1 or more"),
        ("batch = 4", "batch = 0", "training.batch is 0"),
        ("1e-2", "nan", "training.learning_rate is nan; give a number above 0"),
        ("1e-2", "-1", "training.learning_rate is -1.0"),
        ("threads = 1", "threads = -3", "training.threads is -3"),
        ("warm_up = 5", "warm_up = -1", "training.warm_up is -1"),
        ("every = 20", "every = 0", "evaluation.every is 0"),
        ('kind = "cnn"', 'kind = "cnn"\nscale = 0', "network.scale is 0"),
        ('folders = ["pictures"]', "folders = []", r"data.folders is \[\]; give one or more"),
        ("[training]", "[[training]]", "training is .*; a table is wanted"),
        ("options = {", "options = 3 #", "options is 3; a table is wanted"),
        ("tile = 12", "tile = 12\nenlarged = [2]", "network.scale is 2; give 1, as data.enlarged is for"),
        ("tile = 12", "tile = 12\nshrinks = []", r"data.shrinks is \[\]; give one or more"),
        ("tile = 12", "tile = 12\ndegradations = []", "the sum of share is 0; give one with a share above 0"),
        ("[training]", "[[data.degradations]]\nshare = 0\n[training]", "the sum of share is 0.0"),
        ("[network]", f"seed = {1 << 63}\n[network]", f"seed is {1 << 63}; give 0 to {(1 << 63) - 1}"),
        ("batch = 4", "betas = [0.9, 1.0]", r"training.betas is \(0.9, 1.0\); give two numbers from 0"),
        ("batch = 4", "momentum = -0.1", "training.momentum is -0.1"),
        ("batch = 4", "weight_decay = nan", "training.weight_decay is nan"),
        ("batch = 4", "last_layer = -1", "training.last_layer is -1.0; give a factor above 0"),
        ("batch = 4", "decay_at = [1000]", "training.decay_at is 1000.0; give shares of the training"),
        ("batch = 4", "decay = nan", "training.decay is nan"),
        ("[evaluation]", "[[losses]]\nweight = nan\n[evaluation]", "losses.weight is nan"),
        ("[evaluation]", "[[losses]]\nbegin = 1.0\n[evaluation]", "losses.begin is 1.0"),
        ("[evaluation]", "[[losses]]\nbegin = 0.5\nend = 0.5\n[evaluation]", "losses.end is 0.5"),
        ("[evaluation]", "[[losses]]\nend = 0.5\n[evaluation]", "that they cover is 0.5; give terms for all"),
        ("[evaluation]", '[adversary]\nkind = "srgan"\n[evaluation]', "data.planes is 'luma'; give rgb"),
        ("[evaluation]", ADVERSARY + "threshold = nan\n[evaluation]", "adversary.threshold is nan"),
        ("[evaluation]", ADVERSARY + "learning_rate = 0\n[evaluation]", "adversary.learning_rate is 0.0"),
        ("[evaluation]", ADVERSARY + "betas = [2, 0]\n[evaluation]", "adversary.betas is "),
        ("[evaluation]", ADVERSARY + "weight = -1\n[evaluation]", "adversary.weight is -1.0"),
    ],
)
def test_what_is_wrong_is_said(before: str, after: str, sentence: str, tmp_path: Path) -> None:
    assert before in SMALL
    path = write_recipe(tmp_path / "small.toml", SMALL.replace(before, after))
    with pytest.raises(OptionError, match=sentence):
        read_recipe(path)


@pytest.mark.parametrize(
    ("parts", "covers"),
    [
        ([(0, 1)], True),
        ([(0.5, 1), (0, 0.5)], True),
        ([(0, 0.7), (0.2, 0.3), (0.6, 1)], True),
        ([(0, 0.4), (0.6, 1)], False),
        ([], False),
    ],
)
def test_there_is_a_loss_at_each_step(parts: list[tuple[float, float]], covers: bool, tmp_path: Path) -> None:
    terms = "".join(f"[[losses]]\nbegin = {begin}\nend = {end}\n" for begin, end in parts)
    text = (SMALL + terms) if parts else "losses = []\n" + SMALL
    path = write_recipe(tmp_path / "small.toml", text)
    if covers:
        assert len(read_recipe(path).losses) == len(parts)
    else:
        with pytest.raises(OptionError, match="losses: the share of the training that they cover is 0"):
            read_recipe(path)


def test_srgans_squared_error_is_of_samples_in_minus_one_to_one() -> None:
    (error,) = read_recipe(shipped_recipes()["srgan-mse-x4"]).losses
    assert (error.kind, error.weight) == ("mse", 4.0)


def test_a_name_stays_in_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "up.toml"
    path.write_text('name = "../up"\n' + SMALL)
    with pytest.raises(OptionError, match=r"name is '\.\./up'; give a name that a folder can have"):
        read_recipe(path)


def test_a_recipe_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="cannot be read: No such file"):
        read_recipe(tmp_path / "none.toml")


def test_a_longer_training_is_the_same_recipe_and_another_network_is_not(tmp_path: Path) -> None:
    texts = [SMALL, SMALL.replace("steps = 60", "steps = 90"), SMALL.replace("width = 2", "width = 3")]
    one, longer, other = (
        read_recipe(write_recipe(tmp_path / f"{n}.toml", text)).identity for n, text in enumerate(texts)
    )
    assert one == longer != other


def test_a_recipe_is_found_by_name_or_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [*shipped_recipes().values()] == SHIPPED
    (tmp_path / "espcn-x2").mkdir()  # an earlier training of that name
    assert recipe_file("espcn-x2") == shipped_recipes()["espcn-x2"]
    for text in ("mine.toml", "./espcn-x2.toml", "folder/mine"):
        assert recipe_file(text) == Path(text)
    (tmp_path / "mine").touch()
    assert recipe_file("mine") == Path("mine")
    with pytest.raises(OptionError, match=r"unknown recipe 'espcn-x22'; .*Did you mean 'espcn-x2'\?"):
        recipe_file("espcn-x22")


def test_the_command_lists_recipes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [path.stem for path in SHIPPED]
    srgan = next(line for line in lines if line.startswith("srgan-vgg54-x4 "))
    assert "srresnet x4, rgb, by " in srgan and "against a discriminator (vanilla)" in srgan


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "no RECIPE is given; name a .toml file, or a recipe that `vsr train --list` shows"),
        (["espcn-x22"], "Did you mean 'espcn-x2'?"),
        (["none.toml"], "none.toml cannot be read: No such file"),
        (["espcn-x2"], "train/photos is no folder; "),
    ],
)
def test_the_command_says_which_recipes_there_are(
    words: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    assert main(["train", *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("vsr: ") and says in error and len(error.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_the_page_has_every_key_and_its_default() -> None:
    page = (Path(__file__).parents[2] / "docs" / "train.md").read_text(encoding="utf-8")
    tables = {
        "[network]": NetworkOptions,
        "[data]": DataOptions,
        "[training]": TrainingOptions,
        "[[losses]]": LossOptions,
        "[adversary]": AdversaryOptions,
        "[evaluation]": EvaluationOptions,
        "A degradation": Degradation,
    }
    for head, kind in tables.items():
        (part,) = [text for text in page.split("\n**") if text.startswith((f"`{head}`", head))]
        rows = [line.split("|") for line in part.splitlines() if line.startswith("| `")]
        said = {row[1].strip(" `"): row[2].strip() for row in rows}
        fields = {each.name: each.default for each in dataclasses.fields(kind)}
        assert said.keys() == fields.keys(), head
        for name, default in fields.items():
            if said[name] not in ("", "bicubic"):
                value = tomllib.loads(f"x = {said[name]}")["x"]
                assert (tuple(value) if isinstance(value, list) else value) == default, (head, name)
