"""The argument of the kernels: NetJob of kernels/cuda/net_ends.cuh, field by field."""

from __future__ import annotations

import numpy as np

from vsr.device.cuda.launch import PLANE
from vsr.ops.cuda.banks import WAY

SLAB = np.dtype([("data", "u8"), ("stride", "i4"), ("unused", "i4")], align=True)
LANE = np.dtype([("data", "u8"), ("stride", "i4"), ("component", "i4")], align=True)
PICTURE = np.dtype([("planes", PLANE, 3), ("ways", WAY, 3), ("gain", "f4")], align=True)
RESULT = np.dtype(
    [
        ("data", "u8"),
        ("planes", PLANE, 3),
        ("width", "i4"),
        ("height", "i4"),
        ("channels", "i4"),
        ("filled", "i4"),
        ("gain", "f4"),
        ("top", "f4"),
        ("found", "u8"),
    ],
    align=True,
)
NET_JOB = np.dtype(
    [
        ("picture", PICTURE),
        ("slabs", "u8"),
        ("weights", "u8"),
        ("biases", "u8"),
        ("slopes", "u8"),
        ("lanes", "u8"),
        ("first", "u8"),
        ("phases", "u8"),
        ("result", RESULT),
        ("width", "i4"),
        ("height", "i4"),
        ("passes", "i4"),
        ("zero", "i4"),
        ("low", "f4"),
        ("high", "f4"),
    ],
    align=True,
)
