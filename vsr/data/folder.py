"""A new folder that is there whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vsr.errors import OptionError


def check_new(out: Path) -> None:
    """Raise OptionError unless `out` does not exist or is an empty folder."""
    if out.exists() and not out.is_dir():
        raise OptionError(f"--out {out}: that is a file; name a folder")
    if out.is_dir() and any(out.iterdir()):
        raise OptionError(f"--out {out}: the folder is not empty; choose another name, or empty it first")


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Give a folder to fill beside `out`, and make it `out` where the block ends well; else remove it.

    Raises OptionError as `check_new` does and where it cannot be made.
    """
    check_new(out)
    out = out.absolute()
    work = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        work.mkdir(parents=True)
    except OSError as error:
        raise OptionError(
            f"--out {out}: it cannot be made ({error.strerror}); choose another place"
        ) from None
    try:
        yield work
        if out.exists():
            out.rmdir()
        work.rename(out)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
