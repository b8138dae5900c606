"""A turn of a contender: how fast frames come on the whole, for they may come in bursts."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from vsr.bench.machine import peak_rss_bytes


def turn(once: Callable[[], object], seconds: float) -> dict[str, Any]:
    """Run frames for about `seconds` and return the answer, as vsr.bench.worker.turn does.

    "frames" is one number, the mean from the first frame that ends in the second half to the last. With
    several frames at work at once some calls wait for none and others for several, so neither their median
    nor the first of them says anything.
    """
    cpu_began, began = time.process_time(), time.perf_counter()
    half, end = began + seconds / 2, began + seconds
    frames_run, first, counted = 0, None, 0
    while True:
        once()
        frames_run += 1
        now = time.perf_counter()
        if first is None:
            first = now if now >= half else None
            continue
        counted += 1
        if now >= end:
            break
    return {
        "frames": [(now - first) / counted],
        "frames_run": frames_run,
        "cpu_seconds": time.process_time() - cpu_began,
        "rss_mb": peak_rss_bytes() / 1e6,
    }
