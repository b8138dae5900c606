"""The processes of `vsr bench pipeline`: a whole run, and each of its stages alone on the same frames.

Each function here is a `prepare` of vsr.bench.worker: what it returns is asked for one turn, which is all of
the frames once. Parameters are those of `options_of`, and `source`, `result`: names of files.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from vsr.bench.machine import forget_peak_rss, peak_rss_bytes, resident_bytes
from vsr.bench.worker import Prepared
from vsr.frame import Frame
from vsr.options import UpscaleOptions
from vsr.pipeline.job import Job
from vsr.pipeline.plan import QUEUE_BYTES
from vsr.pipeline.stages import run_stages
from vsr.pipeline.trace import Recorder

PARTS = ("decode", "upscale", "encode", "whole")
FIELDS = (
    "model", "scale", "device", "engine", "precision", "shader_dir", "threads", "encoder", "crf", "preset",
    "duration",
)  # fmt: skip
"""Of UpscaleOptions: what a case decides."""


def options_of(parameters: Mapping[str, Any]) -> UpscaleOptions:
    """Return the options of a case's run; what is None is left as `vsr upscale` has it."""
    given = {name: parameters[name] for name in FIELDS if parameters[name] is not None}
    return UpscaleOptions(**given, overwrite=True)


def whole(parameters: Mapping[str, Any]) -> Prepared:
    """A run as `vsr upscale` does it, from opening the source to the verified result."""

    def answer(seconds: float) -> dict[str, Any]:
        cpu_began, began = time.process_time(), time.perf_counter()
        recorder = Recorder()
        with Job(
            parameters["source"], parameters["result"], options_of(parameters), recorder=recorder
        ) as job:
            opened, cpu_opened = time.perf_counter() - began, time.process_time() - cpu_began
            report = job.run()
        statistics = report.statistics
        own = {stage: getattr(statistics, stage).cpu_seconds for stage in ("read", "work", "write")}
        cores = recorder.cores.seconds_of(**own)
        return {
            "frames": statistics.frames_done,
            "seconds": recorder.cores.seconds,
            "cpu_seconds": time.process_time() - cpu_began,
            "rss_mb": peak_rss_bytes() / 1e6,
            "open_seconds": opened,
            "open_cpu_seconds": cpu_opened,
            "verify_seconds": report.verify_seconds,
            "stages": {stage: asdict(getattr(statistics, stage)) for stage in ("read", "work", "write")},
            "cores": None if cores is None else asdict(cores),
            "several_threads_a_frame": report.plan.threads > report.plan.workers,
            "copied_bytes": report.copied_bytes,
            "gpu": None if report.gpu is None else asdict(report.gpu),
            "trace": recorder.trace().to_json(),
        }

    return Prepared(once=lambda: None, answer=answer)


def decode(parameters: Mapping[str, Any]) -> Prepared:
    """All frames read, and dropped."""
    job = _job(parameters)
    return Prepared(once=lambda: None, answer=_timed(lambda: sum(1 for _ in job.reader)))


def upscale(parameters: Mapping[str, Any]) -> Prepared:
    """Frames that lie in memory, by as many workers as in a run, into frames that are used again."""
    job = _job(parameters)
    frames = list(job.reader)
    give = job.writer.pool.give
    return Prepared(
        once=lambda: give(_upscaled(job, frames[0])), answer=_timed(lambda: _through(job, frames, give))
    )


def encode(parameters: Mapping[str, Any]) -> Prepared:
    """Upscaled frames that lie in memory, into the file."""
    job = _job(parameters)
    held: list[Frame] = []
    _through(job, list(job.reader), held.append)

    def write() -> int:
        for frame in held:
            job.writer.write(frame)
        job.writer.close()
        return len(held)

    def answer(seconds: float) -> dict[str, Any]:
        before = resident_bytes("self") if forget_peak_rss() else None
        timed = _timed(write)(seconds)
        grown = None if before is None else max(0.0, 1e6 * timed["rss_mb"] - before) / 1e6
        return {**timed, "grown_mb": grown}

    return Prepared(once=lambda: None, answer=answer)


def _job(parameters: Mapping[str, Any]) -> Job:
    return Job(parameters["source"], parameters["result"], options_of(parameters))


def _through(job: Job, frames: list[Frame], sink: Callable[[Frame], None]) -> int:
    """Upscale frames as a run does, and return how many they were."""
    plan = job.plan
    statistics = run_stages(
        frames,
        lambda frame: _upscaled(job, frame),
        sink,
        workers=plan.workers,
        max_items=plan.workers + 2,
        max_bytes=QUEUE_BYTES,
        size_of=lambda frame: plan.in_flight_bytes,
    )
    return statistics.frames_done


def _upscaled(job: Job, frame: Frame) -> Frame:
    return job.upscaler(frame, into=job.writer.pool.take())


def _timed(work: Callable[[], int]) -> Callable[[float], dict[str, Any]]:
    """Return the turn that does some work, which returns the number of its frames."""

    def answer(seconds: float) -> dict[str, Any]:
        cpu_began, began = time.process_time(), time.perf_counter()
        frames = work()
        return {
            "frames": frames,
            "seconds": time.perf_counter() - began,
            "cpu_seconds": time.process_time() - cpu_began,
            "rss_mb": peak_rss_bytes() / 1e6,
        }

    return answer
