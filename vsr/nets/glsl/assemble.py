"""From the passes of one network shader to a graph.

A pass gives four channels, so a layer is as many passes as it has channels divided by four: those that follow
one another and read the same samples become one convolution. Textures bound together are channels of one
layer; their positive and negative parts are its CReLU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd

import numpy as np
import numpy.typing as npt

from vsr.nets.builder import Builder
from vsr.nets.errors import LiftError
from vsr.nets.glsl.forms import Offset, Part, ShuffleForm, SumForm, recognise
from vsr.nets.glsl.parser import HookPass
from vsr.nets.glsl.rpn import evaluate
from vsr.nets.graph import Graph
from vsr.nets.ops import Add, Clamp, Concat, CRelu, PixelShuffle, PRelu, Relu, Resize, Scale

_NOMINAL = (240, 136)
"""A size to work out, by example, how large each pass is; networks do not depend on it."""
_PARTS: dict[frozenset[Part], str] = {
    frozenset({"whole"}): "whole",
    frozenset({"positive"}): "relu",
    frozenset({"positive", "negative"}): "crelu",
}


@dataclass(eq=False)
class _Layer:
    """A node and the textures that hold its channels, four each (the input: all in one)."""

    node: str
    channels: int
    scale: int
    textures: int


@dataclass
class _Group:
    """Passes that make one layer."""

    forms: list[SumForm] = field(default_factory=list)
    passes: list[HookPass] = field(default_factory=list)
    keys: tuple[object, ...] = ()
    scale: int = 1


def assemble(passes: Sequence[HookPass], name: str) -> Graph:
    """Return the graph of the passes of one network. Raises LiftError where they are not one."""
    return _Assembler(passes, name).run()


class _Assembler:
    def __init__(self, passes: Sequence[HookPass], name: str) -> None:
        self.passes = passes
        self.forms = [recognise(shader_pass) for shader_pass in passes]
        self.name = name
        self.hook = passes[0].hooks[0]
        channels = 1 if self.hook == "LUMA" else 3
        self.builder = Builder(channels)
        source = _Layer(self.builder.input, channels, 1, 1)
        self.places: dict[str, tuple[_Layer, int]] = {self.hook: (source, 0)}
        self.layers: list[_Layer] = [source]
        self.sizes: dict[str, tuple[float, float]] = {self.hook: _NOMINAL, "HOOKED": _NOMINAL}
        self.made: dict[tuple[int, str, int], str] = {}
        self.sums: dict[tuple[int, int], _Layer] = {}
        self.group = _Group()

    def run(self) -> Graph:
        for number, (shader_pass, form) in enumerate(zip(self.passes, self.forms, strict=True), 1):
            scale = self._scale_of(shader_pass)
            self._check_binds(shader_pass)
            last = number == len(self.passes)
            if isinstance(form, ShuffleForm):
                self._flush()
                if not last:
                    raise LiftError(f"{shader_pass.where}: channels become pixels before the last pass")
                self._finish_shuffle(shader_pass, form, scale)
            else:
                self._take(shader_pass, form, scale, last=last)
        return self.builder.build(self.name, source=self.passes[0].file)

    def _scale_of(self, shader_pass: HookPass) -> int:
        """Return how many times larger than the input a pass is."""
        width = evaluate(shader_pass.width, self.sizes)
        height = evaluate(shader_pass.height, self.sizes)
        ratio = Fraction(round(width), _NOMINAL[0])
        if ratio != Fraction(round(height), _NOMINAL[1]) or ratio.denominator != 1:
            raise LiftError(
                f"{shader_pass.where}: {width:g}x{height:g} for an input of 240x136 is no whole factor"
            )
        self.sizes[shader_pass.target] = (width, height)
        return int(ratio)

    def _check_binds(self, shader_pass: HookPass) -> None:
        pending = {p.target for p in self.group.passes}
        for bind in shader_pass.binds:
            if bind != "HOOKED" and bind not in self.places and bind not in pending:
                raise LiftError(f"{shader_pass.where} binds {bind!r}, which no pass before it has saved")

    def _place(self, shader_pass: HookPass, texture: str) -> tuple[_Layer, int]:
        if "+" in texture:
            return self._place_sum(shader_pass, texture)
        if texture not in self.places or (texture not in shader_pass.binds and texture != self.hook):
            raise LiftError(f"{shader_pass.where} reads {texture!r} without binding it")
        return self.places[texture]

    def _place_sum(self, shader_pass: HookPass, texture: str) -> tuple[_Layer, int]:
        """Return the place of the sum of two textures: that of either in the sum of their layers."""
        (first, place), (second, other) = (self._place(shader_pass, name) for name in texture.split("+"))
        if place != other or (first.channels, first.scale) != (second.channels, second.scale):
            raise LiftError(f"{shader_pass.where} adds textures of different layers: {texture}")
        key = (self.layers.index(first), self.layers.index(second))
        if key not in self.sums:
            node = self.builder.add(Add(), first.node, second.node)
            self.sums[key] = _Layer(node, first.channels, first.scale, first.textures)
            self.layers.append(self.sums[key])
        return self.sums[key], place

    def _take(self, shader_pass: HookPass, form: SumForm, scale: int, *, last: bool) -> None:
        """Add a pass to the pending layer where it belongs to it, else begin another."""
        pending = {p.target for p in self.group.passes}
        read = set(_read_textures(form)) | set(form.skips)
        keys: tuple[object, ...] = ()
        if not read & pending:
            keys = self._keys(shader_pass, form, scale, last=last)
        if self.group.forms and keys != self.group.keys:
            self._flush()
            keys = self._keys(shader_pass, form, scale, last=last)
        self.group.keys, self.group.scale = keys, scale
        self.group.forms.append(form)
        self.group.passes.append(shader_pass)
        if last:
            self._finish_sum(shader_pass, form)

    def _keys(self, shader_pass: HookPass, form: SumForm, scale: int, *, last: bool) -> tuple[object, ...]:
        """Return what the passes of one layer have in common."""
        taps = tuple(
            (self.layers.index(layer), place, part, frozenset(offsets))
            for (layer, place), part, offsets in (
                (self._place(shader_pass, t), part, form.taps[t, part]) for t, part in form.taps
            )
        )
        skips = tuple(self.layers.index(self._place(shader_pass, texture)[0]) for texture in form.skips)
        return taps, skips, form.relu, form.slopes is None, scale, last, self._readers(shader_pass)

    def _readers(self, shader_pass: HookPass) -> tuple[int, ...]:
        """Return which passes read the result of a pass, skips aside: textures of one layer go together."""
        found = []
        for index in range(self.passes.index(shader_pass) + 1, len(self.passes)):
            form = self.forms[index]
            if shader_pass.target in _read_textures(form):
                found.append(index)
            if self.passes[index].target == shader_pass.target:
                break
        return tuple(found)

    def _flush(self) -> None:
        """Make the pending passes a layer."""
        group, self.group = self.group, _Group()
        if not group.forms:
            return
        if any(form.base or form.clamp or form.gain != 1 for form in group.forms):
            raise LiftError(f"{group.passes[0].where} adds its input, and is not the last pass")
        node = self._convolve(group, rows=4)
        layer = _Layer(node, 4 * len(group.forms), group.scale, len(group.forms))
        self.layers.append(layer)
        for place, shader_pass in enumerate(group.passes):
            self.places[shader_pass.target] = (layer, place)

    def _finish_sum(self, shader_pass: HookPass, form: SumForm) -> None:
        group, self.group = self.group, _Group()
        if len(group.forms) != 1:
            raise LiftError(f"{shader_pass.where}: the result is more than one texture")
        node = self._convolve(group, rows=self.layers[0].channels)
        if form.gain != 1:
            node = self.builder.add(Scale(_array([form.gain]), _array([0])), node)
        self._finish(shader_pass, node, group.scale, form.base, clamp=form.clamp)

    def _finish_shuffle(self, shader_pass: HookPass, form: ShuffleForm, scale: int) -> None:
        places = [self._place(shader_pass, texture) for texture in form.textures]
        layer = places[0][0]
        wanted = sorted({place for _, place in places})
        if any(other is not layer for other, _ in places) or wanted != list(range(layer.textures)):
            raise LiftError(f"{shader_pass.where}: the planes are not those of one layer")
        if len(wanted) > 1 and [place for _, place in places] != wanted:
            raise LiftError(f"{shader_pass.where}: the planes are out of order")
        if layer.scale * form.factor != scale or form.factor**2 != 4:
            raise LiftError(f"{shader_pass.where}: {form.factor}x{form.factor} pixels do not fit its size")
        node = self.builder.add(PixelShuffle(form.factor, form.order), layer.node)
        self._finish(shader_pass, node, scale, form.base, clamp=form.clamp)

    def _finish(self, shader_pass: HookPass, node: str, scale: int, base: str | None, *, clamp: bool) -> None:
        if base is not None:
            if self._place(shader_pass, base)[0] is not self.layers[0]:
                raise LiftError(f"{shader_pass.where} adds {base!r}; only the input can be added at the end")
            node = self.builder.add(Add(), node, self._part(self.layers[0], "whole", scale))
        if clamp:
            self.builder.add(Clamp(0.0, 1.0), node)

    def _convolve(self, group: _Group, rows: int) -> str:
        """Append the convolution of a group of passes, its skips and its activation."""
        shader_pass = group.passes[0]
        layers = self._read_layers(shader_pass, group.forms[0])
        sources = []
        for layer, parts in layers.items():
            kind = _PARTS.get(frozenset(parts))
            if kind is None:
                raise LiftError(f"{shader_pass.where} takes negative parts alone of {layer.node}")
            sources.append(self._part(layer, kind, group.scale))
        source = sources[0] if len(sources) == 1 else self._concat(sources)
        weight, dilation = self._weights(group, layers, rows)
        bias = np.concatenate([form.bias[:rows] for form in group.forms])
        node = self.builder.conv(source, weight, bias, border="replicate", dilation=dilation)
        if group.forms[0].skips:
            node = self.builder.add(Add(), node, self._skip(group))
        return self._activate(group, node, rows)

    def _activate(self, group: _Group, node: str, rows: int) -> str:
        slopes = [form.slopes[:rows] for form in group.forms if form.slopes is not None]
        if slopes:
            return self.builder.add(PRelu(np.concatenate(slopes)), node)
        return self.builder.add(Relu(), node) if group.forms[0].relu else node

    def _skip(self, group: _Group) -> str:
        """Return the layer that a group adds: its n-th pass the n-th texture."""
        places = [self._place(p, form.skips[0]) for p, form in zip(group.passes, group.forms, strict=True)]
        layer = places[0][0]
        whole = [place for _, place in places] == list(range(layer.textures))
        if not whole or layer.channels == 3 or any(len(form.skips) > 1 for form in group.forms):
            raise LiftError(f"{group.passes[0].where} adds textures that are not one layer in order")
        return self._part(layer, "whole", group.scale)

    def _read_layers(self, shader_pass: HookPass, form: SumForm) -> dict[_Layer, list[Part]]:
        """Return the layers a pass reads, in order of appearance, with the parts it takes of each."""
        found: dict[_Layer, list[Part]] = {}
        for texture, part in form.taps:
            parts = found.setdefault(self._place(shader_pass, texture)[0], [])
            if part not in parts:
                parts.append(part)
        return found

    def _part(self, layer: _Layer, kind: str, scale: int) -> str:
        """Return a layer, enlarged as the sampler does, through a relu or crelu; made once."""
        key = (self.layers.index(layer), kind, scale)
        if key not in self.made:
            node = layer.node
            if scale != layer.scale:
                if scale % layer.scale:
                    raise LiftError(f"{self.name}: a layer of {layer.scale}x is read at {scale}x")
                plain = (key[0], "whole", scale)
                if plain not in self.made:
                    self.made[plain] = self.builder.add(Resize("bilinear", scale // layer.scale), node)
                node = self.made[plain]
            if kind != "whole":
                node = self.builder.add(Relu() if kind == "relu" else CRelu(), node)
            self.made[key] = node
        return self.made[key]

    def _concat(self, sources: list[str]) -> str:
        return self.builder.add(Concat(), *sources)

    def _weights(
        self, group: _Group, layers: dict[_Layer, list[Part]], rows: int
    ) -> tuple[npt.NDArray[np.float32], int]:
        """Return the weight (out, in, k, k) of a group, and the distance between taps in its own pixels."""
        starts: dict[tuple[_Layer, Part], int] = {}
        count = 0
        for layer, parts in layers.items():
            for part in ("whole", "positive", "negative"):
                if part in parts:
                    starts[layer, part] = count
                    count += layer.channels
        steps = self._steps(group)
        reach = max((max(abs(x), abs(y)) for x, y in steps.values()), default=0)
        dilation = gcd(*(abs(v) for step in steps.values() for v in step)) or 1
        radius = reach // dilation
        weight = np.zeros((rows * len(group.forms), count, 2 * radius + 1, 2 * radius + 1), np.float32)
        for index, (shader_pass, form) in enumerate(zip(group.passes, group.forms, strict=True)):
            for (texture, part), taps in form.taps.items():
                layer, place = self._place(shader_pass, texture)
                first = starts[layer, part] + 4 * place
                width = min(4, layer.channels)
                for offset, matrix in taps.items():
                    if matrix[:, width:].any():
                        raise LiftError(f"{shader_pass.where} uses components that {texture} does not have")
                    x, y = steps[layer.scale, offset]
                    target = weight[index * rows : (index + 1) * rows, first : first + width]
                    target[:, :, y // dilation + radius, x // dilation + radius] += matrix[:rows, :width]
        return weight, dilation

    def _steps(self, group: _Group) -> dict[tuple[int, Offset], tuple[int, int]]:
        """Return for each offset in texels of a layer of some scale the offset in the group's pixels."""
        found: dict[tuple[int, Offset], tuple[int, int]] = {}
        for shader_pass, form in zip(group.passes, group.forms, strict=True):
            for (texture, _), taps in form.taps.items():
                scale = self._place(shader_pass, texture)[0].scale
                for offset in taps:
                    exact = [value * group.scale / scale for value in offset]
                    whole = (round(exact[0]), round(exact[1]))
                    if any(abs(a - b) > 1e-3 for a, b in zip(exact, whole, strict=True)):
                        raise LiftError(f"{shader_pass.where} reads {texture} between pixels, at {offset}")
                    found[scale, offset] = whole
        return found


def _read_textures(form: SumForm | ShuffleForm) -> list[str]:
    """Return the names of the textures that a form reads, skips aside."""
    if isinstance(form, ShuffleForm):
        return form.textures
    return [name for texture, _ in form.taps for name in texture.split("+")]


def _array(values: Sequence[float]) -> npt.NDArray[np.float32]:
    return np.array(values, np.float32)
