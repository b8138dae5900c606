"""What one pass of a network shader computes, and its text made ready to be read.

The idiom: a vec4 is a sum of matrices times samples at offsets, plus a bias, plus a skip, through an
activation. `mat4(a)` holds columns: output i takes input j by a[4 * j + i]. A pass gives one vec4, or several
that it stores side by side in a larger texture. Every statement must be of a known form; one that is not
raises LiftError and names itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from vsr.nets.errors import LiftError
from vsr.nets.glsl.parser import HookPass
from vsr.nets.ops import Border, ResizeKind, ShuffleOrder

Part = Literal["whole", "positive", "negative"]
"""x, max(x, 0) or max(-x, 0) of a sampled value."""
Matrix = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float32]
Offset = tuple[float, float]
"""(x, y), in texels of the sampled texture."""
Packing = tuple[int, int]
"""How many vec4 lie side by side in a texture for each pixel: across, down."""

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
NUMBERS = r"[-+0-9.eE,]+"
ZERO = r"vec4\(0(?:\.0)?\)"
_HALF = "GL_EXT_shader_explicit_arithmetic_types_float16"
_TYPES = {
    "f16vec4": "vec4", "f16mat4": "mat4", "float16_t": "float",
    "vec4": "vec4", "mat4": "mat4", "float": "float",
}  # fmt: skip
"""Types in half precision are read as those in single precision: what renderers without the extension run."""
_ALIAS = re.compile(r"define ([A-Za-z_]\w*) (\w+)")


@dataclass
class SumForm:
    """A vec4 that is a convolution."""

    taps: dict[tuple[str, Part], dict[Offset, Matrix]] = field(default_factory=dict)
    """For each texture and part the (out 4, in 4) matrix of each offset, in order of appearance. A texture
    "A+B" is the sum of two that are read at one offset."""
    bias: Vector = field(default_factory=lambda: np.zeros(4, np.float32))
    skips: list[str] = field(default_factory=list)
    """Textures added as they are, before the activation."""
    relu: bool = False
    slopes: Vector | None = None
    """Of a PReLU."""
    gain: float = 1.0
    base: str | None = None
    """The texture added at the very end: MAIN, enlarged by the sampler."""
    clamp: bool = False
    border: Border = "replicate"
    """Samplers repeat the border; texelFetch gives zeros outside."""

    def add(self, texture: str, part: Part, offset: Offset, matrix: Matrix) -> None:
        """Add a matrix times a sample."""
        taps = self.taps.setdefault((texture, part), {})
        taps[offset] = taps[offset] + matrix if offset in taps else matrix


@dataclass
class ShuffleForm:
    """A pass that turns channels into pixels."""

    textures: list[str] = field(default_factory=list)
    """One for each plane of the result; the same three times where one plane serves R, G and B."""
    order: ShuffleOrder = "yx"
    factor: int = 2
    base: str | None = None
    base_kind: ResizeKind = "bilinear"
    clamp: bool = False


@dataclass(frozen=True)
class Recognised:
    """What a pass stores: one form, or as many as its packing holds, row by row."""

    forms: tuple[SumForm | ShuffleForm, ...]
    packing: Packing = (1, 1)

    def targets(self, name: str) -> list[str]:
        """Return the names of the forms' results in a texture of that name."""
        across, down = self.packing
        return [packed(name, self.packing, (x, y)) for y in range(down) for x in range(across)]


def packed(name: str, packing: Packing, place: tuple[int, int]) -> str:
    """Return the name of the vec4 at a place (x, y) of a texture that holds several for each pixel."""
    return name if packing == (1, 1) else f"{name}[{packing[0]}x{packing[1]}:{place[0]},{place[1]}]"


def unpacked(name: str) -> str:
    """Return the texture's own name."""
    return name.partition("[")[0]


def vector(numbers: str) -> Vector | None:
    """Return the four values of a vec4's arguments; one stands for all. None where they are no such thing."""
    values = _values(numbers)
    if values is None or values.size not in (1, 4):
        return None
    return np.full(4, values[0], np.float32) if values.size == 1 else values


def matrix(kind: str, numbers: str, *, scalar: bool) -> Matrix | None:
    """Return the matrix by which `mat4(numbers) * vector` or `vec4(numbers) * scalar` takes a sample."""
    values = _values(numbers)
    if values is None or values.size != (4 if scalar else 16) or scalar != (kind == "vec4"):
        return None
    if not scalar:
        return values.reshape(4, 4).T
    result = np.zeros((4, 4), np.float32)
    result[:, 0] = values
    return result


def _values(numbers: str) -> Vector | None:
    try:
        with np.errstate(over="ignore"):
            values = np.array(numbers.split(","), np.float32)
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None


def unknown(shader_pass: HookPass, code: str, statement: str) -> LiftError:
    """Return the error that names a statement, without blanks, of a pass's prepared code."""
    left = "".join(code.split()).find("".join(statement.split()))
    shown, number = statement, 0
    for number, line in enumerate(code.split("\n") if left >= 0 else ()):
        length = len("".join(line.split()))
        if left < length:
            written = shader_pass.body.split("\n")[number].strip()
            shown = written if left == 0 or len(written) <= 120 else statement
            break
        left -= length
    shown = shown if len(shown) <= 120 else shown[:117] + "..."
    where = shader_pass.where_at(shader_pass.body_line + number)
    return LiftError(f"{where} is no known part of a network; the first unknown statement is: {shown}")


def prepare(shader_pass: HookPass) -> str:
    """Return a pass's code line for line, without comments, in single precision, types by their own names.

    What remains of the preprocessor are the lines that define other things. Raises LiftError for code, a
    comment or a condition without an end.
    """
    text = _without_comments(shader_pass)
    if not text.rstrip().endswith("}"):
        raise LiftError(f"{shader_pass.where}: its code does not end with a brace; is the file cut?")
    if "#" not in text:
        return text
    lines: list[str] = []
    names: dict[str, str] = dict(_TYPES)
    inside = skipping = False
    for line in text.split("\n"):
        words = line.strip()[1:].split() if line.lstrip().startswith("#") else []
        if words[:2] == ["ifdef", _HALF] and not inside:
            inside = skipping = True
        elif words == ["else"] and skipping:
            skipping = False
        elif words == ["endif"] and inside:
            inside = skipping = False
        elif (alias := _ALIAS.fullmatch(" ".join(words))) and alias[2] in _TYPES and not skipping:
            names[alias[1]] = _TYPES[alias[2]]
        elif words[:2] != ["extension", _HALF]:
            lines.append("" if skipping else line)
            continue
        lines.append("")
    if inside:
        raise LiftError(f"{shader_pass.where}: its #ifdef has no #endif; is the file cut?")
    return re.sub(rf"\b(?:{'|'.join(names)})\b", lambda found: names[found.group()], "\n".join(lines))


def _without_comments(shader_pass: HookPass) -> str:
    """Return the body without comments; those over several lines leave their line ends."""
    text, start = shader_pass.body, 0
    parts: list[str] = []
    while found := re.compile(r"//|/\*").search(text, start):
        parts.append(text[start : found.start()])
        ending = "\n" if found.group() == "//" else "*/"
        start = text.find(ending, found.end())
        if ending == "*/":
            if start < 0:
                raise LiftError(f"{shader_pass.where}: a comment has no end; is the file cut?")
            start += 2
            parts.append("\n" * text.count("\n", found.start(), start))
        elif start < 0:
            return "".join(parts)
    return "".join([*parts, text[start:]])
