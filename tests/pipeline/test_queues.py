"""The queue by itself: bounds, order and endings, without a stage in sight."""

import threading

from vsr.pipeline.queues import ReorderQueue


def make(max_items: int = 4, max_bytes: int = 1 << 20) -> ReorderQueue[str, str]:
    return ReorderQueue(max_items=max_items, max_bytes=max_bytes)


def put(queue: ReorderQueue[str, str], item: str, *, size_bytes: int = 2000, needs_work: bool = True) -> bool:
    return queue.put(item, size_bytes=size_bytes, needs_work=needs_work)


def blocked(call: object) -> bool:
    """Whether a call in a thread of its own is still waiting after a moment."""
    assert callable(call)
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(0.05)
    return thread.is_alive()


def test_results_leave_in_the_order_of_arrival() -> None:
    queue = make()
    for item in "abc":
        put(queue, item)
    queue.end()
    slots = [queue.take() for _ in range(3)]
    for slot in reversed(slots):
        assert slot is not None
        assert slot.item is not None
        queue.complete(slot, slot.item.upper())
    out = []
    while (head := queue.head()) is not None:
        out.append(head.result)
        queue.release(head)
    assert out == ["A", "B", "C"]
    assert queue.take() is None


def test_the_input_is_dropped_when_its_result_is_there() -> None:
    queue = make()
    put(queue, "frame")
    slot = queue.take()
    assert slot is not None
    queue.complete(slot, "result")
    assert slot.item is None


def test_an_item_that_needs_no_work_waits_for_those_before_it() -> None:
    queue = make()
    put(queue, "frame")
    put(queue, "packet", needs_work=False)
    assert blocked(queue.head)
    slot = queue.take()
    assert slot is not None
    queue.complete(slot, "frame")
    assert queue.head() is slot
    queue.release(slot)
    head = queue.head()
    assert head is not None
    assert head.item == "packet"
    queue.abort()


def test_put_waits_for_a_place() -> None:
    queue = make(max_items=1)
    put(queue, "a")
    assert blocked(lambda: put(queue, "b"))
    queue.abort()


def test_items_that_need_no_work_take_no_place_of_a_frame() -> None:
    queue = make(max_items=1, max_bytes=1 << 20)
    for _ in range(50):
        assert put(queue, "packet", size_bytes=1, needs_work=False)
    assert not blocked(lambda: put(queue, "frame"))
    queue.abort()


def test_tiny_items_are_bounded_too() -> None:
    queue = make(max_bytes=4096)
    for _ in range(4):
        put(queue, "packet", size_bytes=0, needs_work=False)
    assert blocked(lambda: put(queue, "packet", size_bytes=0, needs_work=False))
    queue.abort()


def test_an_item_larger_than_the_bound_passes_alone() -> None:
    queue = make(max_bytes=4096)
    put(queue, "small", size_bytes=2000)
    assert blocked(lambda: put(queue, "huge", size_bytes=1 << 30))
    slot = queue.take()
    assert slot is not None
    queue.complete(slot, "small")
    queue.release(slot)
    huge = queue.take()
    assert huge is not None
    assert huge.item == "huge"
    assert blocked(lambda: put(queue, "next"))
    queue.abort()


def test_closing_wakes_everybody_and_keeps_the_first_error() -> None:
    queue = make(max_items=1)
    results: list[object] = []
    put(queue, "a")
    taken = queue.take()
    waiting = [
        threading.Thread(target=lambda: results.append(put(queue, "b"))),
        threading.Thread(target=lambda: results.append(queue.take())),
        threading.Thread(target=lambda: results.append(queue.head())),
    ]
    for thread in waiting:
        thread.start()
    first = ValueError("first")
    queue.fail(first)
    queue.fail(ValueError("second"))
    for thread in waiting:
        thread.join(5)
    assert not any(thread.is_alive() for thread in waiting)
    assert sorted(map(repr, results)) == ["False", "None", "None"]
    assert queue.error is first
    assert taken is not None
    queue.complete(taken, "late")  # a worker that was busy meanwhile
    queue.release(taken)
    assert queue.head() is None


def test_an_error_after_an_abort_is_an_echo() -> None:
    queue = make()
    queue.abort()
    queue.fail(ValueError("closed under my feet"))
    assert queue.error is None
    assert queue.closed
