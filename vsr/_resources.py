"""Where the trees that are not Python lie: kernel sources and shipped networks.

In a wheel they are vsr/_trees/<name>; in a checkout the top-level folders of the same name.
Nothing else in vsr builds such paths.
"""

from pathlib import Path
from typing import Literal

_HERE = Path(__file__).resolve().parent


def tree(name: Literal["kernels", "engines"]) -> Path:
    """Return the folder `kernels` or `engines`."""
    packed = _HERE / "_trees" / name
    return packed if packed.is_dir() else _HERE.parent / name
