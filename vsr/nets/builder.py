"""Build a graph step by step: readers and families use this."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vsr.nets.graph import Graph, Node
from vsr.nets.ops import Border, Conv, GlobalInput, Op


class Builder:
    """Collects nodes; each method returns the new node's name. Thread-safety: one thread."""

    def __init__(self, channels: int) -> None:
        """Begin with an input of 1 (luma) or 3 (R, G, B) planes."""
        self._nodes: list[Node] = [Node("input", GlobalInput(channels))]

    @property
    def input(self) -> str:
        """The input's name."""
        return self._nodes[0].name

    def add(self, op: Op, *inputs: str, name: str | None = None) -> str:
        """Append an operation; without a name it is the operation's with a number."""
        name = name or f"{type(op).__name__.lower()}{len(self._nodes)}"
        self._nodes.append(Node(name, op, inputs))
        return name

    def conv(
        self,
        source: str,
        weight: npt.ArrayLike,
        bias: npt.ArrayLike | None = None,
        *,
        border: Border = "zero",
        dilation: int = 1,
        name: str | None = None,
    ) -> str:
        """Append a convolution with weight (out, in, k, k) and bias (out,), or none."""
        weight = np.asarray(weight, np.float32)
        values = np.zeros(weight.shape[0], np.float32) if bias is None else np.asarray(bias, np.float32)
        return self.add(Conv(weight, values, border, dilation), source, name=name)

    def build(self, name: str, *, source: str = "") -> Graph:
        """Return the graph; the last node is the result, and nodes that nothing reads are left out."""
        needed = {self._nodes[-1].name, self.input}
        for node in reversed(self._nodes):
            if node.name in needed:
                needed.update(node.inputs)
        return Graph(name, tuple(node for node in self._nodes if node.name in needed), source)
