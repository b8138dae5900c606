"""VDSR (Kim et al., 2016)."""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from vsr.train.networks.layers import Bicubic


class Vdsr(nn.Module):
    """The bicubic picture plus what `layers` convolutions of `width` channels make of it.

    (batch, 1, h, w) to `scale` times; with scale 1 it takes the bicubic picture itself, of any scale.
    """

    def __init__(self, *, scale: int, layers: int = 20, width: int = 64) -> None:
        super().__init__()
        self.enlarge = Bicubic(scale)
        self.conv1 = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.ReLU())
        self.trunk = nn.Sequential(
            *(
                nn.Sequential(OrderedDict(conv=nn.Conv2d(width, width, 3, padding=1), relu=nn.ReLU()))
                for _ in range(layers - 2)
            )
        )
        self.conv2 = nn.Conv2d(width, 1, 3, padding=1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        base = self.enlarge(x)
        return base + self.conv2(self.trunk(self.conv1(base))).float()
