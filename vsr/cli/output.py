"""Where a command's text and reports go."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from vsr.errors import OptionError


class ReportFile:
    """The file of `--report`, checked before work begins and written whole or not at all."""

    def __init__(self, path: str | None) -> None:
        """Raises OptionError where a report could not be written."""
        self._path = Path(path) if path else None
        if self._path is None:
            return
        folder = self._path.parent
        if not folder.is_dir():
            raise OptionError(f"--report {path}: there is no folder {folder}; make it first")
        if self._path.is_dir():
            raise OptionError(f"--report {path}: that is a folder; give the name of a file")
        if not os.access(folder, os.W_OK):
            raise OptionError(f"--report {path}: {folder} cannot be written to; choose another place")

    def write(self, content: dict[str, Any]) -> None:
        """Write the report, if one was asked for."""
        if self._path is None:
            return
        text = json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n"
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=self._path.parent, prefix=".report-", delete=False
        ) as file:
            try:
                file.write(text)
                file.close()
                os.chmod(file.name, 0o666 & ~_umask())
                os.replace(file.name, self._path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
