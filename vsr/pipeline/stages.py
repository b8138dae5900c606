"""Runs read -> work -> write on threads of their own, in order, within bounds, and counts what they do."""

import threading
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Generic, Self, TypeVar, cast

from vsr.pipeline.queues import Fill, Moments, ReorderQueue
from vsr.pipeline.trace import Recorder

T = TypeVar("T")
U = TypeVar("U")


class StopToken:
    """How the outside ends a run: `request` finishes what is in flight, `abort` drops it.

    Thread-safety: safe, from signal handlers too. It is two flags that are polled and no lock, because a
    handler runs inside whatever the main thread was doing, and would wait for a lock which that holds.
    """

    __slots__ = ("_aborted", "_requested")

    def __init__(self) -> None:
        self._requested = False
        self._aborted = False

    @property
    def requested(self) -> bool:
        """True once reading should end."""
        return self._requested

    @property
    def aborted(self) -> bool:
        """True once everything should end."""
        return self._aborted

    def request(self) -> None:
        """Ask for a graceful end: nothing more is read, what was read is written."""
        self._requested = True

    def abort(self) -> None:
        """Ask for an end at once: what is in flight is dropped."""
        self._requested = True
        self._aborted = True


@dataclass(slots=True)
class StageStatistics:
    """What one stage did, summed over its threads. All times in seconds."""

    threads: int = 0
    items: int = 0
    busy_seconds: float = 0.0
    """Inside the stage's own function, whether computing or waiting for a disk or a pipe."""
    input_wait_seconds: float = 0.0
    """Waiting for the stage before; large where that one is the slow one. Zero for the reader."""
    output_wait_seconds: float = 0.0
    """Waiting for room in the queue; large where a later stage is the slow one. Only the reader has it."""
    cpu_seconds: float = 0.0
    """Processor time of the stage's threads, without threads that a codec or a kernel starts itself."""

    def __iadd__(self, other: Self) -> Self:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self


@dataclass(slots=True)
class Statistics:
    """Where a run stands, or how it ended. A snapshot: it belongs to whoever got it."""

    read: StageStatistics = field(default_factory=StageStatistics)
    work: StageStatistics = field(default_factory=StageStatistics)
    write: StageStatistics = field(default_factory=StageStatistics)
    elapsed_seconds: float = 0.0
    frames_done: int = 0
    """Items that needed work and have been written."""
    queue: Fill = field(default_factory=Fill)
    max_items: int = 1
    max_bytes: int = 1
    stopped: bool = False
    """The source was left before its end, because the stop token said so."""
    aborted: bool = False
    """What was in flight was dropped."""

    @property
    def queue_fill(self) -> float:
        """How full the queue is, 0 to 1, by items or bytes, whichever is nearer to its bound."""
        return self.queue.share(self.max_items, self.max_bytes)


class _Thread(Generic[T, U]):
    """A thread that hands any exception to the queue, so that the others end and the caller gets it."""

    def __init__(self, name: str, body: Callable[[StageStatistics], None], queue: ReorderQueue[T, U]) -> None:
        self.statistics = StageStatistics(threads=1)
        self._body = body
        self._queue = queue
        # A daemon, so that a source that blocks for ever cannot keep a process alive which was told twice
        # to end. All other ways out of `run_stages` join it.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._started = False

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()
        self._started = True

    def join(self, timeout_seconds: float | None = None) -> None:
        if self._started:
            self._thread.join(timeout_seconds)

    def _run(self) -> None:
        try:
            self._body(self.statistics)
        except BaseException as error:
            self._queue.fail(error)


@dataclass(eq=False)
class _Run(Generic[T, U]):
    """One run of three stages; the fields are those of `run_stages`. Made, used and dropped there."""

    source: Iterable[T]
    work: Callable[[T], U]
    sink: Callable[[Any], None]
    workers: int
    size_of: Callable[[T], int]
    needs_work: Callable[[T], bool]
    finish: Callable[[], None] | None
    token: StopToken
    interrupt: Callable[[], None] | None
    recorder: Recorder | None
    queue: ReorderQueue[T, U]

    def __post_init__(self) -> None:
        self._stopped = False
        self._frames_done = 0
        self._begin = time.perf_counter()
        self._reader = _Thread("vsr-read", self._read, self.queue)
        self._workers = [
            _Thread(f"vsr-work-{i}", partial(self._upscale, i), self.queue) for i in range(self.workers)
        ]
        self._writer = _Thread("vsr-write", self._write, self.queue)

    def start(self) -> None:
        """Start all threads. Raises RuntimeError where the system has no more of them."""
        for thread in (self._writer, *self._workers, self._reader):
            thread.start()

    def wait(self, on_tick: Callable[[Statistics], None] | None, tick_seconds: float) -> None:
        """Return when all threads have ended. Sleeps in slices, so that signal handlers run."""
        alive = [self._writer, *self._workers, self._reader]
        while alive:
            alive[0].join(tick_seconds)
            alive = [thread for thread in alive if thread.alive]
            if not alive:
                return
            if self.token.aborted:
                self.queue.abort()
            if self.token.requested or self.queue.closed:
                self.interrupt_source()
            if on_tick is not None:
                on_tick(self.statistics())

    def interrupt_source(self) -> None:
        """Call `interrupt`, the first time."""
        interrupt, self.interrupt = self.interrupt, None
        if interrupt is not None:
            interrupt()

    def statistics(self) -> Statistics:
        """Return a snapshot. No lock: each counter has one writer, a view torn by one item is harmless."""
        snapshot = Statistics(
            elapsed_seconds=time.perf_counter() - self._begin,
            frames_done=self._frames_done,
            queue=replace(self.queue.fill),
            max_items=self.queue.max_items,
            max_bytes=self.queue.max_bytes,
            stopped=self._stopped,
            aborted=self.queue.closed,
        )
        snapshot.read += self._reader.statistics
        snapshot.write += self._writer.statistics
        for worker in self._workers:
            snapshot.work += worker.statistics
        return snapshot

    def _read(self, mine: StageStatistics) -> None:
        iterator = iter(self.source)
        try:
            while self._read_one(iterator, mine):
                pass
        finally:
            if isinstance(iterator, Generator):
                iterator.close()
        self.queue.end()  # not after an error: the writer would take the end for a whole file

    def _read_one(self, iterator: Any, mine: StageStatistics) -> bool:
        if self.token.requested:
            self._stopped = True
            return False
        begin = time.perf_counter()
        try:
            item: T = next(iterator)
        except StopIteration:
            self._stopped = self.token.requested  # `interrupt` may have made it end
            return False
        needs_work, size_bytes = self.needs_work(item), self.size_of(item)
        got = time.perf_counter()
        moments = Moments(begin, got) if needs_work and self.recorder is not None else None
        open_ = self.queue.put(item, size_bytes=size_bytes, needs_work=needs_work, moments=moments)
        mine.items += 1
        mine.busy_seconds += got - begin
        mine.output_wait_seconds += time.perf_counter() - got
        mine.cpu_seconds = time.thread_time()
        return open_

    def _upscale(self, number: int, mine: StageStatistics) -> None:
        while True:
            begin = time.perf_counter()
            slot = self.queue.take()
            got = time.perf_counter()
            mine.input_wait_seconds += got - begin
            if slot is None:
                return
            result = self.work(cast("T", slot.item))
            if (moments := slot.moments) is not None:
                moments.worker, moments.work_begin, moments.work_end = number, got, time.perf_counter()
            self.queue.complete(slot, result)
            del slot, result  # else the result lives, uncounted, until this thread gets another
            mine.items += 1
            mine.busy_seconds += time.perf_counter() - got
            mine.cpu_seconds = time.thread_time()

    def _write(self, mine: StageStatistics) -> None:
        while True:
            begin = time.perf_counter()
            slot = self.queue.head()
            got = time.perf_counter()
            mine.input_wait_seconds += got - begin
            if slot is None:
                break
            self.sink(slot.result if slot.needs_work else slot.item)
            self._frames_done += slot.needs_work
            mine.items += 1
            if (moments := slot.moments) is not None:
                moments.write_begin, moments.write_end = got, time.perf_counter()
            self.queue.release(slot)
            del slot
            if moments is not None and self.recorder is not None:
                self.recorder.add(moments)
            mine.busy_seconds += time.perf_counter() - got
            mine.cpu_seconds = time.thread_time()
        if self.finish is not None and not self.queue.closed:
            self.finish()
            end = time.perf_counter()
            mine.busy_seconds += end - got
            mine.cpu_seconds = time.thread_time()
            if self.recorder is not None:
                self.recorder.flushed(got, end)


def run_stages(
    source: Iterable[T],
    work: Callable[[T], U],
    sink: Callable[[Any], None],
    *,
    workers: int,
    max_items: int,
    max_bytes: int,
    size_of: Callable[[T], int],
    needs_work: Callable[[T], bool] = lambda item: True,
    finish: Callable[[], None] | None = None,
    stop: StopToken | None = None,
    interrupt: Callable[[], None] | None = None,
    on_tick: Callable[[Statistics], None] | None = None,
    tick_seconds: float = 0.25,
    recorder: Recorder | None = None,
) -> Statistics:
    """Read items, work on those that need it, write all of them in the order they were read.

    source    iterated on the reader thread; a generator is closed there, however the run ends.
    work      called on `workers` threads at once, for items where `needs_work` is true. The rest passes.
    sink      called on the writer thread, one item at a time; it owns what it gets.
    finish    called on the writer thread after the last item (of a graceful stop too), not after an error
              or an abort: flush the encoder here, so that ticks go on meanwhile.
    size_of   bytes that an item and its result will hold together; called on the reader thread.
    stop      `request` ends reading and finishes the rest, `abort` drops the rest.
    interrupt called once on the calling thread when the run has to end early (stop, abort or error):
              a source that can block without end must then return or raise.
    on_tick   called on the calling thread about every `tick_seconds`.
    recorder  sees what happens to each item that needs work, and who takes the processor's time.

    At most `max_items` items that need work and `max_bytes` bytes are in flight, from being read to having
    been written; one item larger than that passes alone. The calling thread only waits, in slices, so that
    signal handlers run. The first error of any thread or callback is raised here with its traceback, after
    all threads have ended. Returns the statistics.
    """
    queue: ReorderQueue[T, U] = ReorderQueue(
        max_items=max_items, max_bytes=max_bytes, on_fill=None if recorder is None else recorder.filled
    )
    token = stop or StopToken()
    if recorder is not None:
        recorder.start(workers, max_items, max_bytes)
    run = _Run(source, work, sink, workers, size_of, needs_work, finish, token, interrupt, recorder, queue)
    try:
        run.start()
        run.wait(on_tick, tick_seconds)
    except BaseException as error:  # of a callback or a signal handler
        queue.fail(error)
        run.interrupt_source()
        run.wait(None, tick_seconds)
        raise
    if queue.error is not None:
        raise queue.error
    if recorder is not None:
        recorder.end()
    return run.statistics()
