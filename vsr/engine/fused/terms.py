"""A network as terms that linear maps can be moved through: colour conversion then costs nothing.

A graph's input is R, G, B, or luma, and so is its result; a picture has other components. The maps between
are linear, of one sample each, and most networks are linear near their ends: they go into the weights there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from vsr.nets.graph import Graph
from vsr.nets.ops import Add, Clamp, Conv, ConvTranspose, Op, PixelShuffle, Resize, Scale

Affine: TypeAlias = npt.NDArray[np.float64]
"""(outputs, inputs + 1): factors of the inputs, and in the last column what is added."""
Weights: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Linear:
    """A convolution in float64: weight (out, in, k, k), bias (out,)."""

    weight: Weights
    bias: Weights
    border: str = "replicate"
    dilation: int = 1

    @property
    def reach(self) -> int:
        """How far it reads on each side, in samples."""
        return int(self.weight.shape[2]) // 2 * self.dilation


@dataclass(frozen=True, eq=False)
class Source:
    """The picture's components, as code values."""

    channels: int


@dataclass(frozen=True, eq=False)
class Term:
    """An operation and the terms that it reads. Linear stands for all that is linear at one scale."""

    op: Op | Linear | Source
    inputs: tuple[Term, ...] = ()

    @property
    def channels(self) -> int:
        """The channels of the result."""
        if isinstance(self.op, Linear):
            return int(self.op.weight.shape[0])
        if isinstance(self.op, Source):
            return self.op.channels
        return self.op.channels(tuple(term.channels for term in self.inputs))


def terms_of(graph: Graph, into: Affine, out_of: Affine) -> tuple[Term, Mapping[Term, str]]:
    """Return the graph from components of the source to those of the target, and what nodes its terms are.

    Terms into which a map has gone are no node. `into` maps the source's components to the graph's input,
    `out_of` the graph's result to the target's.
    """
    source = Term(Source(into.shape[1] - 1))
    maps = _Maps()
    made: dict[str, Term] = {graph.input.name: maps.affine(source, into)}
    for node in graph.nodes[1:]:
        inputs = tuple(made[name] for name in node.inputs)
        made[node.name] = maps.term(node.op, inputs)
        if len(graph.users[node.name]) > 1:
            maps.shared.add(made[node.name])
    return maps.affine(made[graph.output.name], out_of), {term: name for name, term in made.items()}


class _Maps:
    """Moves linear maps into terms. Those that are `shared` stay as they are: a changed copy would cost."""

    def __init__(self) -> None:
        self.shared: set[Term] = set()

    def term(self, op: Op, inputs: tuple[Term, ...]) -> Term:
        """Return an operation on terms."""
        match op:
            case Conv(weight=weight, bias=bias):
                linear = Linear(weight.astype(float), bias.astype(float), op.border, op.dilation)
                return self._after_map(linear, inputs[0])
            case ConvTranspose():
                phases = Term(_by_phases(op), inputs)
                return Term(PixelShuffle(op.stride), (phases,)) if op.stride > 1 else phases
            case Scale(gain=gain, offset=offset):
                count = inputs[0].channels
                factors = np.diag(np.broadcast_to(gain, count).astype(float))
                return self.affine(inputs[0], np.column_stack([factors, np.broadcast_to(offset, count)]))
        return Term(op, inputs)

    def _after_map(self, linear: Linear, term: Term) -> Term:
        """Return the convolution of a term, a map of single samples before it taken in where that is exact.

        Zeros outside the picture are zeros after the map only if it adds nothing.
        """
        before = term.op
        if not isinstance(before, Linear) or before.weight.shape[2] != 1:
            return Term(linear, (term,))
        is_cheap = isinstance(term.inputs[0].op, Source) or term not in self.shared
        if not is_cheap or (linear.border == "zero" and before.bias.any()):
            return Term(linear, (term,))
        weight = np.einsum("oikl,ij->ojkl", linear.weight, before.weight[:, :, 0, 0])
        bias = linear.bias + linear.weight.sum(axis=(2, 3)) @ before.bias
        return Term(replace(linear, weight=weight, bias=bias), term.inputs)

    def affine(self, term: Term, matrix: Affine) -> Term:
        """Return the term with a linear map of its channels applied, as far up as it can go.

        Interpolation keeps constants, so the map passes through a Resize whole.
        """
        factors, offset = matrix[:, :-1], matrix[:, -1]
        if _is_identity(factors, offset):
            return term
        if term in self.shared and not isinstance(term.inputs[0].op, Source):
            return Term(_pointwise(matrix), (term,))
        match term.op:
            case Linear() as linear:
                weight = np.einsum("oc,cikl->oikl", factors, linear.weight)
                made = replace(linear, weight=weight, bias=factors @ linear.bias + offset)
                if weight.shape[2] == 1 and _is_identity(weight[:, :, 0, 0], made.bias):
                    return term.inputs[0]
                return Term(made, term.inputs)
            case Add():
                first, second = term.inputs
                if first.channels < second.channels:
                    first, second = second, first
                rest = factors if second.channels == first.channels else factors.sum(axis=1, keepdims=True)
                base = self.affine(first, matrix)
                if np.abs(rest).max() < 1e-12:
                    return base
                return Term(Add(), (base, self.affine(second, np.column_stack([rest, np.zeros(len(rest))]))))
            case Resize():
                return Term(term.op, (self.affine(term.inputs[0], matrix),))
            case Clamp(low=low, high=high) if (scale := _scale_of_all(factors, offset)) is not None:
                gain, bias = scale
                return Term(
                    Clamp(gain * low + bias, gain * high + bias), (self.affine(term.inputs[0], matrix),)
                )
            case PixelShuffle(factor=factor):
                group = factor * factor
                wide = np.column_stack([np.kron(factors, np.eye(group)), np.repeat(offset, group)])
                return Term(term.op, (self.affine(term.inputs[0], wide),))
        return Term(_pointwise(matrix), (term,))


def _is_identity(factors: Weights, offset: Weights) -> bool:
    rows, columns = factors.shape
    if rows != columns or np.abs(offset).max() >= 1e-9:
        return False
    return np.allclose(factors, np.eye(rows), rtol=0, atol=1e-9)


def _scale_of_all(factors: Weights, offset: Weights) -> tuple[float, float] | None:
    """Return (gain, bias) where each result is gain times some channel plus bias, gain > 0; else None."""
    gain, bias = float(factors.max()), float(offset[0])
    is_one_each = (np.count_nonzero(factors, axis=1) == 1).all()
    if gain <= 0 or not is_one_each or (offset != bias).any() or (factors.max(axis=1) != gain).any():
        return None
    return gain, bias


def _pointwise(matrix: Affine) -> Linear:
    return Linear(matrix[:, :-1, None, None].copy(), matrix[:, -1].copy())


def _by_phases(op: ConvTranspose) -> Linear:
    """Return the convolution whose channels are the sub-pixels of a transposed one.

    Row v = y * stride + phase of the result takes the taps ty for which v + padding - ty is a multiple of the
    stride, at row (v + padding - ty) / stride.
    """
    stride, size = op.stride, op.size
    ways = [(phase + op.padding - tap) for phase in range(stride) for tap in range(size)]
    reach = max(abs(way // stride) for way in ways if way % stride == 0)
    side = 2 * reach + 1
    into, out = op.weight.shape[:2]
    weight = np.zeros((out, stride, stride, into, side, side))
    for py in range(stride):
        for px in range(stride):
            for ty in range(size):
                for tx in range(size):
                    dy, dx = py + op.padding - ty, px + op.padding - tx
                    if dy % stride == 0 and dx % stride == 0:
                        weight[:, py, px, :, dy // stride + reach, dx // stride + reach] = op.weight[
                            :, :, ty, tx
                        ].T
    return Linear(
        weight.reshape(-1, into, side, side), np.repeat(op.bias.astype(float), stride * stride), "zero"
    )


def uses(result: Term) -> Mapping[Term, int]:
    """Return how often each term is read."""
    counts: dict[Term, int] = {}
    waiting, seen = [result], {result}
    while waiting:
        for term in waiting.pop().inputs:
            counts[term] = counts.get(term, 0) + 1
            if term not in seen:
                seen.add(term)
                waiting.append(term)
    return counts
