"""Pixel recursive super-resolution (Dahl et al., 2017): a conditioning network and a gated PixelCNN prior."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vsr.errors import OptionError
from vsr.train.networks.prior import Prior

LEVELS = 256


class PixelRecursive(nn.Module):
    """The distribution of every sub-pixel of a large picture, given the small one and the pixels before it.

    Small pictures are (batch, channels, h, w) in 0..1, large ones `scale` times as large: 2, 4 or 8. Pixels
    come in raster order, the channels of a pixel in theirs; `levels` values each. Logits are the sum of what
    the conditioning network says from the small picture and what the prior says from the pixels before.
    """

    def __init__(
        self,
        *,
        scale: int = 4,
        channels: int = 3,
        levels: int = LEVELS,
        blocks: int = 6,
        width: int = 32,
        prior_layers: int = 20,
        prior_width: int = 64,
        prior_hidden: int = 1024,
    ) -> None:
        super().__init__()
        if scale not in (2, 4, 8):
            raise OptionError(f"pixel-recursive enlarges 2, 4 or 8 times; scale is {scale}")
        self.scale, self.channels, self.levels = scale, channels, levels
        out = channels * levels
        self.conditioning = _Conditioning(scale, channels, out, blocks, width)
        self.prior = Prior(channels, out, prior_layers, prior_width, prior_hidden)

    def forward(self, small: Tensor, large: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits (batch, channels, levels, H, W) of the whole, and of the conditioning alone."""
        from_small = self.conditioning(small - 0.5)
        both = from_small + self.prior(large - 0.5)
        shape = (self.channels, self.levels)
        return both.unflatten(1, shape), from_small.unflatten(1, shape)

    def loss(self, small: Tensor, large: Tensor, *, joint: bool = True) -> Tensor:
        """Return the mean cross-entropy in nats: of the whole, and where `joint` of the conditioning too.

        The second term keeps the prior from making the conditioning useless.
        """
        both, from_small = self(small, large)
        target = (large * (self.levels - 1)).round().long()
        whole = functional.cross_entropy(both.transpose(1, 2), target)
        return whole + functional.cross_entropy(from_small.transpose(1, 2), target) if joint else whole

    @torch.no_grad()
    def sample(self, small: Tensor, random: torch.Generator, *, sharpness: float = 1.0) -> Tensor:
        """Return large pictures (batch, channels, H, W), drawn sub-pixel by sub-pixel.

        Logits are multiplied by `sharpness` first; the paper's are 1.0 to 1.2.
        """
        from_small = self.conditioning(small - 0.5)
        batch, _, height, width = from_small.shape
        made = torch.zeros(batch, self.channels, height, width)
        rows = self.prior.begin(made)
        for y in range(height):
            self.prior.begin_row(rows, y)
            for x in range(width):
                for channel in range(self.channels):
                    logits = from_small[:, :, y, x] + self.prior.at(rows, made - 0.5, y, x)
                    share = (logits.unflatten(1, (self.channels, -1))[:, channel] * sharpness).softmax(1)
                    level = torch.multinomial(share, 1, generator=random)[:, 0]
                    made[:, channel, y, x] = level / (self.levels - 1)
            self.prior.end_row(rows, made - 0.5, y)
        return made


class _Conditioning(nn.Module):
    """Residual blocks at each size on the way to the large one; batch norm."""

    def __init__(self, scale: int, channels: int, out: int, blocks: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 1)]
        for _ in range(scale.bit_length() - 1):
            layers += [_Block(width) for _ in range(blocks)]
            layers += [
                nn.ConvTranspose2d(width, width, 3, stride=2, padding=1, output_padding=1),
                nn.ReLU(),
            ]
        layers += [_Block(width) for _ in range(blocks)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, out, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)
