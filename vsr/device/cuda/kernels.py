"""The CUDA kernels, compiled for one architecture and kept on disk."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from vsr._resources import CACHE_VARIABLE, cache_folder, tree
from vsr.device.cuda import nvrtc
from vsr.device.cuda.launch import Generated, Source

KEY_SCHEMA = 1
"""Part of every key: raise it when the meaning of the others changes."""
OPTIONS = ("-std=c++17", "-fmad=false")
"""Products and sums are rounded one by one, so that results have the bits that the CPU gives."""


def names() -> tuple[str, ...]:
    """Return the sources there are, e.g. "convert"."""
    return tuple(sorted(path.stem for path in (tree("kernels") / "cuda").glob("*.cu")))


def compiled(source: Source, architecture: str, say: Callable[[str], None]) -> bytes:
    """Return a cubin of a source that runs on e.g. "sm_90": from the cache, or compiled and put there.

    `say` is told where it cannot be put there. Raises DeviceError where NVRTC is missing, too old for that,
    or refuses. Thread-safety: safe, between processes too.
    """
    name = source if isinstance(source, str) else source.name
    architecture = nvrtc.target(architecture)
    key = _key(source, architecture, nvrtc.version())
    path = cache_folder("cubins") / f"{name}-{architecture}-{key}.cubin"
    with contextlib.suppress(OSError):
        if cubin := path.read_bytes():  # a power cut can leave a file without its content
            return cubin
    cubin, _ = compile_source(source, architecture)
    try:
        _store(path, cubin)
    except OSError as error:
        say(
            f"compiled kernels cannot be kept in {path.parent} ({error.strerror}), and the next run compiles "
            f"them again; name another folder in {CACHE_VARIABLE}"
        )
    return cubin


def compile_source(source: Source, architecture: str, more: Sequence[str] = ()) -> tuple[bytes, str]:
    """Return (cubin, log), compiled now with `more` options."""
    options = [*_options(architecture), *_includes(), *more]
    if isinstance(source, Generated):
        return nvrtc.compile_cubin(source.text, source.name, options)
    path = tree("kernels") / "cuda" / f"{source}.cu"
    return nvrtc.compile_cubin(path.read_text(encoding="utf-8"), path.name, options)


def _options(architecture: str) -> list[str]:
    return [f"-arch={architecture}", *OPTIONS]


def _includes() -> list[str]:
    folder = tree("kernels")
    return [f"-I{folder}", f"-I{folder / 'cuda'}"]


def _key(source: Source, architecture: str, version: tuple[int, int]) -> str:
    """Return a hash of all that decides the bytes; where the checkout lies does not."""
    digest = hashlib.sha256(repr((KEY_SCHEMA, source, version, _options(architecture))).encode())
    for path in _files(source):
        content = path.read_bytes()
        digest.update(f"\0{path.name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:32]


def _files(source: Source) -> Iterator[Path]:
    """The source, where it is a file, and every header that it may include."""
    folder = tree("kernels")
    if isinstance(source, str):
        yield folder / "cuda" / f"{source}.cu"
    yield from sorted(folder.glob("cuda/*.cuh"))
    yield from sorted(folder.glob("common/*.hpp"))


def _store(path: Path, content: bytes) -> None:
    """Write so that readers see the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        own = Path(file.name)
    try:
        own.write_bytes(content)
        own.replace(path)
    except OSError:
        own.unlink(missing_ok=True)
        raise
