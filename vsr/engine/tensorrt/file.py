"""Engine files: a header that says what is in it, and the engine.

8 bytes     b"vsr-trt1"
4 bytes     the length of the header, little-endian
header      JSON: size and SHA-256 of what follows, the key's digest and values, who wrote it
the rest    the engine as TensorRT serialised it, or a timing cache
"""

from __future__ import annotations

import contextlib
import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from vsr.engine.tensorrt.key import Key
from vsr.errors import DeviceError

MAGIC = b"vsr-trt1"
PARTIAL = ".part"
_LARGEST_HEADER = 1 << 20


class EngineFileError(DeviceError):
    """An engine file that is missing, damaged, or of another network, GPU or version."""


class StaleError(EngineFileError):
    """A whole engine file that was built for something else."""


def write_file(path: Path, key: Key, data: bytes) -> None:
    """Write an engine; what is at `path` is replaced when the new file is complete and on the disk.

    Raises OSError; nothing is left behind then.
    """
    from vsr._version import __version__

    header = {
        "vsr": __version__,
        "size_bytes": len(data),
        "sha256": sha256(data).hexdigest(),
        "digest": key.digest,
        "key": dict(key.values),
    }
    text = json.dumps(header).encode()
    partial = path.with_name(f".{path.name}.{uuid4().hex}{PARTIAL}")
    try:
        with partial.open("xb") as file:
            file.write(MAGIC + len(text).to_bytes(4, "little") + text)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def read_file(path: Path, key: Key) -> bytes:
    """Return the engine in a file. Raises EngineFileError; StaleError where it is whole, for another key."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EngineFileError(f"{path} cannot be read: {error.strerror or error}") from error
    header, start = _header(path, data)
    size, found = header["size_bytes"], len(data) - start
    if found != size:
        raise EngineFileError(f"{path} is damaged: {found:,} bytes of engine, {size:,} were written")
    plan = data[start:]
    if sha256(plan).hexdigest() != header["sha256"]:
        raise EngineFileError(f"{path} is damaged: its SHA-256 is not the one that was written")
    if different := key.difference(header["key"]):
        raise StaleError(f"{path} is stale: {different}")
    return plan


def read_values(path: Path) -> dict[str, Any]:
    """Return the values of the key in a file's header. Raises EngineFileError."""
    try:
        with path.open("rb") as file:
            header, _ = _header(path, file.read(_LARGEST_HEADER))
    except OSError as error:
        raise EngineFileError(f"{path} cannot be read: {error.strerror or error}") from error
    values: dict[str, Any] = header["key"]
    return values


def _header(path: Path, data: bytes) -> tuple[dict[str, Any], int]:
    """Return a file's header and where the engine begins."""
    start = len(MAGIC) + 4
    if not data.startswith(MAGIC):
        raise EngineFileError(f"{path} is no engine of vsr, or damaged at its beginning")
    end = start + int.from_bytes(data[len(MAGIC) : start], "little")
    try:
        header = json.loads(data[start:end])
        fits = isinstance(header["size_bytes"], int) and isinstance(header["sha256"], str)
        fits = fits and Key(values=header["key"]).digest == header["digest"] and end <= len(data)
    except (ValueError, KeyError, TypeError, RecursionError):
        fits = False
    if not fits:
        raise EngineFileError(f"{path} is damaged: its header cannot be read")
    return header, end


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut, where the system lets folders be opened for that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
