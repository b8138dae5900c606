"""From the passes of one network shader to a graph.

A pass gives four channels, or four for each vec4 that it packs into its texture. A layer is as many of these
as it has channels divided by four: those that follow one another and read the same samples become one
convolution. Textures bound together are channels of one layer; their positive and negative parts are its
CReLU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd

import numpy as np
import numpy.typing as npt

from vsr.nets.builder import Builder
from vsr.nets.errors import GraphError, LiftError
from vsr.nets.glsl.compute import read_compute, read_fetched_shuffle
from vsr.nets.glsl.forms import Offset, Packing, Part, Recognised, ShuffleForm, SumForm, unpacked
from vsr.nets.glsl.fragment import read_fragment
from vsr.nets.glsl.parser import HookPass
from vsr.nets.glsl.rpn import evaluate
from vsr.nets.graph import Graph
from vsr.nets.ops import Add, Clamp, Concat, CRelu, PixelShuffle, PRelu, Relu, Resize, ResizeKind, Scale

_NOMINAL = (240, 136)
"""A size to work out, by example, how large each pass is; networks do not depend on it."""
_MAX_SCALE = 16
_MAX_REACH = 16
"""Texels from a sample to its pixel. This and the next keep a damaged file from filling the memory."""
_MAX_WEIGHTS = 1 << 26
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


@dataclass(frozen=True, eq=False)
class _Step:
    """One vec4 that a pass gives, and the name under which it is kept."""

    shader_pass: HookPass
    form: SumForm | ShuffleForm
    target: str
    packing: Packing


@dataclass
class _Group:
    """Steps that make one layer."""

    forms: list[SumForm] = field(default_factory=list)
    steps: list[_Step] = field(default_factory=list)
    keys: tuple[object, ...] = ()
    scale: int = 1


def assemble(passes: Sequence[HookPass], name: str) -> Graph:
    """Return the graph of the passes of one network. Raises LiftError where they are not one."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # a graph refuses what is not finite
            return _Assembler(passes, name).run()
    except GraphError as error:
        raise LiftError(f"{passes[0].file}: {error}") from None


def recognise(shader_pass: HookPass) -> Recognised:
    """Return what a pass stores. Raises LiftError for one that is not part of a network."""
    if shader_pass.offset not in ("", "0 0", "0.0 0.0"):
        raise LiftError(
            f"{shader_pass.where}: OFFSET {shader_pass.offset} moves the picture; no network does"
        )
    is_compute = "void hook" in " ".join(shader_pass.body.split())
    if is_compute != bool(shader_pass.compute):
        raise LiftError(
            f"{shader_pass.where}: compute shaders have COMPUTE and `void hook()`, others neither; "
            "this pass has one of them"
        )
    if "shared" in shader_pass.body:
        return read_compute(shader_pass)
    if "texelFetch" in shader_pass.body:
        return Recognised((read_fetched_shuffle(shader_pass),))
    if shader_pass.compute[2:] not in ((), shader_pass.compute[:2]):
        raise LiftError(
            f"{shader_pass.where}: COMPUTE has more texels than invocations, which store one each"
        )
    return Recognised((read_fragment(shader_pass),))


def _steps(shader_pass: HookPass) -> list[_Step]:
    found = recognise(shader_pass)
    targets = found.targets(shader_pass.target)
    return [
        _Step(shader_pass, form, target, found.packing)
        for form, target in zip(found.forms, targets, strict=True)
    ]


class _Assembler:
    def __init__(self, passes: Sequence[HookPass], name: str) -> None:
        self.file = passes[0].file
        self.steps = [step for shader_pass in passes for step in _steps(shader_pass)]
        self.name = name
        self.hook = passes[0].hooks[0]
        channels = 1 if self.hook == "LUMA" else 3
        self.builder = Builder(channels)
        source = _Layer(self.builder.input, channels, 1, 1)
        self.places: dict[str, tuple[_Layer, int]] = {self.hook: (source, 0)}
        self.saved = {self.hook, "HOOKED"}
        self.layers: list[_Layer] = [source]
        self.sizes: dict[str, tuple[float, float]] = {self.hook: _NOMINAL, "HOOKED": _NOMINAL}
        self.made: dict[tuple[int, str, int, ResizeKind], str] = {}
        self.sums: dict[tuple[int, int], _Layer] = {}
        self.group = _Group()

    def run(self) -> Graph:
        for number, step in enumerate(self.steps, 1):
            scale = self._scale_of(step)
            self._check_binds(step.shader_pass)
            self.saved.add(step.shader_pass.target)
            last = number == len(self.steps)
            if isinstance(step.form, ShuffleForm):
                self._flush()
                if not last:
                    raise LiftError(f"{step.shader_pass.where}: channels become pixels before the last pass")
                self._finish_shuffle(step.shader_pass, step.form, scale)
            else:
                self._take(step, step.form, scale, last=last)
        return self.builder.build(self.name, source=self.file)

    def _scale_of(self, step: _Step) -> int:
        """Return how many times larger than the input a pass is, packing aside."""
        shader_pass = step.shader_pass
        sides = []
        for side, expression in (("WIDTH", shader_pass.width), ("HEIGHT", shader_pass.height)):
            try:
                sides.append(evaluate(expression, self.sizes))
            except LiftError as error:
                raise LiftError(f"{shader_pass.where}: {side}: {error}") from None
        across, down = (side / parts for side, parts in zip(sides, step.packing, strict=True))
        ratio = Fraction(round(across), _NOMINAL[0])
        if (
            ratio != Fraction(round(down), _NOMINAL[1])
            or ratio.denominator != 1
            or not 1 <= ratio <= _MAX_SCALE
        ):
            packing = f", which pack {step.packing[0]}x{step.packing[1]}," if step.packing != (1, 1) else ""
            raise LiftError(
                f"{shader_pass.where}: {sides[0]:g}x{sides[1]:g} texels{packing} for an input of 240x136 "
                f"are no whole factor up to {_MAX_SCALE}"
            )
        self.sizes[shader_pass.target] = (sides[0], sides[1])
        return int(ratio)

    def _check_binds(self, shader_pass: HookPass) -> None:
        for bind in shader_pass.binds:
            if bind not in self.saved:
                raise LiftError(f"{shader_pass.where} binds {bind!r}, which no pass before it has saved")

    def _place(self, shader_pass: HookPass, texture: str) -> tuple[_Layer, int]:
        if "+" in texture:
            return self._place_sum(shader_pass, texture)
        name = unpacked(texture)
        if name not in self.saved or (name not in shader_pass.binds and name != self.hook):
            raise LiftError(f"{shader_pass.where} reads {name!r} without binding it")
        if texture not in self.places:
            raise LiftError(f"{shader_pass.where} reads {name!r} in another packing than it was saved in")
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

    def _take(self, step: _Step, form: SumForm, scale: int, *, last: bool) -> None:
        """Add a step to the pending layer where it belongs to it, else begin another."""
        pending = {other.target for other in self.group.steps}
        read = set(_read_textures(form)) | set(form.skips)
        keys: tuple[object, ...] = ()
        if not read & pending:
            keys = self._keys(step, form, scale, last=last)
        if self.group.forms and keys != self.group.keys:
            self._flush()
            keys = self._keys(step, form, scale, last=last)
        self.group.keys, self.group.scale = keys, scale
        self.group.forms.append(form)
        self.group.steps.append(step)
        if last:
            self._finish_sum(step.shader_pass, form)

    def _keys(self, step: _Step, form: SumForm, scale: int, *, last: bool) -> tuple[object, ...]:
        """Return what the steps of one layer have in common."""
        shader_pass = step.shader_pass
        taps = tuple(
            (self.layers.index(layer), place, part, frozenset(offsets))
            for (layer, place), part, offsets in (
                (self._place(shader_pass, t), part, form.taps[t, part]) for t, part in form.taps
            )
        )
        skips = tuple(self.layers.index(self._place(shader_pass, texture)[0]) for texture in form.skips)
        activation = (form.relu, form.slopes is None)
        return taps, skips, activation, form.border, scale, last, self._readers(step)

    def _readers(self, step: _Step) -> tuple[HookPass, ...]:
        """Return which passes read the result of a step, skips aside: textures of one layer go together."""
        found = []
        for other in self.steps[self.steps.index(step) + 1 :]:
            if step.target in _read_textures(other.form):
                found.append(other.shader_pass)
            if other.target == step.target:
                break
        return tuple(dict.fromkeys(found))

    def _flush(self) -> None:
        """Make the pending steps a layer."""
        group, self.group = self.group, _Group()
        if not group.forms:
            return
        if any(form.base or form.clamp or form.gain != 1 for form in group.forms):
            raise LiftError(f"{group.steps[0].shader_pass.where} adds its input, and is not the last pass")
        node = self._convolve(group, rows=4)
        layer = _Layer(node, 4 * len(group.forms), group.scale, len(group.forms))
        self.layers.append(layer)
        saved = {step.shader_pass.target for step in group.steps}
        self.places = {name: place for name, place in self.places.items() if unpacked(name) not in saved}
        self.places |= {step.target: (layer, place) for place, step in enumerate(group.steps)}

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
        self._finish(shader_pass, node, scale, form.base, clamp=form.clamp, kind=form.base_kind)

    def _finish(
        self,
        shader_pass: HookPass,
        node: str,
        scale: int,
        base: str | None,
        *,
        clamp: bool,
        kind: ResizeKind = "bilinear",
    ) -> None:
        if base is not None:
            if self._place(shader_pass, base)[0] is not self.layers[0]:
                raise LiftError(f"{shader_pass.where} adds {base!r}; only the input can be added at the end")
            node = self.builder.add(Add(), node, self._part(self.layers[0], "whole", scale, kind))
        if clamp:
            self.builder.add(Clamp(0.0, 1.0), node)

    def _convolve(self, group: _Group, rows: int) -> str:
        """Append the convolution of a group of passes, its skips and its activation."""
        shader_pass, border = group.steps[0].shader_pass, group.forms[0].border
        layers = self._read_layers(shader_pass, group.forms[0])
        sources = []
        for layer, parts in layers.items():
            if border == "zero" and layer.scale != group.scale:
                raise LiftError(f"{shader_pass.where} fetches texels of a picture of another size")
            kind = _PARTS.get(frozenset(parts))
            if kind is None:
                raise LiftError(f"{shader_pass.where} takes negative parts alone of {layer.node}")
            sources.append(self._part(layer, kind, group.scale))
        source = sources[0] if len(sources) == 1 else self._concat(sources)
        weight, dilation = self._weights(group, layers, rows)
        bias = np.concatenate([form.bias[:rows] for form in group.forms])
        node = self.builder.conv(source, weight, bias, border=border, dilation=dilation)
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
        places = [
            self._place(step.shader_pass, form.skips[0])
            for step, form in zip(group.steps, group.forms, strict=True)
        ]
        layer = places[0][0]
        whole = [place for _, place in places] == list(range(layer.textures))
        if not whole or layer.channels == 3 or any(len(form.skips) > 1 for form in group.forms):
            raise LiftError(
                f"{group.steps[0].shader_pass.where} adds textures that are not one layer in order"
            )
        return self._part(layer, "whole", group.scale)

    def _read_layers(self, shader_pass: HookPass, form: SumForm) -> dict[_Layer, list[Part]]:
        """Return the layers a pass reads, in order of appearance, with the parts it takes of each."""
        found: dict[_Layer, list[Part]] = {}
        for texture, part in form.taps:
            parts = found.setdefault(self._place(shader_pass, texture)[0], [])
            if part not in parts:
                parts.append(part)
        return found

    def _part(self, layer: _Layer, kind: str, scale: int, resize: ResizeKind = "bilinear") -> str:
        """Return a layer, enlarged as `resize` says, through a relu or crelu; made once."""
        key = (self.layers.index(layer), kind, scale, resize)
        if key not in self.made:
            node = layer.node
            if scale != layer.scale:
                if scale % layer.scale:
                    raise LiftError(f"{self.name}: a layer of {layer.scale}x is read at {scale}x")
                plain = (key[0], "whole", scale, resize)
                if plain not in self.made:
                    self.made[plain] = self.builder.add(Resize(resize, scale // layer.scale), node)
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
        if rows * len(group.forms) * count * (2 * radius + 1) ** 2 > _MAX_WEIGHTS:
            raise LiftError(f"{group.steps[0].shader_pass.where}: its layer has too many channels")
        weight = np.zeros((rows * len(group.forms), count, 2 * radius + 1, 2 * radius + 1), np.float32)
        for index, (step, form) in enumerate(zip(group.steps, group.forms, strict=True)):
            for (texture, part), taps in form.taps.items():
                layer, place = self._place(step.shader_pass, texture)
                first = starts[layer, part] + 4 * place
                width = min(4, layer.channels)
                for offset, matrix in taps.items():
                    if matrix[:, width:].any():
                        raise LiftError(
                            f"{step.shader_pass.where} uses components that {texture} does not have"
                        )
                    x, y = steps[layer.scale, offset]
                    target = weight[index * rows : (index + 1) * rows, first : first + width]
                    target[:, :, y // dilation + radius, x // dilation + radius] += matrix[:rows, :width]
        return weight, dilation

    def _steps(self, group: _Group) -> dict[tuple[int, Offset], tuple[int, int]]:
        """Return for each offset in texels of a layer of some scale the offset in the group's pixels."""
        found: dict[tuple[int, Offset], tuple[int, int]] = {}
        for step, form in zip(group.steps, group.forms, strict=True):
            for (texture, _), taps in form.taps.items():
                scale = self._place(step.shader_pass, texture)[0].scale
                for offset in taps:
                    exact = [value * group.scale / scale for value in offset]
                    if max(map(abs, exact)) > _MAX_REACH:
                        raise LiftError(f"{step.shader_pass.where} reads {texture} far away, at {offset}")
                    whole = (round(exact[0]), round(exact[1]))
                    if any(abs(a - b) > 1e-3 for a, b in zip(exact, whole, strict=True)):
                        raise LiftError(
                            f"{step.shader_pass.where} reads {texture} between pixels, at {offset}"
                        )
                    found[scale, offset] = whole
        return found


def _read_textures(form: SumForm | ShuffleForm) -> list[str]:
    """Return the names of the textures that a form reads, skips aside."""
    if isinstance(form, ShuffleForm):
        return form.textures
    return [name for texture, _ in form.taps for name in texture.split("+")]


def _array(values: Sequence[float]) -> npt.NDArray[np.float32]:
    return np.array(values, np.float32)
