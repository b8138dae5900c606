"""Buffers in device memory, one after another in the same place where their lives allow it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vsr.device.cuda.launch import Kind, Memory, Record
from vsr.engine.fused.stages import Buffer
from vsr.engine.fused_cuda.jobs import LANE
from vsr.engine.fused_cuda.layout import ITEM_BYTES, filled, slab_width
from vsr.engine.fused_cuda.plan import Step


@dataclass(frozen=True)
class Stored:
    """A buffer: slabs of `slab` channels one after another, each of pixels by rows."""

    pointer: int
    width: int
    height: int
    slab: int
    kind: Kind

    def at(self, channel: int) -> int:
        """Return the address of a channel's first value."""
        first, within = divmod(channel, self.slab)
        return self.pointer + (first * self.width * self.height * self.slab + within) * ITEM_BYTES[self.kind]

    def lane(self, channel: int) -> Record:
        """Return a channel as kernels take it."""
        return np.array((self.at(channel), self.slab, 0), LANE)


def size_of(buffer: Buffer, width: int, height: int) -> tuple[int, int]:
    """Return a buffer's (width, height) for a picture's."""
    return int(width * buffer.scale), int(height * buffer.scale)


def store(
    steps: Sequence[Step], width: int, height: int, kind: Kind, memory: Memory
) -> Mapping[Buffer, Stored]:
    """Return a place for all that steps read; the picture is `width` x `height`.

    A place is free again after the last step that reads it.
    """
    last = {buffer: index for index, step in enumerate(steps) for buffer in step.buffers}
    free: dict[int, list[int]] = {}
    stored: dict[Buffer, Stored] = {}
    for index, step in enumerate(steps):
        buffer = step.result
        if buffer in last:
            size, slab = size_of(buffer, width, height), slab_width(buffer.channels)
            places = free.get(_values(buffer, size))
            pointer = places.pop() if places else memory.plane(_values(buffer, size), 1, kind).pointer
            stored[buffer] = Stored(pointer, *size, slab, kind)
        for done in (other for other, end in last.items() if end == index):
            values = _values(done, size_of(done, width, height))
            free.setdefault(values, []).append(stored[done].pointer)
    return stored


def _values(buffer: Buffer, size: tuple[int, int]) -> int:
    return filled(buffer.channels) * size[0] * size[1]
