"""A live run's status as Prometheus reads it: its text format, version 0.0.4."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vsr.streaming.latency import EDGES_SECONDS
from vsr.streaming.status import OUTPUT_STATES, RUN_STATES, LiveStatus

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BARS_TO_A_BUCKET = 2
"""Buckets end at each doubling of a millisecond: every other bar of the histogram."""


@dataclass(frozen=True, slots=True)
class _Sample:
    value: float
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Metric:
    name: str
    kind: str
    """counter, gauge or summary."""
    help: str
    samples: Sequence[_Sample]


def metrics_text(status: LiveStatus) -> str:
    """Return all metrics of a status; units are seconds and bytes."""
    lines: list[str] = []
    for metric in (*_counts(status), *_gauges(status), *_of_outputs(status)):
        lines += [
            f"# HELP vsr_live_{metric.name} {metric.help}",
            f"# TYPE vsr_live_{metric.name} {metric.kind}",
        ]
        lines += [_line(metric.name, sample.value, sample.labels) for sample in metric.samples]
    return "\n".join([*lines, *_histogram(status)]) + "\n"


def _counts(status: LiveStatus) -> Iterator[_Metric]:
    for name, value, text in (
        ("frames_in_total", status.frames_in, "Frames that the source gave."),
        ("frames_out_total", status.frames_out, "Frames that were encoded."),
        ("frames_dropped_total", status.frames_dropped, "Frames let go for want of time, or that came late."),
        ("frames_late_total", status.frames_late, "Those of them that came late from the source."),
        ("frames_paused_total", status.frames_paused, "Frames that were let go while paused."),
        ("frames_repeated_total", status.frames_repeated, "Frames that stood in for missing ones."),
        ("reconnects_total", status.reconnects, "Times that the source was opened again."),
        ("jumps_total", status.jumps, "Times that the source's times did not go on as they were."),
        ("steps_down_total", status.steps_down, "Times that the ladder went to a cheaper model."),
        ("steps_up_total", status.steps_up, "Times that the ladder went to a better model."),
    ):
        yield _Metric(name, "counter", text, [_Sample(value, {})])


def _gauges(status: LiveStatus) -> Iterator[_Metric]:
    for name, value, text in (
        ("fps_in", status.fps_in, "Frames a second from the source."),
        ("fps_out", status.fps_out, "Frames a second to the encoder."),
        ("queue_frames", status.queue_frames, "Frames that wait for the upscaler."),
        ("queue_capacity_frames", status.queue_capacity, "How many frames may wait."),
        ("ladder_step", status.step, "The step at work; 0 is the best."),
        ("uptime_seconds", status.uptime_seconds, "Since the run began."),
        ("resident_memory_bytes", status.rss_bytes, "Memory of the process that lies in RAM."),
        ("recording", status.recording is not None, "1 while a recording is written."),
    ):
        yield _Metric(name, "gauge", text, [_Sample(float(value), {})])
    yield _Metric("state", "gauge", "1 for the state of the run.", _one_of(status.state, RUN_STATES))
    models = [_Sample(float(model == status.model), {"model": model}) for model in status.ladder]
    yield _Metric("model", "gauge", "1 for the model at work.", models)
    recent = status.latency.recent
    yield _Metric(
        "latency_recent_seconds",
        "summary",  # the label quantile is its alone
        "Packet in to packet out over the last minute, by quantile.",
        [
            _Sample(value if recent.count else math.nan, {"quantile": quantile})
            for quantile, value in (
                ("0.5", recent.p50),
                ("0.95", recent.p95),
                ("0.99", recent.p99),
                ("1", recent.max),
            )
        ],
    )


def _of_outputs(status: LiveStatus) -> Iterator[_Metric]:
    outputs = [(output, _named(number, output.name)) for number, output in enumerate(status.outputs)]
    for name, field, text in (
        ("output_bytes_total", "bytes_written", "Bytes that an output took."),
        ("output_packets_total", "packets_written", "Packets that an output took."),
        ("output_packets_dropped_total", "packets_dropped", "Packets that an output did not get."),
        ("output_reconnects_total", "reconnects", "Times that an output was opened again."),
        ("output_errors_total", "errors", "Errors of an output."),
    ):
        samples = [_Sample(getattr(output, field), labels) for output, labels in outputs]
        yield _Metric(name, "counter", text, samples)
    states = [
        _Sample(sample.value, {**labels, **sample.labels})
        for output, labels in outputs
        for sample in _one_of(output.state, OUTPUT_STATES)
    ]
    yield _Metric("output_state", "gauge", "1 for the state of an output.", states)


def _histogram(status: LiveStatus) -> Iterator[str]:
    name, latency = "latency_seconds", status.latency
    yield f"# HELP vsr_live_{name} From the arrival of a frame's packet to the encoder's packet of it."
    yield f"# TYPE vsr_live_{name} histogram"
    for index in range(0, len(EDGES_SECONDS), _BARS_TO_A_BUCKET):
        count = sum(latency.whole_bars[: index + 1])
        yield _line(f"{name}_bucket", count, {"le": f"{EDGES_SECONDS[index]:g}"})
    yield _line(f"{name}_bucket", latency.whole.count, {"le": "+Inf"})
    yield _line(f"{name}_sum", latency.sum_seconds, {})
    yield _line(f"{name}_count", latency.whole.count, {})


def _one_of(state: str, states: Sequence[str]) -> list[_Sample]:
    return [_Sample(float(each == state), {"state": each}) for each in states]


def _named(number: int, name: str) -> dict[str, str]:
    """The number tells two outputs of one name apart."""
    return {"output": str(number), "name": name}


def _line(name: str, value: float, labels: Mapping[str, str]) -> str:
    shown = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"vsr_live_{name}{f'{{{shown}}}' if shown else ''} {_number(value)}"


def _number(value: float) -> str:
    return "NaN" if math.isnan(value) else f"{value:.15g}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
