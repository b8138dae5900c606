"""ESPCN (Shi et al., 2016): 5-3-3 convolutions with tanh on luma, then channels to pixels."""

from __future__ import annotations

from math import isqrt

from vsr.nets.builder import Builder
from vsr.nets.families.weights import MismatchError, Weights
from vsr.nets.graph import Graph
from vsr.nets.ops import PixelShuffle, Sigmoid, Tanh


def build(weights: Weights, name: str, scale: int | None) -> Graph:
    """Keys first_part.0, first_part.2, last_part.0; or conv1 to conv4, which ends in a sigmoid.

    The second form has one more 3x3 layer, and relu in some ports: those cannot be told apart and are read as
    the port of that form which is known, with tanh.
    """
    plain = "first_part.0.weight" in weights
    keys = ("first_part.0", "first_part.2", "last_part.0") if plain else ("conv1", "conv2", "conv3", "conv4")
    b = Builder(1)
    x, width = b.input, 1
    for index, key in enumerate(keys):
        layer = weights.conv(key, None, width, 5 if index == 0 else 3)
        x, width = b.conv(x, *layer), layer[0].shape[0]
        if index < len(keys) - 1:
            x = b.add(Tanh(), x)
    factor = isqrt(width)
    if factor < 2 or factor**2 != width:
        raise MismatchError(f"{keys[-1]}.weight has {width} outputs, the square of a factor is wanted")
    x = b.add(PixelShuffle(factor), x)
    if not plain:
        b.add(Sigmoid(), x)
    return b.build(name)
