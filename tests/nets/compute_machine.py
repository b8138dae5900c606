"""Runs compute passes workgroup by workgroup, with shared memory: what a GPU does, without any recognition.

The text becomes Python line by line: types are cut off, braces become indentation, half precision becomes
whole. All invocations of a workgroup run at once, as arrays; what each stores goes where it says.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.nets.glsl_language import Mat, Vec
from tests.nets.glsl_machine import sample
from vsr.nets.glsl.parser import HookPass
from vsr.nets.glsl.rpn import evaluate

Array = Any
_COMPONENTS = {"x": 0, "y": 1, "z": 2, "w": 3, "r": 0, "g": 1, "b": 2, "a": 3}


class V(Vec):
    """A vector with the swizzles and integer operators that compute shaders use."""

    def _each(self, other: Any, op: Callable[[Any, Any], Any]) -> V:
        others = other.parts if isinstance(other, Vec) else [other] * len(self.parts)
        return V([op(a, b) for a, b in zip(self.parts, others, strict=True)])

    def __add__(self, other: Any) -> V:
        return self._each(other, operator.add)

    def __sub__(self, other: Any) -> V:
        return self._each(other, operator.sub)

    def __mul__(self, other: Any) -> V:
        return self._each(other, operator.mul)

    def __rsub__(self, other: Any) -> V:
        return self._each(other, lambda a, b: b - a)

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> V:
        return self._each(other, operator.floordiv)

    def __mod__(self, other: Any) -> V:
        return self._each(other, operator.mod)

    def __getattr__(self, name: str) -> Any:
        if not set(name) <= set(_COMPONENTS):
            raise AttributeError(name)
        parts = [self.parts[_COMPONENTS[letter]] for letter in name]
        return parts[0] if len(parts) == 1 else V(parts)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "parts":
            object.__setattr__(self, name, value)
            return
        values = value.parts if isinstance(value, Vec) else [value]
        for letter, part in zip(name, values, strict=True):
            self.parts[_COMPONENTS[letter]] = part


class Shared:
    """An array of any rank, element by element; what was never written cannot be read."""

    def __init__(self, memory: dict[tuple[int, ...], Any], index: tuple[Any, ...] = ()) -> None:
        self.memory, self.index = memory, index

    def __getitem__(self, index: Any) -> Any:
        path = (*self.index, index)
        if not isinstance(index, np.ndarray) or not isinstance(path[-2] if len(path) > 1 else 0, np.ndarray):
            return Shared(self.memory, path)
        elements = [self.memory[key] for key in self._keys(path)]
        shape = path[-1].shape
        if not isinstance(elements[0], tuple):
            return np.array(elements).reshape(shape)
        return V([np.array(part).reshape(shape) for part in zip(*elements, strict=True)])

    def __setitem__(self, index: Any, value: Any) -> None:
        path = (*self.index, index)
        parts = [np.broadcast_to(part, path[-1].shape).ravel() for part in getattr(value, "parts", [value])]
        for key, element in zip(self._keys(path), zip(*parts, strict=True), strict=True):
            self.memory[key] = element if isinstance(value, Vec) else element[0]

    @staticmethod
    def _keys(path: tuple[Any, ...]) -> Iterator[tuple[int, ...]]:
        first, rest = path[:-2], path[-2:]
        for y, x in zip(*(axis.ravel() for axis in rest), strict=True):
            yield (*first, int(y), int(x))


def run_compute(shader_pass: HookPass, textures: dict[str, Array]) -> Array:
    """Return the texture (4, H, W) that a pass stores; texels that it does not store are NaN."""
    sizes = {name: (t.shape[2], t.shape[1]) for name, t in textures.items()}
    width, height = (round(evaluate(e, sizes)) for e in (shader_pass.width, shader_pass.height))
    result = np.full((4, height, width), np.nan)
    block = shader_pass.compute[:2]
    threads = (shader_pass.compute * 2)[2:4]
    code = compile(_python(shader_pass.body), "<pass>", "exec")
    for group in np.ndindex(-(-height // block[1]), -(-width // block[0])):
        names = _names(shader_pass, textures, result, (group[1], group[0]), (threads[0], threads[1]))
        exec(code, names)
        names["hook"]()
    return result


def _names(
    shader_pass: HookPass,
    textures: dict[str, Array],
    image: Array,
    group: tuple[int, int],
    threads: tuple[int, int],
) -> dict[str, Any]:
    local = V(list(np.meshgrid(np.arange(threads[0]), np.arange(threads[1]))))
    identity = V([group[i] * threads[i] + local.parts[i] for i in (0, 1)])
    names: dict[str, Any] = {
        "gl_LocalInvocationID": local, "gl_WorkGroupID": V(list(group)), "gl_WorkGroupSize": V(list(threads)),
        "gl_GlobalInvocationID": identity, "barrier": lambda: None, "Shared": Shared, "out_image": image,
        "mat4": Mat, "vec2": _vector(2), "vec4": _vector(4), "ivec2": _integers, "imageStore": _store,
        "texelFetch": _fetch, "steps": _steps, "float": lambda value: value,
        "max": lambda a, b: V([np.maximum(p, q) for p, q in zip(a.parts, b.parts, strict=True)]),
        "min": lambda a, b: V([np.minimum(p, q) for p, q in zip(a.parts, b.parts, strict=True)]),
        "clamp": lambda a, low, high: V([np.clip(p, low, high) for p in a.parts]),
        "fract": lambda a: V([p - np.floor(p) for p in a.parts]),
    }  # fmt: skip
    position = V([(identity.parts[i] + 0.5) / image.shape[2 - i] for i in (0, 1)])
    for name in {*shader_pass.binds, shader_pass.hooks[0]}:
        texture = textures[name]
        size = V([float(texture.shape[2]), float(texture.shape[1])])
        names |= {f"{name}_raw": texture, f"{name}_mul": 1.0, f"{name}_pos": position, f"{name}_size": size}
        names[f"{name}_pt"] = V([1 / part for part in size.parts])
        names[f"{name}_tex"] = lambda p, t=texture: V(sample(t, p).parts)
        names[f"{name}_texOff"] = lambda o, t=texture, s=size: V(
            sample(t, position + V([part / side for part, side in zip(o.parts, s.parts, strict=True)])).parts
        )
    return names


def _vector(count: int) -> Any:
    def make(*values: Any) -> V:
        first = values[0] if values else 0.0
        if len(values) == 1 and isinstance(first, Vec):
            return V(list(first.parts))
        return V(list(values) if len(values) > 1 else [first] * count)

    return make


def _integers(*values: Any) -> V:
    parts = values[0].parts[:2] if isinstance(values[0], Vec) else values
    return V([np.asarray(part).astype(int) for part in parts])


def _fetch(texture: Array, place: V, level: int) -> V:
    x, y = np.broadcast_arrays(*place.parts)
    inside = (x >= 0) & (y >= 0) & (x < texture.shape[2]) & (y < texture.shape[1])
    values = texture[:, np.where(inside, y, 0), np.where(inside, x, 0)]
    return V(list(np.where(inside, values, 0.0)))


def _store(image: Array, place: V, value: V) -> None:
    x, y = place.parts
    inside = (x < image.shape[2]) & (y < image.shape[1])
    for channel, part in enumerate(value.parts):
        image[channel, y[inside], x[inside]] = np.broadcast_to(part, x.shape)[inside]


def _steps(start: Array, end: int, step: int) -> Iterator[Array]:
    """The values of a loop's variable, for all invocations; those that are past the end do no harm."""
    while (start < end).any():
        yield start
        start = start + step


def _python(body: str) -> str:
    body = re.sub(r"//.*", "", body)
    body = re.sub(r"#ifdef \w+\n(?:.*\n)*?#else\n((?:.*\n)*?)#endif", r"\1", body)
    for name, kind in re.findall(r"#\s*define\s+(\w+)\s+(\w+)\n", body):
        body = re.sub(rf"\b{name}\b", kind, body)
    body = re.sub(r"#.*", "", body).replace("float16_t", "float").replace("f16", "")
    body = re.sub(r"\bconst ", "", body)
    body = re.sub(r"shared \w+ (\w+)\[.*?;", r"\1 = Shared(dict());", body)
    body = re.sub(
        r"for \(uint (\w) = (.*?); \w < (.*?); \w \+= (.*?)\) \{", r"for \1 in steps(\2, \3, \4): {", body
    )
    body = re.sub(r"void hook\(\) \{", "def hook(): {", body)
    body = re.sub(r"\b(vec4) (\w+);", r"\2 = \1();", body)
    body = re.sub(r"\b(?:[iu]?vec[24]|mat4|float|int|uint) (\w+ =)", r"\1", body).replace(" / ", " // ")
    lines, depth = [], 0
    for piece in re.split(r"(?<=[;{}])", body):
        statement = " ".join(piece.split())
        depth -= statement.endswith("}")
        if text := statement.rstrip(";{}").strip():
            lines.append("    " * depth + text)
        depth += statement.endswith("{")
    return "\n".join(lines)
