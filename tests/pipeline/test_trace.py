"""The recorder: every frame's moments, in order; sums that are right and stay small; and what it costs."""

from __future__ import annotations

import hashlib
import json
import math
import random
import sys
import threading
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.make_media import Clip, Picture, make
from vsr.options import UpscaleOptions
from vsr.pipeline.core_times import CoreTimes
from vsr.pipeline.job import Job
from vsr.pipeline.queues import Fill, Moments
from vsr.pipeline.stages import Statistics, run_stages
from vsr.pipeline.trace import MOST_BINS, WINDOW_FRAMES, Histogram, Recorder, Timeline

MOMENTS = ("read_begin", "read_end", "put", "work_begin", "work_end", "write_begin", "write_end")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of single threads")


def recorded(items: int, *, workers: int = 3, max_items: int = 6) -> tuple[Recorder, Statistics]:
    """Run stages of uneven speed; every third item needs no work."""
    recorder = Recorder()

    def work(item: int) -> int:
        time.sleep(random.Random(item).random() * 0.002)
        return item

    statistics = run_stages(
        range(items),
        work,
        lambda item: None,
        workers=workers,
        max_items=max_items,
        max_bytes=1 << 30,
        size_of=lambda item: 4096,
        needs_work=lambda item: item % 3 != 2,
        tick_seconds=0.01,
        recorder=recorder,
    )
    return recorder, statistics


def seconds_in(shares: Sequence[float], bin_seconds: float, end: float) -> float:
    """Return the seconds that a row of shares stands for; the last bin ends with the run."""
    return sum(shares[:-1]) * bin_seconds + shares[-1] * (end - (len(shares) - 1) * bin_seconds)


def test_every_frame_has_all_its_moments_in_order() -> None:
    recorder, statistics = recorded(150)
    trace = recorder.trace()
    assert trace.frames == len(trace.window) == statistics.frames_done == 100
    assert trace.window_first == 0
    for frame in trace.window:
        moments = [getattr(frame, name) for name in MOMENTS]
        assert moments == sorted(moments)
        assert moments[0] > 0 and moments[-1] <= trace.seconds
    assert {frame.worker for frame in trace.window} == {0, 1, 2}
    # One reader, one writer, and each worker does one thing at a time.
    lanes = [
        [(f.read_begin, f.put) for f in trace.window],
        [(f.write_begin, f.write_end) for f in trace.window],
    ]
    lanes += [[(f.work_begin, f.work_end) for f in trace.window if f.worker == w] for w in range(3)]
    for lane in lanes:
        assert all(a[1] <= b[0] for a, b in pairwise(lane))


def test_shares_agree_with_the_statistics() -> None:
    recorder, statistics = recorded(200)
    trace = recorder.trace()
    length = len(trace.shares["fill"])
    assert all(len(row) == length for row in trace.shares.values())
    assert all(0 <= share <= 1 + 1e-9 for row in trace.shares.values() for share in row)
    worked = seconds_in(trace.shares["work"], trace.bin_seconds, trace.seconds) * trace.workers
    assert worked == pytest.approx(statistics.work.busy_seconds, rel=0.15)
    assert statistics.queue.work_items_max <= 6
    assert sum(trace.shares["fill"]) > 0


def test_a_full_queue_is_seen_full_and_never_more() -> None:
    recorder = Recorder()
    run_stages(
        range(40), lambda item: item, lambda item: time.sleep(0.005), workers=1, max_items=4,
        max_bytes=1 << 30, size_of=lambda item: 4096, recorder=recorder,
    )  # fmt: skip
    trace = recorder.trace()
    assert max(trace.shares["fill"]) <= 1
    assert max(trace.shares["fill"]) > 0.8
    # The reader waits for room all the time, the worker for the reader.
    assert max(trace.shares["room"]) > 0.8
    assert max(trace.shares["work"]) < 0.2


def test_latency_goes_from_read_to_written() -> None:
    recorder, _ = recorded(60)
    trace = recorder.trace()
    assert sum(trace.latency_counts) == trace.frames == 40
    assert len(trace.latency_edges_seconds) == len(trace.latency_counts) + 1
    true = sorted(frame.write_end - frame.read_end for frame in trace.window)
    assert trace.latency_seconds["longest"] == true[-1]
    assert true[19] / 1.05 <= trace.latency_seconds["p50"] <= true[20] * 1.05


@given(st.lists(st.floats(1e-6, 100), min_size=1, max_size=200), st.floats(0.01, 1))
def test_quantiles_are_right_to_a_bin(values: list[float], share: float) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    edges, counts = histogram.bins()
    assert sum(counts) == len(values)
    assert max(values) <= edges[-1] * (1 + 1e-9)
    exact = sorted(values)[math.ceil(share * len(values)) - 1]
    assert exact / 1.0001 <= histogram.quantile(share) <= max(exact, 1e-4) * 1.05


@given(st.lists(st.tuples(st.floats(0, 40), st.floats(0, 5)), max_size=40))
def test_a_timeline_loses_no_second_and_stays_small(spans: list[tuple[float, float]]) -> None:
    timeline = Timeline("busy", "idle")
    for begin, length in spans:
        timeline.add("busy", begin, begin + length)
    end = max((begin + length for begin, length in spans), default=1.0) + 1e-6
    timeline.reach(end)
    shares = timeline.shares("busy", end)
    assert len(shares) <= MOST_BINS
    total = seconds_in(shares, timeline.bin_seconds, end)
    assert total == pytest.approx(sum(length for _, length in spans), abs=1e-6)
    assert set(timeline.shares("idle", end)) == {0.0}


@pytest.mark.parametrize(
    ("frames", "first"), [(5, 0), (128, 0), (255, 0), (256, 128), (383, 128), (384, 256), (1000, 512)]
)
def test_the_window_is_from_the_midst_of_a_run(frames: int, first: int) -> None:
    recorder = fed(frames)
    trace = recorder.trace()
    assert trace.window_first == first
    assert len(trace.window) == min(frames, WINDOW_FRAMES)
    assert trace.window[0].read_begin == pytest.approx(first * 0.01)


def fed(frames: int) -> Recorder:
    """A recorder that saw a frame every 10 ms."""
    recorder = Recorder()
    recorder.start(1, 4, 1 << 20)
    for number in range(frames):
        begin = recorder._begin + number * 0.01
        moments = Moments(begin, begin)
        for step, name in enumerate(MOMENTS):
            setattr(moments, name, begin + step * 0.001)
        recorder.add(moments)
    recorder.end()
    return recorder


def test_an_hours_trace_is_small() -> None:
    trace = fed(20_000).trace()
    content = json.dumps(trace.to_json())
    assert len(content) < 24_000
    assert json.loads(content)["frames"] == 20_000


def test_recording_costs_less_than_a_hundredth(tmp_path: Path) -> None:
    """Of the processor time of a small picture's run; both are measured in this process, in turn."""
    picture = Picture(width=320, height=240, frames=60)
    source = make(tmp_path / "in.mkv", Clip(picture=picture))
    shares = []
    for _ in range(3):
        with Job(str(source), str(tmp_path / "out.mkv"), UpscaleOptions(overwrite=True)) as job:
            begin = time.process_time()
            job.run()
            run = (time.process_time() - begin) / picture.frames
        shares.append(cost_of_recording() / run)
    assert min(shares) < 0.01


def cost_of_recording() -> float:
    """Return the processor time of all that the stages do for a recorder, for one frame, in seconds."""
    recorder, fill, count = Recorder(), Fill(work_items=3, size_bytes=1 << 20), 2000
    recorder.start(2, 8, 1 << 24)
    begin = time.thread_time()
    for _ in range(count):
        moments = Moments(time.perf_counter(), time.perf_counter(), time.perf_counter())
        recorder.filled(fill)
        moments.work_begin, moments.work_end = time.perf_counter(), time.perf_counter()
        moments.write_begin, moments.write_end = time.perf_counter(), time.perf_counter()
        recorder.filled(fill)
        recorder.add(moments)
    return (time.thread_time() - begin) / count


@linux_only
def test_the_stages_account_for_the_processors_time(tmp_path: Path) -> None:
    """Those of a codec's threads too, some of which have ended before the run has."""
    picture = Picture(width=320, height=240, frames=120)
    source = make(tmp_path / "in.mkv", Clip(picture=picture))
    recorder = Recorder()
    options = UpscaleOptions(model="lanczos3", overwrite=True, preset="medium", encoder="libx264")
    with Job(str(source), str(tmp_path / "out.mkv"), options, recorder=recorder) as job:
        statistics = job.run().statistics
    cores = recorder.cores.seconds_of(
        read=statistics.read.cpu_seconds,
        work=statistics.work.cpu_seconds,
        write=statistics.write.cpu_seconds,
    )
    assert cores is not None
    assert 0.95 <= cores.accounted <= 1.02
    # x264 works on threads of its own, far more than its own thread of ours does.
    assert cores.write > 2 * statistics.write.cpu_seconds
    assert cores.write > cores.work and cores.write > cores.read


@linux_only
def test_threads_belong_to_the_stage_they_were_made_for() -> None:
    times, stop, content = CoreTimes(), threading.Event(), bytes(1 << 20)

    def burn() -> None:
        while not stop.is_set():
            hashlib.sha256(content)  # without the interpreter's lock, as codecs work

    threads = [threading.Thread(target=burn)]
    threads[0].start()
    times.claim("read")
    times.claim("work")
    times.start()
    threads.append(threading.Thread(target=burn))
    threads[1].start()
    time.sleep(0.2)
    with times.ending("read"):
        time.sleep(0.05)
        stop.set()
        for thread in threads:
            thread.join()
    times.end()
    cores = times.seconds_of(read=0.0, work=0.0, write=0.0)
    assert cores is not None
    assert cores.work == cores.write == 0.0
    assert cores.read > 0 and cores.unknown > 0
    assert 0.8 * cores.total <= cores.read + cores.unknown + cores.waiting <= 1.02 * cores.total
