"""Standard streams that are closed, or whose reader goes away in mid-run."""

import errno
import os
import shutil
import sys
from typing import Self, TextIO

_GONE = (errno.EPIPE, errno.EIO)
"""A pipe that nobody reads, and a terminal that was closed."""


def fill_closed_streams() -> None:
    """Give the null device to standard streams that the process was started without.

    A file opened later would otherwise get the number 0, 1 or 2, and whatever is printed. That they
    were closed stays visible: `sys.stdin` and `sys.__stdout__` remain None.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (open to the end)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (open to the end)


def drop(stream: TextIO) -> None:
    """Let go of a pipe that nobody reads, or Python complains about it again while it exits."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):
        return
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, number)
    os.close(null)


class StatusLine:
    """One line of a terminal that is written over, cleared at the end; nothing on streams that are none."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = Unminding(stream)
        self._is_terminal = stream.isatty()

    def show(self, text: str) -> None:
        """Show a text in place of the one before."""
        if self._is_terminal:
            width = shutil.get_terminal_size().columns - 1  # the last column would wrap
            self._stream.say(f"\r{text[:width]}\x1b[K")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.show("")


class Unminding:
    """A text stream that goes silent once nobody reads it: a run does not fail for that."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.encoding = getattr(stream, "encoding", None) or ""
        self._gone = False

    def isatty(self) -> bool:
        """True for a terminal."""
        return self._stream.isatty()

    def say(self, text: str) -> None:
        """Write text at once, as it is."""
        if self._gone:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError as error:
            if error.errno not in _GONE:
                raise
            self._gone = True
            drop(self._stream)
