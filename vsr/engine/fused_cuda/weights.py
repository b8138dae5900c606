"""A convolution's weights in the order in which the kernels take them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from vsr.engine.fused.stages import Buffer, Lane, Stage
from vsr.engine.fused.terms import Weights
from vsr.engine.fused_cuda.layout import GROUP
from vsr.engine.fused_cuda.plan import Convolution
from vsr.nets.ops import LeakyRelu, PRelu

_STEP = 4
"""Groups of four products that are summed together."""
_COLUMNS = 8


def packed(stage: Stage, own: Convolution) -> npt.NDArray[Any]:
    """Return the table of weights: fragments of float16, or float32.

    In halves (slab, step, part, tile, thread, 4): thread 4 * g + t has column g of the tile and group t of
    the step. In float32 (slab, group, part, 4, position).
    """
    by_slab = np.stack([_groups(stage, own, slab.buffer, slab.first) for slab in own.slabs])
    slabs, parts, groups, _, positions = by_slab.shape
    if own.is_exact:
        wide = np.zeros((slabs, parts, groups, GROUP, own.count), np.float32)
        wide[..., :positions] = by_slab
        return np.ascontiguousarray(wide.transpose(0, 2, 1, 3, 4))
    steps = -(-groups // _STEP)
    wide = np.zeros((slabs, parts, steps * _STEP, GROUP, positions + 1))
    wide[:, :, :groups, :, :positions] = by_slab
    columns = [[_position(own, tile, g, positions) for g in range(_COLUMNS)] for tile in range(own.count)]
    # (slab, part, step, t, i, tile, g) -> (slab, step, part, tile, g, t, i)
    steps_of = wide.reshape(slabs, parts, steps, _STEP, GROUP, -1)[..., np.array(columns)]
    return np.ascontiguousarray(steps_of.transpose(0, 2, 1, 5, 6, 3, 4), np.float16)


def constants(stage: Stage, own: Convolution) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return biases and slopes of all positions; those beyond the last are 0."""
    assert stage.linear is not None
    count = own.count if own.is_exact else own.count * _COLUMNS
    biases, slopes = np.zeros((2, count + own.span), np.float32)
    biases[: len(stage.linear.bias)] = stage.linear.bias
    match stage.activation:
        case LeakyRelu(slope=slope):
            slopes[:] = slope
        case PRelu(slope=values):
            slopes[: len(values)] = values
    return biases, slopes


def _position(own: Convolution, tile: int, column: int, none: int) -> int:
    """Return the position that a column of a tile stands for; `none` where there is none."""
    if own.span <= _COLUMNS:
        at, within = tile * own.span + column, column
    else:  # two tiles are a slab, of which a thread has four neighbours
        within = column // 2 * 4 + tile % 2 * 2 + column % 2
        at = tile // 2 * own.span + within
    return at if within < own.span and at < none else none


def _groups(stage: Stage, own: Convolution, buffer: Buffer | None, first: int) -> Weights:
    """Return (parts, groups, 4, positions) of one slab: weights of values, then of magnitudes.

    max(x, 0) is (x + |x|) / 2, max(-x, 0) is (|x| - x) / 2.
    """
    assert stage.linear is not None
    weight = stage.linear.weight
    size, window = weight.shape[2], own.window
    channels = own.groups * GROUP
    slab = np.zeros((own.parts, channels, len(weight), size, size))
    for lane, weights in zip(stage.lanes, weight.transpose(1, 0, 2, 3), strict=True):
        if _is_in(lane, buffer, first, channels):
            at = lane.channel - first
            if lane.part == "whole":
                slab[0, at] += weights
            else:
                slab[0, at] += weights / 2 if lane.part == "positive" else -weights / 2
                slab[1, at] += weights / 2
    if window.columns < size:  # a column stands for four
        fours = np.zeros((1, len(weight), size, window.columns * GROUP))
        fours[..., :size] = slab[:, 0]
        return fours.reshape(1, len(weight), size * window.columns, GROUP).transpose(0, 2, 3, 1)
    # (part, channel, out, ky, kx) -> (part, ky, kx, channel, out)
    taps = slab.transpose(0, 3, 4, 1, 2)
    return taps.reshape(own.parts, window.taps * own.groups, GROUP, len(weight))


def _is_in(lane: Lane, buffer: Buffer | None, first: int, channels: int) -> bool:
    return (buffer is None or lane.buffer is buffer) and first <= lane.channel < first + channels
