"""From a trained network to the file that everything else here reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import nn

from vsr.nets.checkpoint import ACTIVATION_KEY, FIGURE_KEY, SCALE_KEY
from vsr.nets.checkpoint.safetensors import write_safetensors
from vsr.train.networks import Cnn
from vsr.train.recipe import Recipe

_SAYS_NO_SCALE = ("srcnn", "vdsr")
"""Networks whose weights are the same for every scale."""


def exported(network: nn.Module, *, half: bool = False) -> dict[str, npt.NDArray[np.floating]]:
    """Return the weights by the names that vsr.nets.families reads, float32, or float16 where `half`."""
    state = network.exported() if isinstance(network, Cnn) else network.state_dict()
    kind = np.float16 if half else np.float32
    return {
        key: value.detach().cpu().numpy().astype(kind)
        for key, value in state.items()
        if not key.endswith("num_batches_tracked")
    }


def metadata(recipe: Recipe, figures: dict[str, float]) -> dict[str, str]:
    """Return what a file of weights says about itself: what weights alone do not, and where it is from."""
    said = {"vsr.recipe": recipe.name, "vsr.network": recipe.network.kind}
    if recipe.network.kind in _SAYS_NO_SCALE:
        said[SCALE_KEY] = str(min(recipe.data.enlarged, default=recipe.network.scale))
    if recipe.network.kind == "espcn":
        said[ACTIVATION_KEY] = str(recipe.network.options.get("activation", "tanh"))
    return said | {f"{FIGURE_KEY}{name}": f"{value:.3f}" for name, value in figures.items()}


def write_weights(
    path: Path, network: nn.Module, recipe: Recipe, figures: dict[str, float], *, half: bool = False
) -> None:
    """Write a network's weights as .safetensors; `figures` are its PSNR by the name of what it was given."""
    write_safetensors(path, exported(network, half=half), metadata(recipe, figures))
