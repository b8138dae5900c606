"""Layers that several networks share."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vsr.errors import OptionError


class Bicubic(nn.Module):
    """Enlarges by an integer factor as MATLAB's imresize: Keys' cubic, a = -0.5, borders mirrored."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width) to `scale` times the height and width."""
        if self.scale == 1:
            return x
        border = min(2, x.shape[2], x.shape[3])
        padded = mirrored(x, border)
        # With antialias PyTorch's cubic has a = -0.5, without it -0.75.
        large = functional.interpolate(padded, scale_factor=self.scale, mode="bicubic", antialias=True)
        cut = border * self.scale
        return large[..., cut:-cut, cut:-cut]


def check_side(side: int, multiple: int) -> None:
    """Raise OptionError for tiles that a discriminator, which halves them some times, cannot judge."""
    if side < multiple or side % multiple:
        raise OptionError(
            f"this discriminator judges squares of {multiple}, {2 * multiple}, {3 * multiple}... samples a "
            f"side, and the large tiles have {side}: data.tile times the scale; choose another data.tile"
        )


def mirrored(x: Tensor, border: int) -> Tensor:
    """Return planes with `border` samples more on each side, mirrored about the edge."""
    x = torch.cat([x[..., :border, :].flip(2), x, x[..., -border:, :].flip(2)], 2)
    return torch.cat([x[..., :border].flip(3), x, x[..., -border:].flip(3)], 3)
