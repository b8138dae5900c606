"""Where the trees that are not Python lie, kernel sources and shipped networks, and where caches lie.

In a wheel trees are vsr/_trees/<name>; in a checkout the top-level folders of the same name.
Nothing else in vsr builds such paths.
"""

import os
from pathlib import Path
from typing import Literal

_HERE = Path(__file__).resolve().parent


def tree(name: Literal["kernels", "engines"]) -> Path:
    """Return the folder `kernels` or `engines`."""
    packed = _HERE / "_trees" / name
    return packed if packed.is_dir() else _HERE.parent / name


CACHE_VARIABLE = "VSR_CACHE_DIR"
"""Environment variable that names another folder for caches."""


def cache_folder(name: Literal["cubins", "engines"]) -> Path:
    """Return where a cache is kept: below VSR_CACHE_DIR, else below vsr/ in XDG_CACHE_HOME or ~/.cache.

    As the XDG base directory specification 0.8 has it, an XDG_CACHE_HOME that is not absolute is passed over.
    """
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).expanduser() / name
    base = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(base) if os.path.isabs(base) else Path("~/.cache").expanduser()
    return home / "vsr" / name
