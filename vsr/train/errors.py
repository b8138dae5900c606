"""What goes wrong in a training."""

from vsr.errors import VsrError


class TrainingError(VsrError, ArithmeticError):
    """The loss is no number any more; the last good weights were kept."""
