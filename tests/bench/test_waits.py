"""Who a run waits for, as sentences, from what its stages counted."""

from __future__ import annotations

from typing import Any

from vsr.bench.waits import core_seconds, sentences, waits


def stage(busy: float, input_wait: float, output_wait: float, threads: int = 1) -> dict[str, Any]:
    return {
        "threads": threads,
        "busy_seconds": busy,
        "input_wait_seconds": input_wait,
        "output_wait_seconds": output_wait,
    }


def answer(**changes: Any) -> dict[str, Any]:
    """A run of ten seconds in which the upscaler is the slow one."""
    return {
        "seconds": 10.0,
        "stages": {"read": stage(1, 0, 8), "work": stage(36, 3, 0, threads=4), "write": stage(4, 6, 0)},
        "cores": {"total": 38.0, "read": 2.0, "work": 30.0, "write": 5.0, "waiting": 0.1, "unknown": 0.4},
        "several_threads_a_frame": False,
    } | changes


def test_the_stage_that_waits_least_is_named() -> None:
    first, second = sentences(answer(), cores=4)
    assert first == (
        "the run waits for the upscaler, busy 90 % of the time; "
        "the decoder waited 80 % for room and the encoder waited 60 % for frames"
    )
    assert second == (
        "it kept 3.8 of 4 cores at work: decoding 5 %, upscaling 79 %, encoding 13 %, all else 3 %"
    )


def test_shares_are_of_a_stages_own_threads() -> None:
    shares = waits(answer())
    assert (shares["work_busy"], shares["work_waited"]) == (0.9, 0.075)


def test_threads_that_came_and_went_belong_to_kernels_only_where_these_make_them() -> None:
    assert core_seconds(answer())["unknown"] == 0.4 + 0.5
    several = core_seconds(answer(several_threads_a_frame=True))
    assert (several["work"], several["unknown"]) == (30.5, 0.4)
    assert sum(several.values()) == 38


def test_a_system_that_does_not_tell_of_threads_gives_one_sentence() -> None:
    assert core_seconds(answer(cores=None)) == {}
    assert len(sentences(answer(cores=None), cores=4)) == 1
