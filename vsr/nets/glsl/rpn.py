"""The expressions of WIDTH, HEIGHT and WHEN in mpv user shaders: reverse Polish, in float32."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vsr.nets.errors import LiftError

MAX_TOKENS = 32
"""mpv's limit; libplacebo allows 64."""
_SIDES = {"w": 0, "width": 0, "h": 1, "height": 1}

Sizes = Mapping[str, tuple[float, float]]
"""(width, height) by texture name: HOOKED, OUTPUT, MAIN, what was saved."""


def evaluate(expression: str, sizes: Sizes, parameters: Mapping[str, float] | None = None) -> float:
    """Return the value of an expression. Raises LiftError where mpv would fail.

    Tokens are separated by blanks; the first character decides what one is: a digit begins a number, one of
    + - * / % > < = ! is an operator, anything else a size (NAME.w, NAME.h) or a parameter. Comparisons
    give 0 or 1, = is exact. Everything is rounded to float32.
    """
    tokens = expression.split()
    if not 1 <= len(tokens) <= MAX_TOKENS:
        raise LiftError(f"expression {expression!r} has {len(tokens)} words; 1 to {MAX_TOKENS} are allowed")
    stack: list[np.float32] = []
    with np.errstate(all="ignore"):
        for token in tokens:
            try:
                _step(token, stack, sizes, parameters or {})
            except IndexError:
                raise LiftError(f"expression {expression!r}: {token!r} lacks a value to work on") from None
            except LiftError as error:
                raise LiftError(f"expression {expression!r}: {error}") from None
            if not np.isfinite(stack[-1]):
                raise LiftError(
                    f"expression {expression!r}: {token!r} gives {stack[-1]}, not a finite number"
                )
    if len(stack) != 1:
        raise LiftError(f"expression {expression!r} leaves {len(stack)} values; one is wanted")
    return float(stack[0])


def _step(token: str, stack: list[np.float32], sizes: Sizes, parameters: Mapping[str, float]) -> None:
    if token[0].isdigit():
        stack.append(_number(token))
    elif token[0] == "!":
        stack.append(np.float32(stack.pop() == 0))
    elif token[0] in "+-*/%><=":
        second, first = stack.pop(), stack.pop()
        stack.append(_binary(token[0], first, second))
    else:
        stack.append(_variable(token, sizes, parameters))


def _number(token: str) -> np.float32:
    try:
        return np.float32(token)
    except ValueError:
        raise LiftError(f"{token!r} is not a number") from None


def _binary(operator: str, first: np.float32, second: np.float32) -> np.float32:
    match operator:
        case "+":
            return first + second
        case "-":
            return first - second
        case "*":
            return first * second
        case "/":
            return first / second
        case "%":
            return np.float32(np.fmod(first, second))
        case ">":
            return np.float32(first > second)
        case "<":
            return np.float32(first < second)
    return np.float32(first == second)


def _variable(token: str, sizes: Sizes, parameters: Mapping[str, float]) -> np.float32:
    name, dot, side = token.rpartition(".")
    if dot and side in _SIDES:
        if name not in sizes:
            raise LiftError(f"{name!r} is no texture here; there are {', '.join(sorted(sizes))}")
        return np.float32(sizes[name][_SIDES[side]])
    if token in parameters:
        return np.float32(parameters[token])
    raise LiftError(f"{token!r} is neither a size nor a parameter")
