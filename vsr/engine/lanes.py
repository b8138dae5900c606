"""Frames upscaled on a GPU, several at once, each on a stream of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import TypeAlias

import numpy as np

from vsr.device.cuda.gpu import Gpu, OutOfMemoryError, Store, Stream, Work
from vsr.device.cuda.launch import View, view
from vsr.engine.cuda_engines import Place
from vsr.frame import Frame, PictureSpec, Plane
from vsr.ops.cuda.check import FOUND, cleared, looked_at
from vsr.ops.cuda.step import CudaStep, in_sequence, picture

Lay: TypeAlias = Callable[[Place, bool], Sequence[CudaStep]]
"""From a place, and whether all is to be in float32, to the steps."""
LANES = 3
"""Frames at once: one is uploaded, one upscaled, one downloaded."""


class Lanes:
    """Upscales frames that lie in host memory or on the GPU, into frames that lie in either.

    Where steps compute in float16, a result in which a value was no number, or that is 0 all over, is
    computed again in float32.
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
    ) -> None:
        """`on_redo` is called for each frame that was computed again, from any thread.

        Raises OutOfMemoryError where there is no room for one lane; `notes` says where for fewer.
        """
        self._gpu = gpu
        self._source = source
        self._output = output
        self._lay = lay
        self._on_redo = on_redo
        self._free: SimpleQueue[_Lane] = SimpleQueue()
        self.notes: tuple[str, ...] = ()
        first = self._new_lane()
        self.sentences = first.sentences
        """What each step does, for people."""
        self._free.put(first)
        for count in range(1, lanes):
            try:
                self._free.put(self._new_lane())
            except OutOfMemoryError:
                self.notes = (f"{gpu.device} has memory for {count} frames at once, not {lanes}",)
                break

    def __call__(self, frame: Frame, into: Frame) -> None:
        """Write the frame enlarged into `into`, complete on return."""
        lane = self._free.get()
        try:
            if lane.lay is not self._lay:
                lane = self._new_lane()
            found = lane.upscale(frame, into)
            if found is not None and _is_suspect(found) and lane.redo(frame, into) != found:
                self._on_redo()
        finally:
            self._free.put(lane)

    def relay(self, lay: Lay) -> None:
        """Use other steps for frames that begin from now on."""
        self._lay = lay

    def _new_lane(self) -> _Lane:
        return _Lane(self._gpu, self._source, self._output, self._lay)


def _is_suspect(found: tuple[bool, float]) -> bool:
    not_finite, largest = found
    return not_finite or largest == 0


class _Lane:
    """A stream, memory, and the steps in it. One frame at a time."""

    def __init__(self, gpu: Gpu, source: PictureSpec, output: PictureSpec, lay: Lay) -> None:
        self.lay = lay
        self._gpu = gpu
        self._stream = gpu.stream()
        self._store = Store(gpu)
        self._found = self._store.plane(FOUND.itemsize, 1, "u8")
        self._found_host = gpu.host_array((1, FOUND.itemsize), np.dtype(np.uint8))
        # Before the first frame, as all that is needed: memory must not run out in mid-run.
        self._ends = tuple(_End(gpu, spec, self._store) for spec in (source, output))
        self._captured: Work | None = None
        steps = self._laid(safe=False)
        self.sentences = tuple(step.sentence for step in steps)
        self._step = in_sequence(steps, self._store)
        self._safe: CudaStep | None = None

    def _laid(self, *, safe: bool) -> Sequence[CudaStep]:
        return self.lay(Place(gpu=self._gpu, memory=self._store, found=self._found.pointer), safe)

    def upscale(self, frame: Frame, into: Frame) -> tuple[bool, float] | None:
        """Write the result; return whether a value was no number, and the largest sample, if it was seen."""
        is_between_hosts = frame.device == into.device == "cpu"  # always the same addresses
        work = (
            [self._captured] if is_between_hosts and self._captured else self._work(self._step, frame, into)
        )
        self._run(work, frame, into)
        if (
            is_between_hosts and self._captured is None
        ):  # after a first frame: libraries prepare themselves then
            self._captured = self._stream.captured(work)
        return self._seen() if self._step.in_half else None

    def redo(self, frame: Frame, into: Frame) -> tuple[bool, float]:
        """The same in float32."""
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
