"""Interpolation between two trainings of one network (ESRGAN, section 3.4)."""

from __future__ import annotations

from vsr.nets.errors import CheckpointError
from vsr.nets.families import Tensors


def blended(first: Tensors, second: Tensors, share: float, *, names: tuple[str, str]) -> Tensors:
    """Return (1 - share) times the first weights plus share times the second, each by its name.

    names: of the two files, for people. Raises CheckpointError where they are not of one network.
    """
    refusal = f"{names[0]} and {names[1]} are not trainings of one network"
    if missing := sorted(first.keys() ^ second.keys()):
        own = missing[0] in first
        has, lacks = names if own else names[::-1]
        raise CheckpointError(
            f"{refusal}: {has} has {missing[0]}, {lacks} has none; "
            "blend two files of the same family and options"
        )
    for key, value in first.items():
        if value.shape != second[key].shape:
            raise CheckpointError(
                f"{refusal}: their {key} are {_text(value.shape)} and {_text(second[key].shape)} weights; "
                "blend two files of the same width, depth and scale"
            )
    return {key: (value + share * (second[key] - value)).astype(value.dtype) for key, value in first.items()}


def _text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
