"""The other side of a GAN: a discriminator, what it learns, and what it says of the generator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from vsr.registry import Registry
from vsr.train.networks.enhancenet import EnhanceNetDiscriminator
from vsr.train.networks.rrdb import EsrganDiscriminator
from vsr.train.networks.srresnet import SrganDiscriminator
from vsr.train.optimizers import load_optimizer
from vsr.train.recipe import AdversaryOptions, typed_options

DISCRIMINATORS: Registry[Callable[..., nn.Module]] = Registry(
    "discriminator",
    {"srgan": SrganDiscriminator, "esrgan": EsrganDiscriminator, "enhancenet": EnhanceNetDiscriminator},
)


def vanilla(real: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
    """Return the discriminator's loss and the generator's, -log D(G), of judgements before the sigmoid."""
    return functional.softplus(-real).mean() + functional.softplus(made).mean(), functional.softplus(
        -made
    ).mean()


def relativistic(real: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
    """Return both losses of a relativistic average discriminator: is it more real than the others on average?

    Each is half the sum over both sides (Jolicoeur-Martineau, 2018; ESRGAN).
    """
    more, less = real - made.mean(), made - real.mean()
    judge = (functional.softplus(-more).mean() + functional.softplus(less).mean()) / 2
    generator = (functional.softplus(more).mean() + functional.softplus(-less).mean()) / 2
    return judge, generator


MODES: dict[str, Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]] = {
    "vanilla": vanilla,
    "relativistic": relativistic,
}


class Adversary:
    """A discriminator in training. Thread-safety: one thread.

    It learns only while its last performance, the mean probability of being right, is below the threshold.
    Raises OptionError for options that the discriminator has not, and for a `side` that it cannot judge.
    """

    def __init__(self, options: AdversaryOptions, side: int, device: torch.device) -> None:
        self.options = options
        self.network = _network(options, side).to(device)
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), options.learning_rate, betas=options.betas
        )
        self.performance = 0.0

    def term(self, made: Tensor, truth: Tensor) -> Tensor:
        """Return the generator's loss; the discriminator's weights stay as they are."""
        self.network.requires_grad_(False)
        with torch.no_grad():
            real = self.network(truth)
        loss = MODES[self.options.mode](real, self.network(made))[1]
        self.network.requires_grad_(True)
        return loss

    def learn(self, made: Tensor, truth: Tensor, rate: float) -> None:
        """Take a step on what was made, which is not followed back, and on what is real."""
        real, judged = self.network(truth), self.network(made.detach())
        learns = self.performance < self.options.threshold
        with torch.no_grad():
            self.performance = float((real.sigmoid().mean() + (-judged).sigmoid().mean()).detach() / 2)
        if not learns:
            return
        loss = MODES[self.options.mode](real, judged)[0]
        for group in self.optimizer.param_groups:
            group["lr"] = self.options.learning_rate * rate
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()

    def state(self) -> dict[str, Any]:
        """Return what a later run needs to go on."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "performance": self.performance,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a state, by the options as they are now."""
        self.network.load_state_dict(state["network"])
        load_optimizer(self.optimizer, state["optimizer"])
        self.performance = state["performance"]


def _network(options: AdversaryOptions, side: int) -> nn.Module:
    kind = DISCRIMINATORS[options.kind]
    return kind(side=side, **typed_options(kind, options.options, "adversary.options", given="side"))
