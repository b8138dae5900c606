"""How buffers lie in memory, and what of them a block copies to shared memory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from vsr.device.cuda.launch import Kind

GROUP = 4
"""Channels, or samples, that a thread loads at once."""
SHARED_BYTES = 48 << 10
"""What a block may have."""
TILE_WIDE = 32
"""Pixels across that a block of a convolution makes."""
MOST_WIDTH = 16
"""Channels of a pixel that lie next to each other: what the tensor cores sum over at once."""
_LANES = 16
"""Threads that load 8 bytes each in one turn of shared memory."""
ITEM_BYTES: dict[Kind, int] = {"u8": 1, "u16": 2, "f16": 2, "f32": 4}


def slab_width(channels: int) -> int:
    """Return how many channels of a buffer lie next to each other in a pixel: a multiple of GROUP.

    Those beyond the last are filled up. 24 are three slabs of 8; of more, slabs of 16 take fewer turns.
    """
    if channels <= MOST_WIDTH:
        return -(-channels // GROUP) * GROUP
    return 8 if channels <= 24 else MOST_WIDTH


def filled(channels: int) -> int:
    """Return the channels of all slabs of a buffer."""
    return -(-channels // slab_width(channels)) * slab_width(channels)


@dataclass(frozen=True)
class Window:
    """Where a convolution looks, as the template of this name in kernels/cuda/net.cuh, without the pitch."""

    rows: int
    columns: int
    down: int
    across: int
    above: int
    left: int

    @staticmethod
    def of(size: int, dilation: int, *, fours: bool = False) -> Window:
        """Return the window of a square kernel; with `fours`, a column stands for four of its columns."""
        reach = size // 2 * dilation
        if fours:
            return Window(size, -(-size // GROUP), dilation, GROUP * dilation, reach, reach)
        return Window(size, size, dilation, dilation, reach, reach)

    @property
    def taps(self) -> int:
        """Places it looks at."""
        return self.rows * self.columns

    def tile(self, high: int) -> tuple[int, int]:
        """Return how many (columns, rows) a block copies for `high` rows of its result."""
        return TILE_WIDE + (self.columns - 1) * self.across, high + (self.rows - 1) * self.down

    def shared_bytes(self, high: int, pitch: int, groups: int, kind: Kind) -> int:
        """Return what they take in shared memory."""
        return self.tile(high)[1] * pitch * groups * GROUP * ITEM_BYTES[kind]


@lru_cache(maxsize=256)
def pitch_of(window: Window, groups: int) -> int:
    """Return how far apart rows of a tile of halves lie, in pixels, for loads to take the fewest turns."""
    columns = window.tile(1)[0]
    return min(range(columns, columns + 8), key=lambda pitch: (turns(window, groups, pitch), pitch))


def turns(window: Window, groups: int, pitch: int) -> int:
    """Return how many turns of shared memory all steps take for 8 pixels; 2 a step is the least.

    The threads of a turn load 8 bytes each: a bank of 8 bytes can give them one value.
    """
    total = 0
    places = [_place(window, groups, pitch, group) for group in range(-(-window.taps * groups // 4) * 4)]
    for step in range(0, len(places), 4):
        for first in (0, _LANES):
            banks: dict[int, set[int]] = {}
            for lane in range(first, first + _LANES):
                at = lane // 4 * groups + places[step + lane % 4]
                banks.setdefault(at % 16, set()).add(at)
            total += max(len(values) for values in banks.values())
    return total


def _place(window: Window, groups: int, pitch: int, group: int) -> int:
    """Return where a group of four lies, from the first of its pixel, in fours: Tile::place in net.cuh."""
    tap, part = divmod(min(group, window.taps * groups - 1), groups)
    row, column = divmod(tap, window.columns)
    return (row * window.down * pitch + column * window.across) * groups + part
