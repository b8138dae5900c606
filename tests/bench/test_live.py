"""The figures of `bench.live`: markers, gaps, growth, quantiles. The scenarios themselves are no tests."""

from __future__ import annotations

import math
import os
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from bench.live import material
from bench.live.datagrams import Part, sending
from bench.live.figures import Clock, Gap, gaps, largest_change, quantile_of_bars, skews, slope
from bench.live.received import decode_errors, frame_times, lit, markers
from bench.live.servers import running
from bench.live.table import Row, at_most, judged, missed, text, told
from bench.live.unkind import Break, outside
from bench.live.usage import usage
from tests.streaming.servers import need_ffmpeg


def test_a_gap_is_where_no_frame_came() -> None:
    times = [0.0, 0.033, 0.067, 1.5, 1.533, 1.6]
    assert gaps(times, 0.1) == [Gap(begins=0.067, seconds=1.5 - 0.067)]
    assert gaps(times, 0.1)[0].ends == pytest.approx(1.5)
    assert len(gaps(times, 0.05)) == 2


def test_skew_is_that_of_the_beep_beside_the_flash() -> None:
    found = skews([2.0, 6.0, 10.0], [2.01, 10.03, 14.0])
    assert found == pytest.approx([0.01, 0.03])
    assert largest_change(found) == pytest.approx(0.02)
    assert largest_change([0.0, 0.01, -0.02]) == pytest.approx(0.02)
    assert math.isnan(largest_change([0.01]))
    assert at_most("skew", largest_change([]), 10, "ms").verdict == "MISSED"


def test_growth_is_the_slope_of_a_line() -> None:
    seconds = [float(second) for second in range(100)]
    assert slope(seconds, [5 + 0.25 * second + (-1) ** second for second in range(100)]) == pytest.approx(
        0.25, abs=0.01
    )
    assert math.isnan(slope([0.0, 1.0], [1.0, 2.0]))


def test_quantiles_lie_inside_their_bar() -> None:
    edges = (0.001, 0.002, 0.004)
    assert quantile_of_bars([0, 100, 0, 0], edges, 0.5) == pytest.approx(0.0015)
    assert quantile_of_bars([50, 0, 50, 0], edges, 0.5) == pytest.approx(0.001)
    assert quantile_of_bars([50, 0, 50, 0], edges, 0.99) == pytest.approx(0.004, rel=0.02)
    assert quantile_of_bars([0, 0, 0, 1], edges, 0.5) == math.inf
    assert math.isnan(quantile_of_bars([0, 0, 0, 0], edges, 0.5))


def clock(*, ahead: float) -> Clock:
    """Of 30 s at one frame a second, written 3 s after their time; the last 10 so much earlier."""
    times = [float(second) for second in range(30)]
    counts = [(second + 3 - (ahead if second >= 20 else 0), second + 1) for second in range(30)]
    return Clock(times, counts)


def test_a_gap_is_of_what_was_done_about_then() -> None:
    kill = Break(what="killed", begins=10.0, ends=12.0)
    own, later = Gap(begins=7.1, seconds=3.0), Gap(begins=28.0, seconds=0.5)
    assert outside([own, later], clock(ahead=0), [kill]) == [later]
    assert outside([own], clock(ahead=0), []) == [own]
    assert outside([own], clock(ahead=0), [Break(what="", begins=0.0, ends=2.0)]) == [own]


def test_times_that_run_ahead_are_found_on_the_clock() -> None:
    assert clock(ahead=0).ahead_seconds == 0
    assert clock(ahead=5).ahead_seconds == 5
    kill = Break(what="killed", begins=24.0, ends=24.0)
    assert outside([Gap(begins=26.0, seconds=0.5)], clock(ahead=5), [kill]) == []


def test_datagrams_follow_one_another_at_their_pace(tmp_path: Path) -> None:
    parts = []
    for number in range(2):
        path = tmp_path / f"{number}.ts"
        path.write_bytes(bytes([number]) * 188 * 20)
        parts.append(Part(path=path, seconds=0.3))
    begin = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        with sending(parts, receiver.getsockname()[1]):
            got = [receiver.recv(2000) for _ in range(6)]
    assert b"".join(got) == b"".join(part.path.read_bytes() for part in parts)
    assert 0.3 <= time.monotonic() - begin < 3


@pytest.mark.parametrize(("level", "index"), [(235, 0), (170, 1), (90, 2), (16, None), (200, None)])
def test_a_level_tells_which_frame_of_a_flash_it_is(level: int, index: int | None) -> None:
    assert lit(np.full((4, 4), level, np.uint8)) == index


def test_markers_are_found_in_what_is_published(tmp_path: Path) -> None:
    need_ffmpeg()
    published = material.make(tmp_path, "90p", 19)
    found = markers(published.path)
    assert found.frames == 19 * material.FPS
    # The coder of the sound begins 1024 samples early, and all is moved by that.
    assert found.flashes == pytest.approx([each + 1024 / 48000 for each in (2, 6, 10, 14, 18)], abs=0.002)
    assert largest_change(skews(found.flashes, found.beeps)) < 0.002
    assert len(found.beeps) == 5
    assert gaps(frame_times(published.path), 1.5 / material.FPS) == []
    assert decode_errors(published.path) == []


def test_a_damaged_file_is_complained_about(tmp_path: Path) -> None:
    need_ffmpeg()
    content = bytearray(material.make(tmp_path, "90p", 4).path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4000] = bytes(4000)
    damaged = tmp_path / "damaged.flv"
    damaged.write_bytes(content)
    assert decode_errors(damaged)


def test_children_count() -> None:
    before = usage(os.getpid())
    with running("sleep", "10") as process:
        beside = usage(os.getpid())
    assert before is not None and beside is not None
    assert beside.processes == before.processes + 1
    assert beside.tree_mb > before.rss_mb
    assert before.threads >= 1 and before.files >= 3
    assert usage(process.pid) is None


def test_one_row_that_is_missed_shows() -> None:
    rows = [
        told("run", "x"),
        judged("drops", "none", "0", True),
        Row(what="a", bound="", seen="", verdict=""),
    ]
    assert not missed(rows)
    rows.append(at_most("latency", 61, 60, "ms"))
    assert missed(rows)
    assert "61 ms  MISSED" in text(rows)
