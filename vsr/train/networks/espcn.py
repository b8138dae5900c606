"""ESPCN (Shi et al., 2016)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional


class Espcn(nn.Module):
    """Luma through 5x5 and 3x3 layers, then channels to pixels: (batch, 1, h, w) to `scale` times.

    `widths` are the channels of the two hidden layers.
    """

    def __init__(
        self, *, scale: int, activation: Literal["tanh", "relu"] = "tanh", widths: tuple[int, int] = (64, 32)
    ) -> None:
        super().__init__()
        self.scale = scale
        self.activate = torch.tanh if activation == "tanh" else functional.relu
        self.conv1 = nn.Conv2d(1, widths[0], 5, padding=2)
        self.conv2 = nn.Conv2d(widths[0], widths[1], 3, padding=1)
        self.conv3 = nn.Conv2d(widths[1], scale**2, 3, padding=1)
        self._begin_as_bilinear(gain=0.25 if activation == "tanh" else 1.0)

    @torch.no_grad()
    def _begin_as_bilinear(self, gain: float) -> None:
        """One channel of each layer passes the picture on, so that the training need not find that first."""
        for layer in (self.conv1, self.conv2, self.conv3):
            nn.init.kaiming_normal_(layer.weight, a=1)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        self.conv3.weight.mul_(0.01)
        self.conv1.weight[0] = 0
        self.conv1.weight[0, 0, 2, 2] = gain
        self.conv2.weight[0] = 0
        self.conv2.weight[0, 0, 1, 1] = 1
        at = (torch.arange(self.scale) + 0.5) / self.scale - 0.5
        taps = (1 - (at[:, None] - torch.arange(-1, 2)).abs()).clamp(min=0) / gain
        self.conv3.weight[:, 0] = torch.einsum("ay,bx->abyx", taps, taps * gain).reshape(-1, 3, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.activate(self.conv2(self.activate(self.conv1(x))))
        with torch.autocast(x.device.type, enabled=False):  # bfloat16 is too coarse for samples
            return functional.pixel_shuffle(self.conv3(h.float()), self.scale)
