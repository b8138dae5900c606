"""Telling a training that learns from one whose learning rate is too high."""

from __future__ import annotations

import math

from vsr.train.errors import TrainingError

RISE = 1000.0
"""How far above its lowest the loss may rise: steps differ by a few times, terms that begin by a few tens."""
FALL_DB = 10.0
"""How far the PSNR may fall below its best: what a GAN does to it is 2 to 4 dB."""
_MEMORY = 0.95
"""Of the running mean: some twenty steps."""


class LossWatch:
    """The running mean of a training's loss, beside the lowest that it was. Thread-safety: one thread."""

    def __init__(self) -> None:
        self.recent = self.lowest = 0.0

    def see(self, loss: float, step: int) -> None:
        """Take the loss of a step, the first being 1.

        Raises TrainingError, and forgets it, where it is no number or has risen too far.
        """
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss} at step {step}; the weights before it are kept. "
                "Try a smaller training.learning_rate"
            )
        recent = self.recent * _MEMORY + loss * (1 - _MEMORY) if self.recent else loss
        lowest = min(self.lowest, recent) if self.lowest else recent
        if lowest > 0 and recent > RISE * lowest:
            raise TrainingError(
                f"the training diverges: the loss is {recent:.3g} around step {step}, and was "
                f"{lowest:.3g}; the weights of the last evaluation are kept. Begin again with a smaller "
                "training.learning_rate"
            )
        self.recent, self.lowest = recent, lowest


class FigureWatch:
    """The best mean PSNR of a training's evaluations. Thread-safety: one thread."""

    def __init__(self) -> None:
        self.best = 0.0

    def see(self, figures: dict[str, float], step: int) -> None:
        """Take the figures of an evaluation, in dB. Raises TrainingError where they have fallen too far."""
        if not figures:
            return
        mean = sum(figures.values()) / len(figures)
        if not mean >= self.best - FALL_DB:
            raise TrainingError(
                f"the training diverges: its PSNR is {mean:.2f} dB at step {step}, and was {self.best:.2f}; "
                "the weights of the evaluation before are kept. Begin again with a smaller "
                "training.learning_rate"
            )
        self.best = max(self.best, mean)
