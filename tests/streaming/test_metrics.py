"""Prometheus' text, read back by a parser of its grammar."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from tests.streaming.statuses import running
from vsr.streaming.metrics import metrics_text
from vsr.streaming.status import LiveStatus

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
"""Value by (name, labels)."""
_SAMPLE = re.compile(r"(?P<name>[a-z_]+)(?:\{(?P<labels>.*)\})? (?P<value>[0-9.e+-]+|NaN)")
_LABEL = re.compile(r'([a-z]+)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')


def parsed(text: str) -> Samples:
    """Return what there is. Asserts that each name has a type before its samples, and comes once."""
    assert text.endswith("\n")
    types: dict[str, str] = {}
    samples: Samples = {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types
            types[name] = kind
            continue
        match = _SAMPLE.fullmatch(line)
        assert match, line
        name = match["name"]
        owner = name if name in types else re.sub("_(bucket|sum|count)$", "", name)
        assert list(types)[-1] == owner, f"{name} does not follow its type"
        assert (types[owner] == "counter") == name.endswith("_total")
        labels = match["labels"] or ""
        assert "".join(found[0] for found in _LABEL.finditer(labels)) == labels
        key = name, frozenset(_LABEL.findall(labels))
        assert key not in samples
        samples[key] = float(match["value"])
    return samples


def value(samples: Samples, metric: str, /, **labels: str) -> float:
    return samples[f"vsr_live_{metric}", frozenset(labels.items())]


def test_every_number_is_there() -> None:
    status = running()
    samples = parsed(metrics_text(status))
    frames = ("frames_in", "frames_out", "frames_dropped", "frames_late", "frames_repeated", "frames_paused")
    for name in (*frames, "reconnects", "jumps", "steps_down"):
        assert value(samples, f"{name}_total") == getattr(status, name)
    assert value(samples, "fps_in") == 29.97
    assert value(samples, "resident_memory_bytes") == 123_456_789
    assert value(samples, "model", model="bicubic") == 1
    assert value(samples, "model", model="bilinear") == 0
    assert value(samples, "state", state="running") == 1
    assert value(samples, "latency_recent_seconds", quantile="1") == 40
    assert value(samples, "output_bytes_total", output="0", name="out.mkv") == 123456
    far = r"rtmp://far/\"live\"\\x\n"
    assert value(samples, "output_errors_total", output="1", name=far) == 10
    assert value(samples, "output_state", output="1", name=far, state="reconnecting") == 1


def test_a_queue_whose_capacity_just_shrank_is_full() -> None:
    assert replace(running(), queue_frames=6, queue_capacity=4).to_json()["queue_fill"] == 1
    assert replace(running(), queue_frames=1, queue_capacity=4).to_json()["queue_fill"] == 0.25


def test_exactly_one_state_holds() -> None:
    samples = parsed(metrics_text(running()))
    assert sum(found for (name, _), found in samples.items() if name == "vsr_live_state") == 1


def test_the_histogram_is_cumulative_and_ends_with_all() -> None:
    status = running()
    samples = parsed(metrics_text(status))
    buckets = {
        float(dict(labels)["le"]): count
        for (name, labels), count in samples.items()
        if name == "vsr_live_latency_seconds_bucket"
    }
    counts = [buckets[edge] for edge in sorted(buckets)]
    assert counts == sorted(counts)
    assert buckets[0.001] == 1
    assert buckets[0.064] == 64  # 0.5, 1.5 ... 63.5 ms
    assert counts[-2:] == [90, 91]
    assert counts[-1] == value(samples, "latency_seconds_count") == status.latency.whole.count
    assert value(samples, "latency_seconds_sum") == pytest.approx(
        sum(0.0005 + 0.001 * i for i in range(90)) + 40
    )


@pytest.mark.parametrize("status", [running(), LiveStatus()], ids=["running", "not begun"])
def test_prometheus_own_parser_takes_it(status: LiveStatus) -> None:
    parser = pytest.importorskip("prometheus_client.parser", reason="pip install prometheus_client")
    kinds = {each.name: each.type for each in parser.text_string_to_metric_families(metrics_text(status))}
    assert len(kinds) == 28
    assert "untyped" not in kinds.values() and "unknown" not in kinds.values()
    assert kinds["vsr_live_latency_seconds"] == "histogram"


def test_quantiles_are_of_a_summary_alone() -> None:
    """The label is reserved for it; where nothing was counted there is none."""
    text = metrics_text(running())
    assert {line.split("{")[0] for line in text.splitlines() if "quantile=" in line} == {
        "vsr_live_latency_recent_seconds"
    }
    assert "# TYPE vsr_live_latency_recent_seconds summary\n" in text
    assert 'vsr_live_latency_recent_seconds{quantile="0.5"} NaN\n' in metrics_text(LiveStatus())


def test_a_run_that_has_not_begun() -> None:
    samples = parsed(metrics_text(LiveStatus()))
    assert value(samples, "frames_in_total") == 0
    assert value(samples, "state", state="opening") == 1


def test_the_status_is_json_and_says_all() -> None:
    facts = json.loads(json.dumps(running().to_json(), allow_nan=False))
    assert (facts["model"], facts["queue_fill"], facts["output_size"]) == ("bicubic", 0.25, [1280, 720])
    assert facts["latency"]["recent"]["max"] == 40
    assert facts["outputs"][1]["state"] == "reconnecting"
    assert json.dumps(LiveStatus().to_json(), allow_nan=False)
