"""Two ratios that a slow change would break, for CI: python -m bench.ratios

Processor time on one thread, the least of several turns, the two sides in turns: what else the machine does
hardly shows in it, so there are no absolute times and no noise to refuse. Exit code 1 where a ratio is
below its bound.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vsr.bench import models, operations
from vsr.bench.worker import Prepared
from vsr.device import cpu

ROUNDS, TURN_SECONDS = 7, 0.3


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """How many times the processor time of `ours` another takes for the same."""

    what: str
    ours: Callable[[], Prepared]
    other: Callable[[], Prepared]
    measured: str
    """With AVX2 and with AVX-512, on two cores of an AMD EPYC under load."""
    bound: float
    """About half of what is above 1: processors differ, noise does not reach so far."""


def _network(engine: str) -> Callable[[], Prepared]:
    parameters = {
        "model": "cnn-m-photo", "width": 640, "height": 360, "scale": None, "device": "cpu", "engine": engine,
        "precision": "fp32", "isa": "auto", "threads": 1, "shader_dir": None,
    }  # fmt: skip
    return lambda: models.prepare(parameters)


def _lanczos3(by: str) -> Callable[[], Prepared]:
    known: Mapping[str, Mapping[str, object]] = dict(operations.operations(640, 360, ("yuv420p",)))
    parameters = {**known["resize lanczos3 640x360 x2 yuv420p"], "by": by, "threads": 1}
    return lambda: operations.prepare(parameters)


RATIOS = (
    Ratio(
        what="cnn-m-photo, fused_cpu against OpenVINO, both fp32",
        ours=_network("fused_cpu"),
        other=_network("openvino"),
        measured="5.3 and 6.3",
        bound=2.5,
    ),
    Ratio(
        what="lanczos3 360p x2 against libswscale",
        ours=_lanczos3(operations.OURS),
        other=_lanczos3(operations.SWSCALE),
        measured="2.1 and 2.1",
        bound=1.4,
    ),
)


def main() -> int:
    """Print the ratios and return the exit code."""
    if cpu.isa() == "plain":
        print("nothing is compared: the kernels for every processor are not made to be quick")
        return 0
    slow = 0
    for ratio in RATIOS:
        found = of(ratio)
        slow += found < ratio.bound
        verdict = "holds" if found >= ratio.bound else "MISSED"
        print(f"{ratio.what}: {found:.2f} times, bound {ratio.bound:g}, measured {ratio.measured}: {verdict}")
    return 1 if slow else 0


def of(ratio: Ratio) -> float:
    """Return the ratio."""
    calls = (ratio.ours().once, ratio.other().once)
    least = [float("inf"), float("inf")]
    for number in range(2 * ROUNDS):
        side = number % 2
        least[side] = min(least[side], _least_cpu_seconds(calls[side]))
    return least[1] / least[0]


def _least_cpu_seconds(once: Callable[[], object]) -> float:
    least, end = float("inf"), time.perf_counter() + TURN_SECONDS
    while True:
        began = time.process_time()
        once()
        least = min(least, time.process_time() - began)
        if time.perf_counter() > end:
            return least


if __name__ == "__main__":
    sys.exit(main())
