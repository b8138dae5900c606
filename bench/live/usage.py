"""What a process and all that it started use of the machine, by Linux's /proc."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vsr.bench.machine import resident_bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """At one moment."""

    rss_mb: float
    """Of the process alone."""
    tree_mb: float
    """With its children and theirs; what they share counts for each."""
    processes: int
    threads: int
    files: int
    """Open file descriptors. As threads, of all processes together."""


def usage(pid: int) -> Usage | None:
    """Return it; None where the process has ended."""
    own = resident_bytes(str(pid))
    if own is None:
        return None
    tree = [pid, *_descendants(pid)]
    return Usage(
        rss_mb=own / 1e6,
        tree_mb=sum(resident_bytes(str(each)) or 0 for each in tree) / 1e6,
        processes=len(tree),
        threads=sum(_entries(each, "task") for each in tree),
        files=sum(_entries(each, "fd") for each in tree),
    )


def _descendants(pid: int) -> Iterator[int]:
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (parent := _parent(name)) is not None:
            children.setdefault(parent, []).append(int(name))
    waiting = [pid]
    while waiting:
        found = children.get(waiting.pop(), [])
        yield from found
        waiting += found


def _parent(name: str) -> int | None:
    """Return the parent's number: the second word after the command, which is in brackets."""
    try:
        return int(Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return None


def _entries(pid: int, what: str) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/{what}"))
    except OSError:
        return 0
