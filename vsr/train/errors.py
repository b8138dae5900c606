"""What goes wrong in a training."""

from vsr.errors import VsrError


class TrainingError(VsrError, ArithmeticError):
    """The loss is no number any more, or has risen without end; the last good weights were kept."""
