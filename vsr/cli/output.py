"""Where a command's text and reports go."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vsr.errors import OptionError, VsrError

EXIT_FAILED, EXIT_INTERRUPTED = 1, 130


class ReportFile:
    """The file of `--report` or another option, checked before work begins and written whole or not at all.

    media: the names of source and result, which it must not be. A link is followed; a device or a pipe
    is written into.
    """

    def __init__(self, path: str | None, *media: str, flag: str = "--report") -> None:
        """Raises OptionError where a report could not be written."""
        self._path = Path(path) if path else None
        if self._path is None:
            return
        from vsr.media.images import is_url, same_files

        for name in media:
            if name != "-" and not is_url(name) and same_files(str(self._path), name):
                raise OptionError(f"{flag} {path}: that is {name} itself; choose another name")
        if self._path.is_dir():
            raise OptionError(f"{flag} {path}: that is a folder; give the name of a file")
        if _is_special(self._path):
            if not os.access(self._path, os.W_OK):
                raise OptionError(f"{flag} {path}: it cannot be written to; choose another place")
            return
        self._path = self._path.resolve()
        folder = self._path.parent
        if not folder.is_dir():
            raise OptionError(f"{flag} {path}: there is no folder {Path(str(path)).parent}; make it first")
        if not os.access(folder, os.W_OK):
            raise OptionError(f"{flag} {path}: {folder} cannot be written to; choose another place")

    def write(self, content: dict[str, Any]) -> None:
        """Write the report as JSON, if one was asked for."""
        self.write_text(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n")

    def write_text(self, text: str) -> None:
        """Write a text, if the file was asked for."""
        if self._path is None:
            return
        if _is_special(self._path):
            with self._path.open("w", encoding="utf-8") as device:
                device.write(text)
            return
        try:
            _replace(self._path, text)
        except OSError as error:
            # A full disk is found by a write, which does not know the name.
            raise OSError(error.errno, error.strerror, str(self._path)) from error

    @contextmanager
    def telling_failure(self) -> Iterator[None]:
        """Write a report of what ends the block early, so that none of an earlier run stays."""
        try:
            yield
        except BaseException as error:
            with contextlib.suppress(OSError):
                notes = list(getattr(error, "__notes__", ()))
                self.write({"exit_code": exit_code_of(error), "error": _sentence(error), "notes": notes})
            raise


def report_and_page(json: str | None, html: str | None, *media: str) -> tuple[ReportFile, ReportFile]:
    """Return the files of `--json` and `--html`, which are two, and neither of them `media`."""
    written = [json] if json and not _is_special(Path(json)) else []
    return ReportFile(json, *media, flag="--json"), ReportFile(html, *media, *written, flag="--html")


def _replace(path: Path, text: str) -> None:
    """Write a file whole, or leave what was there."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=".report-", delete=False
    ) as file:
        try:
            file.write(text)
            file.close()
            os.chmod(file.name, 0o666 & ~_umask())
            os.replace(file.name, path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def exit_code_of(error: BaseException) -> int:
    """Return what the shell is told about an error."""
    if isinstance(error, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    return error.exit_code if isinstance(error, VsrError) else EXIT_FAILED


def _sentence(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    known = isinstance(error, VsrError | OSError)
    return str(error) if known else f"{type(error).__name__}: {error}".removesuffix(": ")


def _is_special(path: Path) -> bool:
    """True for what cannot be replaced: a device, a pipe, or another name for an open file."""
    return path.exists() and (not path.is_file() or path.is_relative_to("/dev"))


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
