"""Which pictures are trained on, watched, and tested with: no picture is in two of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from vsr.errors import OptionError

SPLITS = ("train", "val", "test")


def parse_shares(text: str) -> tuple[float, float, float]:
    """Return the shares of train, val and test that "80/10/10" says, as parts of 1. Raises OptionError."""
    try:
        numbers = [float(part) for part in text.split("/")]
    except ValueError:
        numbers = []
    if len(numbers) != len(SPLITS) or min(numbers) < 0 or not 0 < sum(numbers) < float("inf"):
        raise OptionError(f"--split {text!r}: give three numbers, of train, val and test, like 80/10/10")
    train, val, test = (number / sum(numbers) for number in numbers)
    return train, val, test


def assign(
    counts: Sequence[int], links: Iterable[tuple[int, int]], shares: Sequence[float], seed: int
) -> list[int]:
    """Return for each picture the index of its split.

    counts: tiles of each picture. links: pairs of pictures that have a tile in common; all that hang together
    go to one split. In an order that `seed` gives, each such group goes where most tiles are missing.
    """
    groups = _groups(len(counts), links)
    missing = np.array(shares) * sum(counts)
    result = [0] * len(counts)
    for index in np.random.default_rng(seed).permutation(len(groups)):
        members = groups[index]
        target = int(missing.argmax())
        missing[target] -= sum(counts[member] for member in members)
        for member in members:
            result[member] = target
    return result


def _groups(count: int, links: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Return the pictures 0..count-1 in groups that links hold together."""
    parent = list(range(count))

    def root(member: int) -> int:
        while parent[member] != member:
            parent[member] = parent[parent[member]]
            member = parent[member]
        return member

    for one, other in links:
        parent[max(root(one), root(other))] = min(root(one), root(other))
    groups: dict[int, list[int]] = {}
    for member in range(count):
        groups.setdefault(root(member), []).append(member)
    return list(groups.values())
