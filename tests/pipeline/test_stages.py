"""The stage runner: order, bounds, every way to end, and no thread left behind. A hang is a failure."""

import random
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vsr.pipeline.stages import Statistics, StopToken, run_stages

LIMIT_SECONDS = 20.0


def run(source: Any, work: Callable[[Any], Any], sink: Callable[[Any], None], **changes: Any) -> Statistics:
    """`run_stages` with small bounds, in a thread, so that a hang fails the test instead of blocking it."""
    arguments: dict[str, Any] = {
        "workers": 3,
        "max_items": 6,
        "max_bytes": 1 << 30,
        "size_of": lambda item: 4096,
        "tick_seconds": 0.01,
    }
    outcome: list[Statistics | BaseException] = []

    def body() -> None:
        try:
            outcome.append(run_stages(source, work, sink, **(arguments | changes)))
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    thread.join(LIMIT_SECONDS)
    assert not thread.is_alive(), "run_stages hangs"
    assert not [t.name for t in threading.enumerate() if t.name.startswith("vsr-")], "threads are left"
    result = outcome[0]
    if isinstance(result, BaseException):
        raise result
    return result


def double(item: int) -> int:
    return item * 2


def jitter(item: int) -> int:
    time.sleep(random.Random(item).random() * 0.002)
    return item * 2


def test_order_is_kept_under_uneven_work() -> None:
    out: list[int] = []
    statistics = run(range(300), jitter, out.append)
    assert out == [2 * i for i in range(300)]
    assert statistics.frames_done == 300
    assert (statistics.stopped, statistics.aborted) == (False, False)


@settings(deadline=None, max_examples=30)
@given(
    items=st.lists(st.tuples(st.booleans(), st.integers(0, 9000), st.integers(0, 3)), max_size=40),
    workers=st.integers(1, 4),
    max_items=st.integers(1, 6),
    max_bytes=st.integers(1, 20000),
)
def test_any_mix_comes_out_in_order(
    items: list[tuple[bool, int, int]], workers: int, max_items: int, max_bytes: int
) -> None:
    def work(item: tuple[int, tuple[bool, int, int]]) -> tuple[int, str]:
        time.sleep(item[1][2] * 0.0003)
        return item[0], "worked"

    out: list[Any] = []
    numbered = list(enumerate(items))
    statistics = run(
        numbered,
        work,
        out.append,
        workers=workers,
        max_items=max_items,
        max_bytes=max_bytes,
        needs_work=lambda item: item[1][0],
        size_of=lambda item: item[1][1],
    )
    assert out == [(i, "worked") if item[0] else (i, item) for i, item in numbered]
    assert statistics.frames_done == sum(item[0] for item in items)
    assert statistics.queue.work_items_max <= max_items
    assert statistics.queue.size_bytes_max <= max(max_bytes, 9000)


def test_no_items() -> None:
    finished: list[bool] = []
    statistics = run([], double, print, finish=lambda: finished.append(True))
    assert statistics.frames_done == 0
    assert finished == [True]


def test_work_is_done_in_parallel() -> None:
    barrier = threading.Barrier(3, timeout=5)  # breaks, and so fails, unless three workers meet

    def work(item: int) -> int:
        barrier.wait()
        return item

    out: list[int] = []
    run(range(9), work, out.append)
    assert out == list(range(9))


class Counter:
    """Counts what is between the source and the end of the sink."""

    def __init__(self, count: int, size_bytes: int) -> None:
        self.now = self.most = 0
        self._count, self.size_bytes = count, size_bytes
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[int]:
        for item in range(self._count):
            yield item
            # Runs when the next is asked for, that is, when `item` was let into the queue.
            with self._lock:
                self.now += self.size_bytes
                self.most = max(self.most, self.now)

    def sink(self, item: int) -> None:
        time.sleep(0.001)
        with self._lock:
            self.now -= self.size_bytes


@pytest.mark.parametrize(
    ("size_bytes", "max_items", "max_bytes", "most"),
    [(4096, 5, 1 << 30, 5 * 4096), (100_000, 50, 350_000, 300_000), (1 << 30, 50, 4096, 1 << 30)],
    ids=["items", "bytes", "huge"],
)
def test_what_is_in_flight_is_bounded(size_bytes: int, max_items: int, max_bytes: int, most: int) -> None:
    counter = Counter(60, size_bytes)
    statistics = run(
        counter,
        lambda item: item,
        counter.sink,
        max_items=max_items,
        max_bytes=max_bytes,
        size_of=lambda item: size_bytes,
    )
    assert statistics.frames_done == 60
    assert counter.most <= most
    assert statistics.queue.size_bytes_max == most  # the slow sink fills the queue
    assert statistics.queue.size_bytes == 0


class BoomError(Exception):
    pass


def explode_at(number: int) -> Callable[[int], int]:
    def explode(item: int) -> int:
        if item == number:
            raise BoomError(f"at {item}")
        return item

    return explode


def numbers(end: int | None = None, closed: list[str] | None = None, error_at: int = -1) -> Iterator[int]:
    """Count up, for ever without `end`; append the thread's name to `closed` when closed."""
    try:
        item = 0
        while item != end:
            if item == error_at:
                raise BoomError(f"at {item}")
            yield item
            item += 1
    finally:
        if closed is not None:
            closed.append(threading.current_thread().name)


@pytest.mark.parametrize("at", [0, 1, 30])
@pytest.mark.parametrize("where", ["source", "work", "sink", "size_of", "needs_work"])
def test_an_error_anywhere_ends_the_run_and_is_raised(where: str, at: int) -> None:
    closed: list[str] = []
    finished: list[bool] = []
    out: list[int] = []
    explode = explode_at(at)

    def sink(item: int) -> None:
        out.append(explode(item) if where == "sink" else item)

    changes: dict[str, Any] = {"finish": lambda: finished.append(True)}
    if where in ("size_of", "needs_work"):
        changes[where] = lambda item: explode(item) + 1
    with pytest.raises(BoomError, match=f"^at {at}$") as caught:
        run(
            numbers(closed=closed, error_at=at if where == "source" else -1),
            explode if where == "work" else int,
            sink,
            **changes,
        )
    assert closed == ["vsr-read"]
    assert not finished
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[-1] in ("explode", "numbers")


def test_an_error_of_finish_is_raised() -> None:
    with pytest.raises(BoomError):
        run(range(3), double, ignore, finish=lambda: ignore(explode_at(0)(0)))


def ignore(item: object) -> None:
    pass


def test_the_first_error_wins() -> None:
    """The sink fails first; the worker, let go by that, fails after it."""
    gate = threading.Event()

    def work(item: int) -> int:
        if item == 1:
            gate.wait(5)
            raise BoomError("second")
        return item

    def sink(item: int) -> None:
        threading.Timer(0.05, gate.set).start()
        raise BoomError("first")

    with pytest.raises(BoomError, match="first"):
        run(range(10), work, sink)


def test_request_writes_what_was_read() -> None:
    stop = StopToken()
    closed: list[str] = []
    read: list[int] = []
    out: list[int] = []
    finished: list[bool] = []

    def work(item: int) -> int:
        read.append(item)
        if item == 40:
            stop.request()
        return item

    statistics = run(
        numbers(closed=closed), work, out.append, stop=stop, finish=lambda: finished.append(True)
    )
    assert (statistics.stopped, statistics.aborted) == (True, False)
    assert out == sorted(read)
    assert len(out) >= 41
    assert closed == ["vsr-read"]
    assert finished == [True]


def test_abort_drops_what_is_in_flight() -> None:
    stop = StopToken()
    out: list[int] = []
    finished: list[bool] = []

    def sink(item: int) -> None:
        if item == 5:
            stop.abort()
            time.sleep(0.2)  # the queue is full by now, and the calling thread has seen the token
        out.append(item)

    statistics = run(numbers(), int, sink, stop=stop, finish=lambda: finished.append(True))
    assert statistics.aborted
    assert out == [0, 1, 2, 3, 4, 5]
    assert not finished


@pytest.mark.parametrize("how", ["request", "abort", "sink"])
def test_a_source_that_blocks_is_interrupted(how: str) -> None:
    stop = StopToken()
    unblock = threading.Event()

    def source() -> Iterator[int]:
        yield 0
        assert unblock.wait(10), "nobody interrupts the source"

    def sink(item: int) -> None:
        if how == "sink":
            raise BoomError("disk full")
        getattr(stop, how)()

    def go() -> Statistics:
        return run(source(), int, sink, stop=stop, interrupt=unblock.set)

    if how == "sink":
        with pytest.raises(BoomError):
            go()
    else:
        statistics = go()
        assert statistics.stopped
        assert statistics.aborted == (how == "abort")


def test_an_error_of_on_tick_ends_the_run() -> None:
    def on_tick(statistics: Statistics) -> None:
        raise KeyboardInterrupt

    interrupted: list[bool] = []
    closed: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run(
            numbers(closed=closed),
            int,
            lambda item: time.sleep(0.001),
            on_tick=on_tick,
            interrupt=lambda: interrupted.append(True),
        )
    assert closed == ["vsr-read"]
    assert interrupted == [True]


def test_ticks_show_where_the_time_goes() -> None:
    ticks: list[Statistics] = []

    def work(item: int) -> int:
        end = time.thread_time() + 0.002
        while time.thread_time() < end:
            pass
        return item

    last = run(range(60), work, ignore, on_tick=ticks.append, workers=1, max_items=4)
    assert [tick.frames_done for tick in ticks] == sorted(tick.frames_done for tick in ticks)
    assert any(0 < tick.queue_fill <= 1 for tick in ticks)
    assert (last.read.items, last.work.items, last.write.items) == (60, 60, 60)
    assert (last.read.threads, last.work.threads, last.write.threads) == (1, 1, 1)
    assert last.work.busy_seconds >= last.work.cpu_seconds * 0.9 > 0.1
    assert last.read.output_wait_seconds > 0.05  # the worker is the slow one: the others wait for it
    assert last.write.input_wait_seconds > 0.05
    assert last.work.busy_seconds <= last.elapsed_seconds


def test_results_are_let_go_once_written() -> None:
    """What waits for the next item must not keep the last one's memory."""
    alive = threading.Semaphore(0)
    done = threading.Event()

    class Result:
        def __del__(self) -> None:
            alive.release()

    def source() -> Iterator[int]:
        yield 0
        assert alive.acquire(timeout=5), "a stage holds on to a result that was written"
        done.set()

    run(source(), lambda item: Result(), ignore)
    assert done.is_set()
