"""Read the weights of a network from a file, without running anything that is in it."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from vsr.nets.checkpoint.safetensors import read_metadata, read_safetensors
from vsr.nets.checkpoint.torch_file import read_torch
from vsr.nets.errors import CheckpointError
from vsr.nets.families import Tensors, recognise
from vsr.nets.graph import Graph

_READERS = {".safetensors": read_safetensors, ".pth": read_torch, ".pt": read_torch, ".ckpt": read_torch}


SCALE_KEY, ACTIVATION_KEY = "vsr.scale", "vsr.activation"
FIGURE_KEY = "vsr.psnr."
"""In the metadata of .safetensors: what weights do not say."""


def read_tensors(path: Path) -> Tensors:
    """Return a checkpoint's tensors by name, as float32. Raises CheckpointError.

    The file is mapped, not read: what is copied are the tensors alone.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise CheckpointError(f"{path.name} is no checkpoint by its name; known are {', '.join(_READERS)}")
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise CheckpointError(f"{path.name} is empty. Download or copy it again")
            return reader(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)), file, path.name)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error


def read_metadata_of(path: Path) -> dict[str, str]:
    """Return what a checkpoint says about itself beside its tensors; only .safetensors say anything."""
    return read_metadata(path) if path.suffix.lower() == ".safetensors" else {}


def read_checkpoint(
    path: Path, *, scale: int | None = None, activation: str | None = None, name: str | None = None
) -> Graph:
    """Return the network in a checkpoint, its family told by keys and shapes; `name` is it, else the file's.

    `scale` is for the families whose weights do not say it (SRCNN, VDSR and FSRCNN: 2 without it; 1 where the
    picture of SRCNN and VDSR comes enlarged); others refuse one that is not theirs. `activation` is for ports
    that differ in it alone: ESPCN (tanh, relu) and SRVGGNetCompact without PReLU (relu, leakyrelu). What was
    assumed is in the graph's source. Where neither is given, the metadata of .safetensors may say them, as
    those trained here do. Raises CheckpointError.
    """
    tensors = read_tensors(path)
    said = read_metadata_of(path)
    activation = activation or said.get(ACTIVATION_KEY)
    if scale is None and said.get(SCALE_KEY, "").isdecimal():
        scale = int(said[SCALE_KEY])
    return recognise(tensors, name=name or path.stem, source=path.name, scale=scale, activation=activation)
