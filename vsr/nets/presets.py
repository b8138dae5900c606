"""What a model's text means: presets, shader files and where they lie, checkpoints, names.

The lists are those of Anime4K's own instructions (md/Template, the input.conf files for strong and for weak
GPUs). No shader is part of vsr: files are the user's, and are looked for where mpv's users keep them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from vsr.errors import OptionError
from vsr.nets.shipped import shipped
from vsr.registry import Registry

SHADER_SUFFIXES = (".glsl",)
NETWORK_SUFFIXES = (".onnx", ".pth", ".pt", ".ckpt", ".safetensors")
_PREFIX = "anime4k:"
_PACKAGE = "anime4k_python"
_MAX_DEPTH = 2
"""How far below a shader folder a file may lie: shaders/anime4k/restore/x.glsl."""

_MODES = {
    "A": ("Restore_CNN_{big}", "Upscale_CNN_x2_{big}", "@", "Upscale_CNN_x2_{small}"),
    "B": ("Restore_CNN_Soft_{big}", "Upscale_CNN_x2_{big}", "@", "Upscale_CNN_x2_{small}"),
    "C": ("Upscale_Denoise_CNN_x2_{big}", "@", "Upscale_CNN_x2_{small}"),
    "A+A": (
        "Restore_CNN_{big}", "Upscale_CNN_x2_{big}", "Restore_CNN_{small}", "@", "Upscale_CNN_x2_{small}",
    ),
    "B+B": (
        "Restore_CNN_Soft_{big}", "Upscale_CNN_x2_{big}", "@", "Restore_CNN_Soft_{small}",
        "Upscale_CNN_x2_{small}",
    ),
    "C+A": ("Upscale_Denoise_CNN_x2_{big}", "@", "Restore_CNN_{small}", "Upscale_CNN_x2_{small}"),
}  # fmt: skip
"""After Clamp_Highlights; @ is the pair AutoDownscalePre_x2, AutoDownscalePre_x4."""
_SIZES = {"": ("VL", "M"), ":fast": ("M", "S")}


def _files(mode: str, variant: str) -> tuple[str, ...]:
    big, small = _SIZES[variant]
    stems = ["Clamp_Highlights"]
    for stem in _MODES[mode]:
        stems += ["AutoDownscalePre_x2", "AutoDownscalePre_x4"] if stem == "@" else [stem]
    return tuple(f"Anime4K_{stem.format(big=big, small=small)}.glsl" for stem in stems)


PRESETS: Registry[tuple[str, ...]] = Registry(
    "preset",
    {f"{_PREFIX}{mode}{variant}": _files(mode, variant) for variant in _SIZES for mode in _MODES},
)
"""The official names of a preset's shader files, in the order mpv is given them."""

_OFFICIAL = {name for names in PRESETS.values() for name in names}
_COMBINED = {"Anime4K_ModeA.glsl": PRESETS["anime4k:A"]}
"""Files that hold the text of several official ones, as the package anime4k-python has them."""


@dataclass(frozen=True)
class ShaderPart:
    """Shader files that mpv would be given together, in order: paths, or names to be looked for."""

    files: tuple[str, ...]


@dataclass(frozen=True)
class NetworkPart:
    """A file of weights: a checkpoint or ONNX."""

    path: Path
    name: str | None = None
    """Of a network that comes with vsr; else its file has it."""


@dataclass(frozen=True)
class NamePart:
    """Anything else: a model by its name."""

    name: str


ModelPart = ShaderPart | NetworkPart | NamePart


def parse_model(text: str) -> tuple[ModelPart, ...]:
    r"""Return the parts of a model text, a chain whose links are separated by commas.

    A link is a preset (anime4k:A, anime4k:A+A:fast), a shader file, the name of a network that comes with
    vsr, a file of weights, or another name. Links that are shaders and follow one another are one part.
    `\,` is a comma within a link; any other backslash is itself. Raises OptionError for an empty link, an
    unknown preset, and a preset given twice.
    """
    parts: list[ModelPart] = []
    for link in (piece.replace("\\,", ",").strip() for piece in re.split(r"(?<!\\),", text)):
        if not link:
            raise OptionError(
                f"the model {text!r} has an empty link; links are separated by single commas, "
                "and a comma that belongs to a path is written \\,"
            )
        part = _link(link)
        if isinstance(part, ShaderPart) and parts and isinstance(parts[-1], ShaderPart):
            part = ShaderPart(parts.pop().files + part.files)  # type: ignore[union-attr]
        parts.append(part)
    for part in parts:
        if isinstance(part, ShaderPart):
            _check_once(part.files)
    return tuple(parts)


def _link(text: str) -> ModelPart:
    if text.lower().startswith(_PREFIX):
        mode, colon, variant = text[len(_PREFIX) :].partition(":")
        return ShaderPart(PRESETS[f"{_PREFIX}{mode.upper()}{colon}{variant.lower()}"])
    suffix = Path(text).suffix.lower()
    if suffix in SHADER_SUFFIXES:
        return ShaderPart((text,))
    if text in shipped():
        return NetworkPart(shipped()[text].weights, text)
    return NetworkPart(Path(text)) if suffix in NETWORK_SUFFIXES else NamePart(text)


def shader_folders(shader_dir: Path | None = None) -> tuple[Path, ...]:
    """Return the folders that exist and are searched for shader files, in order.

    `shader_dir`, the environment's VSR_SHADER_DIR, mpv's folders ($MPV_HOME, $XDG_CONFIG_HOME/mpv/shaders,
    ~/.config/mpv/shaders, ~/.mpv/shaders), and the package anime4k-python, which is not imported. Raises
    OptionError where one of the first two is given and is no folder.
    """
    chosen = {"--shader-dir": shader_dir, "VSR_SHADER_DIR": _environment("VSR_SHADER_DIR")}
    for origin, folder in chosen.items():
        if folder is not None and not folder.is_dir():
            raise OptionError(f"{origin} is {str(folder)!r}, which is no folder; name one that holds shaders")
    folders = [folder for folder in chosen.values() if folder is not None]
    folders += [home / "shaders" for home in _mpv_homes()]
    if mpv_home := _environment("MPV_HOME"):
        folders.append(mpv_home)
    spec = find_spec(_PACKAGE)
    folders += map(Path, (spec and spec.submodule_search_locations) or ())
    return tuple(dict.fromkeys(folder for folder in folders if folder.is_dir()))


def find_shaders(names: Sequence[str], *, shader_dir: Path | None = None) -> tuple[Path, ...]:
    """Return the paths of shader files, in the order of `names`.

    A name is a path (~/ and mpv's own ~~/ are understood) or the bare name of a file, which is looked for in
    the current folder and in `shader_folders`, a preset's file in these first. Where official files are
    missing, one file that holds the text of them all serves. Raises OptionError that says which are missing
    and where it looked, or which file is there twice.
    """
    folders = shader_folders(shader_dir)
    found = _find(names, folders)
    if None in found:
        for file, members in _COMBINED.items():
            together = _replaced(names, members, file)
            if None not in (other := _find(together, folders)):
                names, found = together, other
    missing = [name for name, path in zip(names, found, strict=True) if path is None]
    if missing:
        raise OptionError(_missing_text(missing, folders))
    paths = tuple(path for path in found if path is not None)
    _check_once([str(path.resolve()) for path in paths])
    return paths


def _environment(name: str) -> Path | None:
    value = os.environ.get(name)
    return Path(value).expanduser() if value else None


def _mpv_homes() -> tuple[Path, ...]:
    """Return mpv's configuration folders, in the order in which mpv prefers them."""
    config = _environment("XDG_CONFIG_HOME")
    homes = (
        _environment("MPV_HOME"),
        config and config / "mpv",
        Path("~/.config/mpv").expanduser(),
        Path("~/.mpv").expanduser(),
    )
    return tuple(home for home in homes if home is not None)


def _find(names: Sequence[str], folders: Sequence[Path]) -> list[Path | None]:
    places = [place for folder in folders for place in _below(folder, _MAX_DEPTH)]
    return [next((path for path in _candidates(name, places) if path.is_file()), None) for name in names]


def _candidates(name: str, places: Sequence[Path]) -> Iterator[Path]:
    """Yield where a file could be: at its path, or, by a bare name, in any of the places.

    A preset's files are taken from the folders for shaders first, others from the current folder.
    """
    if name.startswith("~~/"):
        yield from (home / name[3:] for home in _mpv_homes())
        return
    if name not in _OFFICIAL:
        yield Path(name).expanduser()
    if Path(name).name == name:
        yield from (place / name for place in places)
    yield Path(name)


def _below(folder: Path, depth: int) -> Iterator[Path]:
    """Yield the folder and those in it, to a depth; hidden and unreadable ones are passed over."""
    yield folder
    if depth == 0:
        return
    try:
        inner = sorted(entry for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != ".")
    except OSError:
        return
    for entry in inner:
        yield from _below(entry, depth - 1)


def _replaced(names: Sequence[str], members: Sequence[str], file: str) -> list[str]:
    """Return the names with the run of members, where there is one, replaced by the file."""
    for start in range(len(names) - len(members) + 1):
        if tuple(names[start : start + len(members)]) == tuple(members):
            return [*names[:start], file, *names[start + len(members) :]]
    return list(names)


def _check_once(files: Sequence[str]) -> None:
    twice = sorted({file for file in files if files.count(file) > 1})
    if twice:
        raise OptionError(
            f"{', '.join(twice)} would be loaded twice; as in mpv, a shader file stands in the list once. "
            "Leave one of the links out, or copy the file under another name"
        )


def _missing_text(missing: Sequence[str], folders: Sequence[Path]) -> str:
    text = f"shader files not found: {', '.join(missing)}; looked in "
    text += ", ".join(map(str, ("the current folder", *folders)))
    if not any(name.startswith("Anime4K_") for name in missing):
        return f"{text}. Give the path of the file, or its folder by --shader-dir or VSR_SHADER_DIR"
    text += ". Download the release of Anime4K (github.com/bloc97/Anime4K) and name its folder by "
    text += "--shader-dir or VSR_SHADER_DIR"
    if not set(missing) <= set(_COMBINED["Anime4K_ModeA.glsl"]):
        return text
    return f"{text}; for anime4k:A, `pip install 'vsr-realtime[anime4k]'` is enough"
