"""Too little memory, in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from vsr.errors import DeviceError


@contextmanager
def telling_memory(sentence: str) -> Iterator[None]:
    """Raise DeviceError with a sentence where the block runs out of memory, the host's or a GPU's."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise DeviceError(sentence) from error
    except RuntimeError as error:
        if "not enough memory" in str(error) or "can't allocate memory" in str(error):
            raise DeviceError(sentence) from error
        raise
