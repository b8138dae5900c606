"""`vsr bench pipeline`: a clip through decoder, upscaler and encoder, and each of them alone.

Each turn is a process of its own that takes all of a case's frames once: a whole run as `vsr upscale` does
it, or one stage on the very same frames. Frames a second are those of the stages at work: opening, and
verifying the result, are figures of their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, product
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory
from typing import Any

from vsr.bench.harness import TRIES, Case, CaseError, Seen, Worker
from vsr.bench.machine import NoiseMeter, machine, memory_bytes
from vsr.bench.models import decided, method_of, once_each, size_of
from vsr.bench.moving import RATE, synthetic_clip
from vsr.bench.parts import FIELDS, PARTS, options_of
from vsr.bench.results import CaseResult, Method, Results, Value
from vsr.bench.soak import check_minutes, soak
from vsr.bench.waits import core_seconds, sentences, waits
from vsr.device import cpu
from vsr.errors import OptionError
from vsr.options import BenchPipelineOptions
from vsr.pipeline.job import Job

LEAST_FRAMES = 48
"""Fewer are over before all that is in flight has been: encoders alone look 40 frames ahead."""
_MOST_FRAMES = 100_000
_HELD_BYTES, _HELD_SHARE = 1 << 30, 0.125
"""What the frames of a case may take in memory, where the encoder gets them alone; and of all the memory."""
_DEFAULT_SIZE = "480p"
_ANSWER_SECONDS = 1800.0
Tell = Callable[[str], None]


@dataclass(kw_only=True)
class Subject:
    """A case, and what was seen of its parts."""

    name: str
    parameters: Mapping[str, Value]
    """As the result's file has them."""
    orders: Mapping[str, Value]
    """As the processes get them."""
    seen: dict[str, Seen] = field(default_factory=dict)
    answers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Of each part, those of the rounds that count."""

    def __post_init__(self) -> None:
        for part in PARTS:
            case = Case(
                name=f"{self.name}, {part}",
                group=self.name,
                prepare=f"vsr.bench.parts:{part}",
                parameters=self.orders,
            )
            self.seen[part], self.answers[part] = Seen(case=case), []


def run(clip: str | None, options: BenchPipelineOptions, tell: Tell = lambda text: None) -> Results:
    """Measure a clip, or without one a picture made here.

    Raises OptionError and MediaError for what cannot be measured at all.
    """
    method = method_of(options)
    _check(clip, options)
    cases: list[CaseResult] = []
    interrupted, here = False, machine()
    with TemporaryDirectory(prefix="vsr-bench-") as folder:
        try:
            for subject in _subjects(clip, options, Path(folder), tell):
                case, interrupted = _measured(subject, options.soak, method, tell)
                cases += [] if case is None else [case]
                if interrupted:
                    break
        except KeyboardInterrupt:
            interrupted = True
    return Results(suite="pipeline", method=method, cases=tuple(cases), interrupted=interrupted, machine=here)


def _measured(
    subject: Subject, soak_minutes: float | None, method: Method, tell: Tell
) -> tuple[CaseResult | None, bool]:
    """Return the case's result, None where there is nothing of it, and whether Ctrl-C came meanwhile."""
    if soak_minutes is not None:
        return soak(f"{subject.name} soak", subject.parameters, subject.orders, soak_minutes, tell)
    try:
        measure(subject, method, tell)
    except KeyboardInterrupt:
        for seen in subject.seen.values():
            seen.interrupted = len(seen.rounds) < method.rounds
        some = subject.answers["whole"]
        return (result(subject, method, cpu.usable_cores()) if some else None), True
    return result(subject, method, cpu.usable_cores()), False


def _check(clip: str | None, options: BenchPipelineOptions) -> None:
    once_each(model=options.model, preset=options.preset, size=options.size)
    if clip is not None and options.size:
        raise OptionError("--size is that of a picture made here; leave it out where a clip is given")
    if options.soak is not None:
        check_minutes(options.soak)
    if not LEAST_FRAMES <= options.frames <= _MOST_FRAMES:
        raise OptionError(f"--frames is {options.frames}; give {LEAST_FRAMES} to {_MOST_FRAMES}")


# -- cases


def _subjects(clip: str | None, options: BenchPipelineOptions, folder: Path, tell: Tell) -> Iterator[Subject]:
    """Yield the cases, each once the one before has been measured; the first checks all options."""
    for source, name in _sources(clip, options, folder, tell):
        for model, preset in product(options.model or (None,), options.preset or (None,)):
            tell(f"{name}: looking at it")
            yield _subject(name, source, {"model": model, "preset": preset}, options, folder)


def _sources(
    clip: str | None, options: BenchPipelineOptions, folder: Path, tell: Tell
) -> Iterator[tuple[str, str]]:
    if clip is not None:
        yield clip, Path(clip).name
        return
    for text in options.size or (_DEFAULT_SIZE,):
        width, height = size_of(text)
        tell(f"making a moving picture of {width}x{height}")
        yield str(synthetic_clip(folder, width, height, options.frames)), f"synthetic {text}"


def _subject(
    name: str, source: str, chosen: Mapping[str, Value], options: BenchPipelineOptions, folder: Path
) -> Subject:
    """Look at the source and at the plan of its run. Raises what `vsr upscale` would, and OptionError."""
    given = {key: getattr(options, key) for key in FIELDS if key not in ("model", "preset", "duration")}
    orders: dict[str, Any] = {
        **given,
        **chosen,
        "duration": None,
        "source": source,
        "result": str(folder / "result.mkv"),
    }
    with Job(source, str(orders["result"]), options_of(orders)) as job:
        plan, origin = job.plan, job.reader.info.start_seconds
        held = min(_HELD_BYTES, _HELD_SHARE * (memory_bytes() or _HELD_BYTES / _HELD_SHARE))
        wanted = min(options.frames, max(LEAST_FRAMES, int(held / plan.in_flight_bytes)))
        times = [frame.pts * frame.time_base for frame in islice(job.reader, wanted + 1)]
        parameters = _parameters(job, orders, min(len(times), wanted))
        if len(set(job.upscaler.decided)) == 1:  # all of the case's processes then do the same
            orders |= {name: parameters[name] for name in ("engine", "precision")}
    if len(times) < LEAST_FRAMES:
        rate = float(plan.source.video.frame_rate or RATE)
        raise OptionError(
            f"{source} has {len(times)} frames; give a clip of at least {LEAST_FRAMES}, "
            f"{LEAST_FRAMES / rate:.1f} seconds at its rate"
        )
    if len(times) > wanted:
        orders["duration"] = f"{float((times[-2] + times[-1]) / 2 - origin):.6f}"
    name = " ".join(word for word in (name, plan.model, orders["preset"]) if word)
    return Subject(name=name, orders=orders, parameters=parameters)


def _parameters(job: Job, orders: Mapping[str, Any], frames: int) -> dict[str, Value]:
    """Return a case's parameters for its result: as chosen, where that was left open."""
    plan, video, output = job.plan, job.plan.source.video, job.plan.output
    return {
        **{key: orders[key] for key in ("device", "shader_dir", "crf", "preset")},
        **decided(job.upscaler),
        "model": plan.model,
        "width": video.width,
        "height": video.height,
        "scale": output.width / video.width,
        "codec": video.codec,
        "encoder": plan.encoding.encoder,
        "threads": plan.threads,
        "workers": plan.workers,
        "frames": frames,
    }


# -- measuring


def measure(subject: Subject, method: Method, tell: Tell) -> None:
    """Run the parts in turn, the order turned round each time, until enough rounds of each count.

    The stages alone come first: the file then lies in memory for the whole run, too.
    """
    for number in range(TRIES * method.rounds):
        wanting = [part for part, s in subject.seen.items() if len(s.rounds) < method.rounds and not s.error]
        for part in wanting if number % 2 == 0 else reversed(wanting):
            tell(f"{subject.name}: round {number + 1} of {method.rounds}: {part}")
            _run_part(subject, part, method)


def _run_part(subject: Subject, part: str, method: Method) -> None:
    seen = subject.seen[part]
    with Worker(seen.case) as worker:
        try:
            worker.prepare()
            meter, own = NoiseMeter(), time.process_time()
            answer = worker.turn(_ANSWER_SECONDS)
        except CaseError as error:
            seen.error = str(error)
            return
    noise = meter.others(answer["cpu_seconds"] + time.process_time() - own)
    if noise is not None and noise > method.noise_limit:
        seen.spoiled.append(noise)
        return
    seen.noise += [] if noise is None else [noise]
    seen.rounds.append([answer["seconds"] / answer["frames"]])
    subject.answers[part].append(answer)


# -- results


def result(subject: Subject, method: Method, cores: int) -> CaseResult:
    """Return what was measured of a case; all that is drawn is of the run whose time is the median."""
    seen = subject.seen["whole"]
    reasons = {part: subject.seen[part].refusal(method) for part in reversed(PARTS)}
    refused = next((f"{part}: {why}" for part, why in reasons.items() if why), None)
    detail: dict[str, Any] = {}
    answers = subject.answers["whole"]
    if answers:
        typical = sorted(answers, key=lambda each: float(each["seconds"]))[len(answers) // 2]
        detail = {
            "sentences": sentences(typical, cores),
            "waits": waits(typical),
            "core_seconds": core_seconds(typical),
            "stages": typical["stages"],
            "gpu": typical["gpu"],
            "trace": typical["trace"],
        }
    return CaseResult(
        name=subject.name,
        parameters=subject.parameters,
        samples=seen.samples,
        figures={} if refused else _figures(subject, cores),
        noise=tuple(seen.noise),
        refused=refused,
        detail=detail,
    )


def _figures(subject: Subject, cores: int) -> dict[str, float]:
    runs, samples = subject.answers["whole"], subject.seen["whole"].samples
    alone = {
        part: median(each["cpu_seconds"] / each["frames"] for each in subject.answers[part])
        for part in PARTS
        if part != "whole"
    }
    seconds = median(samples)
    figures = {
        "fps": 1 / seconds,
        "spread_percent": 100 * (max(samples) - min(samples)) / seconds,
        **{f"{part}_fps": 1 / median(subject.seen[part].samples) for part in alone},
        **{f"{part}_cpu_ms": 1e3 * taken for part, taken in alone.items()},
        "efficiency_percent": 100 * sum(alone.values()) / (seconds * cores),
        "rss_mb": max(run["rss_mb"] for run in runs),
        "copied_mb": median(run["copied_bytes"] for run in runs) / 1e6,
        "open_seconds": median(run["open_seconds"] for run in runs),
        "verify_seconds": median(run["verify_seconds"] for run in runs),
        **_of_traces([run["trace"] for run in runs]),
        **_of_cores(runs, sum(alone.values())),
    }
    grown = [each["grown_mb"] for each in subject.answers["encode"]]
    if None not in grown:
        figures["encoder_mb"] = max(grown)
    if runs[0]["gpu"] is not None:
        for way in ("uploaded", "downloaded"):
            figures[f"{way}_mb"] = median(run["gpu"][f"{way}_bytes"] for run in runs) / 1e6
    return figures


def _of_traces(traces: list[dict[str, Any]]) -> dict[str, float]:
    figures = {
        f"latency_{name}_ms": median(trace["latency"][f"{name}_ms"] for trace in traces)
        for name in ("p50", "p95", "p99", "longest")
    }
    figures["queue_percent"] = 100 * median(fmean(trace["shares"]["fill"]) for trace in traces)
    return figures


def _of_cores(runs: list[dict[str, Any]], alone: float) -> dict[str, float]:
    """Return where the processor time went, of systems that tell of single threads.

    accounted: what the stages took in the run; alone: what they take alone; both of what the run took.
    """
    parts = [core_seconds(run) for run in runs]
    if not all(parts):
        return {}
    totals = [sum(each.values()) for each in parts]
    frames = runs[0]["frames"]
    stages = [each["read"] + each["work"] + each["write"] for each in parts]
    return {
        "cpu_ms": 1e3 * median(totals) / frames,
        "accounted_percent": 100 * median(s / t for s, t in zip(stages, totals, strict=True)),
        "alone_percent": 100 * alone * frames / median(totals),
    }
