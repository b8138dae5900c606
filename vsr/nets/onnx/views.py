"""Reshape and Transpose between pictures, read as what they do: pixels from channels, channels from pixels.

A picture's axes are lists of atoms, pieces of the channels, rows or columns. Reshape splits and joins them,
Transpose moves them; once there are four axes again, where the atoms lie says which operation it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from vsr.nets.onnx.sizes import Extent, Size, multiple

Whole = Literal["c", "h", "w"]


@dataclass(frozen=True, slots=True)
class Atom:
    """`extent` indices of one axis of the picture, `stride` apart."""

    of: Whole
    stride: int
    extent: Extent


Axes = tuple[tuple[Atom, ...], ...]


@dataclass(frozen=True, slots=True)
class Moved:
    """What a view of a picture amounts to."""

    kind: Literal["shuffle", "unshuffle", "order"]
    factor: int
    order: list[int]
    """For "shuffle" which channel of the source is at each place before the pixels are made; otherwise which
    channel of the (unshuffled) picture each channel is."""


def axes_of(shape: Sequence[Extent]) -> Axes:
    """Return the axes of a picture (1, channels, height, width)."""
    wholes: tuple[Whole, ...] = ("c", "h", "w")
    sides = zip(wholes, shape[1:], strict=True)
    return ((), *(() if side == 1 else (Atom(whole, 1, side),) for whole, side in sides))


def reshape(axes: Axes, target: Sequence[Extent]) -> Axes | None:
    """Return the axes after a Reshape to `target`, with at most one -1; None where they do not divide so."""
    queue = [atom for axis in axes for atom in axis]
    middle = target.index(-1) if -1 in target else len(target)
    front: list[tuple[Atom, ...]] = []
    back: list[tuple[Atom, ...]] = []
    for sides, groups, take in (
        (target[:middle], front, _take_first),
        (target[:middle:-1], back, _take_last),
    ):
        for side in sides:
            group = take(queue, side)
            if group is None:
                return None
            groups.append(group)
    if middle == len(target):
        return None if queue else tuple(front)
    return (*front, tuple(queue), *reversed(back))


def _take_first(queue: list[Atom], side: Extent) -> tuple[Atom, ...] | None:
    """Take atoms from the front of the queue that make `side`, splitting the last one."""
    taken: list[Atom] = []
    while side != 1:
        if not queue:
            return None
        atom = queue.pop(0)
        if (left := multiple(side, atom.extent)) is not None:
            taken.append(atom)
            side = left
        elif isinstance(inner := multiple(atom.extent, side), int):
            taken.append(Atom(atom.of, atom.stride * inner, side))
            queue.insert(0, replace(atom, extent=inner))
            break
        else:
            return None
    return tuple(taken)


def _take_last(queue: list[Atom], side: Extent) -> tuple[Atom, ...] | None:
    """As _take_first, from the back."""
    taken: list[Atom] = []
    while side != 1:
        if not queue:
            return None
        atom = queue.pop()
        if (left := multiple(side, atom.extent)) is not None:
            taken.insert(0, atom)
            side = left
        elif isinstance(side, int) and (outer := multiple(atom.extent, side)) is not None:
            taken.insert(0, replace(atom, extent=side))
            queue.append(Atom(atom.of, atom.stride * side, outer))
            break
        else:
            return None
    return tuple(taken)


def recognise(axes: Axes) -> Moved | None:
    """Return what four axes amount to, or None where they are no picture that our operations make."""
    if len(axes) != 4:
        return None
    batch, channels, rows, columns = (_joined(axis) for axis in axes)
    if batch or any(isinstance(atom.extent, Size) for atom in channels):
        return None
    inner = [_inner(axis, whole) for axis, whole in ((rows, "h"), (columns, "w"))]
    if inner == [1, 1] and all(atom.of == "c" for atom in channels):
        return Moved("order", 1, _places(channels, {"c": 1}).tolist())
    if len(rows) and len(columns) and rows[-1].of == columns[-1].of == "c":
        return _shuffle(channels, rows, columns)
    return _unshuffle(channels, rows, columns)


def _joined(axis: Sequence[Atom]) -> list[Atom]:
    """Return the atoms with neighbours that are one piece made one."""
    joined: list[Atom] = []
    for atom in axis:
        last = joined[-1] if joined else None
        extent = atom.extent
        if last and last.of == atom.of and isinstance(extent, int) and last.stride == atom.stride * extent:
            joined[-1] = Atom(atom.of, atom.stride, last.extent * extent)
        else:
            joined.append(atom)
    return joined


def _inner(axis: list[Atom], whole: str) -> int | None:
    """Return the stride of an axis that is one atom of the rows or columns; 1 if it is empty, else None."""
    if not axis:
        return 1
    return axis[0].stride if len(axis) == 1 and axis[0].of == whole else None


def _places(atoms: Sequence[Atom], weights: dict[str, int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return for each combination of the atoms' indices, the last fastest, the sum of weighted indices."""
    places = np.zeros(1, np.int64)
    for atom in atoms:
        assert isinstance(atom.extent, int)
        places = np.add.outer(places, np.arange(atom.extent) * atom.stride * weights[atom.of]).ravel()
    return places


def _shuffle(channels: list[Atom], rows: list[Atom], columns: list[Atom]) -> Moved | None:
    down, across = rows[-1], columns[-1]
    whole = [_inner(rows[:-1], "h"), _inner(columns[:-1], "w")] == [1, 1]
    if not whole or down.extent != across.extent or any(atom.of != "c" for atom in channels):
        return None
    order = _places([*channels, down, across], {"c": 1})
    return Moved("shuffle", int(down.extent), order.tolist()) if isinstance(down.extent, int) else None


def _unshuffle(channels: list[Atom], rows: list[Atom], columns: list[Atom]) -> Moved | None:
    down = [atom for atom in channels if atom.of == "h"]
    across = [atom for atom in channels if atom.of == "w"]
    if len(down) != 1 or len(across) != 1 or down[0].extent != across[0].extent:
        return None
    factor = down[0].extent
    assert isinstance(factor, int)
    strides = {_inner(axis, whole) for axis, whole in ((rows, "h"), (columns, "w")) if axis}
    if strides - {factor} or {down[0].stride, across[0].stride} != {1}:
        return None
    return Moved("unshuffle", factor, _places(channels, {"c": factor**2, "h": factor, "w": 1}).tolist())
