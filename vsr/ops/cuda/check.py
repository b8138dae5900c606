"""A cheap look at what was written: is there a value that is no number, and is all of it black?

The structured types mirror the structs of kernels/common/found.hpp and kernels/cuda/check.cu.
"""

from __future__ import annotations

import numpy as np

from vsr.device.cuda.launch import PLANE, Launch, View, blocks_over

FOUND = np.dtype([("not_finite", "u4"), ("largest", "f4")], align=True)
"""`largest` is not negative."""
CHECK_JOB = np.dtype([("in", PLANE), ("found", "u8")], align=True)


def cleared(found: View) -> Launch:
    """Return what makes `found`, a row of FOUND's bytes, forget."""
    job = np.zeros((), CHECK_JOB)
    job["found"] = found.pointer
    return Launch("check", "check_clear", (1, 1), job)


def looked_at(plane: View, found: View) -> Launch:
    """Return what looks at the samples of a plane and adds to `found`."""
    job = np.array((plane.record, found.pointer), CHECK_JOB)
    return Launch("check", f"check_{plane.kind}", blocks_over(plane.width, plane.height), job)
