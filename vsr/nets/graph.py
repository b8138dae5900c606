"""A network as data: an immutable, checked list of operations."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import cached_property
from math import ceil, floor, lcm
from typing import Literal

import numpy as np

from vsr.nets.errors import GraphError
from vsr.nets.ops import Add, Conv, GlobalInput, Op, Resize

Reads = Literal["luma", "rgb"]
Writes = Literal["luma", "rgb", "residual"]
"""What comes out: luma; R, G, B; or one plane that is added to each of the enlarged R, G, B."""


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """An operation, its name, and the names of the nodes that it reads, all of which come before it."""

    name: str
    op: Op
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Residual:
    """The last step of a network that adds one plane to R, G and B: out = base + plane.

    Adding r to R, G and B adds r to luma and nothing to chroma, so an engine may add `plane` to an enlarged
    luma instead. `plane` names a node of 1 channel, `base` the input or what comes of it by Resize and by
    adding other single planes, as in networks that are joined.
    """

    plane: str
    base: str


@dataclass(frozen=True, eq=False)
class Graph:
    """A network: nodes in the order they can be run, the input first, the result last.

    The input is (channels, height, width) with 1 plane of luma or 3 of R, G, B; samples are code values over
    the largest code value of their depth, so that luma of limited range lies in 16/255..235/255. The result
    has `scale` times the height and width, and as many planes as the input, unless `writes` says otherwise.
    Nothing is clamped but by a Clamp.

    Thread-safety: safe, immutable. Raises GraphError for nodes that do not fit together.
    """

    name: str
    nodes: tuple[Node, ...]
    source: str = ""
    """Where it comes from, for people: a file, a family."""

    def __post_init__(self) -> None:
        _check_wiring(self)
        if self.nodes[0].op.channels(()) != self.channels_out:
            raise GraphError(
                f"{self.name}: it reads {self.channels_in} planes and gives {self.channels_out}; "
                "as many must come out as go in"
            )
        if self.scales[self.nodes[-1].name].denominator != 1:
            raise GraphError(
                f"{self.name}: the result is smaller than the input; nothing here shrinks pictures"
            )

    @cached_property
    def by_name(self) -> dict[str, Node]:
        """The nodes by their names."""
        return {node.name: node for node in self.nodes}

    @cached_property
    def channels(self) -> dict[str, int]:
        """The number of channels of each node."""
        found: dict[str, int] = {}
        for node in self.nodes:
            try:
                found[node.name] = node.op.channels(tuple(found[name] for name in node.inputs))
            except GraphError as error:
                raise GraphError(f"{self.name}, node {node.name}: {error}") from None
        return found

    @cached_property
    def scales(self) -> dict[str, Fraction]:
        """The size of each node's planes over the input's."""
        found: dict[str, Fraction] = {}
        for node in self.nodes:
            sizes = {found[name] for name in node.inputs} or {Fraction(1)}
            if len(sizes) > 1:
                text = " and ".join(f"{name} is {found[name]}x" for name in node.inputs)
                raise GraphError(f"{self.name}, node {node.name}: sizes differ: {text} the input")
            found[node.name] = sizes.pop() * node.op.scale
        return found

    @cached_property
    def users(self) -> dict[str, tuple[str, ...]]:
        """For each node the names of those that read it."""
        return {
            node.name: tuple(other.name for other in self.nodes if node.name in other.inputs)
            for node in self.nodes
        }

    @property
    def input(self) -> Node:
        """The first node, a GlobalInput."""
        return self.nodes[0]

    @property
    def output(self) -> Node:
        """The last node."""
        return self.nodes[-1]

    @property
    def channels_in(self) -> int:
        """1 or 3."""
        return self.channels[self.nodes[0].name]

    @property
    def channels_out(self) -> int:
        """1 or 3."""
        return self.channels[self.nodes[-1].name]

    @property
    def scale(self) -> int:
        """How many times larger the result is, along each axis."""
        return int(self.scales[self.nodes[-1].name])

    @property
    def multiple_of(self) -> int:
        """The input's sides must be multiples of this: 1 unless there is a PixelUnshuffle."""
        return lcm(*(scale.denominator for scale in self.scales.values()))

    @property
    def reads(self) -> Reads:
        """Which planes it is given."""
        return "luma" if self.channels_in == 1 else "rgb"

    @property
    def writes(self) -> Writes:
        """Which planes it gives; "residual" where `residual` is not None."""
        if self.residual is not None:
            return "residual"
        return "luma" if self.channels_out == 1 else "rgb"

    @cached_property
    def residual(self) -> Residual | None:
        """The last step of a network that adds one plane to the enlarged R, G and B, or None."""
        if not isinstance(self.output.op, Add) or self.channels_out != 3:
            return None
        for plane, base in (self.output.inputs, self.output.inputs[::-1]):
            if self.channels[plane] == 1 and self._keeps_chroma(base):
                return Residual(plane, base)
        return None

    def _keeps_chroma(self, name: str) -> bool:
        """True for the input, and for what comes of it by Resize and by adding one plane to R, G and B."""
        node = self.by_name[name]
        if isinstance(node.op, Add):
            pairs = (node.inputs, node.inputs[::-1])
            return any(self.channels[plane] == 1 and self._keeps_chroma(base) for plane, base in pairs)
        return isinstance(node.op, GlobalInput) or (
            isinstance(node.op, Resize) and self._keeps_chroma(node.inputs[0])
        )

    @property
    def border(self) -> str:
        """What convolutions see outside the picture: "zero", "replicate", "mixed", or "none" without one."""
        kinds = {node.op.border for node in self.nodes if isinstance(node.op, Conv) and node.op.radius}
        return kinds.pop() if len(kinds) == 1 else ("mixed" if kinds else "none")

    @property
    def num_parameters(self) -> int:
        """Trained numbers: weights, biases, slopes."""
        return sum(node.op.num_parameters for node in self.nodes)

    @cached_property
    def macs_per_input_pixel(self) -> int:
        """Multiply-adds of all convolutions per pixel of the input, rounded up."""
        total = Fraction(0)
        for node in self.nodes:
            if node.inputs:
                total += node.op.macs * self.scales[node.inputs[0]] ** 2
        return -(-total.numerator // total.denominator)

    @cached_property
    def receptive_field(self) -> tuple[int, int]:
        """How many input pixels before and after its own one a pixel of the result depends on, at most.

        Along either axis, in pixels of the input; with a PixelUnshuffle, of the block of `multiple_of` pixels
        that it lies in. A tile of the input with these margins gives its part of the result exactly: counted
        is what lies there at any node, even where it is a bias alone, and would be a border's zero otherwise.
        """
        block = self.multiple_of
        need = {self.output.name: (0, block * self.scale - 1)}
        before, after = 0, 0
        for node in reversed(self.nodes):
            low, high = need[node.name]
            scale = self.scales[node.name]
            before = max(before, -floor(low / scale))
            after = max(after, ceil((high + 1) / scale) - block)
            if node.inputs:
                first, last = node.op.reads(low, high)
                for name in node.inputs:
                    low, high = need.get(name, (first, last))
                    need[name] = (min(low, first), max(high, last))
        return before, after

    @cached_property
    def digest(self) -> str:
        """A SHA-256, in hex, of everything that decides the result; the name and the source do not."""
        state = hashlib.sha256()
        places = {node.name: index for index, node in enumerate(self.nodes)}
        for node in self.nodes:
            state.update(repr((type(node.op).__name__, [places[name] for name in node.inputs])).encode())
            for field in fields(node.op):  # type: ignore[arg-type]
                value = getattr(node.op, field.name)
                state.update(
                    f"{field.name}={value.shape if isinstance(value, np.ndarray) else value}".encode()
                )
                if isinstance(value, np.ndarray):
                    state.update(value.tobytes())
        return state.hexdigest()

    def summary(self) -> tuple[str, ...]:
        """Return sentences about the whole, for people."""
        before, after = self.receptive_field
        gives = {
            "luma": "luma",
            "rgb": "R, G, B",
            "residual": "one plane that is added to the enlarged R, G, B",
        }
        lines = [
            f"reads {'luma' if self.reads == 'luma' else 'R, G, B'}, gives {gives[self.writes]}",
            f"{self.scale}x the size" if self.scale > 1 else "the size stays",
            f"{self.num_parameters:,} parameters, "
            f"{self.macs_per_input_pixel:,} multiply-adds per input pixel",
            f"sees {before} pixels before and {after} after each pixel; outside the picture: {self.border}",
        ]
        if self.multiple_of > 1:
            lines.append(f"sides must be multiples of {self.multiple_of}")
        return tuple(lines)

    def lines(self) -> tuple[str, ...]:
        """Return one line for each node: name, what it does, what it reads, and the shape that comes out."""
        width = max(len(node.name) for node in self.nodes)
        result = []
        for node in self.nodes:
            scale = self.scales[node.name]
            shape = f"{self.channels[node.name]} ch" + ("" if scale == 1 else f" at {scale}x")
            origin = f" of {', '.join(node.inputs)}" if node.inputs else ""
            result.append(f"{node.name:<{width}}  {node.op.sentence}{origin} -> {shape}")
        return tuple(result)


def joined(first: Graph, second: Graph) -> Graph:
    """Return the network that runs `first`, then `second` on its result.

    Raises GraphError where the planes differ, or where sizes that the second takes are not made by the first.
    """
    if first.channels_out != second.channels_in:
        raise GraphError(
            f"{first.name} gives {first.channels_out} planes, {second.name} reads {second.channels_in}"
        )
    names = {second.input.name: f"1 {first.output.name}"}
    names |= {node.name: f"2 {node.name}" for node in second.nodes[1:]}
    nodes = [Node(f"1 {n.name}", n.op, tuple(f"1 {name}" for name in n.inputs)) for n in first.nodes]
    nodes += [Node(names[n.name], n.op, tuple(names[name] for name in n.inputs)) for n in second.nodes[1:]]
    return Graph(f"{first.name} + {second.name}", tuple(nodes), source=f"{first.source}; {second.source}")


def _check_wiring(graph: Graph) -> None:
    """Raise GraphError unless names are unique, inputs come first, and every node is used."""
    if not graph.nodes or not isinstance(graph.nodes[0].op, GlobalInput):
        raise GraphError(f"{graph.name}: the first node must be the input")
    seen: set[str] = set()
    for node in graph.nodes:
        if node.name in seen or not node.name:
            raise GraphError(f"{graph.name}: two nodes are called {node.name!r}; names must be unique")
        if seen and isinstance(node.op, GlobalInput):
            raise GraphError(f"{graph.name}, node {node.name}: there is one input only")
        least, most = node.op.arity
        if len(node.inputs) < least or (most is not None and len(node.inputs) > most):
            raise GraphError(
                f"{graph.name}, node {node.name}: {node.op.sentence} with {len(node.inputs)} inputs"
            )
        for name in node.inputs:
            if name not in seen:
                raise GraphError(
                    f"{graph.name}, node {node.name}: its input {name!r} does not come before it"
                )
        seen.add(node.name)
    unused = seen - {name for node in graph.nodes for name in node.inputs} - {graph.nodes[-1].name}
    if unused:
        raise GraphError(f"{graph.name}: nothing reads {', '.join(sorted(unused))}")
