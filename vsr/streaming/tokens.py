"""Tokens that do not stand on the command line, which all users of a machine can read."""

from __future__ import annotations

from vsr.errors import OptionError

_MOST_CHARACTERS = 4096


def token_of(given: str | None, flag: str) -> str | None:
    """Return the token that `given` is, or that the file holds which it names after an @; None stays None.

    Raises OptionError, which names `flag`, for a file that cannot be read or holds anything but one word.
    """
    if given is None or not given.startswith("@"):
        return given
    try:
        with open(given[1:], encoding="ascii") as file:
            words = file.read(_MOST_CHARACTERS + 1).split()
    except OSError as error:
        raise OptionError(f"{flag} {given}: {error.strerror}; name a file that holds the token") from error
    except UnicodeDecodeError:
        words = []
    if len(words) != 1 or len(words[0]) > _MOST_CHARACTERS:
        raise OptionError(
            f"{flag} {given}: the file holds no token; write it there, one word of ASCII, "
            f"of {_MOST_CHARACTERS} characters at most"
        )
    return words[0]
