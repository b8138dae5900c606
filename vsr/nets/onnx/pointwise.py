"""The rules of ONNX operators that look at one sample at a time, and of those that arrange channels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from vsr.nets.onnx import views
from vsr.nets.onnx.folding import integers
from vsr.nets.onnx.lift import (
    Lift,
    Padded,
    Picture,
    Rule,
    Strip,
    Value,
    View,
    refusal,
)
from vsr.nets.onnx.model import Known, OnnxNode, as_floats
from vsr.nets.ops import (
    Add,
    Array,
    Clamp,
    Concat,
    Conv,
    CRelu,
    LeakyRelu,
    Op,
    PRelu,
    Relu,
    Scale,
    Sigmoid,
    Tanh,
)

Inputs = Sequence[Value | None]
_UNBOUNDED = 3e38
"""Limits beyond this are the largest float32, which exporters write for "none"."""
_ONE, _ZERO = np.ones(1, np.float32), np.zeros(1, np.float32)


def picture(onnx: OnnxNode, value: Value | None) -> Picture:
    """Return an input that must be a picture. Raises NotOursError."""
    if not isinstance(value, Picture):
        what = "a constant" if isinstance(value, np.ndarray) else "what Pad, Slice or Reshape made"
        raise refusal(onnx, f"is applied to {what if value is not None else 'nothing'}")
    return value


def known(inputs: Inputs, index: int) -> Known | None:
    """Return an input that is a constant, or None where it is left out or is none."""
    value = inputs[index] if index < len(inputs) else None
    return value if isinstance(value, np.ndarray) else None


def knowns(inputs: Inputs) -> list[Known | None]:
    """Return the inputs with None for those that are no constants."""
    return [known(inputs, index) for index in range(len(inputs))]


def number(onnx: OnnxNode, inputs: Inputs, index: int, attribute: str, default: float) -> float:
    """Return one number that older versions have as an attribute and newer ones as an input."""
    if index >= len(inputs) or inputs[index] is None:
        return float(onnx.attributes.get(attribute, default))
    value = known(inputs, index)
    if value is None or value.size != 1:
        raise refusal(onnx, f"has a {attribute} that is not a constant number")
    return float(value.item())


def _short(number: float) -> float:
    """Return the shortest decimal that is the same float32: 0.2, not 0.20000000298."""
    return float(str(np.float32(number)))


def _plain(op: Op) -> Rule:
    return lambda lift, onnx, inputs: lift.add(onnx, op, picture(onnx, inputs[0]))


def _same(lift: Lift, onnx: OnnxNode, inputs: Inputs) -> Value:
    value = inputs[0]
    assert value is not None
    return value


def _cast(lift: Lift, onnx: OnnxNode, inputs: Inputs) -> Value:
    from onnx import TensorProto

    kinds = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16)
    if onnx.attributes["to"] not in kinds:
        raise refusal(onnx, "makes samples whole numbers")
    return picture(onnx, inputs[0])


def _shape(lift: Lift, onnx: OnnxNode, inputs: Inputs) -> Value:
    shape = np.empty(4, object)
    shape[:] = picture(onnx, inputs[0]).shape
    part = shape[onnx.attributes.get("start", 0) : onnx.attributes.get("end", 4)]
    return part.astype(np.int64) if all(isinstance(side, int) for side in part) else part


def _leaky_relu(lift: Lift, onnx: OnnxNode, inputs: Inputs) -> Value:
    return lift.add(onnx, LeakyRelu(_short(onnx.attributes.get("alpha", 0.01))), picture(onnx, inputs[0]))


def _prelu(lift: Lift, onnx: OnnxNode, inputs: Inputs) -> Value:
    source = picture(onnx, inputs[0])
    slope = _by_channel(onnx, known(inputs, 1), source.channels)
    return lift.add(
        onnx, PRelu(np.broadcast_to(slope, source.channels), shared=slope.size < source.channels), source
    )


def _clip(lift: Lift, onnx: OnnxNode, inputs: Inputs) -> Value:
    source, limits = picture(onnx, inputs[0]), []
    for index, name, default in ((1, "min", -np.inf), (2, "max", np.inf)):
        limit = number(onnx, inputs, index, name, default)
        limits.append(_short(limit) if abs(limit) < _UNBOUNDED else default)
    low, high = limits
    if (low, high) == (-np.inf, np.inf):
        return source
    return lift.add(onnx, Relu() if (low, high) == (0, np.inf) else Clamp(low, high), source)


def _by_channel(onnx: OnnxNode, values: Known | None, channels: int) -> Array:
    """Return a constant that is broadcast over a picture as (1,) or (channels,)."""
    if values is None:
        raise refusal(onnx, "has a second input that is not a constant")
    sides = (1,) * (4 - values.ndim) + values.shape
    if values.ndim > 4 or sides != (1, sides[1], 1, 1) or sides[1] not in (1, channels):
        raise refusal(onnx, f"has a constant of shape {values.shape}: one for each channel, or one, is ours")
    return as_floats(values).reshape(-1)


def _scale(lift: Lift, onnx: OnnxNode, source: Picture, gain: Array, offset: Array) -> Picture:
    return lift.add(onnx, Scale(gain, offset), source)


def _add(lift: Lift, onnx: OnnxNode, inputs: Inputs) -> Value:
    first, second = inputs
    if isinstance(first, Picture) and isinstance(second, Picture):
        return lift.add(onnx, Add(), first, second)
    return _offset(lift, onnx, inputs, 1.0)


def _offset(lift: Lift, onnx: OnnxNode, inputs: Inputs, sign: float) -> Value:
    """One input is a constant to be added `sign` times; a Scale before it takes it in."""
    at = 0 if isinstance(inputs[0], Picture) else 1
    source = picture(onnx, inputs[at])
    values = _by_channel(onnx, known(inputs, 1 - at), source.channels)
    offset = values if sign > 0 else np.negative(values)
    before = lift.made_by(source).op
    if isinstance(before, Scale) and not before.offset.any() and lift.is_read_once(onnx.inputs[at]):
        return _scale(lift, onnx, lift.input_of(source, source.channels), before.gain, offset)
    return _scale(lift, onnx, source, _ONE, offset)


def _sub(lift: Lift, onnx: OnnxNode, inputs: Inputs) -> Value:
    first, second = inputs
    if isinstance(second, Picture):
        turned = _scale(lift, onnx, second, -_ONE, _ZERO)
        if isinstance(first, Picture):
            return lift.add(onnx, Add(), first, turned)
        return _scale(lift, onnx, second, -_ONE, _by_channel(onnx, known(inputs, 0), second.channels))
    return _offset(lift, onnx, inputs, -1.0)


def _mul(lift: Lift, onnx: OnnxNode, inputs: Inputs) -> Value:
    at = 0 if isinstance(inputs[0], Picture) else 1
    source = picture(onnx, inputs[at])
    return _scale(lift, onnx, source, _by_channel(onnx, known(inputs, 1 - at), source.channels), _ZERO)


def _div(lift: Lift, onnx: OnnxNode, inputs: Inputs) -> Value:
    source = picture(onnx, inputs[0])
    divisor = _by_channel(onnx, known(inputs, 1), source.channels)
    if not divisor.all():
        raise refusal(onnx, "divides by 0")
    return _scale(lift, onnx, source, np.reciprocal(divisor), _ZERO)


def _neg(lift: Lift, onnx: OnnxNode, inputs: Inputs) -> Value:
    return _scale(lift, onnx, picture(onnx, inputs[0]), -_ONE, _ZERO)


def _batch_norm(lift: Lift, onnx: OnnxNode, inputs: Inputs) -> Value:
    """Folded into the convolution before it where nothing else reads that, otherwise a Scale."""
    source = picture(onnx, inputs[0])
    values = [known(inputs, index) for index in range(1, 5)]
    if onnx.attributes.get("training_mode", 0) or any(value is None for value in values):
        raise refusal(onnx, "is as in training: export the network in its evaluation mode")
    if any(value is not None and value.shape != (source.channels,) for value in values):
        raise refusal(onnx, f"has numbers of other shapes than ({source.channels},)")
    gain, shift, mean, variance = (np.asarray(value, np.float64) for value in values)
    factor = gain / np.sqrt(variance + onnx.attributes.get("epsilon", 1e-5))
    offset = shift - mean * factor
    before = lift.made_by(source).op
    if not isinstance(before, Conv) or not lift.is_read_once(onnx.inputs[0]):
        return _scale(lift, onnx, source, factor.astype(np.float32), offset.astype(np.float32))
    weight = (before.weight * factor[:, None, None, None]).astype(np.float32)
    bias = (before.bias * factor + offset).astype(np.float32)
    folded = Conv(weight, bias, before.border, before.dilation)
    return lift.add(onnx, folded, lift.input_of(source, before.weight.shape[1]))


def _concat(lift: Lift, onnx: OnnxNode, inputs: Inputs) -> Value:
    axis = onnx.attributes["axis"] % 4
    if axis != 1:
        return _mirrored(onnx, inputs, axis)
    pictures = [picture(onnx, value) for value in inputs]
    if len(pictures) == 1:
        return pictures[0]
    if len(pictures) == 2 and (source := _crelu_of(lift, *pictures)) is not None:
        return lift.add(onnx, CRelu(), source)
    return lift.add(onnx, Concat(), *pictures)


def _crelu_of(lift: Lift, positive: Picture, negative: Picture) -> Picture | None:
    """Return x where the two are relu(x) and relu(-x)."""
    first, second = lift.made_by(positive), lift.made_by(negative)
    if not isinstance(first.op, Relu) or not isinstance(second.op, Relu):
        return None
    x = lift.input_of(positive, positive.channels)
    turned = lift.made_by(lift.input_of(negative, negative.channels))
    is_turned = isinstance(turned.op, Scale) and not turned.op.offset.any() and (turned.op.gain == -1).all()
    return x if is_turned and turned.inputs == (x.node,) else None


def _mirrored(onnx: OnnxNode, inputs: Inputs, axis: int) -> Value:
    """A margin of one sample to which the mirror image's second is added, first along rows, then columns."""
    before, after = {2: ("edge", "rows"), 3: ("rows", "mirror")}.get(axis, ("", ""))
    if len(inputs) == 3 and isinstance(padded := inputs[1], Padded) and padded.mode == before:
        strips = (Strip(padded, axis, 2, 3), Strip(padded, axis, -3, -2))
        if padded.margin == 1 and (inputs[0], inputs[2]) == strips:
            return Padded(padded.source, after, 2 if after == "mirror" else 1)
    raise refusal(onnx, f"joins along axis {axis}; along the channels, 1, is ours")


def _gather(lift: Lift, onnx: OnnxNode, inputs: Inputs) -> Value:
    source, indices = picture(onnx, inputs[0]), known(inputs, 1)
    if onnx.attributes.get("axis", 0) % 4 != 1 or indices is None or indices.ndim != 1:
        raise refusal(onnx, "takes something else than channels")
    return lift.select(onnx, source, [int(index) % source.channels for index in indices])


def _slice(lift: Lift, onnx: OnnxNode, inputs: Inputs) -> Value:
    starts, ends, axes, steps = (
        integers(onnx, knowns(inputs), index, name)
        for index, name in enumerate(("starts", "ends", "axes", "steps"), 1)
    )
    axes = [axis % 4 for axis in axes or range(len(starts or []))]
    if not starts or not ends or len({len(values) for values in (starts, ends, axes, steps or axes)}) > 1:
        raise refusal(onnx, "takes a part that is not known ahead")
    if isinstance(inputs[0], Padded) and len(axes) == 1 and axes[0] in (2, 3) and steps in (None, [1]):
        return Strip(inputs[0], axes[0], starts[0], ends[0])
    source = picture(onnx, inputs[0])
    step = steps[0] if steps else 1
    if axes != [1] or not all(isinstance(value, int) for value in (starts[0], ends[0], step)) or step == 0:
        raise refusal(onnx, "cuts a part out of the picture")
    end = None if step < 0 and ends[0] < -source.channels else ends[0]
    return lift.select(onnx, source, range(source.channels)[starts[0] : end : step])


def _split(lift: Lift, onnx: OnnxNode, inputs: Inputs) -> tuple[Value, ...]:
    source, count = picture(onnx, inputs[0]), len(onnx.outputs)
    if onnx.attributes.get("axis", 0) % 4 != 1:
        raise refusal(onnx, "cuts the picture; cutting the channels is ours")
    even = -(-source.channels // count)
    sizes = integers(onnx, knowns(inputs), 1, "split") or [even] * (count - 1) + [
        source.channels - even * (count - 1)
    ]
    ends = list(accumulate(sizes))
    if len(sizes) != count or min(sizes) < 1 or ends[-1] != source.channels:
        raise refusal(onnx, f"cuts {source.channels} channels into {sizes}")
    return tuple(
        lift.select(onnx, source, range(end - size, end)) for end, size in zip(ends, sizes, strict=True)
    )


def _reshape(lift: Lift, onnx: OnnxNode, inputs: Inputs) -> Value:
    source, axes = _as_view(onnx, inputs[0])
    target = integers(onnx, knowns(inputs), 1, "shape")
    if target is None:
        raise refusal(onnx, "makes a shape that is not known ahead")
    if isinstance(inputs[0], Picture):
        kept = (*source.shape, *[0] * len(target))
        target = [kept[place] if side == 0 else side for place, side in enumerate(target)]
    if 0 in target:
        raise refusal(onnx, "keeps a side that is not known")
    moved = views.reshape(axes, target)
    if moved is None:
        raise refusal(onnx, "cuts sides where they do not divide")
    return _settled(lift, onnx, View(source, moved))


def _transpose(lift: Lift, onnx: OnnxNode, inputs: Inputs) -> Value:
    source, axes = _as_view(onnx, inputs[0])
    order = onnx.attributes.get("perm", list(range(len(axes)))[::-1])
    if sorted(order) != list(range(len(axes))):
        raise refusal(onnx, f"has {len(order)} axes, its input has {len(axes)}")
    return _settled(lift, onnx, View(source, tuple(axes[axis] for axis in order)))


def _as_view(onnx: OnnxNode, value: Value | None) -> tuple[Picture, views.Axes]:
    if isinstance(value, View):
        return value.source, value.axes
    source = picture(onnx, value)
    return source, views.axes_of(source.shape)


def _settled(lift: Lift, onnx: OnnxNode, view: View) -> Value:
    """Return the picture that a view has become, or the view, which is still under way."""
    moved = views.recognise(view.axes)
    if moved is None:
        return view
    if moved.kind == "shuffle":
        return lift.shuffle(onnx, view.source, moved.factor, moved.order)
    if moved.kind == "unshuffle":
        return lift.unshuffle(onnx, view.source, moved.factor, moved.order)
    return lift.select(onnx, view.source, moved.order)


POINTWISE: dict[str, Rule] = {
    "Identity": _same,
    "Dropout": _same,
    "Cast": _cast,
    "Shape": _shape,
    "Relu": _plain(Relu()),
    "Tanh": _plain(Tanh()),
    "Sigmoid": _plain(Sigmoid()),
    "LeakyRelu": _leaky_relu,
    "PRelu": _prelu,
    "Clip": _clip,
    "Add": _add,
    "Sub": _sub,
    "Mul": _mul,
    "Div": _div,
    "Neg": _neg,
    "BatchNormalization": _batch_norm,
    "Concat": _concat,
    "Gather": _gather,
    "Slice": _slice,
    "Split": _split,
    "Reshape": _reshape,
    "Transpose": _transpose,
}
