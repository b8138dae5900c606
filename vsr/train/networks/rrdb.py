"""RRDBNet, the generator of ESRGAN, and ESRGAN's discriminator (Wang et al., 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vsr.errors import OptionError
from vsr.train.networks.layers import check_side

_SLOPE = 0.2
_SHARE = 0.2
"""Of a residual; and by how much the weights of the dense blocks are smaller at the start, half of it."""


class RrdbNet(nn.Module):
    """R, G, B (batch, 3, h, w) in 0..1 to 4 times as large: dense blocks in blocks."""

    def __init__(self, *, scale: int = 4, blocks: int = 23, width: int = 64, growth: int = 32) -> None:
        super().__init__()
        if scale != 4:
            raise OptionError(f"this RRDBNet enlarges 4 times; scale is {scale}")
        self.conv_first = _conv(3, width)
        self.body = nn.Sequential(*(_Rrdb(width, growth) for _ in range(blocks)))
        self.conv_body = _conv(width, width)
        self.conv_up1 = _conv(width, width)
        self.conv_up2 = _conv(width, width)
        self.conv_hr = _conv(width, width)
        self.conv_last = _conv(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        start = self.conv_first(x)
        h = start + self.conv_body(self.body(start))
        for layer in (self.conv_up1, self.conv_up2):
            h = functional.leaky_relu(
                layer(functional.interpolate(h, scale_factor=2, mode="nearest")), _SLOPE
            )
        return self.conv_last(functional.leaky_relu(self.conv_hr(h), _SLOPE)).float()


class _Dense(nn.Module):
    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        for index in range(5):
            layer = _conv(width + index * growth, growth if index < 4 else width)
            nn.init.kaiming_normal_(layer.weight, a=_SLOPE)
            with torch.no_grad():
                layer.weight.mul_(_SHARE / 2)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
            self.add_module(f"conv{index + 1}", layer)

    def forward(self, x: Tensor) -> Tensor:
        seen = [x]
        *inner, last = self.children()
        for layer in inner:
            seen.append(functional.leaky_relu(layer(torch.cat(seen, 1)), _SLOPE))
        return x + _SHARE * last(torch.cat(seen, 1))


class _Rrdb(nn.Module):
    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.rdb1 = _Dense(width, growth)
        self.rdb2 = _Dense(width, growth)
        self.rdb3 = _Dense(width, growth)

    def forward(self, x: Tensor) -> Tensor:
        return x + _SHARE * self.rdb3(self.rdb2(self.rdb1(x)))


def _conv(into: int, out: int) -> nn.Conv2d:
    return nn.Conv2d(into, out, 3, padding=1)


class EsrganDiscriminator(nn.Module):
    """Pictures (batch, 3, side, side) to (batch, 1), before the sigmoid. `side` is a multiple of 32."""

    def __init__(self, *, side: int = 128, width: int = 64) -> None:
        super().__init__()
        check_side(side, 32)
        layers: list[nn.Module] = []
        into = 3
        for factor in (1, 2, 4, 8, 8):
            out = factor * width
            for size, stride in ((3, 1), (4, 2)):
                first = into == 3
                layers.append(nn.Conv2d(into, out, size, stride, padding=1, bias=first))
                if not first:
                    layers.append(nn.BatchNorm2d(out))
                layers.append(nn.LeakyReLU(_SLOPE))
                into = out
        self.layers = nn.Sequential(*layers)
        self.judge = nn.Sequential(
            nn.Linear(into * (side // 32) ** 2, 100), nn.LeakyReLU(_SLOPE), nn.Linear(100, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.judge(torch.flatten(self.layers(x), 1))
