"""ESPCN (Shi et al., 2016): 5x5 and 3x3 convolutions with tanh or relu on luma, then channels to pixels."""

from __future__ import annotations

from math import isqrt

from vsr.nets.builder import Builder
from vsr.nets.families.weights import Activation, Hints, MismatchError, Weights
from vsr.nets.graph import Graph
from vsr.nets.ops import Clamp, PixelShuffle, Relu, Sigmoid, Tanh

_THREE = {
    "first_part.0": ("first_part.0", "first_part.2", "last_part.0"),
    "feature_maps.0": ("feature_maps.0", "feature_maps.2", "sub_pixel.0"),
}
_FOUR = ("conv1", "conv2", "conv3", "conv4")
_PAPER = ("conv1", "conv2", "conv3")


def build(weights: Weights, name: str, hints: Hints) -> Graph:
    """Four sets of keys, whose activations keys do not tell: the usual one is assumed.

    first_part.0, first_part.2, last_part.0 (yjn870): tanh, or by activation=relu the paper's other variant.
    feature_maps.0, feature_maps.2, sub_pixel.0 (Lornatang): the same, clamped to 0..1.
    conv1 to conv3: as the first.
    conv1 to conv4: relu and nothing at the end (PyTorch's super_resolution example), or by activation=tanh
    tanh, and a sigmoid at the end (leftthomas).
    """
    keys = next((keys for first, keys in _THREE.items() if f"{first}.weight" in weights), _FOUR)
    if keys is _FOUR and "conv4.weight" not in weights:
        keys = _PAPER
    three = keys is not _FOUR
    b = Builder(1)
    x, width = b.input, 1
    activation: Activation = "tanh"
    for index, key in enumerate(keys):
        layer = weights.conv(key, None, width, 5 if index == 0 else 3)
        x, width = b.conv(x, *layer), layer[0].shape[0]
        if index == 0:
            activation = hints.activation("tanh", "relu") if three else hints.activation("relu", "tanh")
        if index < len(keys) - 1:
            x = b.add(Tanh() if activation == "tanh" else Relu(), x)
    factor = isqrt(width)
    if factor < 2 or factor**2 != width:
        raise MismatchError(f"{keys[-1]}.weight has {width} outputs, the square of a factor is wanted")
    x = b.add(PixelShuffle(factor), x)
    if keys[0] == "feature_maps.0":
        b.add(Clamp(0.0, 1.0), x)
    elif not three and activation == "tanh":
        b.add(Sigmoid(), x)
    return b.build(name)
