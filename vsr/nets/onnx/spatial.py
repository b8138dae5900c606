"""The rules of ONNX operators that look at neighbours or change the picture's size."""

from __future__ import annotations

from fractions import Fraction
from math import floor, isfinite, isqrt

import numpy as np

from vsr.nets.onnx.folding import integers
from vsr.nets.onnx.lift import Lift, Padded, Phases, Picture, Rule, Value, refusal
from vsr.nets.onnx.model import Known, OnnxNode, as_floats
from vsr.nets.onnx.phases import REACH, Smooth, phase_kernels, picking_kernels
from vsr.nets.onnx.pointwise import Inputs, known, knowns, number, picture
from vsr.nets.onnx.sizes import factor_between
from vsr.nets.ops import Array, Border, Conv, ConvTranspose, PixelUnshuffle, Resize

_CENTRED = ("half_pixel", "pytorch_half_pixel", "half_pixel_symmetric")
"""For whole factors all three are the same, but for results of one sample, which do not occur."""


def _pad(lift: Lift, onnx: OnnxNode, inputs: Inputs) -> Value:
    """A margin that the convolution after it reads."""
    source = picture(onnx, inputs[0])
    given = integers(onnx, knowns(inputs), 1, "pads")
    axes = integers(onnx, knowns(inputs), 3, "axes") or [0, 1, 2, 3]
    if given is None or len(given) != 2 * len(axes) or not all(isinstance(side, int) for side in given):
        raise refusal(onnx, "adds a margin that is not known ahead")
    margins = np.zeros((2, 4), np.int64)
    margins[:, [axis % 4 for axis in axes]] = np.reshape(given, (2, -1))
    margin = int(margins[0, 2])
    if not margins.any():
        return source
    mode = onnx.attributes.get("mode", "constant")
    fill = number(onnx, inputs, 2, "value", 0.0)
    if mode not in ("constant", "edge") or (mode == "constant" and fill != 0):
        raise refusal(onnx, f"pads with {mode if mode != 'constant' else fill}; zeros and the edge are ours")
    if margins[:, :2].any() or margin < 1 or (margins[:, 2:] != margin).any():
        raise refusal(onnx, "pads sides differently; the same margin on all four is ours")
    return Padded(source, "zero" if mode == "constant" else mode, margin)


def _bias(onnx: OnnxNode, inputs: Inputs, channels: int) -> Array:
    if len(inputs) < 3 or inputs[2] is None:
        return np.zeros(channels, np.float32)
    values = known(inputs, 2)
    if values is None:
        raise refusal(onnx, "has a bias that is not a constant")
    return as_floats(values)


def _weight(onnx: OnnxNode, inputs: Inputs) -> Known:
    weight = known(inputs, 1)
    if weight is None or weight.ndim != 4:
        raise refusal(onnx, "has a weight that is not a constant of 4 dimensions")
    return weight


def _same_all(onnx: OnnxNode, name: str, default: int) -> int:
    """Return an attribute that is the same along both axes and on both sides."""
    values = set(onnx.attributes.get(name, [default]))
    if len(values) != 1:
        raise refusal(onnx, f"has {name} {onnx.attributes[name]}; the same in all directions is ours")
    return int(values.pop())


def _conv(lift: Lift, onnx: OnnxNode, inputs: Inputs) -> Value:
    weight = _weight(onnx, inputs)
    phases = _phases(onnx, inputs, weight)
    if phases is not None:
        return phases
    if (factor := _picked(onnx, inputs, weight)) is not None:
        return lift.add(onnx, PixelUnshuffle(factor), picture(onnx, inputs[0]))
    if onnx.attributes.get("group", 1) != 1 or _same_all(onnx, "strides", 1) != 1:
        raise refusal(onnx, "has groups or strides; a plain convolution is ours")
    size, dilation = weight.shape[2], _same_all(onnx, "dilations", 1)
    if weight.shape[3] != size or size % 2 == 0:
        raise refusal(onnx, f"has a kernel of {weight.shape[3]}x{size}; square and odd is ours")
    radius = size // 2 * dilation
    pad = radius if onnx.attributes.get("auto_pad", "").startswith("SAME") else _same_all(onnx, "pads", 0)
    source, border = _border(onnx, inputs[0], pad, radius)
    op = Conv(as_floats(weight), _bias(onnx, inputs, weight.shape[0]), border, dilation)
    return lift.add(onnx, op, source)


def _border(onnx: OnnxNode, value: Value | None, pad: int, radius: int) -> tuple[Picture, Border]:
    """Return what a convolution reads and what it sees outside. Raises NotOursError unless sizes stay."""
    if not isinstance(value, Padded):
        margin, border, source = pad, "zero", picture(onnx, value)
    else:
        margin, border, source = value.margin + pad, value.mode, value.source
    if border not in ("zero", "edge") or (border == "edge" and pad):
        raise refusal(onnx, "mixes two kinds of border")
    if margin != radius:
        raise refusal(onnx, f"changes the size: it pads by {margin}, its kernel reaches {radius}")
    return source, "replicate" if border == "edge" else "zero"


def _phases(onnx: OnnxNode, inputs: Inputs, weight: Known) -> Phases | None:
    """Return the sub-pixels of an enlarged picture where the convolution makes just those."""
    padded = inputs[0]
    kinds: dict[tuple[str, int], Smooth] = {("edge", 1): "bilinear", ("mirror", 2): "bicubic"}
    if not isinstance(padded, Padded) or (padded.mode, padded.margin) not in kinds:
        return None
    kind, channels = kinds[padded.mode, padded.margin], padded.source.channels
    factor, plain = isqrt(weight.shape[0] // channels), (_same_all(onnx, "pads", 0), len(inputs)) == (0, 2)
    if not plain or factor < 2 or onnx.attributes.get("group", 1) != channels:
        return None
    if weight.shape != (channels * factor**2, 1, 2 * REACH[kind] + 1, 2 * REACH[kind] + 1):
        return None
    if _same_all(onnx, "strides", 1) != 1 or _same_all(onnx, "dilations", 1) != 1:
        return None
    is_same = np.array_equal(weight, phase_kernels(kind, factor, channels).astype(weight.dtype))
    return Phases(padded.source, kind, factor) if is_same else None


def _picked(onnx: OnnxNode, inputs: Inputs, weight: Known) -> int | None:
    """Return the factor where the convolution does nothing but make channels of pixels."""
    factor, groups = weight.shape[2], onnx.attributes.get("group", 1)
    strides = onnx.attributes.get("strides", [1, 1])
    if factor < 2 or len(inputs) != 2 or strides != [factor, factor] or _same_all(onnx, "pads", 0):
        return None
    is_same = np.array_equal(weight, picking_kernels(factor, groups)) and "auto_pad" not in onnx.attributes
    return factor if is_same and _same_all(onnx, "dilations", 1) == 1 else None


def _conv_transpose(lift: Lift, onnx: OnnxNode, inputs: Inputs) -> Value:
    weight = _weight(onnx, inputs)
    if onnx.attributes.get("group", 1) != 1 or _same_all(onnx, "dilations", 1) != 1:
        raise refusal(onnx, "has groups or dilations; a plain transposed convolution is ours")
    if "output_shape" in onnx.attributes or onnx.attributes.get("auto_pad", "NOTSET") != "NOTSET":
        raise refusal(onnx, "states the size of its result rather than its padding")
    op = ConvTranspose(
        as_floats(weight),
        _bias(onnx, inputs, weight.shape[1]),
        _same_all(onnx, "strides", 1),
        _same_all(onnx, "pads", 0),
        _same_all(onnx, "output_padding", 0),
    )
    return lift.add(onnx, op, picture(onnx, inputs[0]))


def _block(onnx: OnnxNode) -> int:
    factor = int(onnx.attributes["blocksize"])
    if factor < 1:
        raise refusal(onnx, f"has a block of {factor}")
    return factor


def _depth_to_space(lift: Lift, onnx: OnnxNode, inputs: Inputs) -> Value:
    factor, crd = _block(onnx), onnx.attributes.get("mode", "DCR") == "CRD"
    if isinstance(phases := inputs[0], Phases) and crd and phases.factor == factor:
        return lift.add(onnx, Resize(phases.kind, factor), phases.source)
    source = picture(onnx, inputs[0])
    if factor == 1:
        return source
    places = np.arange(source.channels)
    if not crd and source.channels % factor**2 == 0:
        places = places.reshape(factor**2, -1).T.ravel()
    return lift.shuffle(onnx, source, factor, places.tolist())


def _space_to_depth(lift: Lift, onnx: OnnxNode, inputs: Inputs) -> Value:
    source, factor = picture(onnx, inputs[0]), _block(onnx)
    if factor == 1:
        return source
    order = np.arange(source.channels * factor**2).reshape(-1, factor**2).T.ravel()
    return lift.unshuffle(onnx, source, factor, order.tolist())


def _resize(lift: Lift, onnx: OnnxNode, inputs: Inputs) -> Value:
    source = picture(onnx, inputs[0])
    factor = _factor(lift, onnx, inputs, source)
    if factor == 1:
        return source
    mode = onnx.attributes.get("mode", "nearest")
    where = onnx.attributes.get(
        "coordinate_transformation_mode", "half_pixel" if lift.opset > 10 else "asymmetric"
    )
    if mode == "nearest":
        rounding = onnx.attributes.get("nearest_mode", "round_prefer_floor" if lift.opset > 10 else "floor")
        if not _is_nearest(where, rounding, factor):
            raise refusal(onnx, f"takes other samples than the nearest ({where}, {rounding})")
        return lift.add(onnx, Resize("nearest", factor), source)
    if mode == "linear" and where in _CENTRED:
        return lift.add(onnx, Resize("bilinear", factor), source)
    why = "repeats the border sample, ours mirrors" if mode == "cubic" else f"places samples by {where}"
    raise refusal(onnx, f"with mode {mode} {why}")


def _factor(lift: Lift, onnx: OnnxNode, inputs: Inputs, source: Picture) -> int:
    """Return how many times larger the result is. Raises NotOursError for other than one whole number."""
    old = onnx.kind == "Upsample" or lift.opset < 11
    constants = [value if value is None or value.size else None for value in knowns(inputs)]
    scales = integers(onnx, constants, 1 if old else 2, "scales")
    sizes = None if old else integers(onnx, constants, 3, "sizes")
    axes = [axis % 4 for axis in onnx.attributes.get("axes", [0, 1, 2, 3])]
    given = scales if scales is not None else sizes
    if given is None or len(given) != len(axes):
        raise refusal(onnx, "makes a size that is not known ahead")
    factors: list[Fraction | int | None] = [1, 1, 1, 1]
    for axis, value in zip(axes, given, strict=True):
        if scales is None:
            factors[axis] = factor_between(source.shape[axis], value)
        else:
            factors[axis] = Fraction(value) if isfinite(value) else None
    factor = factors[2]
    if factor is None or factors != [1, 1, factor, factor] or Fraction(factor).denominator != 1 or factor < 1:
        shown = "x".join("?" if value is None else str(float(value)) for value in factors)
        raise refusal(onnx, f"enlarges by {shown}; one whole number for both sides is ours")
    return int(factor)


def _is_nearest(where: str, rounding: str, factor: int) -> bool:
    """Return whether every result sample x is the source's x // factor."""
    half = Fraction(1, 2)
    for x in range(3 * factor):
        if where in _CENTRED:
            u = (x + half) / factor - half
        elif where == "tf_half_pixel_for_nn":
            u = (x + half) / factor
        elif where == "asymmetric":
            u = Fraction(x, factor)
        else:
            return False
        index = {
            "floor": floor(u),
            "ceil": -floor(-u),
            "round_prefer_floor": -floor(half - u),
            "round_prefer_ceil": floor(u + half),
        }.get(rounding)
        if index is None or min(max(index, 0), 2) != x // factor:
            return False
    return True


SPATIAL: dict[str, Rule] = {
    "Pad": _pad,
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "Resize": _resize,
    "Upsample": _resize,
}
