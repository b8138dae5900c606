"""The encoded stream into files, from when somebody asks for it until they do not."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from vsr.streaming.outputs import Output


class Recording:
    """Files of a folder, each named by the time at which it begins.

    A file that cannot be written ends that recording and nothing else. Thread-safety: the run's writing
    thread; `name` may be read by any.
    """

    name: str | None
    """The file that is being written."""
    current: Output | None
    """It, as a receiver of packets."""

    def __init__(self, folder: Path, open_file: Callable[[Path], Output]) -> None:
        """`open_file` returns a receiver that begins at the next key frame."""
        self._folder = folder
        self._open = open_file
        self._ending: list[Output] = []
        self._last: Path | None = None
        self.name = self.current = None

    def follow(self, wish: bool) -> bool:
        """Begin or end a file, as is wished for. Returns False where a recording broke off."""
        if self.current is not None and self.current.failed:
            self._end()
            return False
        if wish and self.current is None:
            path = self._last = self._free_name()
            self.current, self.name = self._open(path), path.name
        elif not wish and self.current is not None:
            self._end()
        return True

    def finish(self, timeout_seconds: float) -> None:
        """End the file that is being written, and wait for all to be complete."""
        self._end()
        for output in self._ending:
            output.join(timeout_seconds)

    def abort(self, timeout_seconds: float) -> None:
        """End at once. Idempotent."""
        self._end()
        for output in self._ending:
            output.abort()
            output.join(timeout_seconds)

    def _end(self) -> None:
        """Let the file be finished meanwhile."""
        self._ending = [output for output in self._ending if not output.join(0)]
        if self.current is not None:
            self.current.finish()
            self._ending.append(self.current)
        self.current = self.name = None

    def _free_name(self) -> Path:
        """Return a name that no file has. Two may begin within a second, the first not yet on disk."""
        base = time.strftime("live-%Y%m%d-%H%M%S")
        number, path = 1, self._folder / f"{base}.mkv"
        while path.exists() or path == self._last:
            number += 1
            path = self._folder / f"{base}-{number}.mkv"
        return path
