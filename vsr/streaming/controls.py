"""What somebody who watches a live run asks of it."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from vsr.errors import OptionError


class Controls:
    """Wishes of who watches, which the run reads between two frames.

    Thread-safety: safe; written by the threads of a preview, read by the run's.
    """

    def __init__(self, ladder: Sequence[str], *, can_record: bool = False) -> None:
        """`ladder` is what the model can be chosen from; `can_record` that the run heeds `recording`."""
        self.ladder = tuple(ladder)
        self.can_record = can_record
        self._lock = threading.Lock()
        # -- protected by _lock
        self._step: int | None = None
        self._paused = False
        self._recording = False

    @property
    def step(self) -> int | None:
        """The step that was chosen by hand; None: the ladder decides."""
        with self._lock:
            return self._step

    @property
    def paused(self) -> bool:
        """True while frames that arrive are to be let go."""
        with self._lock:
            return self._paused

    @property
    def recording(self) -> bool:
        """True while the encoded stream is to be written into a file, too."""
        with self._lock:
            return self._recording

    def choose(self, model: str | None) -> None:
        """Ask for a model of the ladder by its text; None leaves it to the ladder again.

        Raises OptionError for one that is not of the ladder.
        """
        if model is not None and model not in self.ladder:
            raise OptionError(f"model is {model!r}; this run has {', '.join(self.ladder)}, or null")
        with self._lock:
            self._step = None if model is None else self.ladder.index(model)

    def pause(self, paused: bool) -> None:
        """Ask for a pause, or for going on."""
        with self._lock:
            self._paused = paused

    def record(self, recording: bool) -> None:
        """Ask for a recording to begin or end. Raises OptionError where the run cannot record."""
        if recording and not self.can_record:
            raise OptionError("recording is not set up in this run; start it with --record DIR")
        with self._lock:
            self._recording = recording
