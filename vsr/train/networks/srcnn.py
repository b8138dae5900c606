"""SRCNN (Dong et al., 2014)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vsr.errors import OptionError
from vsr.train.networks.layers import Bicubic


class Srcnn(nn.Module):
    """The bicubic picture through layers of 9, `middle` and 5 taps: (batch, 1, h, w) to `scale` times.

    With scale 1 it takes the bicubic picture itself.
    """

    def __init__(self, *, scale: int, middle: int = 5, widths: tuple[int, int] = (64, 32)) -> None:
        super().__init__()
        if middle % 2 == 0:
            raise OptionError(f"SRCNN's middle layer has an odd number of taps; middle is {middle}")
        self.enlarge = Bicubic(scale)
        self.conv1 = nn.Conv2d(1, widths[0], 9, padding=4)
        self.conv2 = nn.Conv2d(widths[0], widths[1], middle, padding=middle // 2)
        self.conv3 = nn.Conv2d(widths[1], 1, 5, padding=2)
        self._begin_as_input()

    @torch.no_grad()
    def _begin_as_input(self) -> None:
        """One channel of each layer passes the picture on, so that the training need not find that first."""
        for layer in (self.conv1, self.conv2, self.conv3):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        self.conv1.weight[0] = self.conv2.weight[0] = 0
        self.conv3.weight.mul_(0.01)[0, 0] = 0
        for layer in (self.conv1, self.conv2, self.conv3):
            middle = layer.weight.shape[2] // 2
            layer.weight[0, 0, middle, middle] = 1

    def forward(self, x: Tensor) -> Tensor:
        h = functional.relu(self.conv2(functional.relu(self.conv1(self.enlarge(x)))))
        with torch.autocast(x.device.type, enabled=False):  # bfloat16 is too coarse for samples
            return self.conv3(h.float())
