"""Which model of a ladder can keep up: down quickly when there is no room, up again slowly."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vsr.errors import OptionError

_RECENT_FRAMES = 31
"""Of which three in four take no longer than what going up is estimated from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LadderRule:
    """When a ladder changes its step. Shares are of the time between two frames."""

    down_share: float = 0.9
    """Work that takes more leaves no room: nothing is left for the encoder and for jitter."""
    fit_share: float = 0.8
    """What a step may take, by estimate, to be stepped down to; below `down_share`, so that it holds."""
    up_share: float = 0.7
    """What the next better step may take, by estimate; well below `down_share`: that is the hysteresis."""
    full: float = 0.75
    """A queue filled beyond this share does not drain, whatever the measured time says."""
    calm: float = 0.5
    """A queue filled beyond this share forbids to step up."""
    down_seconds: float = 0.4
    """How long there must be no room. A single slow frame, a key frame's say, is no reason."""
    smoothing_seconds: float = 0.3
    """Time constant of the mean of the measured times."""
    up_seconds: float = 5.0
    """How long there must be room for the next better step."""
    up_seconds_max: float = 120.0
    """That time doubles, up to this, whenever a step up had to be taken back within it."""
    grace_seconds: float = 1.0
    """From the first frame on, in which nothing steps down: receivers are loading what they need."""
    gap_seconds: float = 1.0
    """After a source was away for so long, what was seen before says nothing: all spans begin anew."""


class Ladder:
    """Chooses among models, the best and slowest first, by what the one at work was measured to take.

    What another one would take now is estimated from `costs`: a machine that takes twice as long for this
    model as it did in the trial would do so for that one, too. Going down, that is of the mean; going up, of
    what three frames in four do not exceed: who is put aside for 10 ms now and then would be so by any model,
    and ten times 10 ms would never leave room. Pure: no clock, no thread of its own.
    Thread-safety: one thread at a time.
    """

    step: int
    """The index of the step to use."""
    steps_down: int
    """How many times it went down, whatever the distance."""
    steps_up: int

    def __init__(self, costs: Sequence[float], rule: LadderRule | None = None) -> None:
        """`costs` are seconds for a frame by each step, measured one after the other on the idle stream.

        Raises OptionError for costs that are not positive numbers, or none.
        """
        if not costs or not all(cost > 0 and math.isfinite(cost) for cost in costs):
            raise OptionError(
                f"costs of the ladder are {list(costs)}; give seconds above 0, one for each step"
            )
        self._costs = tuple(costs)
        self._rule = rule or LadderRule()
        self.steps_down = self.steps_up = 0
        self._up_seconds = self._rule.up_seconds
        self._grace_until: float | None = None
        self.begin(0)

    def begin(self, step: int) -> None:
        """Go on from that step with nothing measured, as after somebody chose the model by hand."""
        self.step = step
        self._last: float | None = None
        self._went_up: float | None = None
        self._forget()

    @property
    def mean_seconds(self) -> float | None:
        """What the step at work takes for a frame, on average lately; None where nothing was measured yet."""
        return self._mean

    def _forget(self) -> None:
        self._mean: float | None = None
        self._recent: deque[float] = deque(maxlen=_RECENT_FRAMES)
        self._pressed_since: float | None = None
        self._calm_since: float | None = None

    def observe(
        self, seconds_per_frame: float, interval_seconds: float, queue_fill: float, now: float
    ) -> int:
        """Take in one frame and return the index of the step to use for the next.

        seconds_per_frame   what the step at work took; of n frames worked on at once, an n-th of that
        interval_seconds    between two frames of the source
        queue_fill          of the queue before the upscaler, 0 to 1
        now                 in seconds, of a clock that does not go back
        """
        if self._grace_until is None:
            self._grace_until = now - seconds_per_frame + self._rule.grace_seconds
        self._take_in(seconds_per_frame, interval_seconds, queue_fill, now)
        self._forgive(now)
        if self._pressed(interval_seconds, queue_fill, now):
            self._go_down(interval_seconds, now)
        elif self._has_room_above(interval_seconds, queue_fill, now):
            self._go("up", self.step - 1)
            self._went_up = now
        return self.step

    def _take_in(self, seconds: float, interval: float, queue_fill: float, now: float) -> None:
        passed = interval if self._last is None else max(0.0, now - self._last)
        self._last = now
        if passed - seconds > max(self._rule.gap_seconds, 2 * interval) and queue_fill <= self._rule.calm:
            self._forget()
        self._recent.append(seconds)
        if self._mean is None:
            self._mean = seconds
            return
        # A frame counts for the time that it took, at least: bursts out of a full queue come quickly.
        weight = 1 - math.exp(-max(passed, seconds) / self._rule.smoothing_seconds)
        self._mean += weight * (seconds - self._mean)

    def _forgive(self, now: float) -> None:
        """A step up that held for the time it took to dare it was right: the next one is dared as soon."""
        if self._went_up is not None and now - self._went_up >= self._up_seconds:
            self._went_up, self._up_seconds = None, self._rule.up_seconds

    def _pressed(self, interval: float, queue_fill: float, now: float) -> bool:
        """Return whether there has been no room for long enough."""
        assert self._mean is not None and self._grace_until is not None
        has_room = self._mean <= self._rule.down_share * interval and queue_fill <= self._rule.full
        if has_room or now < self._grace_until:
            self._pressed_since = None
            return False
        if self._pressed_since is None:
            self._pressed_since = now
        return now - self._pressed_since >= self._rule.down_seconds and self.step < len(self._costs) - 1

    def _go_down(self, interval: float, now: float) -> None:
        """Go to the best step that fits by estimate, the next one at least."""
        assert self._mean is not None
        fitting = (
            step
            for step in range(self.step + 1, len(self._costs))
            if self._estimate(step, self._mean) <= self._rule.fit_share * interval
        )
        if self._went_up is not None:  # taken back
            self._up_seconds = min(2 * self._up_seconds, self._rule.up_seconds_max)
            self._went_up = None
        self._go("down", next(fitting, len(self._costs) - 1))

    def _has_room_above(self, interval: float, queue_fill: float, now: float) -> bool:
        """Return whether the next better step would have had room for long enough."""
        usual = sorted(self._recent)[3 * len(self._recent) // 4]
        if (
            self.step == 0
            or queue_fill > self._rule.calm
            or self._estimate(self.step - 1, usual) > self._rule.up_share * interval
        ):
            self._calm_since = None
            return False
        if self._calm_since is None:
            self._calm_since = now
        return now - self._calm_since >= self._up_seconds

    def _estimate(self, step: int, seconds: float) -> float:
        """Return what a step would take now where the one at work takes `seconds`."""
        return seconds / self._costs[self.step] * self._costs[step]

    def _go(self, way: Literal["up", "down"], step: int) -> None:
        self.begin(step)
        if way == "up":
            self.steps_up += 1
        else:
            self.steps_down += 1
