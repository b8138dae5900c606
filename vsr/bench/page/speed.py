"""How fast: bars per case, the roofline, and quality against speed."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

from vsr.bench.page.names import digits, head
from vsr.page.axes import linear, logarithmic
from vsr.page.bars import Bar, bars
from vsr.page.charts import Line, points
from vsr.page.html import heading, paragraph

Case = Mapping[str, Any]
_RATES = {"kernels": "gb_per_second"}
_USUAL_RATE = "fps"
"""The figure that is drawn as bars, one over the time of a frame: the more the better."""
_LIMIT, _PEAK = "copy_gb_per_second", "peak_gmac_per_second"
_LIMITED = ("gb_per_second",)
"""Rates that a copy of memory bounds."""
_COLORED_BY = ("by", "peer", "engine")
"""Parameters that decide on a bar's colour."""
_QUALITY = "psnr_y_db"


def speed(suite: str, cases: Sequence[Case]) -> list[str]:
    """Return bars of each rate, by the frames' size."""
    name = _RATES.get(suite, _USUAL_RATE)
    measured = [case for case in cases if name in case["figures"]]
    if not measured:
        return []
    colors = {key: index for index, key in enumerate(dict.fromkeys(map(_key, measured)))}
    parts = [heading("Speed")]
    for title, group in _groups(measured):
        best = digits(max(case["figures"][name] for case in group))
        parts += [title, bars([_bar(case, name, colors) for case in group], head(name), best)]
    text = "The stroke on a bar reaches from the slowest round to the fastest."
    if name in _LIMITED:
        text += " Dashed: what a plain copy of as many bytes reaches here."
    return [*parts, paragraph(text, soft=True)]


def roofline(cases: Sequence[Case]) -> list[str]:
    """Return work a second against work a byte, below what the machine can do; where both are known."""
    needed = {"gmac", "gmac_per_second", "frame_mb"}
    known = [case for case in cases if needed <= case["figures"].keys()]
    if not known:
        return []
    parts = [heading("Roofline")]
    for title, group in _groups(known):
        parts += [title, _roofline(group)]
    parts.append(
        paragraph(
            "Dashed: the most that was measured here, on these threads: multiply-adds in each precision, "
            "and, where it is known, what memory can feed. Bytes are those of the frames in and out, which "
            "no program can do without.",
            soft=True,
        )
    )
    return parts


def _roofline(cases: Sequence[Case]) -> str:
    found = [(case["name"], _intensity(case), case["figures"]["gmac_per_second"]) for case in cases]
    knees = [knee for case in cases if (knee := _knee(case))]
    lowest, highest = min([*knees, *(x for _, x, _ in found)]) / 2, max(x for _, x, _ in found) * 2
    across = logarithmic("multiply-adds a byte", [lowest, highest])
    bounds = _bounds(cases, across.low, across.high)
    heights = [y for _, _, y in found] + [y for _, line in bounds for _, y in line if y is not None]
    return points(found, across, logarithmic("GMAC/s", heights), bounds)


def quality(cases: Sequence[Case]) -> list[str]:
    """Return quality against speed, for each size; where two cases at least have both."""
    parts = []
    rated = [case for case in cases if {_QUALITY, "fps"} <= case["figures"].keys()]
    for title, group in _groups(rated):
        found = [(case["name"], case["figures"]["fps"], case["figures"][_QUALITY]) for case in group]
        if len(found) > 1:
            across = logarithmic("frames a second", [fps for _, fps, _ in found])
            along = linear("PSNR of luma, dB", [decibels for _, _, decibels in found])
            parts += [title, points(found, across, along)]
    return [heading("Quality and speed"), *parts] if parts else []


def _bar(case: Case, name: str, colors: Mapping[Any, int]) -> Bar:
    value, samples, parameters = case["figures"][name], case["samples"], case["parameters"]
    work = value * statistics.median(samples) if samples else 0.0
    chosen = [str(parameters.get(key) or "-") for key in ("engine", "precision")]
    remark = " ".join(word for word in chosen if word not in ("-", "auto", *case["name"].split()))
    return Bar(
        name=case["name"],
        value=value,
        remark=remark,
        color=colors.get(_key(case), 0),
        limit=case["figures"].get(_LIMIT) if name in _LIMITED else None,
        spread=(work / max(samples), work / min(samples)) if samples else None,
    )


def _bounds(cases: Sequence[Case], lowest: float, highest: float) -> list[Line]:
    """Return for each precision the lesser of what its arithmetic and what memory allows."""
    peaks: dict[str, float] = {}
    for case in cases:
        precision = str(case["parameters"].get("precision", ""))
        peaks[precision] = max(peaks.get(precision, 0.0), case["figures"].get(_PEAK, 0.0))
    bandwidth = max((case["figures"].get(_LIMIT, 0.0) for case in cases), default=0.0)
    lines: list[Line] = []
    for precision, peak in peaks.items():
        if not peak:
            continue
        knee = peak / bandwidth if bandwidth else lowest
        at = sorted({lowest, min(max(knee, lowest), highest), highest})
        limit = [(x, min(peak, bandwidth * x) if bandwidth else peak) for x in at]
        lines.append((f"peak in {precision}", limit))
    return lines


def _knee(case: Case) -> float | None:
    """Return the multiply-adds a byte above which arithmetic is the limit, and memory below."""
    figures = case["figures"]
    if not {_PEAK, _LIMIT} <= figures.keys():
        return None
    return float(figures[_PEAK] / figures[_LIMIT])


def _intensity(case: Case) -> float:
    return float(case["figures"]["gmac"] * 1e3 / case["figures"]["frame_mb"])


def _key(case: Case) -> tuple[Any, ...]:
    return tuple(case["parameters"].get(name) for name in _COLORED_BY)


def _groups(cases: Sequence[Case]) -> Iterator[tuple[str, list[Case]]]:
    """Yield what can be compared, by the frames' size and what was measured, each with its title."""
    for (_, title), group in groupby(sorted(cases, key=_kind), key=_kind):
        yield f"<h3>{escape(title)}</h3>" if title else "", list(group)


def _kind(case: Case) -> tuple[int, str]:
    width, height, what = (case["parameters"].get(name) for name in ("width", "height", "what"))
    size = f"{width}x{height}" if width and height else ""
    return (width or 0) * (height or 0), ", ".join(text for text in (size, what) if text)
