"""The errors of vsr, each also a built-in so that ordinary handlers catch it.

    VsrError
        OptionError (ValueError)        what the caller asked for: usage, exit code 2
        MediaError (OSError)            a file or stream
            DecodeError                 it could not be read
            EncodeError                 it could not be written
        DeviceError (RuntimeError)      a processor: missing, out of memory, failed
        InterruptedRunError                 the user asked to stop; what was written is playable

A text says what is wrong, what was given, what is allowed and what to do next.
"""

from typing import ClassVar


class VsrError(Exception):
    """Anything vsr reports as a sentence rather than a traceback."""

    exit_code: ClassVar[int] = 1


class OptionError(VsrError, ValueError):
    """The caller's arguments: an unknown name, a size out of range, a contradiction."""

    exit_code: ClassVar[int] = 2


class MediaError(VsrError, OSError):
    """A file or stream that cannot be opened, read or written."""


class DecodeError(MediaError):
    """The source cannot be read."""


class EncodeError(MediaError):
    """The result cannot be written."""


class DeviceError(VsrError, RuntimeError):
    """A device that is missing, out of memory, or failed."""


class InterruptedRunError(VsrError):
    """The run was stopped by a signal; the result is finished up to that point."""

    exit_code: ClassVar[int] = 130
