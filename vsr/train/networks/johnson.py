"""The super-resolution network of Johnson et al. (2016), trained with a loss of features."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vsr.errors import OptionError


class Johnson(nn.Module):
    """R, G, B (batch, 3, h, w) in 0..1 to 4 or 8 times as large."""

    def __init__(self, *, scale: int = 4, blocks: int = 4, width: int = 64) -> None:
        super().__init__()
        if scale not in (2, 4, 8):
            raise OptionError(f"Johnson's network enlarges 2, 4 or 8 times; scale is {scale}")
        self.conv_in = nn.Conv2d(3, width, 9, padding=4)
        self.norm_in = nn.BatchNorm2d(width)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(blocks))
        self.up = nn.ModuleList(_Enlarge(width) for _ in range(scale.bit_length() - 1))
        self.conv_out = nn.Conv2d(width, 3, 9, padding=4)

    def forward(self, x: Tensor) -> Tensor:
        h = functional.relu(self.norm_in(self.conv_in(x)))
        for layer in (*self.blocks, *self.up):
            h = layer(h)
        return (torch.tanh(self.conv_out(h).float()) + 1) / 2


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.norm2(self.conv2(functional.relu(self.norm1(self.conv1(x)))))


class _Enlarge(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(width, width, 3, stride=2, padding=1, output_padding=1)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.norm(self.conv(x)))
