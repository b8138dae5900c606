"""One traced run of the stages: who waited for whom, how full the queue was, how long frames took.

A trace is what `vsr.pipeline.trace.Trace.to_json` gives; what a file lacks of it is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from vsr.bench.page.names import digits, head
from vsr.page.axes import Axis, exact
from vsr.page.bars import Bar, bars
from vsr.page.charts import columns, drawing, lines
from vsr.page.html import bullets, folded, number, paragraph, table

_ALONE = {
    "fps": "all together", "decode_fps": "decoding alone", "upscale_fps": "upscaling alone",
    "encode_fps": "encoding alone",
}  # fmt: skip
_CORES = {
    "read": "decoding", "work": "upscaling", "write": "encoding", "waiting": "waiting for the stages",
    "unknown": "all else",
}  # fmt: skip
_SHOWN = {
    "read": "reader reads", "room": "reader waits for room", "work": "workers work", "write": "writer writes",
}  # fmt: skip
_WIDTH, _LEFT, _RIGHT, _TOP, _LANE, _BAR = 560, 76, 20, 8, 26, 18
_WINDOW_FRAMES = 32
"""How many frames the timeline shows, so that each can be told from its neighbours."""
_SHADES = (0.65, 1.0)
"""Of the frames in a lane, by turns."""
_MOMENTS = ("read_begin", "read_end", "put", "work_begin", "work_end", "write_begin", "write_end")


def traced(case: Mapping[str, Any]) -> list[str]:
    """Return the charts of a case's run, with tables of the same."""
    detail = case["detail"]
    trace = detail["trace"]
    shares, latency, window = trace.get("shares", {}), trace.get("latency", {}), trace.get("window", {})
    parts = [f"<h3>{escape(case['name'])}</h3>", bullets(detail.get("sentences", ()))]
    if window.get("worker"):
        parts += _timeline(window)
    parts += _alone(case["figures"])
    parts += _core_seconds(detail.get("core_seconds") or {})
    if shares:
        parts += _over_time(trace, shares)
    if latency.get("counts"):
        parts += _latencies(latency)
    return parts


def _alone(figures: Mapping[str, float]) -> Iterator[str]:
    """Yield the speed of each stage alone beside that of all together."""
    names = {name: text for name, text in _ALONE.items() if name in figures}
    if len(names) > 1:
        rows = [
            Bar(name=text, value=figures[name], color=index)
            for index, (name, text) in enumerate(names.items())
        ]
        yield bars(rows, "fps", digits(max(row.value for row in rows)))


def _core_seconds(parts: Mapping[str, float]) -> Iterator[str]:
    """Yield where the run's processor time went."""
    if parts:
        rows = [Bar(name=_CORES.get(name, name), value=value) for name, value in parts.items()]
        yield bars(rows, "core-seconds", digits(*parts.values()))


def _timeline(window: Mapping[str, Any]) -> Iterator[str]:
    workers = window["worker"]
    count = min(len(workers), _WINDOW_FRAMES)
    times = {moment: window[f"{moment}_ms"][:count] for moment in _MOMENTS}
    lanes = sorted(set(workers[:count]))
    begin, end = min(times["read_begin"]), max(times["write_end"])
    axis = exact("milliseconds since the run began", begin, end)
    height = _TOP + _LANE * (len(lanes) + 2)
    content = [_lane(index, text) for index, text in enumerate(_lane_names(len(lanes)))]
    for tick in axis.ticks:
        left, text = _place(axis, tick), axis.text(tick)
        content.append(f'<path class="axis" d="M{left:.1f} {_TOP}V{height}"/>')
        content.append(
            f'<text class="tick" x="{left:.1f}" y="{height + 14}" text-anchor="middle">{text}</text>'
        )
    for index in range(count):
        moments = {moment: times[moment][index] for moment in _MOMENTS}
        shade = _SHADES[index % 2]
        lane = 1 + lanes.index(workers[index])
        turn = _SHADES[workers[:index].count(workers[index]) % 2]
        content += [
            _span(axis, moments["read_begin"], moments["read_end"], 0, "var(--s0)", shade),
            _span(axis, moments["read_end"], moments["put"], 0, "var(--line)", 1.0),
            _span(axis, moments["work_begin"], moments["work_end"], lane, "var(--s2)", turn),
            _span(axis, moments["write_begin"], moments["write_end"], len(lanes) + 1, "var(--s1)", shade),
        ]
    label = f'<text x="{_WIDTH - _RIGHT}" y="{height + 30}" text-anchor="end">{axis.label}</text>'
    yield drawing(f"Who worked when, {count} frames", _WIDTH, height + 36, [*content, label])
    yield paragraph(
        "Frames from the midst of the run, light and dark by turns. Grey: the reader waits for room in the "
        "queue; empty: a stage waits for a frame.",
        soft=True,
    )
    yield folded("The frames as numbers", _window_table(window))


def _window_table(window: Mapping[str, Any]) -> str:
    names = [f"{moment}_ms" for moment in _MOMENTS]
    rows = [
        [str(window["first"] + index), number(worker, 0), *(number(window[name][index], 3) for name in names)]
        for index, worker in enumerate(window["worker"])
    ]
    return table(["frame", "worker", *map(head, names)], rows)


def _over_time(trace: Mapping[str, Any], shares: Mapping[str, Sequence[float]]) -> Iterator[str]:
    width = trace["bin_seconds"]

    def line(name: str) -> list[tuple[float, float | None]]:
        return [((index + 0.5) * width, 100 * share) for index, share in enumerate(shares[name])]

    percent = exact("% of the time", 0, 100)
    yield lines([(text, line(name)) for name, text in _SHOWN.items() if name in shares], "seconds", percent)
    if "fill" in shares:
        yield lines([("fill", line("fill"))], "seconds", exact("queue fill, %", 0, 100))
    names = [name for name in (*_SHOWN, "fill") if name in shares]
    rows = [
        [str(index), *(number(shares[name][index], 3) for name in names)]
        for index in range(len(shares[names[0]]))
    ]
    summary = "Shares of the time as numbers, in equal parts of the run"
    yield folded(summary, table(["part", *(_SHOWN.get(name, "queue fill") for name in names)], rows))


def _latencies(latency: Mapping[str, Any]) -> Iterator[str]:
    edges, counts = latency["edges_ms"], latency["counts"]
    yield columns(edges, counts, "milliseconds from read to written", "frames")
    named = [(name, value) for name, value in latency.items() if name not in ("edges_ms", "counts")]
    yield table([head(name) for name, _ in named], [[number(value, 2) for _, value in named]])
    rows = [
        [number(begin, 3), number(end, 3), number(count, 0)]
        for begin, end, count in zip(edges, edges[1:], counts, strict=False)
    ]
    yield folded("The histogram as numbers", table(["from, ms", "to, ms", "frames"], rows))


def _lane_names(workers: int) -> list[str]:
    return ["reader", *(f"worker {index + 1}" for index in range(workers)), "writer"]


def _lane(index: int, text: str) -> str:
    return f'<text x="{_LEFT - 8}" y="{_TOP + index * _LANE + 17}" text-anchor="end">{text}</text>'


def _place(axis: Axis, value: float) -> float:
    return _LEFT + axis.place(value) * (_WIDTH - _LEFT - _RIGHT)


def _span(axis: Axis, begin: float, end: float, lane: int, color: str, shade: float) -> str:
    left, right = _place(axis, begin), _place(axis, end)
    top = _TOP + lane * _LANE + (_LANE - _BAR) / 2
    return (
        f'<rect x="{left:.2f}" y="{top:g}" width="{max(right - left, 0.3):.2f}" height="{_BAR}" '
        f'fill="{color}" fill-opacity="{shade:g}"/>'
    )
