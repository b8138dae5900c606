"""`vsr bench kernels`: each operation by the bytes that must move, against memory and against libswscale."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence

from vsr.bench.harness import Case, Seen, measure
from vsr.bench.machine import machine
from vsr.bench.models import method_of, once_each, size_of, threads_of
from vsr.bench.operations import KINDS, OURS, SWSCALE, operations, peers_of
from vsr.bench.results import Absent, Results, Value
from vsr.errors import OptionError
from vsr.frame import pixel_format
from vsr.options import BenchKernelsOptions

_COPY = "copy"
_DEFAULT_SIZES, _DEFAULT_FORMATS = ("1080p",), ("yuv420p",)
_DITHER = Absent(
    name="dither",
    why="on the CPU it is a reference in numpy, no kernel",
    remedy="it is a kernel on a GPU, measured in a checkout: python -m bench.gpu --only operations",
)


def run(
    words: Sequence[str], options: BenchKernelsOptions, tell: Callable[[str], None] = lambda text: None
) -> Results:
    """Measure the operations that have all of `words` in their names.

    Raises OptionError for values out of range and words that no operation has.
    """
    method = method_of(options)
    cases, here = _cases(words, options), machine()
    seen, interrupted = measure(cases, method, tell)
    known = {each.case.name: each for each in seen if each.refusal(method) is None}

    def figures(one: Seen) -> Mapping[str, float]:
        return _figures(one, known)

    return Results(
        suite="kernels",
        method=method,
        cases=tuple(each.result(method, figures) for each in seen),
        absent=() if words else (_DITHER,),
        interrupted=interrupted,
        machine=here,
    )


def _cases(words: Sequence[str], options: BenchKernelsOptions) -> list[Case]:
    threads = threads_of(options.threads)
    once_each(size=options.size, format=options.format)
    formats = options.format or _DEFAULT_FORMATS
    for fmt in formats:
        if pixel_format(fmt).is_float:
            raise OptionError(f"--format is {fmt!r}; give one of 8 to 16 bits, for example yuv420p10le")
    cases = [_case(_COPY, _COPY, {"kind": "copy"}, "numpy", threads)]
    for size in dict.fromkeys(map(size_of, options.size or _DEFAULT_SIZES)):
        for name, parameters in operations(*size, formats):
            if not all(word in name.split() for word in words):
                continue
            cases += [
                _case(_name(name, by), name, parameters, by, threads) for by in (OURS, *peers_of(parameters))
            ]
    if len(cases) == 1:
        raise OptionError(
            f"no operation is called {' '.join(words)!r}; give words of a name: {', '.join(KINDS[1:])}, "
            "a scaler, a filter, x2, /2"
        )
    return cases


def _name(operation: str, by: str) -> str:
    return operation if by == OURS else f"{operation} ({by})"


def _case(name: str, group: str, parameters: Mapping[str, Value], by: str, threads: int) -> Case:
    return Case(
        name=name,
        group=group,
        prepare="vsr.bench.operations:prepare",
        parameters={**parameters, "by": by, "threads": threads},
    )


def _figures(seen: Seen, known: Mapping[str, Seen]) -> dict[str, float]:
    """Return bytes a second, their share of what a copy moved, and how many times as fast as libswscale."""
    middle = statistics.median(seen.samples)
    rate = seen.known["bytes"] / middle / 1e9
    figures = {"moved_mb": seen.known["bytes"] / 1e6, "gb_per_second": rate}
    figures |= {name: seen.known[name] for name in ("error_rms", "error_mean") if name in seen.known}
    copy = known.get(_COPY)
    if copy is not None and seen is not copy:
        limit = copy.known["bytes"] / statistics.median(copy.samples) / 1e9
        figures |= {"copy_gb_per_second": limit, "share_of_copy_percent": 100 * rate / limit}
    if seen.case.parameters["by"] == OURS:
        for by in peers_of(seen.case.parameters):
            peer = known.get(_name(seen.case.name, by))
            if peer is not None:
                suffix = "" if by == SWSCALE else "_accurate"
                figures[f"times_libswscale{suffix}"] = statistics.median(peer.samples) / middle
    return figures
