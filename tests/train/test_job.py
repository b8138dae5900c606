"""Trainings: they learn, go on after a kill as if nothing had been, and say what is wrong."""

from __future__ import annotations

import copy
import errno
import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.train.scenes import SMALL, fill, write_recipe, write_vgg  # noqa: E402
from vsr.cli.main import main  # noqa: E402
from vsr.errors import DeviceError, OptionError  # noqa: E402
from vsr.nets.checkpoint import read_checkpoint, read_tensors  # noqa: E402
from vsr.train.adversary import Adversary  # noqa: E402
from vsr.train.divergence import LossWatch  # noqa: E402
from vsr.train.errors import TrainingError  # noqa: E402
from vsr.train.evaluate import mean_psnr  # noqa: E402
from vsr.train.job import LOG, WEIGHTS, Job, Moment  # noqa: E402
from vsr.train.loop import STATE, Training, rate_at  # noqa: E402
from vsr.train.recipe import EvaluationOptions, Recipe, TrainingOptions, read_recipe, shipped_recipes  # noqa: E402


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    fill(folder / "pictures")
    return folder


def job(tmp_path: Path, data: Path, text: str = SMALL, name: str = "small", **options: Any) -> Job:
    recipe = write_recipe(tmp_path / f"{name}.toml", text)
    return Job(recipe, tmp_path / name, data=data, **options)


def test_a_training_beats_the_bicubic_it_begins_with(tmp_path: Path, data: Path) -> None:
    text = SMALL.replace("steps = 60", "steps = 240").replace("every = 20", "every = 120\nsamples = true")
    seen: list[Moment] = []
    last = job(tmp_path, data, text).run(seen.append)
    assert last.step == last.steps == 240
    measured = [moment for moment in seen if moment.figures]
    assert [moment.step for moment in measured] == [120, 240]
    assert measured[-1].loss < measured[0].loss
    log = [json.loads(line) for line in (tmp_path / "small" / LOG).read_text().splitlines()]
    assert [line["psnr"] for line in log] == [moment.figures for moment in measured]
    graph = read_checkpoint(tmp_path / "small" / WEIGHTS)
    assert (graph.name, graph.scale, graph.reads) == ("weights", 2, "luma")
    assert {path.name for path in (tmp_path / "small" / "samples").iterdir()} == {
        "x2-bicubic-0000120.png",
        "x2-bicubic-0000240.png",
    }
    assert list((tmp_path / "small").glob("events.out.tfevents.*"))


def weights_of(folder: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(folder / STATE, weights_only=True)
    return {f"{part}.{key}": value for part in ("network", "average") for key, value in state[part].items()}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_a_run_in_two_parts_is_the_unbroken_run(tmp_path: Path, data: Path) -> None:
    job(tmp_path, data).run()
    job(tmp_path, data, name="parts").run(limit_seconds=0.02)
    steps = torch.load(tmp_path / "parts" / STATE, weights_only=True)["steps"]
    assert 0 < steps < 60
    resumed = job(tmp_path, data, name="parts", resume=True)
    assert resumed.training.steps_done == steps
    resumed.run()
    assert same(weights_of(tmp_path / "small"), weights_of(tmp_path / "parts"))
    one, other = (read_tensors(tmp_path / name / WEIGHTS) for name in ("small", "parts"))
    assert one.keys() == other.keys() and all((one[key] == other[key]).all() for key in one)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_stops_between_steps_and_the_rest_gives_the_same_weights(
    number: signal.Signals,
    tmp_path: Path,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    job(tmp_path, data).run()
    recipe = write_recipe(tmp_path / "stopped.toml", SMALL)
    command = ["train", str(recipe), "--data", str(data), "--out", str(tmp_path / "stopped"), "--resume"]
    descend = Training._descend

    def interrupted(training: Training, *arguments: Any) -> None:
        descend(training, *arguments)
        if training.steps_done == 24:
            signal.raise_signal(number)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "_descend", interrupted)
        assert main(command) == 130
    said = capsys.readouterr()
    assert "there is no state" in said.err and "vsr: stopping: after this step" in said.err
    assert "stopped after step 25 of 60; --resume goes on from it" in said.out
    assert main(command) == 0
    assert "there is no state" not in capsys.readouterr().err
    assert same(weights_of(tmp_path / "small"), weights_of(tmp_path / "stopped"))


def test_a_full_disk_keeps_the_state_before(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = job(tmp_path, data, SMALL.replace("steps = 60", "steps = 2"))
    made.run()
    state = tmp_path / "small" / STATE
    before = state.read_bytes()

    def full(path: Path, content: object) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match=r"No space left on device.*state\.pt"):
        made.training.save(state)
    assert state.read_bytes() == before
    assert not list(state.parent.glob("*.tmp"))


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path, data: Path) -> None:
    text = SMALL.replace("steps = 60", "steps = 400").replace("every = 20", "every = 100")
    job(tmp_path, data, text).run()
    recipe = write_recipe(tmp_path / "killed.toml", text)
    command = [sys.executable, "-m", "vsr.cli", "train", str(recipe), "--data", str(data)]
    command += ["--out", str(tmp_path / "killed")]
    code = (
        "import sys, vsr.train.job as job; job.SAVE_SECONDS = 0.05; from vsr.cli.main import main;"
        "sys.exit(main(sys.argv[1:]))"
    )
    with subprocess.Popen([sys.executable, "-c", code, *command[3:]], stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "killed" / WEIGHTS).exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    steps = torch.load(tmp_path / "killed" / STATE, weights_only=True)["steps"]
    assert 0 < steps < 400
    subprocess.run([*command, "--resume"], check=True, capture_output=True)
    assert same(weights_of(tmp_path / "small"), weights_of(tmp_path / "killed"))


GAN = """
[network]
kind = "enhancenet"
scale = 4
options = { blocks = 1, width = 8 }
[data]
folders = ["pictures"]
planes = "rgb"
tile = 8
[training]
steps = 12
batch = 2
threads = 1
[[losses]]
kind = "charbonnier"
[adversary]
kind = "enhancenet"
mode = "relativistic"
options = { width = 2 }
[evaluation]
folder = "pictures"
every = 6
"""


def test_a_gan_goes_on_with_its_discriminator(tmp_path: Path, data: Path) -> None:
    job(tmp_path, data, GAN).run()
    job(tmp_path, data, GAN, name="parts").run(limit_seconds=0.01)
    job(tmp_path, data, GAN, name="parts", resume=True).run()
    one, other = (torch.load(tmp_path / n / STATE, weights_only=True) for n in ("small", "parts"))
    assert same(one["network"], other["network"])
    assert same(one["adversary"]["network"], other["adversary"]["network"])


RECIPES = Path(__file__).parents[2] / "vsr" / "train" / "recipes"
LITTLE: dict[str, dict[str, Any]] = {
    "cnn": {},
    "srcnn": {"widths": (16, 8)},
    "vdsr": {"layers": 5, "width": 16},
    "espcn": {"widths": (32, 16)},
    "johnson": {"blocks": 1, "width": 12},
    "srresnet": {"blocks": 2, "width": 16},
    "rrdb": {"blocks": 1, "width": 12, "growth": 8},
    "enhancenet": {"blocks": 2, "width": 16},
    "pixel-recursive": {"blocks": 1, "width": 8, "prior_layers": 2, "prior_width": 12, "prior_hidden": 24},
}
"""By network, what makes it small enough for a test."""
DISCRIMINATORS = {"srgan": {"width": 4}, "esrgan": {"width": 4}, "enhancenet": {"width": 2}}


def little(recipe: Recipe) -> Recipe:
    """Return a shipped recipe for little pictures, a little network and few steps."""
    tile = {1: 24, 2: 16, 3: 16, 4: 16, 8: 8}[recipe.network.scale]
    tile = 8 if recipe.network.kind == "pixel-recursive" else tile
    return replace(
        recipe,
        data=replace(recipe.data, folders=("pictures",), tile=tile, held_out=False),
        network=replace(
            recipe.network, options={**recipe.network.options, **LITTLE[recipe.network.kind]}, start=""
        ),
        training=replace(recipe.training, steps=40, batch=4, threads=1, warm_up=20),
        losses=tuple(replace(each, options=_random_vgg(each.options)) for each in recipe.losses),
        adversary=recipe.adversary
        and replace(recipe.adversary, options=DISCRIMINATORS[recipe.adversary.kind]),
    )


def _random_vgg(options: Mapping[str, Any]) -> dict[str, Any]:
    return {**options, "weights": "vgg.npz"} if "weights" in options else dict(options)


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_lowers_its_loss_and_goes_on_as_if_unbroken(
    path: Path, tmp_path: Path, data: Path
) -> None:
    write_vgg(data / "vgg.npz")
    recipe = little(read_recipe(path))
    whole = Training(recipe, data, tmp_path)
    losses, tiles = [], whole.tiles.batch(8, torch.Generator().manual_seed(1))

    def loss_of_first_terms() -> float:
        with torch.no_grad():
            return float(whole.objective(copy.deepcopy(whole.network), *tiles, share=0.0))

    first = loss_of_first_terms()
    for step in range(40):
        if step == 25:
            whole.save(tmp_path / STATE)
        losses.append(whole.step())
    assert loss_of_first_terms() < first
    resumed = Training(recipe, data, tmp_path)
    resumed.load(tmp_path / STATE)
    again = [resumed.step() for _ in range(15)]
    assert again == losses[25:]
    assert same(whole.network.state_dict(), resumed.network.state_dict())
    assert same(whole.average.state_dict(), resumed.average.state_dict())
    if whole.adversary and resumed.adversary:
        assert same(whole.adversary.network.state_dict(), resumed.adversary.network.state_dict())


def test_a_loss_that_is_no_number_stops_and_keeps_the_good_weights(tmp_path: Path, data: Path) -> None:
    made = job(tmp_path, data)
    steps = iter(range(100))
    objective = made.training.objective

    def broken(*arguments: Any) -> Any:
        loss = objective(*arguments)
        return loss * math.nan if next(steps) == 30 else loss

    made.training.objective = broken  # type: ignore[assignment]
    with pytest.raises(TrainingError, match="the loss is nan at step 31; the weights before it are kept"):
        made.run()
    state = torch.load(tmp_path / "small" / STATE, weights_only=True)
    assert state["steps"] == 30
    assert all(value.isfinite().all() for value in state["network"].values())
    resumed = job(tmp_path, data, resume=True)
    resumed.run()
    assert resumed.training.steps_done == 60


NORMS = GAN[: GAN.index("[adversary]")] + GAN[GAN.index("[evaluation]") :]
NORMS = NORMS.replace('kind = "enhancenet"', 'kind = "srresnet"')
"""Of a network with batch norm."""


def test_a_step_that_fails_leaves_what_batch_norm_has_measured(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = job(tmp_path, data, NORMS).training
    training.step()
    before = {key: value.clone() for key, value in training.network.state_dict().items()}
    broken = torch.full((2, 3, 8, 8), math.nan), torch.rand(2, 3, 32, 32)
    monkeypatch.setattr(type(training.tiles), "batch", lambda *arguments: broken)
    with pytest.raises(TrainingError, match="the loss is nan at step 2"):
        training.step()
    assert same(training.network.state_dict(), before)
    assert training.is_whole


def test_a_gradient_that_is_no_number_leaves_the_weights(tmp_path: Path, data: Path) -> None:
    training = job(tmp_path, data, NORMS).training
    training.step()
    before = {key: value.clone() for key, value in training.network.state_dict().items()}
    next(training.network.parameters()).register_hook(lambda gradient: gradient * math.inf)
    with pytest.raises(TrainingError, match="the gradient is no number at step 2; the weights before it are"):
        training.step()
    assert same(training.network.state_dict(), before)
    assert training.is_whole


def test_weights_are_averaged_and_what_batch_norm_measured_of_them(tmp_path: Path, data: Path) -> None:
    training = job(tmp_path, data, NORMS.replace("steps = 12", "steps = 200\nema = 0.7")).training
    expected = {k: v.clone() for k, v in training.network.state_dict().items() if v.is_floating_point()}
    assert any("running_var" in key for key in expected)
    for share in (1.0, 10 / 11, 10 / 12):
        training.step()
        for key, value in expected.items():
            value.lerp_(training.network.state_dict()[key], share)
    for key, value in expected.items():
        torch.testing.assert_close(training.average.state_dict()[key], value)
    training.steps_done = 100
    before = training.average.state_dict()["conv3.weight"].clone()
    training.step()
    present = training.network.state_dict()["conv3.weight"]
    torch.testing.assert_close(training.average.state_dict()["conv3.weight"], before.lerp(present, 0.3))


def test_averaged_weights_are_as_good_as_those_now_from_the_start(tmp_path: Path, data: Path) -> None:
    """A mean of all steps so far would have 3 dB less."""
    text = NORMS.replace("steps = 12", "steps = 300\nwarm_up = 0\nlearning_rate = 2e-3").replace(
        "every = 6", "every = 150"
    )
    made = job(tmp_path, data, text)
    moments: list[Moment] = []
    made.run(moments.append)
    present = copy.deepcopy(made.training.network).eval()
    with torch.no_grad():
        now = mean_psnr(present, made._pairs["x4-bicubic"])
    assert [moment.figures for moment in moments if moment.figures][-1]["x4-bicubic"] > now - 0.3


def test_a_step_broken_off_is_not_kept(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its generator has learned and its discriminator has not: no unbroken run comes there."""
    job(tmp_path, data, GAN).run()
    made = job(tmp_path, data, GAN, name="broken")
    monkeypatch.setattr("vsr.train.job.SAVE_SECONDS", -1.0)
    learn = Adversary.learn

    def interrupted(adversary: Adversary, *arguments: Any) -> None:
        if made.training.steps_done == 7:
            raise KeyboardInterrupt
        learn(adversary, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Adversary, "learn", interrupted)
        with pytest.raises(KeyboardInterrupt):
            made.run()
    resumed = job(tmp_path, data, GAN, name="broken", resume=True)
    assert resumed.training.steps_done == 7
    resumed.run()
    assert same(weights_of(tmp_path / "small"), weights_of(tmp_path / "broken"))


def test_one_training_a_folder(tmp_path: Path, data: Path) -> None:
    one, other = job(tmp_path, data), job(tmp_path, data)
    refused: list[str] = []

    def meanwhile(moment: Moment) -> None:
        with pytest.raises(OptionError, match=r"another training runs in .*small; wait for its end") as error:
            other.run()
        refused.append(str(error.value))

    one.run(meanwhile)
    assert refused
    files = {path: path.read_bytes() for path in (tmp_path / "small").iterdir()}
    with pytest.raises(OptionError, match=r"small has a training already; --resume goes on with it"):
        other.run()
    assert {path: path.read_bytes() for path in (tmp_path / "small").iterdir()} == files


def test_a_finished_training_is_measured_again(tmp_path: Path, data: Path) -> None:
    last = job(tmp_path, data).run()
    weights = tmp_path / "small" / WEIGHTS
    before = weights.read_bytes()
    weights.unlink()
    again = job(tmp_path, data, resume=True).run()
    assert (again.step, again.figures) == (last.step, last.figures)
    assert weights.read_bytes() == before


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("batch = 2", 'batch = 2\noptimizer = "sgd"'),
        ("width = 2", "width = 4"),
        ('[adversary]\nkind = "enhancenet"', '[adversary]\nkind = "srgan"'),
        (GAN[GAN.index("[adversary]") : GAN.index("[evaluation]")], ""),
    ],
)
def test_a_state_of_another_optimizer_or_adversary_is_refused(
    before: str, after: str, tmp_path: Path, data: Path
) -> None:
    assert before in GAN
    job(tmp_path, data, GAN).run(limit_seconds=0.01)
    with pytest.raises(OptionError, match="is of another optimizer or adversary than this recipe"):
        job(tmp_path, data, GAN.replace(before, after), resume=True)


def test_the_best_figures_are_known_to_the_next_run(tmp_path: Path, data: Path) -> None:
    made = job(tmp_path, data)
    made.run()
    resumed = job(tmp_path, data, SMALL.replace("steps = 60", "steps = 80"), resume=True)
    assert resumed.training.figures.best == made.training.figures.best > 0
    kept = (tmp_path / "small" / WEIGHTS).read_bytes()
    with torch.no_grad():
        for values in resumed.training.average.parameters():
            values.fill_(math.nan)
    with pytest.raises(TrainingError, match=r"its PSNR is .* dB at step 80"):
        resumed.run()
    assert (tmp_path / "small" / WEIGHTS).read_bytes() == kept


def test_too_little_memory_to_measure_is_said(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = job(tmp_path, data)

    def greedy(*arguments: Any) -> Any:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to ...")

    monkeypatch.setattr(made.training.average, "forward", greedy)

    def many(*arguments: Any) -> Any:
        raise MemoryError

    with monkeypatch.context() as patch, pytest.raises(DeviceError, match="with the tiles of all pictures"):
        patch.setattr("vsr.train.loop.load_tiles", many)
        job(tmp_path, data, name="many")
    with pytest.raises(DeviceError, match="out of memory on cpu with whole pictures to measure by; choose"):
        made.run()
    assert torch.load(tmp_path / "small" / STATE, weights_only=True)["steps"] == 20


def test_every_degradation_is_measured_under_a_name_of_its_own(tmp_path: Path, data: Path) -> None:
    ways = [
        "",
        "blur = 1.0",
        "blur = 2.0",
        "noise = 4",
        'chroma = "420"',
        'codec = "h264"\ncrf = [23, 23]',
        'codec = "h264"\ncrf = [23, 28]',
    ]
    text = SMALL + "".join(f"[[evaluation.degradations]]\n{way}\n" for way in ways)
    assert list(job(tmp_path, data, text)._pairs) == [
        "x2-bicubic",
        "x2-blur1-bicubic",
        "x2-blur2-bicubic",
        "x2-bicubic-noise4",
        "x2-bicubic-chroma420",
        "x2-bicubic-h264-crf23",
        "x2-bicubic-h264-crf23-28",
    ]


def test_a_rate_that_is_too_high_is_noticed(tmp_path: Path, data: Path) -> None:
    """Its loss stays finite, and rises to 1e27 or stays at a hundred: no weights come of that."""
    text = SMALL.replace("steps = 60", "steps = 400").replace("learning_rate = 1e-2", "learning_rate = 3.0")
    with pytest.raises(TrainingError, match="the training diverges: the loss is "):
        job(tmp_path, data, text).run()
    with pytest.raises(TrainingError, match="the training diverges"):
        job(tmp_path, data, text, resume=True).run()


def test_a_loss_that_has_risen_too_far_is_forgotten() -> None:
    watch = LossWatch()
    watch.see(1.0, 1)
    with pytest.raises(TrainingError, match="the loss is 5e\\+04 around step 2, and was 1; "):
        watch.see(1e6, 2)
    assert (watch.recent, watch.lowest) == (1.0, 1.0)


def test_weights_that_are_much_worse_do_not_replace_those_of_before(tmp_path: Path, data: Path) -> None:
    made = job(tmp_path, data)
    kept: list[bytes] = []
    step = made.training.step

    def spoiled() -> float:
        loss = step()
        if made.training.steps_done == 40:
            kept.append((tmp_path / "small" / WEIGHTS).read_bytes())
            for values in made.training.average.parameters():
                values.detach().mul_(-40)
        return loss

    made.training.step = spoiled  # type: ignore[method-assign]
    with pytest.raises(TrainingError, match=r"the training diverges: its PSNR is .* dB at step 40, and was "):
        made.run()
    assert [(tmp_path / "small" / WEIGHTS).read_bytes()] == kept


def test_too_little_memory_names_the_batch(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = job(tmp_path, data)

    def greedy(*arguments: Any) -> Any:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to ...")

    monkeypatch.setattr(made.training, "objective", greedy)
    with pytest.raises(DeviceError, match=r"out of memory on cpu with training\.batch = 4 tiles of 12"):
        made.run()


def test_too_little_memory_for_the_networks_or_one_tile_says_so(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(*arguments: Any, **options: Any) -> Any:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to ...")

    with monkeypatch.context() as patch, pytest.raises(DeviceError, match="with the networks alone; choose"):
        patch.setattr("vsr.train.loop.make_optimizer", greedy)
        job(tmp_path, data)
    with (
        monkeypatch.context() as patch,
        pytest.raises(DeviceError, match="with one tile of 12; choose a sma"),
    ):
        patch.setattr("vsr.train.loop.Objective.__call__", greedy)
        job(tmp_path, data)


def test_a_run_goes_on_by_the_recipe_as_it_is_now(tmp_path: Path, data: Path) -> None:
    job(tmp_path, data).run(limit_seconds=0.02)
    text = SMALL.replace("batch = 4", "batch = 4\nlast_layer = 0.1\nbetas = [0.5, 0.9]")
    optimizer = job(tmp_path, data, text, resume=True).training.optimizer
    assert [group["factor"] for group in optimizer.param_groups] == [1.0, 0.1]
    assert {group["betas"] for group in optimizer.param_groups} == {(0.5, 0.9)}


def test_a_folder_with_a_training_is_not_overwritten(tmp_path: Path, data: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OptionError, match="file is a file; choose another --out"):
        job(tmp_path, data, name="file")
    job(tmp_path, data).run(limit_seconds=0)
    with pytest.raises(OptionError, match="--resume goes on with it"):
        job(tmp_path, data)
    with pytest.raises(OptionError, match="is of another network or data"):
        job(tmp_path, data, SMALL.replace("width = 2", "width = 3"), resume=True)
    (tmp_path / "small" / STATE).write_bytes(b"no state")
    with pytest.raises(OptionError, match="cannot be read as the state of a training"):
        job(tmp_path, data, resume=True)


def test_a_file_that_is_no_whole_state_is_refused(tmp_path: Path, data: Path) -> None:
    job(tmp_path, data).run(limit_seconds=0)
    path = tmp_path / "small" / STATE
    state = torch.load(path, weights_only=True)
    for other in ([1], {key: value for key, value in state.items() if key != "average"}):
        torch.save(other, path)
        with pytest.raises(
            OptionError, match=r"state\.pt is not the state of a training by this vsr; choose"
        ):
            job(tmp_path, data, resume=True)


def test_options_that_an_optimizer_has_not_may_change(tmp_path: Path, data: Path) -> None:
    job(tmp_path, data).run(limit_seconds=0)
    job(tmp_path, data, SMALL.replace("batch = 4", "batch = 4\nmomentum = 0.0"), resume=True)


@pytest.mark.parametrize("line", ['{"epoch": 1}\n', "\n", "[1]\n"])
def test_a_log_that_is_no_trainings_is_left_as_it_is(line: str, tmp_path: Path, data: Path) -> None:
    log = tmp_path / "small" / LOG
    log.parent.mkdir()
    log.write_text(line)
    with pytest.raises(OptionError, match=r"log\.jsonl has lines that are no training's; move it away, or"):
        job(tmp_path, data).run()
    assert log.read_text() == line
    log.unlink()
    assert job(tmp_path, data).run().step == 60


def test_a_folder_without_locks_is_refused(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lockless(*arguments: Any) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", lockless)
    with pytest.raises(OptionError, match=r"\(Function not implemented\), as on some network drives; choose"):
        job(tmp_path, data).run()


def test_weights_without_their_state_are_not_overwritten(tmp_path: Path, data: Path) -> None:
    job(tmp_path, data).run()
    before = (tmp_path / "small" / WEIGHTS).read_bytes()
    (tmp_path / "small" / STATE).unlink()
    for resume in (False, True):
        with pytest.raises(OptionError, match=r"weights\.safetensors is there without its state"):
            job(tmp_path, data, resume=resume)
    assert (tmp_path / "small" / WEIGHTS).read_bytes() == before


def test_a_run_that_is_killed_before_its_first_state_can_begin_again(tmp_path: Path, data: Path) -> None:
    state = tmp_path / "small" / STATE
    there: list[bool] = []

    def stopping() -> bool:
        there.append(state.exists())
        return True

    job(tmp_path, data).run(stopping=stopping)
    assert there == [True]
    at_first = state.read_bytes()
    job(tmp_path, data, resume=True).run()
    state.write_bytes(at_first)  # as if killed: weights and log are of steps that no state has
    job(tmp_path, data, resume=True).run()
    log = [json.loads(line)["step"] for line in (tmp_path / "small" / LOG).read_text().splitlines()]
    assert log == [20, 40, 60]


def test_a_log_has_whole_lines_and_one_a_minute(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("vsr.cli.train._PAUSE_SECONDS", -1.0)
    monkeypatch.setattr("vsr.train.job.TELL_SECONDS", -1.0)
    how = "[[evaluation.degradations]]\n" + "".join(
        f"[[evaluation.degradations]]\nnoise = {noise}\n" for noise in (1.0, 2.0, 3.0, 4.0)
    )
    recipe = write_recipe(tmp_path / "small.toml", SMALL.replace("steps = 60", "steps = 20") + how)
    assert main(["train", str(recipe), "--data", str(data), "--out", str(tmp_path / "out")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("step 1 of 20: loss ")
    (measured,) = [line for line in lines if line.startswith("step 20: ")]
    assert measured.count(" dB") == 5


def test_a_training_begins_with_another_ones_weights(tmp_path: Path, data: Path) -> None:
    job(tmp_path, data).run()
    text = SMALL.replace('kind = "cnn"', 'kind = "cnn"\nstart = "small"')
    second = job(tmp_path, data, text, name="second")
    before = weights_of(tmp_path / "small")
    for key, value in second.training.network.state_dict().items():
        assert torch.equal(value, before[f"average.{key}"])
    with pytest.raises(OptionError, match="train the recipe it comes from first"):
        job(tmp_path, data, text.replace('"small"', '"none"'), name="third")
    with pytest.raises(OptionError, match="is not of such a network"):
        job(tmp_path, data, text.replace("width = 2", "width = 3"), name="fourth")


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ('kind = "cnn"', 'kind = "cnnn"', "unknown network 'cnnn'.*Did you mean 'cnn'"),
        (
            "width = 2",
            "widht = 2",
            "network.options: unknown key 'widht'; known are width, layers. Did you mean",
        ),
        ("width = 2", 'width = "2"', "network.options: width is '2'; int is wanted"),
        (
            'kind = "cnn"\noptions = { width = 2, layers = 2 }',
            'kind = "espcn"\noptions = { activation = "rely" }',
            "network.options: activation is 'rely'; allowed are tanh, relu",
        ),
        (
            "[evaluation]",
            '[[losses]]\nkind = "features"\n[evaluation]',
            "the loss features: weights is missing",
        ),
        (
            "[evaluation]",
            '[[losses]]\nkind = "mse"\noptions = { a = 1 }\n[evaluation]',
            "the loss mse: unknown key 'a'; there are none",
        ),
        ("[evaluation]", '[[losses]]\nkind = "l3"\n[evaluation]', "unknown loss 'l3'"),
        (
            "[evaluation]",
            '[[losses]]\nkind = "charbonnier"\noptions = { eps = 1.0 }\n[evaluation]',
            "the loss charbonnier: unknown key 'eps'; known are epsilon",
        ),
        ("batch = 4", 'precision = "fp16"\ndevice = "cpu"', "fp16 is for GPUs"),
        ("tile = 12", 'tile = 12\nplanes = "rgb"', "cnn and its losses do not take .* in 3 planes"),
        ("width = 2", "width = 0", "network.options: width is 0; give 1 or more"),
        (
            'kind = "cnn"\noptions = { width = 2, layers = 2 }',
            'kind = "srcnn"\noptions = { middle = 2 }',
            "an odd number of taps; middle is 2",
        ),
        (
            "[evaluation]",
            '[[losses]]\nkind = "charbonnier"\noptions = { epsilon = 0.0 }\n[evaluation]',
            "charbonnier's epsilon is 0.0",
        ),
        (
            "[evaluation]",
            '[[losses]]\nkind = "charbonnier"\noptions = { epsilon = "a" }\n[evaluation]',
            "the loss charbonnier: epsilon is 'a'; float is wanted",
        ),
        (
            "[evaluation]",
            '[[losses]]\nkind = "features"\noptions = { weights = "w", layers = { a = "b" } }\n[evaluation]',
            "the loss features: layers.a is 'b'; float is wanted",
        ),
        ('folders = ["pictures"]', 'folders = ["none"]', "none is no folder"),
    ],
)
def test_what_cannot_be_followed_is_said(
    before: str, after: str, sentence: str, tmp_path: Path, data: Path
) -> None:
    with pytest.raises(OptionError, match=sentence):
        job(tmp_path, data, SMALL.replace(before, after, 1))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_missed(tmp_path: Path, data: Path) -> None:
    with pytest.raises(DeviceError, match="torch finds no GPU; choose cpu or auto"):
        job(tmp_path, data, SMALL.replace("threads = 1", 'device = "cuda"'))


def test_schedules() -> None:
    cosine = TrainingOptions(steps=100, warm_up=10)
    assert rate_at(cosine, 0) == pytest.approx(0.1)
    assert rate_at(cosine, 50) == pytest.approx(0.5)
    steps = TrainingOptions(steps=100, warm_up=0, schedule="steps", decay_at=(0.25, 0.5), decay=0.1)
    assert [rate_at(steps, step) for step in (24, 25, 50)] == pytest.approx([1, 0.1, 0.01])
    assert rate_at(TrainingOptions(steps=100, warm_up=0, schedule="constant"), 99) == 1


def test_gradients_are_clipped_to_theta_over_the_rate(tmp_path: Path, data: Path) -> None:
    text = SMALL.replace("batch = 4", 'batch = 4\noptimizer = "sgd"\nmomentum = 0.0\ntheta = 1e-5\nema = 0.0')
    made = job(tmp_path, data, text).training
    before = [p.detach().clone() for p in made.network.parameters()]
    made.step()
    moved = max(
        float((a - b).detach().abs().max()) for a, b in zip(before, made.network.parameters(), strict=True)
    )
    assert moved == pytest.approx(1e-5, rel=1e-2)  # the rate times theta over the rate


def test_the_last_layer_can_learn_more_slowly(tmp_path: Path, data: Path) -> None:
    made = job(tmp_path, data, SMALL.replace("batch = 4", "last_layer = 0.1")).training
    made.step()
    rates = [group["lr"] for group in made.optimizer.param_groups]
    assert rates[1] == pytest.approx(rates[0] / 10)
    assert {p.shape for p in made.optimizer.param_groups[1]["params"]} == {(4, 8, 1, 1), (4,)}


def test_bfloat16_comes_close_to_float32(tmp_path: Path, data: Path) -> None:
    one = job(tmp_path, data).training
    other = job(
        tmp_path, data, SMALL.replace("batch = 4", 'batch = 4\nprecision = "bf16"'), name="b"
    ).training
    losses = [(one.step(), other.step()) for _ in range(10)]
    assert all(b == pytest.approx(a, rel=0.05) for a, b in losses)
    assert losses[3][0] != losses[3][1]


def test_the_command(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = write_recipe(tmp_path / "small.toml", SMALL)
    arguments = ["train", str(recipe), "--data", str(data), "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert "step 60: x2-bicubic" in text
    assert f"small: 60 steps, weights in {tmp_path / 'out' / WEIGHTS}" in text.replace("\n", "")
    assert main(arguments) == 2
    assert "--resume goes on" in capsys.readouterr().err
    fill(tmp_path / "data" / "pictures")
    small = fill(tmp_path / "data" / "small", count=2, height=20) / "0.png"
    recipe.write_text(recipe.read_text().replace('folders = ["pictures"]', 'folders = ["pictures", "small"]'))
    assert main(["train", str(recipe), "--out", str(tmp_path / "b"), "--data", str(tmp_path / "data")]) == 0
    said = f"pictures smaller than a tile, which are not trained on: 2, e.g. {small}"
    assert said in capsys.readouterr().err


def test_without_torch_the_extra_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["train", "recipe.toml"]) == 2
    assert "pip install 'vsr-realtime[train]'" in capsys.readouterr().err


def test_likelihood_is_for_networks_of_distributions(tmp_path: Path, data: Path) -> None:
    text = GAN.replace('kind = "enhancenet"\nscale', 'kind = "pixel-recursive"\nscale')
    with pytest.raises(OptionError, match="pixel-recursive learns by the loss likelihood alone"):
        Training(read_recipe(write_recipe(tmp_path / "a.toml", text)), data, tmp_path)
    recipe = read_recipe(shipped_recipes()["pixel-recursive"])
    with pytest.raises(OptionError, match="pixel-recursive gives distributions, which have no PSNR"):
        Training(replace(recipe, evaluation=EvaluationOptions(folder="pictures")), data, tmp_path)
    with pytest.raises(OptionError, match="enlarges 2, 4 or 8 times; scale is 3"):
        Training(replace(recipe, network=replace(recipe.network, scale=3)), data, tmp_path)
