"""Features of VGG16 (Simonyan and Zisserman, 2014) from a file of its convolutions."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vsr.errors import OptionError

_BLOCKS = (2, 2, 3, 3, 3)
_MEAN = (104.007, 116.669, 122.679)
"""Of B, G, R in 0..255."""
_NAME = re.compile(r"(conv|relu)([1-5])_([1-3])|pool([1-5])")


class Features:
    """From pictures (batch, 3 or 1, h, w), R, G, B or gray in 0..1, to features by name.

    Names: conv3_2 before the activation, relu3_2 after it, pool3 after the 2x2 maximum that ends block 3.
    The file is an .npz with conv1_1.weight (out, in, 3, 3) and conv1_1.bias, to the block that is needed.
    Weights never change, and move to the device that pictures come from. Thread-safety: one thread. Raises
    OptionError for a file or name that does not fit.
    """

    def __init__(self, path: Path, names: tuple[str, ...]) -> None:
        self.names = names
        for name in names:
            match = _NAME.fullmatch(name)
            if match is None or (match[3] and int(match[3]) > _BLOCKS[int(match[2]) - 1]):
                raise OptionError(
                    f"VGG16 has no {name!r}; it has conv1_1 to conv5_3, relu1_1 to relu5_3, pool1 to pool5"
                )
        try:
            with path.open("rb") as raw, np.load(raw) as file:  # np.load leaves damaged ones open
                self._weights = {
                    key: torch.from_numpy(file[key].astype(np.float32))
                    for key in file.files
                    if key.startswith("conv")
                }
        except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:  # TypeError: an .npy
            raise OptionError(f"{path} cannot be read as an .npz of VGG16's convolutions: {error}") from None
        for key in self._needed():
            if key not in self._weights:
                raise OptionError(f"{path} has no {key}, which {', '.join(names)} need; give a file that has")
        self._weights["mean"] = torch.tensor(_MEAN)[:, None, None]

    def __call__(self, pictures: Tensor) -> dict[str, Tensor]:
        """Return what `names` asks for; differentiable in the pictures."""
        if self._weights["mean"].device != pictures.device:
            self._weights = {key: value.to(pictures.device) for key, value in self._weights.items()}
        x = pictures.expand(-1, 3, -1, -1).flip(1) * 255 - self._weights["mean"]
        found: dict[str, Tensor] = {}
        for block, layers in enumerate(_BLOCKS, 1):
            for layer in range(1, layers + 1):
                x = found[f"conv{block}_{layer}"] = self._conv(f"conv{block}_{layer}", x)
                x = found[f"relu{block}_{layer}"] = functional.relu(x)
                if self._has_all(found):
                    return {name: found[name] for name in self.names}
            x = found[f"pool{block}"] = functional.max_pool2d(x, 2)
            if self._has_all(found):
                break
        return {name: found[name] for name in self.names}

    def _needed(self) -> list[str]:
        """Return the names of all weights on the way to what is asked for."""
        last = max(
            (int(match[2] or match[4]), int(match[3] or _BLOCKS[int(match[4]) - 1]))
            for match in map(_NAME.fullmatch, self.names)
            if match
        )
        return [
            f"conv{block}_{layer}.{part}"
            for block, layers in enumerate(_BLOCKS, 1)
            for layer in range(1, layers + 1)
            if (block, layer) <= last
            for part in ("weight", "bias")
        ]

    def _has_all(self, found: dict[str, Tensor]) -> bool:
        return all(name in found for name in self.names)

    def _conv(self, name: str, x: Tensor) -> Tensor:
        weight, bias = (self._weights[f"{name}.{part}"] for part in ("weight", "bias"))
        return functional.conv2d(x, weight, bias, padding=1)
