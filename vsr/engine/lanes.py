"""Frames upscaled on a GPU, several at once, each on a stream of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Lock
from typing import Any, TypeAlias

import numpy as np

from vsr.color import Range
from vsr.device.cuda.gpu import Gpu, OutOfMemoryError, Store, Stream, Work
from vsr.device.cuda.launch import View, view
from vsr.engine.builds import Build, Builds
from vsr.engine.cuda_step import Place
from vsr.errors import DeviceError, VsrError
from vsr.frame import Frame, PictureSpec, Plane
from vsr.ops.cuda.check import FOUND, cleared, looked_at
from vsr.ops.cuda.step import CudaStep, in_sequence, picture

Lay: TypeAlias = Callable[[Place, bool], Sequence[CudaStep]]
"""From a place, and whether all is to be in float32, to the steps."""
LANES = 3
"""Frames at once: one is uploaded, one upscaled, one downloaded."""


class Lanes:
    """Upscales frames that lie in host memory or on the GPU, into frames that lie in either.

    Where steps compute in float16, a result in which a value was no number, or that is black although the
    source is not, is computed again in float32. Where an engine is being built, others run meanwhile; when it
    is there, steps are laid anew for the frames that begin from then on.
    Thread-safety: safe; as many calls run at once as there are lanes, others wait.
    Ownership: it keeps no frame that it is given.
    """

    def __init__(
        self,
        gpu: Gpu,
        source: PictureSpec,
        output: PictureSpec,
        lay: Lay,
        lanes: int,
        on_redo: Callable[[], None] = lambda: None,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        """`on_redo` is called for each frame that was computed again, `say` with what people should know.

        Both are called from any thread. Raises OutOfMemoryError where there is no room for one lane; `notes`
        says where for fewer.
        """
        self._gpu = gpu
        self._source = source
        self._output = output
        self._lay = lay
        self._on_redo = on_redo
        self._say = _Once(say)
        self._builds = Builds(self._say, self._built)
        self._lock = Lock()
        self._edition = 0
        self._begun = 0
        self._changes: list[tuple[Build[Any], int]] = []
        """Builds that are there, with the number of the first frame after, until a lane uses them."""
        self._free: SimpleQueue[_Lane] = SimpleQueue()
        self.notes: tuple[str, ...] = ()
        try:
            self._add_lanes(lanes)
        except BaseException:
            self.close()
            raise

    def _add_lanes(self, lanes: int) -> None:
        first = self._new_lane()
        self.sentences = first.sentences
        """What each step does, for people."""
        self._free.put(first)
        for count in range(1, lanes):
            try:
                self._free.put(self._new_lane())
            except OutOfMemoryError:
                self.notes = (f"{self._gpu.device} has memory for {count} frames at once, not {lanes}",)
                break

    def __call__(self, frame: Frame, into: Frame) -> None:
        """Write the frame enlarged into `into`, complete on return."""
        lane = self._free.get()
        try:
            with self._lock:
                self._begun += 1
                is_old = lane.edition != self._edition
            if is_old:
                lane = self._renewed(lane)
                self._gpu.trim()
            if lane.upscale(frame, into):
                self._on_redo()
        finally:
            self._free.put(lane)

    def relay(self) -> None:
        """Lay the steps anew for frames that begin from now on."""
        with self._lock:
            self._edition += 1

    def close(self) -> None:
        """Stop what is being built. Idempotent."""
        self._builds.close()

    def _built(self, build: Build[Any]) -> None:
        if not build.before:
            return
        if build.error is not None:
            self._say(f"{build.network}: {build.before} goes on: {build.error}")
            return
        with self._lock:
            self._changes.append((build, self._begun + 1))
            self._edition += 1

    def _renewed(self, lane: _Lane) -> _Lane:
        """Return a lane with the steps that are to be used now; the old one where it cannot be made."""
        edition = self._edition
        try:
            lane = self._new_lane()
        except VsrError as error:
            lane.edition = edition
            self._say(f"frames go on as before: {error}")
            return lane
        with self._lock:
            changes, self._changes = self._changes, []
        for build, number in changes:
            self._say(
                f"{build.network}: {build.before} until the engine was built ({build.seconds:.1f} s), "
                f"then {build.engine} from frame {number}"
            )
        return lane

    def _new_lane(self) -> _Lane:
        edition = self._edition  # before it is laid: what changes meanwhile makes it old
        lane = _Lane(self._gpu, self._source, self._output, self._lay, self._builds, self._say)
        lane.edition = edition
        return lane


class _Once:
    """Says each sentence once, though each lane has it to say. Thread-safety: safe."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._lock = Lock()
        self._said: set[str] = set()

    def __call__(self, text: str) -> None:
        """Say a sentence that was not said before."""
        with self._lock:
            is_known = text in self._said
            self._said.add(text)
        if not is_known:
            self._say(text)


def _black(spec: PictureSpec) -> float:
    """Return the largest code of the first plane that is black, or the value."""
    fmt, limited = spec.format, spec.color.range is Range.LIMITED
    return float(16 << (fmt.depth - 8)) if limited and fmt.family != "rgb" and not fmt.is_float else 0.0


class _Lane:
    """A stream, memory, and the steps in it. One frame at a time."""

    edition: int

    def __init__(
        self,
        gpu: Gpu,
        source: PictureSpec,
        output: PictureSpec,
        lay: Lay,
        builds: Builds,
        say: Callable[[str], None],
    ) -> None:
        self._gpu = gpu
        self._lay = lay
        self._builds = builds
        self._say = say
        self._stream = gpu.stream()
        self._store = Store(gpu)
        self._found = self._store.plane(FOUND.itemsize, 1, "u8")
        self._found_host = gpu.host_array((1, FOUND.itemsize), np.dtype(np.uint8))
        self._black = tuple(map(_black, (source, output)))
        # Before the first frame, as all that is needed: memory must not run out in mid-run.
        self._ends = tuple(_End(gpu, spec, self._store) for spec in (source, output))
        self._captured: Work | None = None
        self._is_first = True
        steps = self._laid(safe=False)
        self.sentences = tuple(step.sentence for step in steps)
        self._step = in_sequence(steps, self._store)
        self._safe: CudaStep | None = None

    def _laid(self, *, safe: bool) -> Sequence[CudaStep]:
        place = Place(gpu=self._gpu, memory=self._store, found=self._found.pointer, builds=self._builds)
        return self._lay(place, safe)

    def upscale(self, frame: Frame, into: Frame) -> bool:
        """Write the result; return whether float16 did not hold it, and float32 gives another."""
        is_between_hosts = frame.device == into.device == "cpu"  # always the same addresses
        work = (
            [self._captured] if is_between_hosts and self._captured else self._work(self._step, frame, into)
        )
        self._run(work, frame, into)
        if is_between_hosts and self._is_first:  # not before: libraries prepare themselves in a first frame
            self._is_first = False
            self._capture(work)
        if not self._step.in_half:
            return False
        found = self._seen()
        return self._is_suspect(found, frame) and self._redone(frame, into) != found

    def _capture(self, work: Sequence[Work]) -> None:
        try:
            self._captured = self._stream.captured(work)
        except DeviceError as error:
            self._say(f"each frame's work is put on the GPU piece by piece, not as one CUDA graph: {error}")

    def _is_suspect(self, found: tuple[bool, float], frame: Frame) -> bool:
        """Return whether a result must be computed again to be sure of it."""
        not_finite, largest = found
        if not_finite or largest > self._black[1]:
            return not_finite
        plane = self._views(0, frame)[0]
        self._stream.run([cleared(self._found), looked_at(plane, self._found)])
        self._stream.download(self._found, self._found_host)
        self._stream.record().wait()
        return self._seen()[1] > self._black[0]

    def _redone(self, frame: Frame, into: Frame) -> tuple[bool, float]:
        """Write the same in float32; return what is found in it."""
        if self._safe is None:
            self._safe = in_sequence(self._laid(safe=True), self._store)
        self._run(self._work(self._safe, frame, into), frame, into)
        return self._seen()

    def _seen(self) -> tuple[bool, float]:
        found = self._found_host.view(FOUND)[0, 0]
        return bool(found["not_finite"]), float(found["largest"])

    def _run(self, work: Sequence[Work], frame: Frame, into: Frame) -> None:
        stream = self._stream
        if frame.device == "cpu":
            self._ends[0].put(frame.planes)
            self._ends[0].upload(stream)
        elif frame.ready is not None:
            stream.follow(frame.ready)
        stream.run(work)
        if into.device == "cpu":
            self._ends[1].download(stream)
        stream.download(self._found, self._found_host)
        stream.record().wait()
        if into.device == "cpu":
            self._ends[1].get(into.planes)

    def _work(self, step: CudaStep, frame: Frame, into: Frame) -> list[Work]:
        planes, targets = self._views(0, frame), self._views(1, into)
        if not self._step.in_half:
            return list(step.work(planes, targets))
        return [cleared(self._found), *step.work(planes, targets), looked_at(targets[0], self._found)]

    def _views(self, index: int, frame: Frame) -> Sequence[View]:
        if frame.device == "cpu":
            return self._ends[index].views
        pointers = (self._gpu.pointer(plane) for plane in frame.planes)
        return [
            view(plane, pointer, shift=frame.shift)
            for plane, pointer in zip(frame.planes, pointers, strict=True)
        ]


class _End:
    """Planes on the GPU and beside them the same in page-locked memory, for frames of the host."""

    def __init__(self, gpu: Gpu, spec: PictureSpec, store: Store) -> None:
        self.views = picture(spec, store)
        dtype = spec.format.dtype
        self._host = tuple(gpu.host_array((each.height, each.width), dtype) for each in self.views)

    def put(self, planes: Sequence[Plane]) -> None:
        """Take samples from the host."""
        for plane, host in zip(planes, self._host, strict=True):
            np.copyto(host, plane)

    def get(self, planes: Sequence[Plane]) -> None:
        """Give samples to the host."""
        for plane, host in zip(planes, self._host, strict=True):
            np.copyto(plane, host)

    def upload(self, stream: Stream) -> None:
        """Copy all planes to the GPU."""
        for host, plane in zip(self._host, self.views, strict=True):
            stream.upload(host, plane)

    def download(self, stream: Stream) -> None:
        """Copy all planes from the GPU."""
        for host, plane in zip(self._host, self.views, strict=True):
            stream.download(plane, host)
