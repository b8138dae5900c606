"""What a training makes small: the terms of a recipe's loss, added up."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from vsr.errors import OptionError
from vsr.train.losses import LOSSES, Term
from vsr.train.networks import PixelRecursive
from vsr.train.recipe import LossOptions, Recipe, typed_options


class Objective:
    """The weighted sum of a recipe's terms, each in its part of the training.

    A network that gives distributions has one term, `likelihood`. Thread-safety: one thread. Raises
    OptionError for unknown terms and their options.
    """

    def __init__(self, recipe: Recipe, root: Path) -> None:
        self.made: Tensor | None = None
        """What the network made of the last batch; None of distributions."""
        self._likelihood: LossOptions | None = None
        if recipe.network.kind == "pixel-recursive":
            if [each.kind for each in recipe.losses] != ["likelihood"] or recipe.adversary:
                raise OptionError("pixel-recursive learns by the loss likelihood alone")
            if recipe.evaluation.folder or recipe.data.held_out:
                raise OptionError(
                    "pixel-recursive gives distributions, which have no PSNR; "
                    "leave evaluation.folder and data.held_out away"
                )
            self._likelihood = recipe.losses[0]
            typed_options(PixelRecursive.loss, self._likelihood.options, "the loss likelihood")
        self._terms: list[tuple[LossOptions, Term]] = []
        if self._likelihood is None:
            self._terms = [(each, _term(each, root)) for each in recipe.losses]

    def __call__(self, network: nn.Module, small: Tensor, large: Tensor, share: float) -> Tensor:
        """Return the loss of a batch; `share` is how much of the training is done, 0 to 1."""
        if self._likelihood is not None:
            assert isinstance(network, PixelRecursive)
            return network.loss(small, large, **self._likelihood.options) * self._likelihood.weight
        self.made = network(small)
        total = self.made.new_zeros(())
        for options, term in self._terms:
            if options.begin <= share < options.end:
                total = total + options.weight * term(self.made, large)
        return total


def _term(options: LossOptions, root: Path) -> Term:
    kind = LOSSES[options.kind]
    return kind(root, **typed_options(kind, options.options, f"the loss {options.kind}"))
