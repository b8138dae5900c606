# Image kernels for the CPU. They trust their callers: only memory safety is checked here.
#
# Thread-safety: safe, and the interpreter's lock is released while kernels run. `threads` splits the rows of
# one call; several calls may run at once. Every instruction set gives
# the same bits, but for networks, which use fused multiply-add where there is one.

from typing import NewType, TypeAlias

import numpy as np
import numpy.typing as npt

from vsr.frame import Plane

Bank = NewType("Bank", object)
PairBank = NewType("PairBank", object)
ShortBank = NewType("ShortBank", object)
Net = NewType("Net", object)

# (plane, columns, rows): a plane of the source and its way to the grid, where components meet.
_Input: TypeAlias = tuple[Plane, Bank, Bank]
# (plane, columns, rows, bias, shift): a plane of the target and its way from the grid. `shift` says how many
# rows of the grid, 2^shift, belong to one of its rows.
_Output: TypeAlias = tuple[Plane, Bank, Bank, float, int]

# The instruction sets that this processor runs, the fastest first.
def isas() -> tuple[str, ...]: ...

# The one in use.
def isa() -> str: ...

# Use another from now on, in all threads. Raises ValueError where this processor lacks it.
def use_isa(name: str, /) -> None: ...

# Prepare a filter: out[i] = sum over t of weights[i, t] * in[start[i] + t]. start must not descend.
def bank(start: npt.NDArray[np.int32], weights: npt.NDArray[np.float32], size_in: int, /) -> Bank: ...

# The same for integers along rows. weights[i, t] is two int16, for in[start[i] + 2 * t] (lower half) and the
# sample after it; an odd number of them ends in 0. 2^14 stands for 1.
def pair_bank(start: npt.NDArray[np.int32], weights: npt.NDArray[np.int32], size_in: int, /) -> PairBank: ...

# The same for integers across rows. 2^14 stands for 1, -2^14 where t is odd: weights of odd taps are negated.
def short_bank(
    start: npt.NDArray[np.int32], weights: npt.NDArray[np.int16], size_in: int, /
) -> ShortBank: ...

# Filter along the rows, then across them, add bias, round halves to even, clamp to 0..top.
def resize(
    src: Plane, dst: Plane, columns: Bank, rows: Bank, bias: float, top: float, threads: int, /
) -> None: ...

# The same from and to uint8, in integers, without gain. That nothing overflows is up to the weights:
# vsr.ops.resize.suits_integers.
def resize_integer(src: Plane, dst: Plane, columns: PairBank, rows: ShortBank, threads: int, /) -> None: ...

# Output k = the inputs times factors[4 k..4 k + 2], plus factors[4 k + 3]. One or three inputs and outputs.
def convert(
    inputs: tuple[_Input, ...],
    outputs: tuple[_Output, ...],
    factors: npt.NDArray[np.float32],
    top: float,
    threads: int,
    /,
) -> None: ...

# Anime4K 0.9. Factors are those of the luma (0..1) by the inputs, as in `convert`, then (keep, take) of the
# pushes by colour and by gradient: a pixel becomes keep * itself + take * (the sum of three neighbours).
def anime4k(
    inputs: tuple[_Input, ...],
    outputs: tuple[_Output, ...],
    factors: npt.NDArray[np.float32],
    top: float,
    threads: int,
    /,
) -> None: ...

# Whether networks may have planes of bfloat16, and of bytes, by the instruction set in use.
def net_formats() -> tuple[bool, bool]: ...

# Multiply and add in registers alone, in float32 (0), bfloat16 (1) or bytes (2), for so many rounds. Returns
# the operations done, two for each product; 0 where the processor has no such instruction.
def exert(format: int, rounds: int, /) -> float: ...

# Prepare a network: the numbers and values of its buffers and stages, in the order that
# kernels/cpu/net_owned.hpp gives. Raises ValueError where they do not fit together.
def net(numbers: npt.NDArray[np.int32], values: npt.NDArray[np.float32], /) -> Net: ...

# Run a network. The outputs' grid is as many times as large as the inputs' as the network enlarges.
# Columns are done `tile` of the input at a time, a multiple of 64.
def run_net(
    net: Net,
    inputs: tuple[_Input, ...],
    outputs: tuple[_Output, ...],
    top: float,
    tile: int,
    threads: int,
    /,
) -> None: ...

# One pass of a filter on planes of float32: each pixel of the outputs from the same pixel of the inputs,
# which banks bring to the outputs' size. `point` says what of what, and which of the 12 factors it uses:
#   copy              a -> a
#   luma              r g b -> 0.299 r + 0.587 g + 0.114 b
#   clamp_highlights  r g b most -> r g b, lowered alike until their luma is at most `most`
#   extremes          a b c -> the least, the greatest
#   extremes_of       a b c d e f -> the least of a b c, the greatest of d e f
#   sharpen           r g b luma blurred least most -> r g b, luma changed by factor 0 times (luma - blurred),
#                     but not beyond least..most
#   deblur            the same; a change c, where factor 2 < |c| < factor 4, becomes
#                     ((|c| - factor 2) / factor 3) ^ factor 1 * factor 3 + factor 2, with the sign of c
#   edge              x y -> their length, 1 at most; a polynomial of it, times factor 0, plus factor 1
#   masked            x y edge -> x y, 0 where edge is below 0.1
#   refine            x y edge, then r g b here, left, right, above, below -> r g b (shader_filters/edges.py)
#   steepness         x y -> their length ^ factor 0
#   below             a b -> min(a - b, 0)
#   add               r g b a -> each plus factor 0 times a
# Outputs may be inputs where those are read as they are.
def filter_points(
    point: str,
    inputs: tuple[_Input, ...],
    outputs: tuple[Plane, ...],
    factors: npt.NDArray[np.float32],
    threads: int,
    /,
) -> None: ...

# The largest luma, 0 at least, within -left..right of each pixel along and across rows; beyond edges lies the
# edge.
def highlights(
    red: Plane, green: Plane, blue: Plane, out: Plane, left: int, right: int, threads: int, /
) -> None: ...

# Pixels read where two steers lead (ops/shader_filters/warp.py): against (x, y) / (length + 0.01) by
# `strength` pixels of the inputs, `iterations` times.
def warp(
    steers: tuple[_Input, _Input],
    inputs: tuple[Plane, ...],
    outputs: tuple[Plane, ...],
    strength: float,
    iterations: int,
    threads: int,
    /,
) -> None: ...

# "mean", "median" or "mode" of the pixels within `radius`: ops/shader_filters/bilateral.py. `factors` are the
# deviation of values, the power of the value that it is multiplied by, and the regularization.
def bilateral(
    kind: str,
    inputs: tuple[Plane, ...],
    outputs: tuple[Plane, ...],
    radius: int,
    spatial: npt.NDArray[np.float32],
    factors: npt.NDArray[np.float32],
    threads: int,
    /,
) -> None: ...
