"""How large the values between a network's layers become: what 8 bits have to hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from vsr.engine import reference
from vsr.nets.graph import Graph

Ranges: TypeAlias = Mapping[str, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]
"""By a node's name, the least and the largest value of each of its channels."""
_SIDES = (64, 192)
_PRODUCTS = 1e9
"""Of a picture, about: numpy does some of them a nanosecond."""
_SHAPES = 90
_GRAIN = 0.01


def ranges(graph: Graph) -> Ranges:
    """Return the ranges of all nodes for two pictures of what films and drawings are made of."""
    found: dict[str, tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]] = {}
    for seed in range(2):
        for name, values in reference.activations(graph, _picture(graph, seed)).items():
            low, high = values.min(axis=(1, 2)), values.max(axis=(1, 2))
            known = found.get(name, (low, high))
            found[name] = np.minimum(low, known[0]), np.maximum(high, known[1])
    return found


def _picture(graph: Graph, seed: int) -> npt.NDArray[np.float32]:
    """Return discs, lines and rectangles of all sizes, colours and softness, with a little grain."""
    rng = np.random.default_rng(seed)
    affordable = math.isqrt(int(_PRODUCTS / max(1, graph.macs_per_input_pixel)))
    side = min(max(affordable, _SIDES[0]), _SIDES[1])
    side = -(-side // graph.multiple_of) * graph.multiple_of
    y, x = np.mgrid[:side, :side].astype(np.float32)
    picture = np.full((3, side, side), 0.5, np.float32)
    for number in range(_SHAPES):
        center, size, angle = rng.uniform(0, side, 2), rng.uniform(2, 40), rng.uniform(0, np.pi)
        along = (x - center[0]) * np.cos(angle) + (y - center[1]) * np.sin(angle)
        across = (y - center[1]) * np.cos(angle) - (x - center[0]) * np.sin(angle)
        inside = (
            size - np.hypot(along, across),
            np.minimum(rng.uniform(0.4, 2.5) - np.abs(across), 2 * size - np.abs(along)),
            np.minimum(size - np.abs(along), 0.6 * size - np.abs(across)),
        )[number % 3]
        share = np.clip(0.5 + inside * rng.uniform(0.3, 2), 0, 1)
        colour = rng.uniform(0, 1, 3) * rng.uniform(0.5, 1)
        picture += share * (colour[:, None, None] - picture)
    grained = np.clip(picture + rng.normal(0, _GRAIN, picture.shape), 0, 1)
    return grained[: graph.channels_in].astype(np.float32)
