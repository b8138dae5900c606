"""EnhanceNet and its discriminator (Sajjadi et al., 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vsr.errors import OptionError
from vsr.train.networks.layers import Bicubic, check_side

_MEAN = (0.47614917, 0.45001204, 0.40904046)
"""Of R, G, B over the author's data: taken off before the first layer."""


class EnhanceNet(nn.Module):
    """R, G, B (batch, 3, h, w) in 0..1 to 4 times as large: the bicubic picture plus a residual."""

    def __init__(self, *, scale: int = 4, blocks: int = 10, width: int = 64) -> None:
        super().__init__()
        if scale != 4:
            raise OptionError(f"EnhanceNet enlarges 4 times; scale is {scale}")
        self.mean: Tensor
        self.register_buffer("mean", torch.tensor(_MEAN))
        self.conv_in = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(blocks))
        self.up = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.conv_hr = nn.Conv2d(width, width, 3, padding=1)
        self.conv_out = nn.Conv2d(width, 3, 3, padding=1)
        self.enlarge = Bicubic(scale)
        with torch.no_grad():
            self.conv_out.weight.mul_(0.1)

    def forward(self, x: Tensor) -> Tensor:
        h = functional.relu(self.conv_in(x - self.mean[:, None, None]))
        for block in self.blocks:
            h = block(h)
        for layer in self.up:
            h = functional.relu(layer(functional.interpolate(h, scale_factor=2, mode="nearest")))
        return self.conv_out(functional.relu(self.conv_hr(h))).float() + self.enlarge(x)


class _Block(nn.Sequential):
    def __init__(self, width: int) -> None:
        super().__init__(*(nn.Conv2d(width, width, 3, padding=1) for _ in range(2)))

    def forward(self, x: Tensor) -> Tensor:
        return x + self[1](functional.relu(self[0](x)))


class EnhanceNetDiscriminator(nn.Module):
    """Pictures (batch, 3, side, side) to (batch, 1), before the sigmoid. `side` is a multiple of 32."""

    def __init__(self, *, side: int = 128, width: int = 32) -> None:
        super().__init__()
        check_side(side, 32)
        layers: list[nn.Module] = []
        into = 3
        for factor in (1, 2, 4, 8, 16):
            for stride in (1, 2):
                layers += [nn.Conv2d(into, factor * width, 3, stride, padding=1), nn.LeakyReLU(0.2)]
                into = factor * width
        self.layers = nn.Sequential(*layers)
        self.judge = nn.Sequential(
            nn.Linear(into * (side // 32) ** 2, 1024), nn.LeakyReLU(0.2), nn.Linear(1024, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.judge(torch.flatten(self.layers(x), 1))
