"""A narrow network on a GPU: a launch for each layer, of kernels generated for its shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np

from vsr.device.cuda.launch import PLANE, Kind, Launch, Memory, Record, View, blocks_over
from vsr.engine.fused.packing import phases
from vsr.engine.fused.pictures import check, maps
from vsr.engine.fused.program import Program
from vsr.engine.fused.stages import Buffer
from vsr.engine.fused.terms import terms_of
from vsr.engine.fused_cuda.jobs import LANE, NET_JOB, SLAB
from vsr.engine.fused_cuda.kernels import source_of
from vsr.engine.fused_cuda.layout import filled
from vsr.engine.fused_cuda.plan import Kinds, Plan, Step, problem_of
from vsr.engine.fused_cuda.storage import Stored, size_of, store
from vsr.engine.fused_cuda.weights import constants, packed
from vsr.engine.step import changes_luma_alone
from vsr.errors import OptionError
from vsr.frame import PictureSpec
from vsr.nets.graph import Graph
from vsr.nets.ops import Clamp
from vsr.ops.cuda.banks import way_record
from vsr.ops.grid import Grid, Way
from vsr.ops.matrices import components

CudaPrecision: TypeAlias = Literal["fp16", "fp32"]
_VALUES: dict[CudaPrecision, Kind] = {"fp16": "f16", "fp32": "f32"}
_MOST_FACTOR = 8
"""Of a depth-to-space that a convolution does itself: all that networks have."""
_LARGEST = 3e38


def problem(
    graph: Graph, source: PictureSpec, target: PictureSpec, precision: CudaPrecision = "fp16"
) -> str | None:
    """Return a sentence that says why CudaNetwork does not take these, or None.

    Raises OptionError where no engine would.
    """
    check(graph, source, target)
    fmt = target.format
    if len(_written(graph, source, target)) > 1 and (fmt.log2_chroma_w or fmt.log2_chroma_h):
        return (
            f"{graph.name} gives R, G, B, and fused_cuda does not reduce chroma to {fmt.name}; let it make "
            "4:4:4, or R, G, B, and convert after it"
        )
    return problem_of(graph.name, _program(graph, source, target), in_halves=precision == "fp16")


class CudaNetwork:
    """The launches that take frames of `source` through a network, to frames `graph.scale` times as large.

    The source's planes are read as they are, chroma brought to the luma's size by bilinear interpolation; the
    conversions to R, G, B and back are in the first and last weights where these are linear, as in FusedStep.
    A network that reads luma, or adds one plane to R, G and B, writes luma alone: see `written`. A network
    that gives R, G, B writes planes of R, G, B, or Y, Cb, Cr in 4:4:4; smaller chroma is made after it, which
    costs a picture of float16 written and read, 0.02 ms for 3840x2160 at 4.8 TB/s.

    "fp16": weights and what lies between layers are float16, sums float32. Values beyond 65504 become
    infinite, and then NaN, which the layers keep. "fp32": all is float32, at a tenth of the speed.

    Thread-safety: safe, immutable after construction; but what lies between layers is in `memory`, so that
    frames go through one after another, in one stream. Ownership: tables and buffers lie in `memory`. Raises
    OptionError for what `problem` says.
    """

    def __init__(
        self,
        graph: Graph,
        source: PictureSpec,
        target: PictureSpec,
        memory: Memory,
        *,
        precision: CudaPrecision = "fp16",
        reads: Kind | None = None,
        writes: Kind | None = None,
        found: int = 0,
    ) -> None:
        """Prepare. `reads` and `writes` are the types of the planes' samples, else those of the formats.

        `found` is the address of a Found (kernels/common/found.hpp), to be told of values that are no
        numbers before they become codes, or 0.
        """
        fault = problem(graph, source, target, precision)
        if fault is not None:
            raise OptionError(fault)
        self.graph = graph
        self.source = source
        self.output = target
        self.precision = precision
        self.written = _written(graph, source, target)
        """The planes of the target that are written; engine.step.Rest knows what becomes of the others."""
        self._found = found
        self._kinds = Kinds(reads or _kind(source), _VALUES[precision], writes or _kind(target))
        program = _program(graph, source, target)
        self._ways = Grid(source, source, up="bilinear").inputs[: program.buffers[0].channels]
        plan = Plan(program, self._kinds, [_is_direct(way) for way in self._ways])
        self.kernels = source_of(step.kernel for step in plan.steps)
        """The source of all launches: equal for networks whose layers have equal shapes."""
        self._steps = plan.steps
        stored = store(plan.steps, source.width, source.height, self._kinds.value, memory)
        self._jobs = tuple(self._job(step, stored, memory) for step in plan.steps)

    @property
    def sentence(self) -> str:
        """What this does, for people."""
        source, target = self.source, self.output
        return (
            f"{self.graph.name} {source.width}x{source.height} to {target.width}x{target.height}, "
            f"fused on the GPU in {self.precision}"
        )

    def launches(self, planes: Sequence[View], into: Sequence[View]) -> tuple[Launch, ...]:
        """Return what writes the result of `planes` into those planes of `into` that are `written`."""
        sources = np.zeros(3, PLANE)
        targets = np.zeros(3, PLANE)
        for index, view in enumerate(planes[: len(self._ways)]):
            sources[index] = view.record
        for index, plane in enumerate(self.written):
            targets[index] = into[plane].record
        return tuple(
            self._launch(step, job, sources, targets)
            for step, job in zip(self._steps, self._jobs, strict=True)
        )

    def _launch(self, step: Step, prepared: Record, sources: Record, targets: Record) -> Launch:
        job = prepared.copy()
        job["picture"]["planes"] = sources
        job["result"]["planes"] = targets
        size = (job["width"], job["height"])
        if step.convolution is None:
            size = (job["result"]["width"], job["result"]["height"])
        blocks = blocks_over(int(size[0]), int(size[1]), step.tile)
        return Launch(self.kernels, step.kernel.name, blocks, job)

    def _job(self, step: Step, stored: Mapping[Buffer, Stored], memory: Memory) -> Record:
        """Return a kernel's argument, but for the planes of source and target."""
        job = np.zeros((), NET_JOB)
        for index, way in enumerate(self._ways):
            job["picture"]["ways"][index] = way_record(way, memory)
        job["picture"]["gain"] = 1 / _unit(self.source)
        job["width"], job["height"] = size_of(step.reads, self.source.width, self.source.height)
        result = job["result"]
        result["width"], result["height"] = size_of(step.result, self.source.width, self.source.height)
        result["channels"], result["filled"] = step.result.channels, filled(step.result.channels)
        result["data"] = stored[step.result].pointer if step.result in stored else 0
        result["found"] = self._found
        result["gain"], result["top"] = _unit(self.output), self.output.format.max_value
        _put_lanes(job, step, stored, memory)
        _put_weights(job, step, stored, memory)
        return job


def _put_lanes(job: Record, step: Step, stored: Mapping[Buffer, Stored], memory: Memory) -> None:
    """Set what is added or moved, and how it is enlarged."""
    if step.lanes:
        lanes = np.zeros(len(step.lanes), LANE)
        for index, lane in enumerate(step.lanes):
            if step.of_picture:
                lanes[index]["component"] = lane.channel
            else:
                lanes[index] = stored[lane.buffer].lane(lane.channel)
        job["lanes"] = memory.table(lanes)
    if step.resize is not None:
        first, weights = phases(step.resize)
        job["first"] = memory.table(np.array(first, np.int32))
        job["phases"] = memory.table(weights.astype(np.float32))


def _put_weights(job: Record, step: Step, stored: Mapping[Buffer, Stored], memory: Memory) -> None:
    """Set what a convolution reads, multiplies with and ends with."""
    own, stage = step.convolution, step.stage
    if own is None or stage is None or stage.linear is None:
        return
    slabs = np.zeros(len(own.slabs), SLAB)
    for index, slab in enumerate(own.slabs):
        if slab.buffer is not None:
            place = stored[slab.buffer]
            slabs[index] = (place.at(slab.first), place.slab, 0)
    job["slabs"], job["passes"] = memory.table(slabs), len(slabs)
    job["weights"] = memory.table(packed(stage, own))
    biases, slopes = constants(stage, own)
    job["biases"], job["slopes"] = memory.table(biases), memory.table(slopes)
    job["zero"] = stage.linear.border == "zero"
    if isinstance(stage.activation, Clamp):
        job["low"] = max(stage.activation.low, -_LARGEST)
        job["high"] = min(stage.activation.high, _LARGEST)


def _program(graph: Graph, source: PictureSpec, target: PictureSpec) -> Program:
    """Return the stages between code values over `_unit`, which halves hold exactly up to 11 bits."""
    into, out_of = maps(graph, source, target)
    into = into.copy()
    into[:, :-1] *= _unit(source)
    term, _ = terms_of(graph, into, out_of[list(_written(graph, source, target))] / _unit(target))
    return Program(term, most_factor=_MOST_FACTOR)


def _written(graph: Graph, source: PictureSpec, target: PictureSpec) -> tuple[int, ...]:
    if changes_luma_alone(graph, source, target):
        return (0,)
    return tuple(range(components(target.format)))


def _unit(spec: PictureSpec) -> float:
    """Return the power of two that code values are divided by."""
    return 1.0 if spec.format.is_float else float(1 << spec.format.depth)


def _kind(spec: PictureSpec) -> Kind:
    if spec.format.is_float:
        return "f32"
    return "u8" if spec.format.depth == 8 else "u16"


def _is_direct(way: Way) -> bool:
    return way.columns.is_identity and way.rows.is_identity
