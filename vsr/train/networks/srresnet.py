"""SRResNet, the generator of SRGAN, and SRGAN's discriminator (Ledig et al., 2017)."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from vsr.errors import OptionError
from vsr.train.networks.layers import check_side


class SrResNet(nn.Module):
    """R, G, B (batch, 3, h, w) in 0..1 to `scale` times as large: 2, 4 or 8."""

    def __init__(self, *, scale: int = 4, blocks: int = 16, width: int = 64) -> None:
        super().__init__()
        if scale not in (2, 4, 8):
            raise OptionError(f"SRResNet enlarges 2, 4 or 8 times; scale is {scale}")
        self.conv1 = nn.Sequential(nn.Conv2d(3, width, 9, padding=4), nn.PReLU())
        self.trunk = nn.Sequential(*(_Block(width) for _ in range(blocks)))
        self.conv2 = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))
        self.upsampling = nn.Sequential(*(_Enlarge(width) for _ in range(scale.bit_length() - 1)))
        self.conv3 = nn.Conv2d(width, 3, 9, padding=4)

    def forward(self, x: Tensor) -> Tensor:
        start = self.conv1(x)
        return self.conv3(self.upsampling(start + self.conv2(self.trunk(start)))).float()


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.rcb = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.PReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.rcb(x)


class _Enlarge(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.upsample_block = nn.Sequential(
            nn.Conv2d(width, 4 * width, 3, padding=1), nn.PixelShuffle(2), nn.PReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.upsample_block(x)


class SrganDiscriminator(nn.Module):
    """Pictures (batch, 3, side, side) to (batch, 1), before the sigmoid. `side` is a multiple of 16."""

    def __init__(self, *, side: int = 96, width: int = 64) -> None:
        super().__init__()
        check_side(side, 16)
        steps = [(1, 2), (2, 1), (2, 2), (4, 1), (4, 2), (8, 1), (8, 2)]
        layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1), nn.LeakyReLU(0.2)]
        into = width
        for factor, stride in steps:
            out = factor * width
            layers += [
                nn.Conv2d(into, out, 3, stride, padding=1, bias=False),
                nn.BatchNorm2d(out),
                nn.LeakyReLU(0.2),
            ]
            into = out
        self.layers = nn.Sequential(*layers)
        self.judge = nn.Sequential(
            OrderedDict(
                hidden=nn.Linear(into * (side // 16) ** 2, 1024),
                slope=nn.LeakyReLU(0.2),
                out=nn.Linear(1024, 1),
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.judge(torch.flatten(self.layers(x), 1))
