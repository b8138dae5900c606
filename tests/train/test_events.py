"""TensorBoard's files: records with checksums, events in protocol buffers."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from vsr.media.png import png_bytes
from vsr.train.events import EventFile, crc32c


def test_the_checksum_is_that_of_the_standard() -> None:
    """RFC 3720, appendix B.4."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(bytes(range(32))) == 0x46DD794E
    assert crc32c(b"123456789") == 0xE3069283


def records(data: bytes) -> list[bytes]:
    found = []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        for part, start in ((data[:8], 8), (data[12 : 12 + length], 12 + length)):
            (masked,) = struct.unpack("<I", data[start : start + 4])
            crc = crc32c(part)
            assert masked == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
        found.append(data[12 : 12 + length])
        data = data[16 + length :]
    return found


def test_events_are_what_tensorboard_reads(tmp_path: Path) -> None:
    with EventFile(tmp_path) as events:
        events.scalar("loss", 0.5, 300)
        events.picture("made", np.zeros((1, 2, 3), np.uint8), 1)
    (path,) = tmp_path.glob("events.out.tfevents.*")
    version, scalar, picture = records(path.read_bytes())
    assert version[9:] == b"\x1a\x0dbrain.Event:2"
    # step (field 2) 300; summary (field 5): value (field 1): tag (field 1), simple_value (field 2)
    assert scalar[9:] == b"\x10\xac\x02\x2a\x0d\x0a\x0b\x0a\x04loss\x15" + struct.pack("<f", 0.5)
    assert b"\x0a\x04made\x22" in picture
    assert png_bytes(np.zeros((1, 2, 3), np.uint8)) in picture


def test_a_file_says_after_which_step_it_begins(tmp_path: Path) -> None:
    with EventFile(tmp_path, 299):
        pass
    (path,) = tmp_path.glob("events.out.tfevents.*")
    _, start = records(path.read_bytes())
    # step (field 2) 300; session_log (field 7): status (field 1) START (1)
    assert start[9:] == b"\x10\xac\x02\x3a\x02\x08\x01"


def test_tensorboard_itself_reads_curves_and_pictures(tmp_path: Path) -> None:
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    samples = np.arange(3 * 40 * 50, dtype=np.uint8).reshape(3, 40, 50)
    with EventFile(tmp_path) as events:
        events.scalar("loss", 0.25, 1)
        events.scalar("loss", 0.125, 300)
        events.picture("made", samples, 300)
    read = accumulators.EventAccumulator(str(tmp_path))
    read.Reload()
    assert [(each.step, each.value) for each in read.Scalars("loss")] == [(1, 0.25), (300, 0.125)]
    [picture] = read.Images("made")
    assert (picture.step, picture.width, picture.height) == (300, 50, 40)
    assert picture.encoded_image_string == png_bytes(samples)
