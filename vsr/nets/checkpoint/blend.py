"""Interpolation between two trainings of one network (ESRGAN, section 3.4)."""

from __future__ import annotations

from collections.abc import Mapping

from vsr.nets.checkpoint import ACTIVATION_KEY, FIGURE_KEY, SCALE_KEY
from vsr.nets.errors import CheckpointError
from vsr.nets.families import Tensors


def blended(first: Tensors, second: Tensors, share: float, *, names: tuple[str, str]) -> Tensors:
    """Return (1 - share) times the first weights plus share times the second, each by its name.

    names: of the two files, for people. Raises CheckpointError where they are not of one network.
    """
    refusal = _refusal(names)
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


def said_of_both(
    first: Mapping[str, str], second: Mapping[str, str], *, names: tuple[str, str]
) -> dict[str, str]:
    """Return of what two files say about themselves what holds of both: no figures, which are of one.

    Raises CheckpointError where they differ in what makes another network of the same weights.
    """
    for key in (ACTIVATION_KEY, SCALE_KEY):
        one, other = first.get(key), second.get(key)
        if one and other and one != other:
            raise CheckpointError(
                f"{_refusal(names)}: their {key} are {one} and {other}; blend two files that say the same"
            )
    kept = {key: value for key, value in first.items() if second.get(key) == value}
    networks = {
        key: said[key] for said in (first, second) for key in (ACTIVATION_KEY, SCALE_KEY) if key in said
    }
    return {key: value for key, value in (kept | networks).items() if not key.startswith(FIGURE_KEY)}


def _refusal(names: tuple[str, str]) -> str:
    return f"{names[0]} and {names[1]} are not trainings of one network"


def _text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
