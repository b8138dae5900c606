"""Engines on disk: found again by everything that decides them, never more than a bound."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from vsr._resources import CACHE_VARIABLE, cache_folder
from vsr.engine.tensorrt.file import PARTIAL, EngineFileError, read_file, read_values, write_file
from vsr.engine.tensorrt.key import Key, room
from vsr.errors import OptionError

LIMIT_BYTES = 4 << 30
"""An engine is 1 to 100 MB, so this holds those of hundreds of networks and sizes."""
SUFFIX = ".engine"
_ABANDONED_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Found:
    """What the cache has for a key."""

    plan: bytes | None = field(repr=False)
    note: str = ""
    """Why there is none although a file is there: stale, damaged, unreadable. For people."""


class EngineCache:
    """A folder of engine files.

    A file's name begins with what lasts (network, sizes, precision, GPU) and ends with all of the key, so
    that engines of two versions of TensorRT lie side by side. Reading marks a file as used; writing removes
    those unused for longest while all together are over the bound. Timing caches are kept likewise.

    Thread-safety: safe, for processes too: files appear whole or not at all. Two that build the same engine
    at once both do, and the last one's file stays.
    """

    def __init__(self, folder: Path | None = None, *, limit_bytes: int = LIMIT_BYTES) -> None:
        """`folder`: it is made when the first engine is written; without it cache_folder("engines")."""
        if limit_bytes < 1:
            raise OptionError(f"limit_bytes is {limit_bytes}; give 1 or more")
        self.folder = cache_folder("engines") if folder is None else folder
        self._limit_bytes = limit_bytes

    def path(self, key: Key) -> Path:
        """Return where the engine of a key lies, or would."""
        return self.folder / f"{key.stem}{SUFFIX}"

    def read(self, key: Key) -> Found:
        """Return the engine of a key, or why there is none. Raises nothing: a cache that fails is empty."""
        path = self.path(key)
        if not _is_there(path):
            return Found(None, self._stale(key))
        return _read(path, key)

    def read_fitting(self, key: Key) -> Found:
        """Return the engine of a key, or the tightest that was built for more sizes or GPUs, e.g. for any.

        The key is of one profile. Raises nothing.
        """
        exact = self.read(key)
        if exact.plan is not None:
            return exact
        fitting: list[tuple[int, Path, Key]] = []
        for path in self.folder.glob(f"*{SUFFIX}"):
            with contextlib.suppress(EngineFileError, KeyError):
                values = read_values(path)
                size = room(key, values)
                if size is not None:
                    fitting.append((size, path, Key(values=values)))
        for _, path, other in sorted(fitting, key=lambda each: each[:2]):
            found = _read(path, other)
            if found.plan is not None:
                return found
        return exact

    def write(self, key: Key, plan: bytes) -> str:
        """Keep an engine. Return why it could not be kept, for people; empty where it was."""
        path = self.path(key)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_file(path, key, plan)
        except OSError as error:
            return (
                f"the engine is not kept: {path} cannot be written: {error.strerror or error}; "
                f"{CACHE_VARIABLE} names another folder"
            )
        self._trim(path)
        return ""

    def _stale(self, key: Key) -> str:
        """Return what is different in an engine that was built for the same before an upgrade."""
        for path in sorted(self.folder.glob(f"{key.stem.partition('-')[0]}-*{SUFFIX}")):
            with contextlib.suppress(EngineFileError):
                return f"{path} is stale: {key.difference(read_values(path))}"
        return ""

    def _trim(self, newest: Path) -> None:
        """Remove the engines unused for longest until the rest fit, and what killed writers left."""
        files = []
        with contextlib.suppress(OSError):
            for entry in list(os.scandir(self.folder)):
                with contextlib.suppress(OSError):
                    files.append((entry.stat().st_mtime, entry.stat().st_size, Path(entry.path)))
        engines = sorted(file for file in files if file[2].suffix == SUFFIX)
        total = sum(size for _, size, _ in engines)
        doomed = [
            path
            for used, _, path in files
            if path.suffix == PARTIAL and time.time() - used > _ABANDONED_SECONDS
        ]
        for _, size, path in engines:
            if total <= self._limit_bytes:
                break
            if path != newest:
                doomed.append(path)
                total -= size
        for path in doomed:
            with contextlib.suppress(OSError):
                path.unlink()


def _read(path: Path, key: Key) -> Found:
    try:
        plan = read_file(path, key)
    except EngineFileError as error:
        return Found(None, str(error))
    with contextlib.suppress(OSError):
        os.utime(path)
    return Found(plan)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False
