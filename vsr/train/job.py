"""One run of `vsr train`: from a recipe's file to weights, with a log and states to go on from."""

from __future__ import annotations

import fcntl
import json
import math
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from vsr.errors import OptionError
from vsr.media.png import png_bytes
from vsr.train.data import evaluation_files
from vsr.train.degrade import Degradation
from vsr.train.evaluate import Pair, load_pairs, mean_psnr
from vsr.train.events import EventFile
from vsr.train.export import write_weights
from vsr.train.histogram import matched
from vsr.train.loop import STATE, Training, rate_at
from vsr.train.memory import telling_memory
from vsr.train.recipe import Recipe, read_recipe, shipped_recipes

SAVE_SECONDS = 60.0
"""Between states."""
TELL_SECONDS = 1.0
"""Between calls of `on_progress`."""
LOG, WEIGHTS = "log.jsonl", "weights.safetensors"


@dataclass(frozen=True, kw_only=True)
class Moment:
    """How far a training is."""

    step: int
    steps: int
    loss: float
    """The mean since the moment before; with figures, since those before."""
    steps_per_second: float
    figures: dict[str, float] = field(default_factory=dict)
    """PSNR in dB by what the network was given; only where it was measured."""


class Job:
    """A recipe followed in a folder. Thread-safety: one thread.

    `out` gets state.pt (to go on from), log.jsonl and TensorBoard's event file, samples/ where asked for, and
    weights.safetensors with the averaged weights of the last evaluation.
    """

    def __init__(
        self, recipe_file: Path, out: Path | None = None, *, data: Path | None = None, resume: bool = False
    ) -> None:
        """Prepare. Raises OptionError.

        Without `out` it is a folder of the recipe's name, here; without `data` that is the recipe's folder,
        or the present one where the recipe comes with vsr.
        """
        self.recipe: Recipe = read_recipe(recipe_file)
        self.out = out or Path(self.recipe.name)
        if self.out.exists() and not self.out.is_dir():
            raise OptionError(f"{self.out} is a file; choose another --out, for a folder")
        state = self.out / STATE
        self.goes_on: bool = state.exists()
        """True where a state was found to go on from."""
        if not resume:
            _check_free(self.out)
        self._is_begun = self.goes_on
        if (self.out / WEIGHTS).exists() and not self.goes_on:
            raise OptionError(
                f"{self.out / WEIGHTS} is there without its state ({STATE}), and would be replaced; "
                "choose another --out, or move it away"
            )
        is_shipped = recipe_file in shipped_recipes().values()
        data = data or (Path() if is_shipped else recipe_file.parent)
        self.training = Training(self.recipe, data, self.out.parent)
        self._pairs = _evaluation_pairs(self.recipe, data)
        self.out.mkdir(parents=True, exist_ok=True)
        if self.goes_on:
            self.training.load(state)

    def run(
        self,
        on_progress: Callable[[Moment], None] | None = None,
        *,
        limit_seconds: float = math.inf,
        stopping: Callable[[], bool] = lambda: False,
    ) -> Moment:
        """Train to the end, or for so long, and return the last moment; of a finished training, its figures.

        A state is left behind, whatever happens: where a step was broken off amid, that of up to a minute
        before. Raises OptionError where another training runs in the same folder, or has begun there since.

        `on_progress` is called each TELL_SECONDS, and with figures after each evaluation. `stopping` is
        asked between steps: a training stopped within one would not go on to the same weights.
        """
        steps, first = self.recipe.training.steps, self.training.steps_done
        moment = Moment(step=first, steps=steps, loss=math.nan, steps_per_second=0.0)
        end = time.monotonic() + limit_seconds
        with _alone_in(self.out):
            if first >= steps:
                return replace(moment, figures=self._evaluate())
            self._begin()
            with EventFile(self.out, first) as events:
                return self._train(moment, events, on_progress, lambda: time.monotonic() >= end or stopping())

    def _begin(self) -> None:
        """Make the folder that of this training, at the step it is at."""
        if not self._is_begun:
            _check_free(self.out)
        _forget_after(self.out / LOG, self.training.steps_done)
        if not self._is_begun:  # before the first weights: those without a state are then no killed run's
            self.training.save(self.out / STATE)
            self._is_begun = True

    def _train(
        self,
        moment: Moment,
        events: EventFile,
        on_progress: Callable[[Moment], None] | None,
        stopping: Callable[[], bool],
    ) -> Moment:
        """Take the steps that are left, from this moment on, write states meanwhile, and return the last."""
        pace, saved = _Pace(self.training.steps_done), time.monotonic()
        try:
            while self.training.steps_done < self.recipe.training.steps and not stopping():
                pace.add(self.training.step())
                if self._is_measured or pace.is_due:
                    moment = self._moment(pace, events)
                    if on_progress:
                        on_progress(moment)
                if time.monotonic() - saved > SAVE_SECONDS:
                    self.training.save(self.out / STATE)
                    saved = time.monotonic()
        finally:
            if self.training.is_whole:
                self.training.save(self.out / STATE)
        return moment

    @property
    def _is_measured(self) -> bool:
        step = self.training.steps_done
        return step % self.recipe.evaluation.every == 0 or step == self.recipe.training.steps

    def _moment(self, pace: _Pace, events: EventFile) -> Moment:
        """Return how far it is, measured and logged where that is due."""
        step, measured = self.training.steps_done, self._is_measured
        loss, rate = pace.take(step, measured=measured)
        moment = Moment(
            step=step,
            steps=self.recipe.training.steps,
            loss=loss,
            steps_per_second=rate,
            figures=self._evaluate() if measured else {},
        )
        if measured:
            self._log(moment, events)
        return moment

    def _evaluate(self) -> dict[str, float]:
        """Measure the averaged weights, write them, and return the figures.

        Raises TrainingError, with the weights before still in place, where they are much worse.
        """
        with telling_memory(
            f"out of memory on {self.training.device} with whole pictures to measure by; "
            "choose a folder of smaller ones for evaluation.folder"
        ):
            figures = {name: round(mean_psnr(self._enlarge, pairs), 4) for name, pairs in self._pairs.items()}
        self.training.figures.see(figures, self.training.steps_done)
        write_weights(self.out / WEIGHTS, self.training.average, self.recipe, figures)
        return figures

    @torch.no_grad()
    def _enlarge(self, small: Tensor) -> Tensor:
        """Return what the averaged weights make of a picture, as it is measured."""
        made: Tensor = self.training.average(small.to(self.training.device)).cpu()
        return matched(made, small) if self.recipe.evaluation.match_histogram else made

    def _log(self, moment: Moment, events: EventFile) -> None:
        line = {
            "step": moment.step,
            "loss": moment.loss,
            "steps_per_second": round(moment.steps_per_second, 2),
        }
        with (self.out / LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps(line | {"psnr": moment.figures}) + "\n")
        events.scalar("loss", moment.loss, moment.step)
        options = self.recipe.training
        events.scalar("learning_rate", options.learning_rate * rate_at(options, moment.step - 1), moment.step)
        for name, value in moment.figures.items():
            events.scalar(f"psnr/{name}", value, moment.step)
        if self.recipe.evaluation.samples:
            self._keep_samples(moment.step, events)

    def _keep_samples(self, step: int, events: EventFile) -> None:
        """Write what the network makes of the first picture of each kind."""
        (self.out / "samples").mkdir(exist_ok=True)
        for name, pairs in self._pairs.items():
            made = self._enlarge(pairs[0].small)[0]
            samples = (made.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
            (self.out / "samples" / f"{name}-{step:07}.png").write_bytes(png_bytes(samples))
            events.picture(name, samples, step)


class _Pace:
    """What a training loses, on average, and how fast it goes."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._begun = self._told = time.monotonic()
        self._since_told: list[float] = []
        self._since_measured: list[float] = []

    def add(self, loss: float) -> None:
        """Take the loss of one more step."""
        self._since_told.append(loss)
        self._since_measured.append(loss)

    @property
    def is_due(self) -> bool:
        """True once it is time to be told again."""
        return time.monotonic() - self._told > TELL_SECONDS

    def take(self, step: int, *, measured: bool) -> tuple[float, float]:
        """Return the mean loss since the last time of that kind, and steps a second since the beginning."""
        self._told = time.monotonic()
        losses = self._since_measured if measured else self._since_told
        mean = statistics.fmean(losses)
        losses.clear()
        return mean, (step - self._first) / max(self._told - self._begun, 1e-9)


def _check_free(folder: Path) -> None:
    """Raise OptionError for a folder that has a training."""
    if (folder / STATE).exists():
        raise OptionError(
            f"{folder} has a training already; --resume goes on with it, or choose another --out"
        )


def _forget_after(log: Path, step: int) -> None:
    """Take the lines of later steps out of a log: a killed run took them after its last state.

    Raises OptionError, and leaves it as it is, where it is no training's.
    """
    try:
        lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
    except (ValueError, KeyError, TypeError):
        raise OptionError(
            f"{log} has lines that are no training's; move it away, or choose another --out"
        ) from None
    if len(kept) < len(lines):
        log.write_text("".join(kept), encoding="utf-8")


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Let no other training write to the folder meanwhile.

    Raises OptionError where one does already, and where the file system has no locks.
    """
    with (folder / LOG).open("a", encoding="utf-8") as log:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OptionError(
                f"another training runs in {folder}; wait for its end, or choose another --out"
            ) from None
        except OSError as error:
            raise OptionError(
                f"{folder} cannot be kept for one training ({error.strerror}), as on some network drives; "
                "choose another --out, on a disk of this machine"
            ) from None
        yield


def _evaluation_pairs(recipe: Recipe, root: Path) -> dict[str, list[Pair]]:
    """Return the pictures to measure by, by what the network is given: "x2 bicubic", "x2 area h264 crf23"."""
    files = evaluation_files(recipe, root)
    if not files:
        return {}
    enlarged = bool(recipe.data.enlarged)
    return {
        f"x{scale}-{_name(how)}": load_pairs(
            files, scale, recipe.data.planes, how, recipe.seed, enlarged=enlarged
        )
        for how in recipe.evaluation.degradations
        for scale in recipe.data.enlarged or (recipe.network.scale,)
    }


def _name(how: Degradation) -> str:
    """Return a name for a degradation that no other has: what it does, in the order in which it does it."""
    parts = [f"blur{how.blur:g}"] if how.blur else []
    parts += [how.scaler]
    parts += [f"noise{how.noise:g}"] if how.noise else []
    parts += [f"chroma{how.chroma}"] if how.chroma else []
    if how.codec:
        least, most = how.crf
        parts += [how.codec, f"crf{least}" if least == most else f"crf{least}-{most}"]
    return "-".join(parts)
