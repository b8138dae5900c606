"""A gated PixelCNN (van den Oord et al., 2016): the distribution of each sub-pixel given those before it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

_FIRST, _LATER = 7, 5
"""Taps a side of the first layer, and of the others."""


class MaskedConv(nn.Module):
    """A convolution (rows x columns) that sees what comes before a sub-pixel in raster order.

    Features belong to the picture's channels in equal parts, in order. Of the pixel itself a feature sees
    those of channels before its own, and where `own` its own too. `above`: only rows above it.
    """

    def __init__(
        self, into: int, out: int, rows: int, columns: int, groups: int, *, own: bool, above: bool = False
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(into, out, (rows, columns), padding=(rows // 2, columns // 2))
        nn.init.trunc_normal_(self.conv.weight, std=0.1 if into < 16 else (into * rows * columns) ** -0.5)
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]
        mask = torch.ones(out, into, rows, columns)
        y, x = rows // 2, columns // 2
        mask[:, :, y + 1 :] = 0
        mask[:, :, y, x + 1 :] = 0
        if above:
            mask[:, :, y] = 0
        else:
            seen, sees = group_of(into, groups)[None], group_of(out, groups)[:, None]
            mask[:, :, y, x] = (seen <= sees if own else seen < sees).float()
        self.mask: Tensor
        self.register_buffer("mask", mask, persistent=False)

    @property
    def weight(self) -> Tensor:
        """The weight, what must not be seen set to zero."""
        return self.conv.weight * self.mask

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.weight, self.conv.bias, padding=self.conv.padding)


def group_of(features: int, groups: int) -> Tensor:
    """Return for each feature the picture's channel it belongs to."""
    return torch.arange(features) * groups // features


class _Layer(nn.Module):
    """A vertical state, which sees the rows above, feeds a horizontal one, which sees what is left."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.vertical = MaskedConv(width, 2 * width, _LATER, _LATER, groups, own=True, above=True)
        self.across = nn.Conv2d(2 * width, 2 * width, 1)
        self.value = MaskedConv(width, width, 1, _LATER, groups, own=True)
        self.gate = MaskedConv(width, width, 1, _LATER, groups, own=True)
        self.out = MaskedConv(width, width, 1, 1, groups, own=True)

    def forward(self, vertical: Tensor, horizontal: Tensor) -> tuple[Tensor, Tensor]:
        above = self.vertical(vertical)
        across = self.across(above)
        left = torch.cat([self.value(horizontal), self.gate(horizontal)], 1)
        return gated(above), horizontal + self.out(gated(left + across))


def gated(x: Tensor) -> Tensor:
    """Return tanh of the first half of the channels times sigmoid of the second."""
    value, gate = x.chunk(2, 1)
    return torch.tanh(value) * torch.sigmoid(gate)


@dataclass
class Rows:
    """What sampling has worked out so far: states of all layers, (batch, features, height, width) each."""

    vertical: list[Tensor]
    horizontal: list[Tensor]
    across: list[Tensor]
    left: list[tuple[Tensor, Tensor]]
    """Weight and bias of each layer's horizontal step, as a matrix."""
    out: list[tuple[Tensor, Tensor]]
    """Of what ends each layer."""
    first: tuple[Tensor, Tensor]
    ends: tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]


class Prior(nn.Module):
    """Pictures (batch, channels, h, w) to logits (batch, out, h, w); `out` is channels times levels."""

    def __init__(self, channels: int, out: int, layers: int, width: int, hidden: int) -> None:
        super().__init__()
        self.first = MaskedConv(channels, width, _FIRST, _FIRST, channels, own=False)
        self.layers = nn.ModuleList(_Layer(width, channels) for _ in range(layers))
        self.hidden = MaskedConv(width, hidden, 1, 1, channels, own=True)
        self.last = MaskedConv(hidden, out, 1, 1, channels, own=True)

    def forward(self, x: Tensor) -> Tensor:
        vertical = horizontal = self.first(x)
        for layer in self._layers:
            vertical, horizontal = layer(vertical, horizontal)
        return self.last(functional.relu(self.hidden(horizontal)))

    @property
    def _layers(self) -> list[_Layer]:
        return [each for each in self.layers if isinstance(each, _Layer)]

    def begin(self, picture: Tensor) -> Rows:
        """Return empty states for pictures of that shape."""
        batch, _, height, width = picture.shape
        features = self.first.conv.out_channels

        def states(count: int) -> list[Tensor]:
            return [picture.new_zeros(batch, features, height, width) for _ in range(count)]

        count, layers = len(self._layers), self._layers
        halves = [[_matrix(half, 1, _LATER // 2 + 1) for half in (each.value, each.gate)] for each in layers]
        return Rows(
            states(count + 1),
            states(count + 1),
            [each.repeat(1, 2, 1, 1) for each in states(count)],
            [(torch.cat([w for w, _ in pair]), torch.cat([b for _, b in pair])) for pair in halves],
            [_matrix(each.out, 1, 1) for each in layers],
            _matrix(self.first, _FIRST // 2 + 1, _FIRST),
            (_matrix(self.hidden, 1, 1), _matrix(self.last, 1, 1)),
        )

    def begin_row(self, rows: Rows, y: int) -> None:
        """Work out what row y sees of the rows above, once they are complete."""
        for index, layer in enumerate(self._layers):
            above = rows.vertical[index][:, :, max(0, y - 2) : y]
            padded = functional.pad(above, (2, 2, 2 - above.shape[2], 0))
            state = functional.conv2d(padded, layer.vertical.weight[:, :, :2], layer.vertical.conv.bias)
            rows.vertical[index + 1][:, :, y] = gated(state)[:, :, 0]
            rows.across[index][:, :, y] = layer.across(state)[:, :, 0]

    def at(self, rows: Rows, picture: Tensor, y: int, x: int) -> Tensor:
        """Return the logits (batch, out) of a pixel; of the picture only what comes before it counts."""
        rows.horizontal[0][:, :, y, x] = functional.linear(_window(picture, y, x), *rows.first)
        for index, (left, out) in enumerate(zip(rows.left, rows.out, strict=True)):
            state = rows.horizontal[index][:, :, y]
            seen = state[:, :, max(0, x - 2) : x + 1]
            seen = functional.pad(seen, (3 - seen.shape[2], 0)).flatten(1)
            inner = gated(functional.linear(seen, *left) + rows.across[index][:, :, y, x])
            rows.horizontal[index + 1][:, :, y, x] = state[:, :, x] + functional.linear(inner, *out)
        hidden, last = rows.ends
        return functional.linear(
            functional.relu(functional.linear(rows.horizontal[-1][:, :, y, x], *hidden)), *last
        )

    def end_row(self, rows: Rows, picture: Tensor, y: int) -> None:
        """Take a row that is complete into account."""
        reach = _FIRST // 2
        above = functional.pad(picture[:, :, max(0, y - reach) : y + 1], (reach, reach, max(0, reach - y), 0))
        weight = self.first.weight[:, :, : reach + 1]
        rows.vertical[0][:, :, y] = functional.conv2d(above, weight, self.first.conv.bias)[:, :, 0]


def _matrix(layer: MaskedConv, rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """Return the first `rows` and `columns` of taps as a matrix (out, in * rows * columns), and the bias."""
    bias = layer.conv.bias
    assert bias is not None
    return layer.weight[:, :, :rows, :columns].flatten(1), bias


def _window(picture: Tensor, y: int, x: int) -> Tensor:
    """Return what the first layer sees at a pixel, zeros outside: (batch, channels * 4 * 7)."""
    reach = _FIRST // 2
    seen = picture[:, :, max(0, y - reach) : y + 1, max(0, x - reach) : x + reach + 1]
    right = max(0, x + reach + 1 - picture.shape[3])
    return functional.pad(seen, (max(0, reach - x), right, max(0, reach - y), 0)).flatten(1)
