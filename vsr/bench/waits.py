"""Who waited for whom in a run of the pipeline, and where its processor time went: in two sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_STAGES = {
    "read": ("decoder", "decoding"),
    "work": ("upscaler", "upscaling"),
    "write": ("encoder", "encoding"),
}
_WAITS_FOR = {"read": "room", "work": "frames", "write": "frames"}


def waits(answer: Mapping[str, Any]) -> dict[str, float]:
    """Return which share (0 to 1) of its threads' time each stage of a whole run was busy, and waited."""
    shares: dict[str, float] = {}
    for stage, seen in answer["stages"].items():
        time_ = max(answer["seconds"] * seen["threads"], 1e-9)
        waited = seen["input_wait_seconds"] + seen["output_wait_seconds"]
        shares |= {f"{stage}_busy": seen["busy_seconds"] / time_, f"{stage}_waited": waited / time_}
    return shares


def core_seconds(answer: Mapping[str, Any]) -> dict[str, float]:
    """Return the processor time of a whole run's parts in seconds; nothing where the system does not tell.

    read, work, write: the stages with the threads that were made for them (muxing is of write); waiting: the
    thread that waits for them; unknown: threads that belong to nobody, and those that came and went.
    """
    cores = answer["cores"]
    if cores is None:
        return {}
    parts = {name: cores[name] for name in ("read", "work", "write", "waiting", "unknown")}
    gone = max(0.0, cores["total"] - sum(parts.values()))
    # Where a frame is computed on several threads, kernels make and end them for each.
    parts["work" if answer["several_threads_a_frame"] else "unknown"] += gone
    return parts


def sentences(answer: Mapping[str, Any], cores: int) -> list[str]:
    """Return what a person wants to know of a whole run on so many cores."""
    shares = waits(answer)
    slowest = max(_STAGES, key=lambda stage: shares[f"{stage}_busy"])
    others = [
        f"the {name} waited {_percent(shares[f'{stage}_waited'])} for {_WAITS_FOR[stage]}"
        for stage, (name, _) in _STAGES.items()
        if stage != slowest
    ]
    busy = _percent(shares[f"{slowest}_busy"])
    first = f"the run waits for the {_STAGES[slowest][0]}, busy {busy} of the time; {' and '.join(others)}"
    return [first, *_where(answer, cores)]


def _where(answer: Mapping[str, Any], cores: int) -> list[str]:
    parts = core_seconds(answer)
    if not parts:
        return []
    total = max(sum(parts.values()), 1e-9)
    used = total / max(answer["seconds"], 1e-9)
    rest = 1 - sum(parts[stage] for stage in _STAGES) / total
    words = [f"{verb} {_percent(parts[stage] / total)}" for stage, (_, verb) in _STAGES.items()]
    went = f"{', '.join(words)}, all else {_percent(rest)}"
    return [f"it kept {used:.1f} of {cores} cores at work: {went}"]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
