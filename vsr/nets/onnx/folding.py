"""Compute what does not depend on the picture's samples: constants, and sizes as exporters derive them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vsr.nets.onnx.model import Known, OnnxNode
from vsr.nets.onnx.sizes import Size

LARGEST = 1 << 24
"""Constants made here hold at most this many values; a file cannot ask for all memory."""
Inputs = Sequence[Known | None]


class FoldError(Exception):
    """Something that is not computed here."""


def fold(node: OnnxNode, inputs: Inputs) -> Known:
    """Return what an operator gives for constants. Raises FoldError for what is not known here."""
    rule = _RULES.get(node.kind)
    if rule is None:
        raise FoldError
    try:
        return rule(node, inputs)
    except (ValueError, TypeError, IndexError, AttributeError, ZeroDivisionError, OverflowError) as error:
        raise FoldError from error


def integers(node: OnnxNode, inputs: Inputs, index: int, attribute: str) -> list[Any] | None:
    """Return a list that older versions have as an attribute and newer ones as an input; None without one."""
    if attribute in node.attributes:
        return list(node.attributes[attribute])
    if index >= len(inputs) or inputs[index] is None:
        return None
    return list(np.atleast_1d(np.asarray(inputs[index])).tolist())


def _first(inputs: Inputs) -> Known:
    if not inputs or inputs[0] is None:
        raise ValueError
    return inputs[0]


def _constant(node: OnnxNode, inputs: Inputs) -> Known:
    (value,) = node.attributes.values()
    if value is None or isinstance(value, str):
        raise ValueError
    kinds: dict[str, type] = {"value_float": np.float32, "value_floats": np.float32}
    kind = next((kinds[name] for name in node.attributes if name in kinds), None)
    return np.asarray(value, kind)


def _constant_of_shape(node: OnnxNode, inputs: Inputs) -> Known:
    shape = [int(side) for side in _first(inputs)]
    value = node.attributes.get("value", np.zeros(1, np.float32))
    if any(side < 0 for side in shape) or np.prod(shape, dtype=np.float64) > LARGEST:
        raise ValueError
    return np.full(shape, value.ravel()[0])


def _cast(node: OnnxNode, inputs: Inputs) -> Known:
    from onnx import helper

    array = _first(inputs)
    kind = helper.tensor_dtype_to_np_dtype(node.attributes["to"])
    if array.dtype != object:
        return array.astype(kind)
    number = int if kind.kind in "iu" else float
    values = [value if isinstance(value, Size) else number(value) for value in array.ravel()]
    return _objects(values, array.shape)


def _objects(values: Sequence[Any], shape: tuple[int, ...]) -> Known:
    result = np.empty(len(values), object)
    result[:] = values
    return result.reshape(shape)


def _gather(node: OnnxNode, inputs: Inputs) -> Known:
    indices = inputs[1]
    assert indices is not None
    return np.asarray(np.take(_first(inputs), indices.astype(np.int64), node.attributes.get("axis", 0)))


def _slice(node: OnnxNode, inputs: Inputs) -> Known:
    array = _first(inputs)
    starts, ends = (integers(node, inputs, i, name) for i, name in ((1, "starts"), (2, "ends")))
    if starts is None or ends is None:
        raise ValueError
    axes = integers(node, inputs, 3, "axes") or list(range(len(starts)))
    steps = integers(node, inputs, 4, "steps") or [1] * len(starts)
    index: list[slice] = [slice(None)] * array.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        side = array.shape[axis]
        if step < 0 and end < -side:
            end = None
        index[axis] = slice(start, end, step)
    return array[tuple(index)]


def _concat(node: OnnxNode, inputs: Inputs) -> Known:
    parts = [array for array in inputs if array is not None]
    if any(array.dtype == object for array in parts):
        parts = [array.astype(object) for array in parts]
    return np.concatenate(parts, axis=node.attributes["axis"])


def _unsqueeze(node: OnnxNode, inputs: Inputs) -> Known:
    axes = integers(node, inputs, 1, "axes")
    if axes is None:
        raise ValueError
    return np.expand_dims(_first(inputs), tuple(axes))


def _squeeze(node: OnnxNode, inputs: Inputs) -> Known:
    axes = integers(node, inputs, 1, "axes")
    return np.squeeze(_first(inputs), None if axes is None else tuple(axes))


def _reshape(node: OnnxNode, inputs: Inputs) -> Known:
    array, target = _first(inputs), integers(node, inputs, 1, "shape")
    if target is None:
        raise ValueError
    if not node.attributes.get("allowzero", 0):
        target = [array.shape[i] if side == 0 else side for i, side in enumerate(target)]
    return array.reshape([int(side) for side in target])


def _transpose(node: OnnxNode, inputs: Inputs) -> Known:
    return np.transpose(_first(inputs), node.attributes.get("perm"))


def _binary(operation: Callable[[Any, Any], Any]) -> Callable[[OnnxNode, Inputs], Known]:
    def rule(node: OnnxNode, inputs: Inputs) -> Known:
        first, second = inputs
        result = np.asarray(operation(first, second))
        if result.size > LARGEST:
            raise ValueError
        return result

    return rule


def _quotient(first: Any, second: Any) -> Any:
    """As ONNX: between whole numbers the rest is cut off; sizes are never negative here."""
    return first // second if isinstance(first, int) and isinstance(second, int) else first / second


def _divide(first: Known, second: Known) -> Known:
    if object in (first.dtype, second.dtype):
        return np.asarray(np.frompyfunc(_quotient, 2, 1)(first.astype(object), second.astype(object)))
    whole = first.dtype.kind in "iu" and second.dtype.kind in "iu"
    return np.asarray(first // second if whole else first / second)


def _round(operation: Callable[[Any], Any]) -> Callable[[OnnxNode, Inputs], Known]:
    def rule(node: OnnxNode, inputs: Inputs) -> Known:
        array = _first(inputs)
        if array.dtype != object:
            return np.asarray(operation(array))
        values = [value if isinstance(value, Size) else operation(value) for value in array.ravel()]
        return _objects(values, array.shape)

    return rule


_RULES: dict[str, Callable[[OnnxNode, Inputs], Known]] = {
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Identity": lambda node, inputs: _first(inputs),
    "Cast": _cast,
    "Gather": _gather,
    "Slice": _slice,
    "Concat": _concat,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Add": _binary(lambda a, b: a + b),
    "Sub": _binary(lambda a, b: a - b),
    "Mul": _binary(lambda a, b: a * b),
    "Div": _binary(_divide),
    "Neg": lambda node, inputs: -_first(inputs),
    "Sqrt": lambda node, inputs: np.sqrt(_first(inputs)),
    "Floor": _round(np.floor),
    "Ceil": _round(np.ceil),
}
