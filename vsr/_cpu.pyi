# Image kernels for the CPU. They trust their callers: only memory safety is checked here.
#
# Thread-safety: safe, and the interpreter's lock is released while kernels run. `threads` splits the rows of
# one call; several calls may run at once. Every instruction set gives the same bits.

from typing import NewType

import numpy as np
import numpy.typing as npt

from vsr.frame import Plane

Bank = NewType("Bank", object)

# The instruction sets that this processor runs, the fastest first.
def isas() -> tuple[str, ...]: ...

# The one in use.
def isa() -> str: ...

# Use another from now on, in all threads. Raises ValueError where this processor lacks it.
def use_isa(name: str, /) -> None: ...

# Prepare a filter: out[i] = sum over t of weights[i, t] * in[start[i] + t]. start must not descend.
def bank(start: npt.NDArray[np.int32], weights: npt.NDArray[np.float32], size_in: int, /) -> Bank: ...

# Filter along the rows, then across them, add bias, round halves to even, clamp to 0..top.
def resize(
    src: Plane, dst: Plane, columns: Bank, rows: Bank, bias: float, top: float, threads: int, /
) -> None: ...
