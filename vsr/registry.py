"""Explicit, ordered, frozen registries of named things."""

import difflib
from collections.abc import Iterator, Mapping
from typing import TypeVar

from vsr.errors import OptionError

T = TypeVar("T")


def nearest(name: str, names: list[str]) -> str:
    """Return " Did you mean 'x'?" for the closest of `names`, or an empty string."""
    by_lower = {each.lower(): each for each in names}
    close = difflib.get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.5)
    return f" Did you mean {by_lower[close[0]]!r}?" if close else ""


class Registry(Mapping[str, T]):
    """Names to things of one kind, in the order given. An unknown name gets the near ones.

    Thread-safety: safe, it never changes.
    """

    def __init__(self, kind: str, entries: Mapping[str, T]) -> None:
        self._kind = kind
        self._entries = dict(entries)

    def __getitem__(self, name: str) -> T:
        try:
            return self._entries[name]
        except KeyError:
            hint = nearest(name, list(self))
            raise OptionError(f"unknown {self._kind} {name!r}; available: {', '.join(self)}.{hint}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
