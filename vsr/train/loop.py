"""The training itself: steps, averaged weights, and all that a killed run needs to go on."""

from __future__ import annotations

import copy
import io
import math
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vsr.errors import DeviceError, OptionError
from vsr.train.adversary import Adversary
from vsr.train.data import load_tiles
from vsr.train.divergence import FigureWatch, LossWatch
from vsr.train.errors import TrainingError
from vsr.train.memory import telling_memory
from vsr.train.networks import NETWORKS
from vsr.train.objective import Objective
from vsr.train.optimizers import load_optimizer, make_optimizer
from vsr.train.recipe import Recipe, TrainingOptions, typed_options

STATE = "state.pt"
"""In a training's folder."""
_FIRST_STEPS = 10
"""The averaged weights forget the early steps, whose weights are far off: at step n, they are the mean of
about the last n / 10. After 1,000 steps of a small SRResNet a mean of all is worse by some 4 dB."""
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def rate_at(options: TrainingOptions, step: int) -> float:
    """Return the factor of the learning rate at a step, the first being 0."""
    factor = min(1.0, (step + 1) / max(1, options.warm_up))
    share = step / options.steps
    if options.schedule == "cosine":
        return factor * (0.5 + 0.5 * math.cos(math.pi * share))
    if options.schedule == "steps":
        return factor * float(options.decay ** sum(share >= at for at in options.decay_at))
    return factor


class Training:
    """A recipe's training in memory: `step` by `step`, `save` and `load` in between.

    On a CPU, steps after `load` give the very weights that an unbroken run gives, on the same machine with as
    many threads. Thread-safety: one thread. Raises OptionError for a recipe that cannot be followed.
    """

    def __init__(self, recipe: Recipe, data: Path, beside: Path) -> None:
        """Prepare; folders of pictures are in `data`, finished trainings in `beside`."""
        options = recipe.training
        self.recipe = recipe
        self.device = _device(options)
        if options.threads:
            torch.set_num_threads(options.threads)
        torch.manual_seed(recipe.seed)
        with telling_memory(
            f"out of memory on {self.device} with the networks alone; choose smaller network.options, or "
            "adversary.options"
        ):
            self._make_networks(beside)
        self.objective = Objective(recipe, data)
        self._scaler = torch.amp.GradScaler(
            self.device.type, enabled=options.precision == "fp16" and self.device.type == "cuda"
        )
        self._random = torch.Generator().manual_seed(recipe.seed)
        self.steps_done = 0
        self.is_whole = True
        """False where a step was broken off amid: such a state is no unbroken run's."""
        self.figures = FigureWatch()
        self._watch = LossWatch()
        self._check_fit()
        with telling_memory(
            "out of memory with the tiles of all pictures; choose fewer data.folders, data.shrinks or "
            "data.degradations"
        ):
            self.tiles = load_tiles(recipe.data, recipe.network.scale, data, recipe.seed)

    def _make_networks(self, beside: Path) -> None:
        recipe = self.recipe
        self.network = _network(recipe).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if recipe.network.start:
            _begin_with(self.network, beside / recipe.network.start / STATE)
        self.average: nn.Module = copy.deepcopy(self.network).eval()
        """With weights averaged over steps: what is evaluated and exported."""
        self._averaged, self._followed = _numbers(self.average), _numbers(self.network)
        self.optimizer = make_optimizer(recipe.training, self.network)
        side = recipe.data.tile * recipe.network.scale
        self.adversary: Adversary | None = None
        if recipe.adversary:
            self.adversary = Adversary(recipe.adversary, side, self.device)

    @torch.no_grad()
    def _check_fit(self) -> None:
        """Raise OptionError unless network and losses take the data's tiles: tried on a black one."""
        data, kind = self.recipe.data, self.recipe.network.kind
        planes, side = 1 if data.planes == "luma" else 3, data.tile * self.recipe.network.scale
        shapes = [(1, planes, each, each) for each in (data.tile, side)]
        try:
            with telling_memory(
                f"out of memory on {self.device} with one tile of {data.tile}; choose a smaller data.tile, "
                "or smaller network.options"
            ):
                small, large = (torch.zeros(shape, device=self.device) for shape in shapes)
                for begin in {each.begin for each in self.recipe.losses}:
                    self.objective(self.average, small, large, begin)
        except DeviceError:  # which is one, too
            raise
        except RuntimeError as error:
            raise OptionError(
                f"the network {kind} and its losses do not take tiles of {data.tile} samples in {planes} "
                f"planes (data.planes is {data.planes}), or do not make {side} of them: "
                f"{str(error).splitlines()[0]}; choose another data.planes or data.tile"
            ) from None
        self.objective.made = None

    def step(self) -> float:
        """Take one step and return the loss.

        Raises TrainingError, before the weights change, where the loss is no number or the training diverges,
        and DeviceError where memory is too small.
        """
        options, data = self.recipe.training, self.recipe.data
        self.is_whole = False
        with telling_memory(
            f"out of memory on {self.device} with training.batch = {options.batch} tiles of {data.tile}; "
            "choose a smaller batch, or a smaller data.tile"
        ):
            value = self._step()
        self.is_whole = True
        return value

    def _step(self) -> float:
        options = self.recipe.training
        factor = rate_at(options, self.steps_done)
        for group in self.optimizer.param_groups:
            group["lr"] = options.learning_rate * factor * group["factor"]
        small, large = (
            tiles.to(self.device, memory_format=torch.channels_last)
            for tiles in self.tiles.batch(options.batch, self._random)
        )
        measured = [each.clone() for each in self.network.buffers()]
        with torch.autocast(
            self.device.type, _DTYPES[options.precision], enabled=options.precision != "fp32"
        ):
            loss = self._loss(small, large)
        value = float(loss.detach())
        try:
            self._watch.see(value, self.steps_done + 1)
            self._descend(loss, options.learning_rate * factor)
        except TrainingError:
            for present, before in zip(self.network.buffers(), measured, strict=True):
                present.copy_(before)  # batch norm measures while it computes, and never forgets a NaN
            self.is_whole = True
            raise
        if self.adversary and self.objective.made is not None:
            self.adversary.learn(self.objective.made, large, factor)
        self.steps_done += 1
        self._follow(max(1 - options.ema, _FIRST_STEPS / (_FIRST_STEPS + self.steps_done - 1)))
        return value

    def _loss(self, small: Tensor, large: Tensor) -> Tensor:
        share = self.steps_done / self.recipe.training.steps
        loss = self.objective(self.network, small, large, share)
        if self.adversary and self.objective.made is not None:
            loss = loss + self.adversary.options.weight * self.adversary.term(self.objective.made, large)
        return loss

    def _descend(self, loss: Tensor, rate: float) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        gradients = [p.grad for p in self.network.parameters() if p.grad is not None]
        if not self._scaler.is_enabled() and not nn.utils.get_total_norm(gradients).isfinite():
            raise TrainingError(
                f"the gradient is no number at step {self.steps_done + 1}; the weights before it are kept. "
                "Try a smaller training.learning_rate"
            )
        if self.recipe.training.theta:
            self._scaler.unscale_(self.optimizer)
            bound = self.recipe.training.theta / rate
            nn.utils.clip_grad_value_(self.network.parameters(), bound)
        self._scaler.step(self.optimizer)
        self._scaler.update()

    @torch.no_grad()
    def _follow(self, share: float) -> None:
        """Move the averaged weights towards those now, and alike what batch norm has measured of these."""
        torch._foreach_lerp_(self._averaged, self._followed, share)

    def save(self, path: Path) -> None:
        """Write all that `load` needs, whole or not at all. Raises OSError."""
        written = io.BytesIO()  # torch's own writer does not say that a disk is full
        torch.save(self._state(), written)
        temporary = path.with_name(path.name + ".tmp")
        try:
            temporary.write_bytes(written.getbuffer())
            os.replace(temporary, path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise OSError(error.errno, error.strerror, str(path)) from error

    def _state(self) -> dict[str, Any]:
        return {
            "recipe": self.recipe.identity,
            "form": self._form,
            "steps": self.steps_done,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            "random": self._random.get_state(),
            "loss": (self._watch.recent, self._watch.lowest),
            "best": self.figures.best,
            "adversary": self.adversary.state() if self.adversary else None,
        }

    def load(self, path: Path) -> None:
        """Go on where a run of the same recipe was saved. Raises OptionError for another file."""
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
        except Exception as error:  # torch raises what pickle, zip files and its own reader raise
            raise OptionError(
                f"{path} cannot be read as the state of a training ({type(error).__name__}: {error}); "
                "choose another --out, or take the folder away to begin anew"
            ) from None
        if not isinstance(state, dict) or state.keys() != self._state().keys():
            raise OptionError(
                f"{path} is not the state of a training by this vsr; choose another --out, or take the "
                "folder away to begin anew"
            )
        if state["recipe"] != self.recipe.identity:
            raise OptionError(f"{path} is of another network or data than this recipe; choose another --out")
        if state["form"] != self._form:
            raise OptionError(
                f"{path} is of another optimizer or adversary than this recipe; choose another --out, and "
                "network.start to begin with its weights"
            )
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        load_optimizer(self.optimizer, state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])
        self._random.set_state(state["random"].cpu())
        if self.adversary:
            self.adversary.load(state["adversary"])
        self.steps_done = state["steps"]
        self._watch.recent, self._watch.lowest = state["loss"]
        self.figures.best = state["best"]

    @property
    def _form(self) -> str:
        """What a saved optimiser and discriminator are of: a recipe that goes on with them is of the same."""
        options, adversary = self.recipe.training, self.recipe.adversary
        other = (adversary.kind, sorted(adversary.options.items())) if adversary else None
        has_momentum = options.optimizer == "adam" or options.momentum > 0
        return repr((options.optimizer, has_momentum, other))


def _device(options: TrainingOptions) -> torch.device:
    if options.device == "cuda" and not torch.cuda.is_available():
        raise DeviceError("training.device is cuda, and torch finds no GPU; choose cpu or auto")
    name = "cuda" if options.device != "cpu" and torch.cuda.is_available() else "cpu"
    if options.precision == "fp16" and name == "cpu":
        raise OptionError("training.precision fp16 is for GPUs; choose fp32 or bf16 for a CPU")
    return torch.device(name)


def _network(recipe: Recipe) -> nn.Module:
    options = recipe.network
    kind = NETWORKS[options.kind]
    return kind(scale=options.scale, **typed_options(kind, options.options, "network.options", given="scale"))


def _numbers(network: nn.Module) -> list[Tensor]:
    """Return the very tensors of a network's weights, and of what its batch norm has measured."""
    return [value for value in network.state_dict().values() if value.is_floating_point()]


def _begin_with(network: nn.Module, path: Path) -> None:
    """Take the weights of a finished training. Raises OptionError where they are of another network."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)["average"]
        network.load_state_dict(state)
    except FileNotFoundError:
        raise OptionError(
            f"network.start: there is no {path}; train the recipe it comes from first"
        ) from None
    except Exception as error:  # torch raises what pickle, zip files and its own reader raise
        raise OptionError(
            f"network.start: {path} is not of such a network: {str(error).splitlines()[0]}"
        ) from None
