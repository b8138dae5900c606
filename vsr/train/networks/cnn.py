"""The project's own small networks: narrow 3x3 layers with crelu on luma, all read by the last one."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vsr.train.networks.layers import Bicubic


class Cnn(nn.Module):
    """`layers` convolutions of `width` channels, a 1x1 over all, channels to pixels, plus the bicubic.

    Input (batch, 1, height, width) luma in 0..1, result `scale` times as large.

    It is trained in another basis than it is exported in: layers read x and |x| rather than max(x, 0) and
    max(-x, 0), which spans the same maps with half the work. See `exported`.
    """

    def __init__(self, *, scale: int = 2, width: int = 4, layers: int = 7) -> None:
        super().__init__()
        self.scale = scale
        self.layers = nn.ModuleList(
            nn.Conv2d(1 if index == 0 else 2 * width, width, 3, padding=1) for index in range(layers)
        )
        self.last = nn.Conv2d(2 * width * layers, scale**2, 1)
        self.enlarge = Bicubic(scale)
        with torch.no_grad():
            for layer in self.layers:
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")  # type: ignore[arg-type]
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
            self.last.weight.mul_(0.1)
            nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        seen, h = [], x
        for layer in self.layers:
            h = layer(h)
            h = torch.cat([h, h.abs()], 1)
            seen.append(h)
        change = functional.pixel_shuffle(self.last(torch.cat(seen, 1)).float(), self.scale)
        return change + self.enlarge(x)

    def exported(self) -> dict[str, Tensor]:
        """Return the weights for positive and negative parts: x is their difference, |x| their sum."""
        state = self.state_dict()
        width = len(state["layers.0.weight"])
        for key, weight in state.items():
            if weight.dim() == 4 and key != "layers.0.weight":
                plain, magnitude = weight.unflatten(1, (-1, 2, width)).unbind(2)
                parts = torch.stack([magnitude + plain, magnitude - plain], 2)
                state[key] = parts.flatten(1, 3)
        return state
