"""Read the block format of mpv user shaders: what mpv's manual and libplacebo's custom-shaders.md describe.

A file is a list of blocks. A block begins with lines `//!DIRECTIVE value`; its body is the text up to the
next such line. The first directive says what it is: TEXTURE, PARAM, BUFFER, or else a hook, which is a pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vsr.nets.errors import LiftError

_HOOK = ("HOOK", "BIND", "SAVE", "DESC", "WIDTH", "HEIGHT", "WHEN", "COMPONENTS", "OFFSET", "COMPUTE")
_KINDS: dict[str, tuple[str, ...]] = {
    "TEXTURE": ("TEXTURE", "SIZE", "FORMAT", "FILTER", "BORDER", "STORAGE"),
    "PARAM": ("PARAM", "DESC", "TYPE", "MINIMUM", "MAXIMUM"),
    "BUFFER": ("BUFFER", "VAR", "STORAGE"),
}
_REPEATED = {"HOOK", "BIND", "VAR"}
MAX_HOOKS = 16
MAX_BINDS = 16
MAX_PASSES = 1024
"""The largest known file has 84."""
MAX_BYTES = 16 << 20
"""The largest known file has 1.5 MiB."""


@dataclass(frozen=True, kw_only=True)
class HookPass:
    """One pass: what it reads, what it writes, how large, when, and its GLSL text."""

    file: str
    number: int
    """Counted from 1 within the file."""
    line: int = 1
    """That of its first directive."""
    body_line: int = 1
    hooks: tuple[str, ...]
    binds: tuple[str, ...]
    body: str
    save: str | None = None
    """None: the hooked texture itself is replaced."""
    description: str = ""
    width: str = "HOOKED.w"
    height: str = "HOOKED.h"
    when: str = "1"
    components: int = 4
    offset: str = ""
    compute: tuple[int, ...] = ()
    """Block width and height, then threads, or nothing for a fragment shader."""

    @property
    def target(self) -> str:
        """The name under which the result is kept."""
        return self.hooks[0] if self.save in (None, "HOOKED") else str(self.save)

    @property
    def where(self) -> str:
        """File, pass, description and line, for error texts."""
        return self.where_at(self.line)

    def where_at(self, line: int) -> str:
        """File, pass, description and a line of it."""
        return f"{self.file}, pass {self.number} ({self.description or 'without DESC'}), line {line}"


@dataclass(frozen=True, kw_only=True)
class DataBlock:
    """A TEXTURE, PARAM or BUFFER block: its directives and its body."""

    kind: str
    name: str
    directives: tuple[tuple[str, str], ...]
    body: str


@dataclass(frozen=True, kw_only=True)
class ShaderFile:
    """A parsed file."""

    name: str
    passes: tuple[HookPass, ...]
    data: tuple[DataBlock, ...] = ()
    parameters: dict[str, float] = field(default_factory=dict)
    """The defaults of its numeric PARAM blocks."""


def parse_file(path: Path) -> ShaderFile:
    """Read a file. Raises LiftError where it cannot be read or is not a shader file."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise LiftError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(data) > MAX_BYTES:
        raise LiftError(f"{path} is larger than {MAX_BYTES >> 20} MiB; no mpv user shader is")
    if b"\0" in data:
        raise LiftError(f"{path} is no text; an mpv user shader is wanted")
    return parse(data.decode("utf-8", errors="replace"), path.name)


def parse(text: str, name: str) -> ShaderFile:
    """Parse a file's text. An unknown directive refuses the whole file, as in mpv: LiftError.

    Lines end as on any system, a byte order mark is passed over.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    passes: list[HookPass] = []
    data: list[DataBlock] = []
    for line, directives, body in _blocks(text):
        kind = directives[0][0] if directives[0][0] in _KINDS else "HOOK"
        _check_directives(name, line, kind, directives)
        if kind == "HOOK":
            if len(passes) == MAX_PASSES:
                raise LiftError(f"{name}, line {line}: more than {MAX_PASSES} passes; no network has as many")
            passes.append(_hook(name, len(passes) + 1, line, directives, body))
        else:
            data.append(DataBlock(kind=kind, name=directives[0][1], directives=directives, body=body.strip()))
    if not passes:
        raise LiftError(f"{name} has no pass: no line begins with //!HOOK. Is it an mpv user shader?")
    return ShaderFile(name=name, passes=tuple(passes), data=tuple(data), parameters=_parameters(name, data))


def _blocks(text: str) -> Iterator[tuple[int, tuple[tuple[str, str], ...], str]]:
    """Yield (line number, directives, body) of each block; text before the first is skipped."""
    directives: list[tuple[str, str]] = []
    body: list[str] = []
    start = 0
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("//!"):
            if body and directives:
                yield start, tuple(directives), "\n".join(body)
                directives, body = [], []
            start = start if directives else number
            word, *value = line[3:].split(None, 1)[:2] or [""]
            directives.append((word, "".join(value).strip()))
        elif directives:
            body.append(line)
    if directives:
        yield start, tuple(directives), "\n".join(body)


def _check_directives(name: str, line: int, kind: str, directives: tuple[tuple[str, str], ...]) -> None:
    allowed = _KINDS.get(kind, _HOOK)
    seen: set[str] = set()
    for offset, (word, _) in enumerate(directives):
        if word not in allowed:
            raise LiftError(
                f"{name}, line {line + offset}: //!{word} is unknown in a {kind} block; "
                f"allowed are {', '.join(allowed)}"
            )
        if word in seen and word not in _REPEATED:
            raise LiftError(f"{name}, line {line + offset}: //!{word} is given twice")
        seen.add(word)


def _hook(name: str, number: int, line: int, directives: tuple[tuple[str, str], ...], body: str) -> HookPass:
    values = dict(directives)
    hooks = tuple(value for word, value in directives if word == "HOOK")
    binds = tuple(value for word, value in directives if word == "BIND")
    where = f"{name}, pass {number}, line {line}"
    if not 1 <= len(hooks) <= MAX_HOOKS or len(binds) > MAX_BINDS:
        raise LiftError(
            f"{where} has {len(hooks)} HOOK and {len(binds)} BIND; 1 to 16 and up to 16 are allowed"
        )
    for word in ("HOOK", "BIND", "SAVE", "WIDTH", "HEIGHT", "WHEN"):
        if word in values and not values[word]:
            raise LiftError(f"{where}: //!{word} has no value")
    compute = _integers(where, "COMPUTE", values.get("COMPUTE", ""), (2, 4))
    components = _integers(where, "COMPONENTS", values.get("COMPONENTS", "4"), (1,))[0]
    if not 1 <= components <= 4:
        raise LiftError(f"{where}: COMPONENTS is {components}; 1 to 4 is allowed")
    return HookPass(
        file=name,
        number=number,
        line=line,
        body_line=line + len(directives),
        hooks=hooks,
        binds=binds,
        body=body,
        save=values.get("SAVE"),
        description=values.get("DESC", ""),
        width=values.get("WIDTH", "HOOKED.w"),
        height=values.get("HEIGHT", "HOOKED.h"),
        when=values.get("WHEN", "1"),
        components=components,
        offset=values.get("OFFSET", ""),
        compute=compute,
    )


def _integers(where: str, word: str, text: str, counts: tuple[int, ...]) -> tuple[int, ...]:
    if not text:
        return ()
    words = text.split()
    if len(words) not in counts or not all(re.fullmatch("[0-9]{1,6}", part) for part in words):
        raise LiftError(
            f"{where}: //!{word} {text}: {' or '.join(map(str, counts))} whole numbers are wanted"
        )
    return tuple(int(part) for part in words)


def _parameters(name: str, data: list[DataBlock]) -> dict[str, float]:
    found: dict[str, float] = {}
    for block in data:
        if block.kind == "PARAM":
            try:
                found[block.name] = float(block.body)
            except ValueError:
                raise LiftError(f"{name}: PARAM {block.name} has {block.body!r} for a default") from None
    return found
