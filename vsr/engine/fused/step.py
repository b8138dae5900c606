"""A network as a step over pictures."""

from __future__ import annotations

from collections.abc import Sequence

from vsr.device import cpu
from vsr.engine.fused.calibration import ranges
from vsr.engine.fused.pictures import check, maps
from vsr.engine.fused.program import Program
from vsr.engine.fused.stages import Format
from vsr.engine.fused.terms import terms_of
from vsr.engine.step import Precision, Rest, changes_luma_alone
from vsr.errors import DeviceError
from vsr.frame import PictureSpec, Plane
from vsr.nets.graph import Graph
from vsr.ops.grid import Grid
from vsr.ops.matrices import components

_FORMATS: dict[Precision, Format] = {"fp32": "float32", "bf16": "bfloat16", "int8": "bytes"}
_TILE = 64
_CACHE = 768 * 1024
"""Bytes of rings that one thread may use: they have to stay in its level 2 cache."""


class FusedStep:
    """Frames of `source` through a network, to frames `graph.scale` times as large.

    One pass: components are brought to one grid, run through all layers row by row, and rounded to samples.
    The conversions to R, G, B and back are in the network's first and last weights where these are linear.
    A network that reads luma, or adds one plane to R, G and B, changes luma alone: chroma and alpha are then
    resized by engine.step.REST_SCALER. Chroma is brought to R, G, B by bilinear interpolation, and back by
    a tent.

    Arithmetic is float32, or with "bf16" bfloat16 between the layers, products summed in float32, or with
    "int8" bytes between the layers, weights of 8 bits, products summed in integers: what bytes stand for is
    found from pictures of our own (calibration.py). The first layer's input and the last one's result are
    float32. Results of different processors differ in the last bits of float32: some have fused multiply-add.

    Thread-safety: safe, immutable. Raises OptionError for a source it cannot read and a target it cannot
    make, DeviceError where the processor lacks the precision.
    """

    def __init__(
        self, graph: Graph, source: PictureSpec, target: PictureSpec, *, precision: Precision = "fp32"
    ) -> None:
        self.graph = graph
        self.source = source
        self.output = target
        self.precision = precision
        check(graph, source, target)
        has_bfloat16, has_int8 = cpu.kernels.net_formats()
        if not {"fp32": True, "bf16": has_bfloat16, "int8": has_int8}[precision]:
            raise DeviceError(f"the instruction set in use has no {precision} here; choose precision fp32")
        luma_alone = changes_luma_alone(graph, source, target)
        self._own = [0] if luma_alone else [*range(components(target.format))]
        into, out_of = maps(graph, source, target)
        term, nodes = terms_of(graph, into, out_of[self._own])
        known = ranges(graph) if precision == "int8" else {}
        by_term = {each: known[name] for each, name in nodes.items() if name in known}
        program = Program(term, format=_FORMATS[precision], ranges=by_term)
        self._inputs = Grid(source, source, up="bilinear").inputs[: into.shape[1] - 1]
        self._outputs = [Grid(target, target, up="bilinear").outputs[plane] for plane in self._own]
        self._rest = Rest(source, target, self._own)
        self._native = cpu.kernels.net(*program.packed(*graph.receptive_field))
        self._tile = _tile(program, source.width)

    @property
    def sentence(self) -> str:
        """What this does, for people."""
        source, target = self.source, self.output
        return (
            f"{self.graph.name} {source.width}x{source.height} to {target.width}x{target.height}, "
            f"fused on the CPU in {self.precision}"
        )

    def __call__(self, planes: Sequence[Plane], into: Sequence[Plane], *, threads: int = 1) -> None:
        """Write the result of `planes` into `into`, arrays of the output's shapes and types."""
        inputs = tuple(
            (plane, way.columns.native, way.rows.native)
            for plane, way in zip(planes, self._inputs, strict=False)
        )
        outputs = tuple(
            (into[plane], way.columns.native, way.rows.native, 0.0, way.shift)
            for plane, way in zip(self._own, self._outputs, strict=True)
        )
        top = self.output.format.max_value
        cpu.kernels.run_net(self._native, inputs, outputs, top, self._tile, threads)
        self._rest(planes, into, threads=threads)


def _tile(program: Program, width: int) -> int:
    """Return how many columns of the input to do at a time."""
    column = sum(float(buffer.planes * buffer.rows * buffer.scale) * 4 for buffer in program.buffers)
    most = max(_TILE * 4, int(_CACHE / column))
    tiles = -(-width // most)
    return -(-width // (tiles * _TILE)) * _TILE
