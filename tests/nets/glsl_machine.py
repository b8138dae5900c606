"""Runs the passes of a shader file one by one: what a renderer does, without any recognition.

The language itself is in glsl_language.py; here are textures and their sampler. Independent of vsr.nets.glsl
but for the parser of blocks and the expressions of sizes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.nets.glsl_language import Program, Vec, binary
from vsr.nets.glsl.parser import HookPass, ShaderFile
from vsr.nets.glsl.rpn import evaluate

Array = Any


def sample(texture: Array, position: Vec) -> Vec:
    """Bilinear, clamped to the edge; texture is (4, H, W), the position in 0..1."""
    _, height, width = texture.shape
    u, v = np.asarray(position[0]) * width - 0.5, np.asarray(position[1]) * height - 0.5
    # At a texel's centre lies that texel and nothing of its neighbours, however the position was rounded.
    u, v = (np.where(np.abs(place - np.round(place)) < 1e-9, np.round(place), place) for place in (u, v))
    left, top = np.floor(u), np.floor(v)
    fx, fy = u - left, v - top
    x0, x1 = (np.clip(left + i, 0, width - 1).astype(int) for i in (0, 1))
    y0, y1 = (np.clip(top + i, 0, height - 1).astype(int) for i in (0, 1))
    upper = texture[:, y0, x0] * (1 - fx) + texture[:, y0, x1] * fx
    lower = texture[:, y1, x0] * (1 - fx) + texture[:, y1, x1] * fx
    return Vec(list(upper * (1 - fy) + lower * fy))


def run_shader(
    file: ShaderFile, picture: Array, output: tuple[int, int] | None = None, stage: Array | None = None
) -> Array:
    """Return the hooked picture after all passes; `picture` is (C, H, W), the result too.

    `output` is (width, height); without it all passes run, whatever their WHEN. Passes that hook another
    point than the first work on `stage`, if it is given, and the result is that; without it, on the picture.
    """
    hook = file.passes[0].hooks[0]
    textures = {hook: _texture(picture), "NATIVE": _texture(picture)}
    for shader_pass in file.passes:
        own = shader_pass.hooks[0]
        if own not in textures:
            textures[own] = _texture(picture if stage is None else stage)
        textures["HOOKED"] = textures[own]
        sizes = {name: (t.shape[2], t.shape[1]) for name, t in textures.items()}
        sizes |= {"OUTPUT": output or (0, 0)}
        if output and not evaluate(shader_pass.when, sizes, file.parameters):
            continue
        textures[shader_pass.target] = _run_pass(shader_pass, textures, sizes)
    return textures[file.passes[-1].hooks[0]][: len(picture)]


def _texture(picture: Array) -> Array:
    channels, height, width = picture.shape
    whole = np.zeros((4, height, width))
    whole[:channels], whole[3] = picture, 1.0
    return whole


def _run_pass(
    shader_pass: HookPass, textures: dict[str, Array], sizes: Mapping[str, tuple[float, float]]
) -> Array:
    sides = (evaluate(text, sizes) for text in (shader_pass.width, shader_pass.height))
    width, height = (max(math.floor(side + 0.5), 1) for side in sides)
    grid = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    names: dict[str, Any] = {}
    for name in {*shader_pass.binds, shader_pass.hooks[0]}:
        _bind(names, name, textures[name], Vec(list(grid)))
    if shader_pass.compute:
        from tests.nets.compute_machine import run_compute

        return run_compute(shader_pass, textures)
    result = Program(shader_pass.body, names).run()
    return np.stack(np.broadcast_arrays(*result, grid[0])[:4]).astype(np.float64)


def _bind(names: dict[str, Any], name: str, texture: Array, position: Vec) -> None:
    size = Vec([float(texture.shape[2]), float(texture.shape[1])])
    step = Vec([1 / texture.shape[2], 1 / texture.shape[1]])
    names[f"{name}_pos"], names[f"{name}_size"], names[f"{name}_pt"] = position, size, step
    names[f"{name}_tex"] = lambda p: sample(texture, p)
    names[f"{name}_texOff"] = lambda o: sample(texture, binary("+", position, binary("*", step, o)))
