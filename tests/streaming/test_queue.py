"""The queue before the upscaler: bounded, in order, and what it drops."""

from __future__ import annotations

import threading
import time

import pytest

from vsr.options import DropMode
from vsr.streaming.queue import MOST_PASSING, ItemQueue, capacity_for


def filled(drop: DropMode, capacity: int = 2) -> ItemQueue[str]:
    queue: ItemQueue[str] = ItemQueue(capacity, drop)
    for item in ("f1", "a1", "f2", "a2"):
        assert queue.put(item, is_frame=item[0] == "f")
    return queue


@pytest.mark.parametrize(
    ("latency", "interval", "size", "want"),
    [
        (0.5, 1 / 30, 100_000, 15),
        (0.5, 1 / 60, 100_000, 30),
        (0.01, 1 / 30, 100_000, 2),
        (60.0, 1 / 60, 3840 * 2160 * 3 // 2, 21),
        (60.0, 1 / 60, 1 << 30, 2),
    ],
)
def test_the_capacity_is_the_latency_within_what_memory_should_hold(
    latency: float, interval: float, size: int, want: int
) -> None:
    assert capacity_for(latency, interval, size) == want


def test_the_capacity_may_change_on_the_way() -> None:
    queue = filled("newest")
    queue.capacity = 3
    assert queue.put("f3", is_frame=True)
    queue.capacity = 2
    assert queue.put("f4", is_frame=True)
    assert queue.dropped == 1
    assert rest(queue) == ["f1", "a1", "f2", "a2", "f3"]


def rest(queue: ItemQueue[str]) -> list[str]:
    queue.end()
    items = []
    while (item := queue.take()) is not None:
        items.append(item)
    return items


@pytest.mark.parametrize(
    ("drop", "left"), [("newest", ["f1", "a1", "f2", "a2", "a3"]), ("oldest", ["a1", "f2", "a2", "f3", "a3"])]
)
def test_one_frame_goes_and_no_packet(drop: DropMode, left: list[str]) -> None:
    queue = filled(drop)
    assert queue.put("f3", is_frame=True)
    assert queue.put("a3", is_frame=False)
    assert (queue.frames, queue.dropped) == (2, 1)
    assert rest(queue) == left


class Clock:
    """Stands still until it is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("drop", ["newest", "oldest"])
@pytest.mark.parametrize("service", [0.05, 0.1, 0.4])
def test_the_wait_is_bounded_however_slow_the_taker_is(drop: DropMode, service: float) -> None:
    """Frames come each 1/30 s; eight of them at 0.1 s each would be a wait of 0.8 s."""
    clock = Clock()
    queue: ItemQueue[float] = ItemQueue(8, drop, 0.25, clock=clock)
    waits, free = [], clock.now
    for _ in range(600):
        clock.now += 1 / 30
        queue.put(clock.now, is_frame=True)
        if free <= clock.now:
            arrived = queue.take()
            assert arrived is not None
            waits.append(clock.now - arrived)
            free = clock.now + service
    assert max(waits) <= 0.25 + 1e-6
    assert len(waits) >= 0.75 * 20 / service, "the taker never stands idle"
    assert queue.dropped == 600 - len(waits) - queue.frames


def test_an_old_frame_makes_way_for_the_next_one_alone() -> None:
    for drop, left in (
        ("newest", ["a1", "f3"]),
        ("oldest", ["a1", "f3"]),
        ("none", ["f1", "a1", "f2", "f3"]),
    ):
        clock = Clock()
        queue: ItemQueue[str] = ItemQueue(4, drop, 0.25, clock=clock)  # type: ignore[arg-type]
        for item in ("f1", "a1", "f2"):
            queue.put(item, is_frame=item[0] == "f")
        clock.now += 0.3
        queue.put("f3", is_frame=True)
        clock.now += 0.3
        assert rest(queue) == left, "the last one is taken, however old"


def test_none_waits_for_room() -> None:
    queue = filled("none")
    thread = threading.Thread(target=queue.put, args=("f3",), kwargs={"is_frame": True})
    thread.start()
    time.sleep(0.05)
    assert thread.is_alive()
    assert queue.take() == "f1"
    thread.join(5)
    assert not thread.is_alive()
    assert queue.dropped == 0
    assert rest(queue) == ["a1", "f2", "a2", "f3"]


def test_close_wakes_who_puts() -> None:
    queue = filled("none")
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(queue.put("f3", is_frame=True)))
    thread.start()
    queue.close()
    thread.join(5)
    assert results == [False]
    assert queue.done
    assert not queue.put("f4", is_frame=True)


def test_close_wakes_who_takes() -> None:
    queue: ItemQueue[str] = ItemQueue(2, "none")
    thread = threading.Thread(target=queue.take)
    thread.start()
    queue.close()
    thread.join(5)
    assert not thread.is_alive()


def test_take_has_a_time_limit() -> None:
    queue: ItemQueue[str] = ItemQueue(2, "none")
    begin = time.monotonic()
    assert queue.take(0.05) is None
    assert 0.04 < time.monotonic() - begin < 2
    assert not queue.done


def test_packets_have_a_bound_too() -> None:
    queue: ItemQueue[int] = ItemQueue(1, "newest")
    for number in range(MOST_PASSING):
        queue.put(number, is_frame=False)
    thread = threading.Thread(target=queue.put, args=(0,), kwargs={"is_frame": False}, daemon=True)
    thread.start()
    time.sleep(0.05)
    assert thread.is_alive()
    queue.take()
    thread.join(5)
    assert not thread.is_alive()
