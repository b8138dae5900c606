"""Interpolation between two trainings of one network (ESRGAN, section 3.4)."""

from __future__ import annotations

from vsr.nets.errors import CheckpointError
from vsr.nets.families import Tensors


def blended(first: Tensors, second: Tensors, share: float) -> Tensors:
    """Return (1 - share) times the first weights plus share times the second, each by its name.

    Raises CheckpointError where they are not of one network.
    """
    if missing := sorted(first.keys() ^ second.keys()):
        raise CheckpointError(f"the two are not of one network: {missing[0]} is in one of them only")
    for key, value in first.items():
        if value.shape != second[key].shape:
            raise CheckpointError(
                f"the two are not of one network: {key} is {value.shape} and {second[key].shape}"
            )
    return {key: (value + share * (second[key] - value)).astype(value.dtype) for key, value in first.items()}
