"""Runs the passes of a network shader one by one, in Python: what a renderer does, without any recognition.

GLSL of this idiom is almost Python: types are cut off, macros become functions, and the text is executed on
small vector classes over whole pictures. Independent of vsr.nets.glsl but for the parser of blocks.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from vsr.nets.glsl.parser import HookPass, ShaderFile
from vsr.nets.glsl.rpn import evaluate

Array = Any


class Vec:
    """A vector for each pixel: components are arrays or numbers."""

    def __init__(self, parts: list[Array]) -> None:
        self.parts = parts

    def _with(self, other: Any, op: Any) -> Vec:
        others = other.parts if isinstance(other, Vec) else [other] * len(self.parts)
        return Vec([op(a, b) for a, b in zip(self.parts, others, strict=True)])

    def __add__(self, other: Any) -> Vec:
        return self._with(other, lambda a, b: a + b)

    def __sub__(self, other: Any) -> Vec:
        return self._with(other, lambda a, b: a - b)

    def __mul__(self, other: Any) -> Vec:
        return self._with(other, lambda a, b: a * b)

    def __neg__(self) -> Vec:
        return self * -1.0

    def __getitem__(self, index: Any) -> Array:
        stacked = np.stack(np.broadcast_arrays(*self.parts))
        return np.take_along_axis(stacked, np.asarray(index)[None], 0)[0]

    @property
    def x(self) -> Array:
        return self.parts[0]

    @x.setter
    def x(self, value: Array) -> None:
        self.parts[0] = value

    @property
    def y(self) -> Array:
        return self.parts[1]


class Mat:
    def __init__(self, *values: float) -> None:
        self.columns = [values[i : i + 4] for i in range(0, 16, 4)]

    def __mul__(self, vector: Vec) -> Vec:
        return Vec(
            [
                sum((self.columns[j][i] * vector.parts[j] for j in range(4)), start=np.float64(0))
                for i in range(4)
            ]
        )


def vec(count: int) -> Any:
    def make(*values: Any) -> Vec:
        if len(values) == 1:
            return values[0] if isinstance(values[0], Vec) else Vec([values[0]] * count)
        return Vec(list(values))

    return make


def _each(function: Any) -> Any:
    def apply(first: Any, *others: Any) -> Any:
        if not isinstance(first, Vec):
            return function(first, *others)
        rest = [o.parts if isinstance(o, Vec) else [o] * len(first.parts) for o in others]
        return Vec([function(a, *b) for a, *b in zip(first.parts, *rest, strict=True)])

    return apply


def sample(texture: Array, position: Vec) -> Vec:
    """Bilinear, clamped to the edge; texture is (4, H, W), the position in 0..1."""
    _, height, width = texture.shape
    u, v = position.x * width - 0.5, position.y * height - 0.5
    left, top = np.floor(u + 1e-9), np.floor(v + 1e-9)  # a whole position must not fall below itself
    fx, fy = u - left, v - top
    x0, x1 = (np.clip(left + i, 0, width - 1).astype(int) for i in (0, 1))
    y0, y1 = (np.clip(top + i, 0, height - 1).astype(int) for i in (0, 1))
    upper = texture[:, y0, x0] * (1 - fx) + texture[:, y0, x1] * fx
    lower = texture[:, y1, x0] * (1 - fx) + texture[:, y1, x1] * fx
    return Vec(list(upper * (1 - fy) + lower * fy))


def run_shader(file: ShaderFile, picture: Array) -> Array:
    """Return the hooked picture after all passes; `picture` is (C, H, W), the result too."""
    hook = file.passes[0].hooks[0]
    channels, height, width = picture.shape
    whole = np.zeros((4, height, width))
    whole[:channels], whole[3] = picture, 1.0
    textures = {hook: whole}
    for shader_pass in file.passes:
        textures["HOOKED"] = textures[hook]
        textures[shader_pass.target] = _run_pass(shader_pass, textures)
    return textures[hook][:channels]


def _run_pass(shader_pass: HookPass, textures: dict[str, Array]) -> Array:
    if shader_pass.compute:
        from tests.nets.compute_machine import run_compute

        return run_compute(shader_pass, textures)
    sizes = {name: (t.shape[2], t.shape[1]) for name, t in textures.items()}
    width, height = (round(evaluate(e, sizes)) for e in (shader_pass.width, shader_pass.height))
    grid = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    names: dict[str, Any] = {
        "vec2": vec(2), "vec4": vec(4), "mat4": Mat, "mat4x4": Mat,
        "max": _each(np.maximum), "min": _each(np.minimum), "clamp": _each(np.clip),
        "fract": _each(lambda a: a - np.floor(a)),
    }  # fmt: skip
    names["float"] = lambda value: value.x if isinstance(value, Vec) else value
    names["dot"] = lambda a, b: sum(p * q for p, q in zip(a.parts, b.parts, strict=True))
    names["ivec2"] = lambda v: Vec([p.astype(int) for p in v.parts])
    for name in {*shader_pass.binds, shader_pass.hooks[0]}:
        _bind(names, name, textures[name], Vec(list(grid)))
    exec(_python(shader_pass.body), names)
    result = np.stack(np.broadcast_arrays(*names["hook"]().parts, grid[0])[:4])
    return np.asarray(result, np.float64)


def _bind(names: dict[str, Any], name: str, texture: Array, position: Vec) -> None:
    size = Vec([float(texture.shape[2]), float(texture.shape[1])])
    step = Vec([1 / texture.shape[2], 1 / texture.shape[1]])
    names[f"{name}_pos"], names[f"{name}_size"], names[f"{name}_pt"] = position, size, step
    names[f"{name}_tex"] = lambda p: sample(texture, p)
    names[f"{name}_texOff"] = lambda o: sample(texture, position + step * o)


def _python(body: str) -> str:
    body = re.sub(r"//.*", "", body)
    body = re.sub(r"#define (\w+)(\(\w+, \w+\)) (.+)", r"\1 = lambda \2: \3", body)
    body = re.sub(r"lambda \((\w+, \w+)\)", r"lambda \1", body)
    body = re.sub(r"#define (\w+) (.+)", r"\1_macro = lambda: \2", body)
    body = re.sub(r"\b(g_\d+)\b(?!_macro)", r"\1_macro()", body).replace("_macro() _macro", "_macro")
    body = re.sub(r"vec4 hook\(\)\s*\{", "def hook():", body)
    body = re.sub(r"^\s*(?:i?vec[24]|float|int) (\w+ =)", r"\1", body, flags=re.MULTILINE)
    lines = [line.strip().rstrip(";") for line in body.splitlines() if line.strip() not in ("", "}", "{")]
    start = lines.index("def hook():")
    return "\n".join([*lines[: start + 1], *(f"    {line}" for line in lines[start + 1 :])])
