"""The terms of a loss: pixels, features, textures, smoothness."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from vsr.errors import OptionError
from vsr.registry import Registry
from vsr.train.features import Features

Term = Callable[[Tensor, Tensor], Tensor]
"""From what the network made and what it should be, (batch, channels, height, width) in 0..1, to a number."""


def l1(made: Tensor, truth: Tensor) -> Tensor:
    """Return the mean absolute error."""
    return (made - truth).abs().mean()


def mse(made: Tensor, truth: Tensor) -> Tensor:
    """Return the mean squared error."""
    return (made - truth).square().mean()


class Charbonnier:
    """The mean of sqrt(error^2 + epsilon^2): a smooth absolute error."""

    def __init__(self, root: Path, *, epsilon: float = 1e-3) -> None:
        if not 0 < epsilon < 1:
            raise OptionError(f"charbonnier's epsilon is {epsilon}; give a number above 0, below 1")
        self.epsilon = epsilon

    def __call__(self, made: Tensor, truth: Tensor) -> Tensor:
        return ((made - truth).square() + self.epsilon**2).sqrt().mean()


def total_variation(made: Tensor, truth: Tensor) -> Tensor:
    """Return the mean absolute difference of neighbours in what was made, whatever it should be."""
    return made.diff(dim=2).abs().mean() + made.diff(dim=3).abs().mean()


class FeatureLoss:
    """The error between features of a network that knows pictures: VGG16 (see features.py).

    layers      by the layer's name, its weight: conv2_2 is before the activation, relu2_2 after it, pool2
                after the pooling
    error       l1 or mse
    normalised  divide the features of each picture by their mean over all of its, as EnhanceNet does
    weights     the file, from the folder of all data
    """

    def __init__(
        self,
        root: Path,
        *,
        weights: str,
        layers: Mapping[str, float],
        error: str = "mse",
        normalised: bool = False,
        scale: float = 1.0,
    ) -> None:
        if error not in ("l1", "mse"):
            raise OptionError(f"the features' error is {error!r}; l1 and mse exist")
        self.error = l1 if error == "l1" else mse
        self.layers, self.normalised, self.scale = dict(layers), normalised, scale
        _check_weights(layers)
        if normalised:
            _check_positive(layers)
        self.features = Features(root / weights, tuple(layers))

    def __call__(self, made: Tensor, truth: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.features(truth)
        found = self.features(made)
        total = made.new_zeros(())
        for name, weight in self.layers.items():
            pair = (found[name] * self.scale, wanted[name] * self.scale)
            if self.normalised:
                pair = (normalised(pair[0]), normalised(pair[1]))
            total = total + weight * self.error(*pair)
        return total


class TextureLoss:
    """The squared error between Gram matrices of features in patches (Gatys et al.; EnhanceNet's 16x16).

    Patches do not overlap and are `patch` samples of each layer's features wide, not of the picture: the
    weights that are published are for sums over as many. Zero for patches that differ in the place of things
    alone. Features are of mean 1. Options as in FeatureLoss. Raises OptionError where features are smaller
    than a patch.
    """

    def __init__(self, root: Path, *, weights: str, layers: Mapping[str, float], patch: int = 16) -> None:
        _check_weights(layers)
        _check_positive(layers)
        self.layers, self.patch = dict(layers), patch
        self.features = Features(root / weights, tuple(layers))

    def __call__(self, made: Tensor, truth: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.features(truth)
        found = self.features(made)
        total = made.new_zeros(())
        for name, weight in self.layers.items():
            height, width = found[name].shape[2:]
            if min(height, width) < self.patch:
                raise OptionError(
                    f"texture's patch is {self.patch}, and {name} of the tiles is {width}x{height}; "
                    "choose a larger data.tile, or a smaller patch"
                )
            pair = (gram(normalised(each[name]), self.patch) for each in (found, wanted))
            total = total + weight * mse(*pair)
        return total


def _check_weights(layers: Mapping[str, float]) -> None:
    """Raise OptionError where features weigh nothing, or less."""
    if not layers or not all(0 < weight < math.inf for weight in layers.values()):
        raise OptionError(
            f"layers of features is {dict(layers)}; give names of VGG16's with a weight above 0, "
            "e.g. { relu2_2 = 1.0 }"
        )


def _check_positive(layers: Mapping[str, float]) -> None:
    """Raise OptionError for features that have no positive mean."""
    for name in layers:
        if name.startswith("conv"):
            raise OptionError(
                f"{name} is before the activation and its mean may be 0; use {name.replace('conv', 'relu')}"
            )


def normalised(features: Tensor) -> Tensor:
    """Return features (batch, channels, h, w) over each picture's mean: of mean 1."""
    return features / features.mean(dim=(1, 2, 3), keepdim=True).clamp(min=1e-8)


def gram(features: Tensor, side: int) -> Tensor:
    """Return F F^T of each whole patch of `side` samples: (batch, patches, channels, channels)."""
    rows, columns = features.shape[2] // side, features.shape[3] // side
    whole = features[..., : rows * side, : columns * side]
    batch, channels = features.shape[:2]
    patches = whole.reshape(batch, channels, rows, side, columns, side).permute(0, 2, 4, 1, 3, 5)
    flat = patches.reshape(batch, rows * columns, channels, side * side)
    return flat @ flat.transpose(2, 3)


def _plain(term: Term) -> Callable[..., Term]:
    """Return what makes a term that has no options."""

    def make(root: Path) -> Term:
        return term

    return make


LOSSES: Registry[Callable[..., Term]] = Registry(
    "loss",
    {
        "l1": _plain(l1),
        "mse": _plain(mse),
        "charbonnier": Charbonnier,
        "tv": _plain(total_variation),
        "features": FeatureLoss,
        "texture": TextureLoss,
    },
)
"""From (the folder of all data, **options) to a term."""
