"""TensorBoard's event files, written without it: TFRecords of protocol buffers."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from vsr.media.png import png_bytes

_POLYNOMIAL = 0x82F63B78
"""CRC-32C, Castagnoli, reflected."""


_SESSION_START = 1
"""SessionLog.START: TensorBoard lets go of events from its step on."""


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _crc_table()


def crc32c(data: bytes) -> int:
    """Return the CRC-32C of bytes (RFC 3720, appendix B.4)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


class EventFile:
    """A file in a folder that TensorBoard shows. Thread-safety: one thread. Everything is on disk at once.

    It begins after the step `first`: what files before it have of later ones is not shown any more.
    """

    def __init__(self, folder: Path, first: int = 0) -> None:
        name = f"events.out.tfevents.{int(time.time())}.{os.getpid()}"
        self._file = (folder / name).open("ab", buffering=0)
        self._write(_text(3, b"brain.Event:2"))
        if first:
            self._write(_varint(2, first + 1) + _text(7, _varint(1, _SESSION_START)))

    def scalar(self, tag: str, value: float, step: int) -> None:
        """Add a point of a curve."""
        self._summary(step, _text(1, tag.encode()) + _number(2, 5, struct.pack("<f", value)))

    def picture(self, tag: str, samples: npt.NDArray[np.uint8], step: int) -> None:
        """Add a picture, (channels, height, width)."""
        channels, height, width = samples.shape
        image = _varint(1, height) + _varint(2, width) + _varint(3, channels) + _text(4, png_bytes(samples))
        self._summary(step, _text(1, tag.encode()) + _text(4, image))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _summary(self, step: int, value: bytes) -> None:
        self._write(_varint(2, step) + _text(5, _text(1, value)))

    def _write(self, event: bytes) -> None:
        data = _number(1, 1, struct.pack("<d", time.time())) + event
        length = struct.pack("<Q", len(data))
        self._file.write(length + _masked(length) + data + _masked(data))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _bytes_of(value: int) -> bytes:
    """Return a number as protocol buffers write it: 7 bits a byte, the lowest first."""
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _number(field: int, wire: int, raw: bytes) -> bytes:
    return bytes([field << 3 | wire]) + raw


def _varint(field: int, value: int) -> bytes:
    return bytes([field << 3]) + _bytes_of(value)


def _text(field: int, data: bytes) -> bytes:
    return bytes([field << 3 | 2]) + _bytes_of(len(data)) + data
