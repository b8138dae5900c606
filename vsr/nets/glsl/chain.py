"""Shader files in the order they are loaded: which of their networks run, for a picture and a target size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vsr.nets.errors import LiftError
from vsr.nets.glsl.assemble import assemble
from vsr.nets.glsl.parser import HookPass, ShaderFile, parse_file
from vsr.nets.glsl.rpn import evaluate
from vsr.nets.graph import Graph

HOOK_ORDER = ("LUMA", "MAIN")
"""The hook points at which networks run, in the order mpv comes by them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ShaderStage:
    """Passes that together replace the hooked picture: a network, or something not recognised as one."""

    name: str
    file: str
    hook: str
    when: str
    graph: Graph | None
    problem: LiftError | None = None
    """Why there is no graph."""
    parameters: dict[str, float] = field(default_factory=dict)

    def runs(self, size: tuple[int, int], native: tuple[int, int], output: tuple[int, int]) -> bool:
        """True where WHEN holds; `size` is the hooked picture's, all are (width, height)."""
        sizes = {"HOOKED": size, self.hook: size, "NATIVE": native, "OUTPUT": output}
        sizes |= {name: native for name in ("LUMA", "MAIN", "NATIVE_CROPPED") if name not in sizes}
        try:
            return evaluate(self.when, sizes, self.parameters) != 0
        except LiftError as error:
            raise LiftError(f"{self.file}: WHEN of {self.name} fails: {error}") from None


@dataclass(frozen=True, kw_only=True, eq=False)
class PlannedStage:
    """A network that runs, and the size, (width, height), before and after."""

    graph: Graph
    hook: str
    source: tuple[int, int]
    target: tuple[int, int]


@dataclass(frozen=True, kw_only=True, eq=False)
class ShaderChain:
    """Stages in file order. Thread-safety: safe, immutable."""

    stages: tuple[ShaderStage, ...]

    def plan(self, size: tuple[int, int], output: tuple[int, int]) -> tuple[PlannedStage, ...]:
        """Return what runs for a picture of `size` that shall become `output`, both (width, height).

        WHEN is evaluated with the sizes that earlier stages have left. Raises LiftError for a stage that
        would run and is not a network.
        """
        planned: list[PlannedStage] = []
        current = size
        for hook in (*HOOK_ORDER, *sorted({s.hook for s in self.stages} - set(HOOK_ORDER))):
            for stage in self.stages:
                if stage.hook != hook or not stage.runs(current, size, output):
                    continue
                if stage.graph is None:
                    assert stage.problem is not None
                    raise stage.problem
                target = (current[0] * stage.graph.scale, current[1] * stage.graph.scale)
                planned.append(PlannedStage(graph=stage.graph, hook=hook, source=current, target=target))
                current = target
        return tuple(planned)


def read_shaders(paths: Sequence[Path], *, strict: bool = True) -> ShaderChain:
    """Return the chain of these files. Raises LiftError for what is not a network, unless not `strict`.

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
    graph, problem = None, None
    try:
        _check_stage(file, passes)
        graph = assemble(passes, name)
    except LiftError as error:
        problem = error
    return ShaderStage(
        name=name,
        file=file.name,
        hook=passes[-1].hooks[0],
        when=passes[-1].when,
        graph=graph,
        problem=problem,
        parameters=file.parameters,
    )


def _check_stage(file: ShaderFile, passes: list[HookPass]) -> None:
    first, last = passes[0], passes[-1]
    for known, what in (("STATSMAX", "Clamp_Highlights"), ("AutoDownscalePre", "AutoDownscalePre")):
        if any(known in (p.save or "") or known in p.binds or known in p.description for p in passes):
            raise LiftError(f"{first.where}: {what} is not a network, and is not supported yet")
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
        if shader_pass.when != last.when:
            raise LiftError(f"{shader_pass.where}: its WHEN differs from that of {last.description!r}")
    if last.target not in last.hooks:
        raise LiftError(f"{last.where} saves {last.target!r} and no pass after it replaces {last.hooks[0]}")
    if file.data and any(block.kind != "PARAM" for block in file.data):
        raise LiftError(f"{file.name} has {file.data[0].kind} blocks; networks are recognised without them")
