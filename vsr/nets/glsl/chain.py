"""Shader files in the order they are loaded: which of their stages run, for a picture and a target size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from vsr.nets.errors import LiftError
from vsr.nets.glsl.assemble import assemble
from vsr.nets.glsl.filters import FilterForm, recognise_filter
from vsr.nets.glsl.parser import HookPass, ShaderFile, parse_file
from vsr.nets.glsl.rpn import evaluate
from vsr.nets.graph import Graph

HOOK_ORDER = ("LUMA", "MAIN")
"""The hook points at which networks run, in the order mpv comes by them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ShaderStage:
    """Passes that together replace the hooked picture: a network, a filter, or something unknown."""

    name: str
    file: str
    hook: str
    when: str
    graph: Graph | None
    form: FilterForm | None = None
    """What it is where it is a filter."""
    problem: LiftError | None = None
    """Why there is neither graph nor form."""
    width: str = "HOOKED.w"
    height: str = "HOOKED.h"
    parameters: dict[str, float] = field(default_factory=dict)

    def runs(self, size: tuple[int, int], native: tuple[int, int], output: tuple[int, int]) -> bool:
        """True where WHEN holds; `size` is the hooked picture's, all are (width, height)."""
        return self._evaluate("WHEN", self.when, size, native, output) != 0

    def target(
        self, size: tuple[int, int], native: tuple[int, int], output: tuple[int, int]
    ) -> tuple[int, int]:
        """Return the (width, height) of the result; the arguments are those of `runs`."""
        if self.graph is not None:
            return size[0] * self.graph.scale, size[1] * self.graph.scale
        sides = (
            math.floor(self._evaluate(name, text, size, native, output) + 0.5)
            for name, text in (("WIDTH", self.width), ("HEIGHT", self.height))
        )
        width, height = sides
        if width < 1 or height < 1:
            raise LiftError(
                f"{self.file}: {self.name} makes a picture of {width}x{height}; use a larger size"
            )
        return width, height

    def _evaluate(
        self, name: str, text: str, size: tuple[int, int], native: tuple[int, int], output: tuple[int, int]
    ) -> float:
        sizes = {"HOOKED": size, self.hook: size, "NATIVE": native, "OUTPUT": output}
        sizes |= {other: native for other in ("LUMA", "MAIN", "NATIVE_CROPPED") if other not in sizes}
        try:
            return evaluate(text, sizes, self.parameters)
        except LiftError as error:
            raise LiftError(f"{self.file}: {name} of {self.name} fails: {error}") from None


@dataclass(frozen=True, kw_only=True, eq=False)
class PlannedStage:
    """A network that runs, and the size, (width, height), before and after."""

    graph: Graph
    hook: str
    source: tuple[int, int]
    target: tuple[int, int]


@dataclass(frozen=True, kw_only=True, eq=False)
class PlannedFilter:
    """A filter that runs, and the size, (width, height), before and after.

    Clamp_Highlights looks at the picture at its place in the list, and works on it before the final resize:
    what runs between is its `inner`. Other filters have none.
    """

    form: FilterForm
    hook: str
    source: tuple[int, int]
    target: tuple[int, int]
    inner: tuple[Planned, ...] = ()


Planned: TypeAlias = PlannedStage | PlannedFilter


@dataclass(frozen=True, kw_only=True, eq=False)
class ShaderChain:
    """Stages in file order. Thread-safety: safe, immutable."""

    stages: tuple[ShaderStage, ...]

    def plan(self, size: tuple[int, int], output: tuple[int, int]) -> tuple[Planned, ...]:
        """Return what runs for a picture of `size` that shall become `output`, both (width, height).

        WHEN, WIDTH and HEIGHT are evaluated with the sizes that earlier stages have left. Raises LiftError
        for a stage that would run and is neither network nor filter.
        """
        planned: list[Planned] = []
        clamps: list[tuple[PlannedFilter, list[Planned]]] = []
        current = size
        for hook in (*HOOK_ORDER, *sorted({s.hook for s in self.stages} - set(HOOK_ORDER))):
            for stage in self.stages:
                if stage.hook != hook or not stage.runs(current, size, output):
                    continue
                if stage.problem is not None:
                    raise stage.problem
                before, current = current, stage.target(current, size, output)
                if stage.graph is not None:
                    planned.append(PlannedStage(graph=stage.graph, hook=hook, source=before, target=current))
                    continue
                assert stage.form is not None
                entry = PlannedFilter(form=stage.form, hook=hook, source=before, target=current)
                if stage.form.kind != "clamp_highlights":
                    planned.append(entry)
                else:
                    clamps.append((entry, planned))
                    planned = []
        for entry, outer in reversed(clamps):
            planned = [*outer, replace(entry, target=current, inner=tuple(planned))]
        return tuple(planned)


def read_shaders(paths: Sequence[Path], *, strict: bool = True) -> ShaderChain:
    """Return the chain of these files. Raises LiftError for what is not recognised, unless not `strict`.

    Not strict, such stages stay in the chain with their problem, and `plan` raises it where they would run.
    """
    return chain_of([parse_file(path) for path in paths], strict=strict)


def chain_of(files: Sequence[ShaderFile], *, strict: bool = True) -> ShaderChain:
    """Return the chain of parsed files; see read_shaders."""
    stages = [stage for file in files for stage in _stages(file)]
    for stage in stages:
        if strict and stage.problem is not None:
            raise stage.problem
    return ShaderChain(stages=tuple(stages))


def _stages(file: ShaderFile) -> list[ShaderStage]:
    groups: list[list[HookPass]] = []
    pending: list[HookPass] = []
    clamp: list[HookPass] = []
    for shader_pass in file.passes:
        if "STATSMAX" in (shader_pass.save, *shader_pass.binds):
            if not clamp:
                groups.append(clamp)
            clamp.append(shader_pass)
            if "PREKERNEL" in shader_pass.hooks:
                clamp = []
            continue
        pending.append(shader_pass)
        if shader_pass.target in shader_pass.hooks:
            groups.append(pending)
            pending = []
    if pending:
        groups.append(pending)
    numbered = len(groups) > 1
    return [
        _stage(file, passes, f"{Path(file.name).stem}{f' {number}' if numbered else ''}")
        for number, passes in enumerate(groups, 1)
    ]


def _stage(file: ShaderFile, passes: list[HookPass], name: str) -> ShaderStage:
    graph, form, problem = None, None, None
    try:
        form = recognise_filter(passes)
        _check_stage(file, passes, is_filter=form is not None)
        if form is None:
            graph = assemble(passes, name)
    except LiftError as error:
        problem = error
    return ShaderStage(
        name=name,
        file=file.name,
        hook=passes[0].hooks[0],
        when=passes[-1].when,
        graph=graph,
        form=form,
        problem=problem,
        width=passes[-1].width,
        height=passes[-1].height,
        parameters=file.parameters,
    )


def _check_stage(file: ShaderFile, passes: list[HookPass], *, is_filter: bool) -> None:
    """Raise LiftError for what is refused before anybody looks at the passes' text.

    A filter's passes may lack WHEN: without those that have it they change nothing.
    """
    first, last = passes[0], passes[-1]
    for shader_pass in passes:
        if shader_pass.when != last.when and not (is_filter and shader_pass.when == "1"):
            raise LiftError(f"{shader_pass.where}: its WHEN differs from that of {last.description!r}")
    if is_filter:
        return
    for shader_pass in passes:
        if (
            shader_pass.hooks != first.hooks
            or shader_pass.hooks[0] not in HOOK_ORDER
            or len(first.hooks) != 1
        ):
            raise LiftError(
                f"{shader_pass.where} hooks {', '.join(shader_pass.hooks)}; networks are recognised where "
                f"all their passes hook one of {', '.join(HOOK_ORDER)}"
            )
    if last.target not in last.hooks:
        raise LiftError(f"{last.where} saves {last.target!r} and no pass after it replaces {last.hooks[0]}")
    if file.data and any(block.kind != "PARAM" for block in file.data):
        raise LiftError(f"{file.name} has {file.data[0].kind} blocks; networks are recognised without them")
