"""Read the weights of a network from a file, without running anything that is in it."""

from __future__ import annotations

from pathlib import Path

from vsr.nets.checkpoint.safetensors import read_safetensors
from vsr.nets.checkpoint.torch_file import read_torch
from vsr.nets.errors import CheckpointError
from vsr.nets.families import Tensors, recognise
from vsr.nets.graph import Graph

_READERS = {".safetensors": read_safetensors, ".pth": read_torch, ".pt": read_torch, ".ckpt": read_torch}


def read_tensors(path: Path) -> Tensors:
    """Return a checkpoint's tensors by name, as float32. Raises CheckpointError."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise CheckpointError(f"{path.name} is no checkpoint by its name; known are {', '.join(_READERS)}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    return reader(data, path.name)


def read_checkpoint(path: Path, *, scale: int | None = None) -> Graph:
    """Return the network in a checkpoint, its family told by keys and shapes.

    `scale` is for the families that take an enlarged picture (SRCNN, VDSR) and so do not say it; others
    refuse one that is not theirs. Raises CheckpointError.
    """
    return recognise(read_tensors(path), name=path.stem, source=path.name, scale=scale)
