"""Recognise shader files that are no networks: Anime4K's filters, by the text of their passes.

A stage is known where the SHA-256 of its tokens is: comments, blanks, DESC and WHEN aside, and with the
numbers taken out that users are meant to edit. Those become parameters. A stage that is like a known one, but
for some statement, is refused by that statement's name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from hashlib import sha256

from vsr.nets.errors import LiftError
from vsr.nets.glsl.known_filters import HASH_DIGITS, KNOWN, Known
from vsr.nets.glsl.parser import HookPass

_EDITABLE = {
    *("STRENGTH", "ITERATIONS", "SIGMA", "SPATIAL_SIGMA", "INTENSITY_SIGMA", "INTENSITY_POWER_CURVE"),
    *("HISTOGRAM_REGULARIZATION", "REFINE_STRENGTH", "REFINE_BIAS", "BLUR_CURVE", "BLUR_THRESHOLD"),
    *("NOISE_THRESHOLD", "KERNELSIZE", "KERNELHALFSIZE"),
}
_SCALED = ("SPATIAL_SIGMA", "SIGMA")
"""Definitions that may be a number times the picture's height / 1080."""
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_TOKEN = re.compile(rf"[A-Za-z_]\w*|{_NUMBER}|&&|\|\||[-+*/<>=!]=|\+\+|--|\S")
_STATEMENT = re.compile(r"\s*#[^\n]*|[^;{}#]+[;{}]?|[;{}]")
_PLAIN_READ = ("vec4 hook ( ) {", "return HOOKED_tex ( HOOKED_pos ) ;", "}")
_ALIKE = 0.5
"""The share of statements that a stage has in common with a known one to be taken for it, edited."""

Parameters = Mapping[str, tuple[float, ...]]
"""The values of each editable definition, in lower case, in the order of the text."""


@dataclass(frozen=True, kw_only=True)
class FilterForm:
    """A recognised filter: what it does, and the numbers that its text gives."""

    kind: str
    parameters: Parameters


@dataclass(frozen=True)
class _Text:
    """The statements of one pass, as tokens joined by blanks, and what was taken out of them."""

    statements: tuple[str, ...]
    numbers: tuple[tuple[str, float], ...]


def recognise_filter(passes: Sequence[HookPass]) -> FilterForm | None:
    """Return the filter that the passes of one stage are; None for what is not like any of them.

    Raises LiftError for one that is like a known filter and differs in a statement.
    """
    if any("mat4" in each.body for each in passes):
        return None
    texts = [_text(each) for each in passes]
    digest = _digest(texts)
    for known in KNOWN:
        if known.digest == digest:
            return FilterForm(kind=known.kind, parameters=_parameters(texts))
    nearest = max(KNOWN, key=lambda known: _likeness(known, texts))
    if _likeness(nearest, texts) >= _ALIKE:
        raise _difference(nearest, passes, texts)
    return None


def fingerprint(kind: str, passes: Sequence[HookPass]) -> Known:
    """Return what KNOWN has to hold for these passes to be recognised as `kind`."""
    texts = [_text(each) for each in passes]
    return Known(kind, _digest(texts), "".join(_hashes(texts)))


def _text(shader_pass: HookPass) -> _Text:
    statements: list[str] = []
    numbers: list[tuple[str, float]] = []
    for match in _STATEMENT.finditer(_COMMENT.sub("", shader_pass.body)):
        tokens = _TOKEN.findall(match.group())
        if tokens[:2] == ["#", "define"] and len(tokens) > 3 and tokens[2] in _EDITABLE:
            tokens[3:], values = _without_numbers(tokens[2], tokens[3:])
            numbers += [(tokens[2].lower(), value) for value in values]
        if tokens:
            statements.append(" ".join(tokens))
    header = [
        *(f"HOOK {name}" for name in shader_pass.hooks),
        *(f"BIND {name}" for name in shader_pass.binds),
    ]
    header += [f"SAVE {shader_pass.target}", f"COMPONENTS {shader_pass.components}"]
    header += [f"OFFSET {shader_pass.offset}", f"COMPUTE {shader_pass.compute}"]
    if tuple(statements) != _PLAIN_READ:
        header += [f"WIDTH {shader_pass.width}", f"HEIGHT {shader_pass.height}"]
    return _Text((*header, *statements), tuple(numbers))


def _without_numbers(name: str, tokens: list[str]) -> tuple[list[str], list[float]]:
    """Return a definition's tokens with ? for the numbers that users edit, and those numbers."""
    sign = -1.0 if tokens[0] == "-" else 1.0
    alone = tokens[1:] if sign < 0 else tokens
    if len(alone) == 1 and re.fullmatch(_NUMBER, alone[0]):
        return ["?"], [sign * float(alone[0])]
    if name not in _SCALED:
        return tokens, []
    edited = [re.fullmatch(_NUMBER, token) is not None and token != "1080.0" for token in tokens]
    values = [float(token) for token, is_edited in zip(tokens, edited, strict=True) if is_edited]
    return ["?" if is_edited else token for token, is_edited in zip(tokens, edited, strict=True)], values


def _digest(texts: Sequence[_Text]) -> str:
    return sha256("\n\n".join("\n".join(text.statements) for text in texts).encode()).hexdigest()


def _hashes(texts: Sequence[_Text]) -> list[str]:
    return [
        sha256(statement.encode()).hexdigest()[:HASH_DIGITS]
        for text in texts
        for statement in text.statements
    ]


def _parameters(texts: Sequence[_Text]) -> dict[str, tuple[float, ...]]:
    found: dict[str, tuple[float, ...]] = {}
    for text in texts:
        for name, value in text.numbers:
            found[name] = (*found.get(name, ()), value)
    return found


def _matcher(known: Known, texts: Sequence[_Text]) -> SequenceMatcher[str]:
    return SequenceMatcher(None, known.statements, _hashes(texts), autojunk=False)


def _likeness(known: Known, texts: Sequence[_Text]) -> float:
    """Return the share of statements in common; 0 where even the numbers of statements are far apart."""
    own, other = len(known.statements), sum(len(text.statements) for text in texts)
    if 2 * min(own, other) < _ALIKE * (own + other):
        return 0.0
    return _matcher(known, texts).ratio()


def _difference(known: Known, passes: Sequence[HookPass], texts: Sequence[_Text]) -> LiftError:
    """Return the error that names the first statement in which a stage is not the known filter."""
    places = [
        (each, statement) for each, text in zip(passes, texts, strict=True) for statement in text.statements
    ]
    opcodes = _matcher(known, texts).get_opcodes()
    tag, _, _, first, _ = next(code for code in opcodes if code[0] != "equal")
    shader_pass, statement = places[min(first, len(places) - 1)]
    shown = statement if len(statement) <= 120 else statement[:117] + "..."
    what = "lacks a statement before" if tag == "delete" else "differs in"
    return LiftError(
        f"{shader_pass.where} is like Anime4K's {known.kind}, but {what}: {shown}. Only the numbers of "
        f"#define lines that are meant to be edited may be changed; use the original text otherwise"
    )
