"""Pictures from folders, as the training and its evaluation take them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from vsr.errors import OptionError
from vsr.media.images import IMAGE_SUFFIXES
from vsr.media.rgb import Bytes


def picture_files(folder: Path) -> list[Path]:
    """Return the images of a folder in the order of their names. Raises OptionError where there are none."""
    if not folder.is_dir():
        kinds = " ".join(sorted(IMAGE_SUFFIXES))
        raise OptionError(
            f"{folder} is no folder; give one with images ({kinds}), or by --data the folder that holds it"
        )
    files = sorted(
        path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()
    )
    if not files:
        raise OptionError(f"{folder} has no images; {' '.join(sorted(IMAGE_SUFFIXES))} are read")
    return files


def floats(samples: Bytes) -> npt.NDArray[np.float32]:
    """Return samples of 8 bits as 0..1."""
    return (samples / 255).astype(np.float32)
