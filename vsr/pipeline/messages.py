"""Sentences for people that any thread says, told on one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import get_ident


class Messages:
    """Sentences on their way to people.

    Thread-safety: any thread may `say`; what the thread that made this says is told at once, what others say
    when it passes that on.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._owner = get_ident()
        self._waiting: deque[str] = deque()
        self.told: list[str] = []
        """All so far, in order."""

    def say(self, text: str) -> None:
        """Have one sentence told."""
        self._waiting.append(text)
        if get_ident() == self._owner:
            self.pass_on()

    def pass_on(self) -> None:
        """Tell what waits."""
        while self._waiting:
            text = self._waiting.popleft()
            self.told.append(text)
            self._tell(text)
