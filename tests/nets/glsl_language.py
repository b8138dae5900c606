"""A small GLSL: enough to run the shaders of networks and filters over whole pictures at once.

Numbers are Python ints, floats or arrays over the picture; vectors are lists of those. Where a condition
differs from pixel to pixel, both branches run and assignments take effect where theirs holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

Node = tuple[Any, ...]
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_TOKEN = re.compile(r"[A-Za-z_]\w*|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|&&|\|\||[-+*/<>=!]=|\+\+|--|[^\s]")
_TYPES = {"void", "bool", "int", "float", "vec2", "vec3", "vec4", "ivec2", "mat4", "mat4x4"}
_LEVELS = (("||",), ("&&",), ("==", "!="), ("<", ">", "<=", ">="), ("+", "-"), ("*", "/", "%"))
_COMPONENTS = {**{c: i for i, c in enumerate("xyzw")}, **{c: i for i, c in enumerate("rgba")}}


class Vec:
    """A vector for each pixel: components are numbers or arrays."""

    def __init__(self, parts: list[Any]) -> None:
        self.parts = parts

    def __iter__(self) -> Iterator[Any]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)

    def __neg__(self) -> Any:
        return binary("*", self, -1)

    def __getitem__(self, index: Any) -> Any:
        if not isinstance(index, np.ndarray):
            return self.parts[index]
        return np.take_along_axis(np.stack(np.broadcast_arrays(*self.parts)), index[None], 0)[0]

    def __setitem__(self, index: int, value: Any) -> None:
        self.parts[index] = value


class Mat:
    """A mat4: 16 numbers, column by column."""

    def __init__(self, *values: float) -> None:
        self.columns = [values[i : i + 4] for i in range(0, 16, 4)]

    def __mul__(self, vector: Vec) -> Vec:
        pairs = list(zip(self.columns, vector.parts, strict=True))
        rows = ([column[i] * part for column, part in pairs] for i in range(4))
        return Vec([sum(row, start=np.float64(0)) for row in rows])


def _plain(operator: str, a: Any, b: Any) -> Any:
    match operator:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            whole = isinstance(a, int | np.integer) and isinstance(b, int | np.integer)
            return int(a / b) if whole else np.divide(a, b)
        case "%":
            return a % b
        case "<":
            return a < b
        case ">":
            return a > b
        case "<=":
            return a <= b
        case ">=":
            return a >= b
        case "==":
            return a == b
        case "!=":
            return a != b
        case "&&":
            return np.logical_and(a, b)
    return np.logical_or(a, b)


def binary(operator: str, a: Any, b: Any) -> Any:
    if isinstance(a, Mat):
        return a * b
    if isinstance(a, Vec) or isinstance(b, Vec):
        count = len(a if isinstance(a, Vec) else b)
        pairs = zip(_parts(a, count), _parts(b, count), strict=True)
        return Vec([_plain(operator, x, y) for x, y in pairs])
    return _plain(operator, a, b)


def _parts(value: Any, count: int) -> Sequence[Any]:
    return value.parts if isinstance(value, Vec) else [value] * count


def _each(function: Callable[..., Any]) -> Callable[..., Any]:
    def apply(*values: Any) -> Any:
        vectors = [v for v in values if isinstance(v, Vec)]
        if not vectors:
            return function(*values)
        columns = [_parts(v, len(vectors[0])) for v in values]
        return Vec([function(*column) for column in zip(*columns, strict=True)])

    return apply


def _vector(count: int) -> Callable[..., Vec]:
    def make(*values: Any) -> Vec:
        flat = [part for value in values for part in (value.parts if isinstance(value, Vec) else [value])]
        return Vec(flat * count if len(flat) == 1 else flat)

    return make


def _to_int(value: Any) -> Any:
    return np.trunc(value).astype(int) if isinstance(value, np.ndarray) else int(value)


def _dot(a: Vec, b: Vec) -> Any:
    return sum(x * y for x, y in zip(a, b, strict=True))


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "vec2": _vector(2), "vec3": _vector(3), "vec4": _vector(4), "mat4": Mat,
    "mat4x4": Mat, "float": lambda v: (v[0] if isinstance(v, Vec) else v) * 1.0,
    "int": _to_int, "ivec2": _each(_to_int),
    "max": _each(np.maximum), "min": _each(np.minimum), "clamp": _each(np.clip), "abs": _each(np.abs),
    "sign": _each(np.sign), "sqrt": _each(np.sqrt), "exp": _each(np.exp), "pow": _each(np.power),
    "ceil": _each(np.ceil), "floor": _each(np.floor), "fract": _each(lambda a: a - np.floor(a)),
    "dot": _dot, "length": lambda v: np.sqrt(_dot(v, v)),
}  # fmt: skip


class Program:
    """The text of one pass, with what it may call and read."""

    def __init__(self, text: str, names: Mapping[str, Any]) -> None:
        self.names = names
        self.functions: dict[str, Node] = {}
        tokens = _preprocessed(_COMMENT.sub("", text))
        parser = _Parser(tokens)
        while parser.more():
            node = parser.function()
            self.functions[node[1]] = node

    def run(self) -> Vec:
        """Return what hook() returns."""
        with np.errstate(all="ignore"):
            result: Vec = self.call("hook", [], True)
        return result

    def call(self, name: str, values: Sequence[Any], mask: Any) -> Any:
        """Return a function's result; `mask` says at which pixels it is called."""
        if name not in self.functions:
            function = self.names.get(name) or _FUNCTIONS[name]
            return function(*values)
        _, _, parameters, block = self.functions[name]
        frame = _Frame(self, dict(zip(parameters, values, strict=True)))
        frame.block(block, mask)
        return frame.result


class _Frame:
    """A function's variables while it runs."""

    def __init__(self, program: Program, variables: dict[str, Any]) -> None:
        self.program = program
        self.variables = variables
        self.result: Any = None
        self.left: Any = False
        """Where it has returned."""

    def block(self, statements: Sequence[Node], mask: Any) -> None:
        for statement in statements:
            now = np.logical_and(mask, np.logical_not(self.left))
            if not np.any(now):
                return
            self.statement(statement, now)

    def statement(self, node: Node, mask: Any) -> None:
        match node[0]:
            case "block":
                self.block(node[1], mask)
            case "declare":
                _, name, count, value = node
                empty = [None] * int(self.value(count, mask)) if count else None
                self.variables[name] = self.value(value, mask) if value else empty
            case "assign":
                self.assign(node[1], self.value(node[2], mask), mask)
            case "return":
                self.result = _chosen(mask, self.value(node[1], mask), self.result)
                self.left = np.logical_or(self.left, mask)
            case "if":
                condition = self.value(node[1], mask)
                self.block([node[2]], np.logical_and(mask, condition))
                if node[3]:
                    self.block([node[3]], np.logical_and(mask, np.logical_not(condition)))
            case "for":
                self.statement(node[1], True)  # loops count alike at all pixels
                while self.value(node[2], True):
                    self.block([node[4]], mask)
                    self.statement(node[3], True)

    def assign(self, target: Node, value: Any, mask: Any) -> None:
        if target[0] == "name":
            self.variables[target[1]] = _chosen(mask, value, self.variables[target[1]])
            return
        place = self.value(target[1], mask)
        index = _COMPONENTS[target[2]] if target[0] == "member" else self.value(target[2], mask)
        place[index] = _chosen(mask, value, place[index])

    def value(self, node: Node, mask: Any) -> Any:
        match node[0]:
            case "number":
                return node[1]
            case "name":
                known = self.variables if node[1] in self.variables else self.program.names
                return known[node[1]]
            case "call":
                return self.program.call(node[1], [self.value(each, mask) for each in node[2]], mask)
            case "member":
                parts = [self.value(node[1], mask)[_COMPONENTS[c]] for c in node[2]]
                return parts[0] if len(parts) == 1 else Vec(parts)
            case "index":
                return self.value(node[1], mask)[self.value(node[2], mask)]
            case "minus":
                return binary("*", self.value(node[1], mask), -1)
        return binary(node[1], self.value(node[2], mask), self.value(node[3], mask))


def _chosen(mask: Any, new: Any, old: Any) -> Any:
    if old is None or np.all(mask):
        return Vec(list(new.parts)) if isinstance(new, Vec) else new
    if isinstance(new, Vec):
        return Vec([np.where(mask, a, b) for a, b in zip(new, old, strict=True)])
    return np.where(mask, new, old)


def _preprocessed(text: str) -> list[str]:
    """Return the tokens of a text with its macros expanded."""
    macros: dict[str, tuple[list[str] | None, list[str]]] = {}
    tokens: list[str] = []
    for line in text.splitlines():
        match = re.match(r"\s*#define\s+(\w+)(\(([^)]*)\))?\s+(.*)", line)
        if match is None:
            tokens += _TOKEN.findall(line)
            continue
        parameters = [p.strip() for p in match[3].split(",")] if match[2] else None
        macros[match[1]] = parameters, _TOKEN.findall(match[4])
    return _expanded(tokens, macros)


def _expanded(tokens: list[str], macros: Mapping[str, tuple[list[str] | None, list[str]]]) -> list[str]:
    result: list[str] = []
    i = 0
    while i < len(tokens):
        if tokens[i] not in macros:
            result.append(tokens[i])
            i += 1
            continue
        parameters, body = macros[tokens[i]]
        i += 1
        if parameters is not None:
            arguments, i = _arguments(tokens, i)
            given = dict(zip(parameters, arguments, strict=True))
            body = [part for token in body for part in given.get(token, [token])]
        result += _expanded(body, macros)
    return result


def _arguments(tokens: list[str], i: int) -> tuple[list[list[str]], int]:
    """Return the arguments of a macro whose opening bracket is token i, and the index after them."""
    found: list[list[str]] = [[]]
    depth = 0
    while True:
        token = tokens[i]
        i += 1
        depth += (token == "(") - (token == ")")
        if depth == 0:
            return found, i
        if token == "," and depth == 1:
            found.append([])
        elif depth > 1 or token != "(":
            found[-1].append(token)


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.at = 0

    def more(self) -> bool:
        return self.at < len(self.tokens)

    def peek(self) -> str:
        return self.tokens[self.at] if self.more() else ""

    def take(self, *wanted: str) -> str:
        token = self.peek()
        assert not wanted or token in wanted, (
            f"{token!r} where {wanted} is wanted: {self.tokens[self.at - 9 :][:12]}"
        )
        self.at += 1
        return token

    def accept(self, token: str) -> bool:
        if self.peek() != token:
            return False
        self.at += 1
        return True

    def function(self) -> Node:
        self.take(*_TYPES)
        name = self.take()
        self.take("(")
        parameters = []
        while not self.accept(")"):
            self.take(*_TYPES)
            parameters.append(self.take())
            if self.accept("["):
                self.expression()
                self.take("]")
            self.accept(",")
        return "function", name, parameters, self.braces()

    def braces(self) -> list[Node]:
        self.take("{")
        statements = []
        while not self.accept("}"):
            if not self.accept(";"):
                statements.append(self.statement())
        return statements

    def statement(self) -> Node:
        if self.peek() == "{":
            return "block", self.braces()
        if self.accept("if"):
            condition = self.bracketed()
            first = self.statement()
            return "if", condition, first, self.statement() if self.accept("else") else None
        if self.accept("for"):
            self.take("(")
            start = self.ended(self.simple())
            condition = self.ended(self.expression())
            step = self.simple()
            self.take(")")
            return "for", start, condition, step, self.statement()
        return self.ended(self.simple())

    def ended(self, node: Node) -> Node:
        self.take(";")
        return node

    def bracketed(self) -> Node:
        self.take("(")
        node = self.expression()
        self.take(")")
        return node

    def simple(self) -> Node:
        if self.accept("return"):
            return "return", self.expression()
        if self.peek() in _TYPES:
            self.take()
            name, count = self.take(), None
            if self.accept("["):
                count = self.expression()
                self.take("]")
            return "declare", name, count, self.expression() if self.accept("=") else None
        target = self.postfix()
        operator = self.take("=", "+=", "-=", "*=", "/=", "++", "--")
        if operator == "=":
            return "assign", target, self.expression()
        other = ("number", 1) if operator in ("++", "--") else self.expression()
        return "assign", target, ("binary", operator[0], target, other)

    def expression(self, level: int = 0) -> Node:
        if level == len(_LEVELS):
            return self.unary()
        node = self.expression(level + 1)
        while self.peek() in _LEVELS[level]:
            operator = self.take()
            node = "binary", operator, node, self.expression(level + 1)
        return node

    def unary(self) -> Node:
        return ("minus", self.unary()) if self.accept("-") else self.postfix()

    def postfix(self) -> Node:
        node = self.primary()
        while True:
            if self.accept("."):
                node = "member", node, self.take()
            elif self.accept("["):
                node = "index", node, self.expression()
                self.take("]")
            else:
                return node

    def primary(self) -> Node:
        if self.peek() == "(":
            return self.bracketed()
        token = self.take()
        if token[0].isdigit() or token[0] == ".":
            return "number", int(token) if token.isdigit() else float(token)
        if not self.accept("("):
            return "name", token
        arguments = []
        while not self.accept(")"):
            arguments.append(self.expression())
            self.accept(",")
        return "call", token, arguments
