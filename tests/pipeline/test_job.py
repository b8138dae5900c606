"""Whole runs: golden sums, every way to end, cuts, images. A hang is a failure."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import vsr
from tests.make_media import Clip, Picture, make, mux_in_order, test_card
from tests.pipeline.runs import (
    FRAMES,
    HEIGHT,
    LIMIT_SECONDS,
    WIDTH,
    sounding_clip,
    upscale,
    y4m,
)
from vsr.device import cpu
from vsr.errors import DecodeError, DeviceError, EncodeError, OptionError
from vsr.frame import Frame
from vsr.pipeline.job import Job
from vsr.pipeline.stages import StopToken
from vsr.upscaler import Upscaler

# -- sums


def test_the_sum_of_a_run_is_golden(tmp_path: Path) -> None:
    """One line for the whole pipeline. It changes when the arithmetic of lanczos3 changes, and only then."""
    report = upscale(y4m(tmp_path / "in.y4m"), tmp_path / "out.md5", format="md5")
    assert (tmp_path / "out.md5").read_text() == "MD5=3148d3662e728adf8ee4b5fe696abdb3\n"
    assert (report.exit_code, report.verified, report.statistics.frames_done) == (0, False, FRAMES)
    assert "not verified" in report.lines()[-1]


def test_the_sum_is_that_of_the_frames(tmp_path: Path) -> None:
    source = y4m(tmp_path / "in.y4m")
    upscale(source, tmp_path / "out.md5", format="md5", model="bicubic")
    total = hashlib.md5()
    with vsr.open(source) as reader:
        upscaler = Upscaler("bicubic", source=reader.video, scale=2)
        for frame in upscaler.stream(reader):
            for plane in frame.planes:
                total.update(np.ascontiguousarray(plane).tobytes())
    assert (tmp_path / "out.md5").read_text() == f"MD5={total.hexdigest()}\n"


@pytest.mark.parametrize("model", ["lanczos3", "anime4k-classic"])
def test_threads_change_no_bit(tmp_path: Path, model: str) -> None:
    source = y4m(tmp_path / "in.y4m")
    sums = set()
    for threads in (1, 2, 3, 5):
        upscale(source, tmp_path / "out.md5", format="md5", model=model, threads=threads, overwrite=True)
        sums.add((tmp_path / "out.md5").read_text())
    assert len(sums) == 1


def run_python(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )


def test_instruction_sets_change_no_bit(tmp_path: Path) -> None:
    source = y4m(tmp_path / "in.y4m")
    code = """
        import sys, vsr
        from vsr.device import cpu
        assert cpu.isa() == sys.argv[3], cpu.isa()
        vsr.upscale(sys.argv[1], sys.argv[2], format="md5", model="lanczos3", overwrite=True)
        vsr.upscale(sys.argv[1], sys.argv[2] + "2", format="md5", model="anime4k-classic", overwrite=True)
    """
    sums = set()
    for isa in cpu.features():
        done = run_python(code, str(source), str(tmp_path / "out.md5"), isa, VSR_CPU_ISA=isa)
        assert done.returncode == 0, done.stderr
        sums.add((tmp_path / "out.md5").read_text() + (tmp_path / "out.md52").read_text())
    assert len(sums) == 1


def test_each_frame_has_a_sum_and_a_time(tmp_path: Path) -> None:
    times = [0, 1, 3, 4, 9, 10, 11, 20]
    clip = Clip(picture=Picture(codec="ffv1", frames=8, time_base=Fraction(1, 50), times=times))
    upscale(make(tmp_path / "in.mkv", clip), tmp_path / "out.framemd5", format="framemd5")
    lines = (tmp_path / "out.framemd5").read_text().splitlines()
    rows = [line.replace(" ", "").split(",") for line in lines if not line.startswith("#")]
    assert "#dimensions 0: 128x96" in lines
    base = Fraction(next(line for line in lines if line.startswith("#tb 0:")).split(": ")[1])
    assert [int(row[2]) * base for row in rows] == [Fraction(t, 50) for t in times]
    assert len({row[5] for row in rows}) == 8


def test_the_null_sink_counts_and_writes_nothing(tmp_path: Path) -> None:
    report = upscale(y4m(tmp_path / "in.y4m"), tmp_path / "out", format="null")
    assert (report.exit_code, report.verified, report.lost) == (0, False, ())
    assert report.statistics.frames_done == FRAMES
    assert report.result_bytes == FRAMES * WIDTH * HEIGHT * 4 * 3 // 2 == 193_200
    assert report.lines()[0].endswith("out, 193.2 kB")
    told = [
        replace(report, result_bytes=size).lines()[0].split(", ")[-1] for size in (0, 999, 1_000, 12_345_678)
    ]
    assert told == ["0 bytes", "999 bytes", "1.0 kB", "12.3 MB"]
    assert [p.name for p in tmp_path.iterdir()] == ["in.y4m"]


def test_y4m_goes_round(tmp_path: Path) -> None:
    """Read back, the copy at the same size is the source."""
    source = y4m(tmp_path / "in.y4m")
    report = upscale(source, tmp_path / "out.y4m", scale=1, model="bilinear")
    assert (report.exit_code, report.verified) == (0, True)
    skip = len(source.read_bytes().split(b"\n")[0])
    found = (tmp_path / "out.y4m").read_bytes()
    assert found[found.index(b"\n") :] == source.read_bytes()[skip:]


# -- ways to end


@pytest.mark.parametrize("threads", [1, 3])
def test_a_stopped_run_leaves_a_playable_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    source = sounding_clip(tmp_path / "in.mkv", frames=200)
    token = StopToken()
    honest = Upscaler.__call__
    seen: list[int] = []

    def counting(self: Upscaler, frame: Frame, **arguments: Any) -> Frame:
        seen.append(frame.pts)
        if len(seen) == 15:
            token.request()
        return honest(self, frame, **arguments)

    monkeypatch.setattr(Upscaler, "__call__", counting)
    report = upscale(source, tmp_path / "out.mkv", stop=token, threads=threads, preset="ultrafast")
    assert (report.stopped, report.exit_code) == (True, 130)
    count = report.statistics.frames_done
    assert 15 <= count < 200
    assert report.lines()[0].startswith("stopped")
    with vsr.open(tmp_path / "out.mkv") as reader:
        assert sum(1 for _ in reader) == count
    assert not report.lost


def test_a_run_stopped_before_it_begins(tmp_path: Path) -> None:
    token = StopToken()
    token.request()
    report = upscale(sounding_clip(tmp_path / "in.mkv"), tmp_path / "out.mkv", stop=token, preset="ultrafast")
    assert report.exit_code == 130


def test_an_aborted_run_ends_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = StopToken()
    honest = Upscaler.__call__

    def aborting(self: Upscaler, frame: Frame, **arguments: Any) -> Frame:
        if frame.pts >= 400:
            token.abort()
        return honest(self, frame, **arguments)

    monkeypatch.setattr(Upscaler, "__call__", aborting)
    report = upscale(
        sounding_clip(tmp_path / "in.mkv", 200), tmp_path / "out.mkv", stop=token, preset="ultrafast"
    )
    assert report.exit_code == 130
    assert report.statistics.frames_done < 200


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("at", [0, 30])
def test_a_worker_that_fails_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int, at: int
) -> None:
    def failing(self: Upscaler, frame: Frame, **arguments: Any) -> Frame:
        if frame.pts >= at * 40:
            raise ZeroDivisionError("the tenth kernel")
        return honest(self, frame, **arguments)

    honest = Upscaler.__call__
    monkeypatch.setattr(Upscaler, "__call__", failing)
    result = tmp_path / "out.mkv"
    with pytest.raises(ZeroDivisionError, match="tenth kernel") as caught:
        upscale(sounding_clip(tmp_path / "in.mkv"), result, threads=threads, preset="ultrafast")
    if at:
        (note,) = caught.value.__notes__
        begin, _, seconds = note.partition("out.mkv is unfinished: it plays up to about ")
        assert (begin, Fraction(seconds.removesuffix(" s"))) == (f"{tmp_path}/", whole_seconds(result))
    else:
        assert not result.exists() or result.stat().st_size == 0 or hasattr(caught.value, "__notes__")


def test_a_full_disk_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = sounding_clip(tmp_path / "in.mkv")
    from vsr.media.writer import Writer

    honest = Writer.write

    def full(self: Writer, item: Any) -> None:
        if len(self.frame_times) == 20:
            from vsr.media._av import writing

            with writing(self.target.name):
                raise OSError(errno.ENOSPC, "No space left on device")
        honest(self, item)

    monkeypatch.setattr(Writer, "write", full)
    with pytest.raises(EncodeError, match="the disk is full") as caught:
        upscale(source, tmp_path / "out.mkv", preset="ultrafast")
    assert "out.mkv" in str(caught.value)
    assert any("unfinished" in note for note in caught.value.__notes__)


def whole_seconds(path: Path) -> Fraction:
    """Return when the last picture of a file ends that can still be decoded, frames at 25 fps."""
    with av.open(str(path)) as container:
        return Fraction(sum(1 for _ in container.decode(video=0)), 25)


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "avi"])
def test_a_file_that_may_not_grow(tmp_path: Path, suffix: str) -> None:
    """What is said of it is what is left of it: mp4 has lost its index, the others are cut."""
    source = sounding_clip(tmp_path / "in.mkv", 100)
    code = """
        import resource, sys, threading, vsr
        resource.setrlimit(resource.RLIMIT_FSIZE, (30000, 30000))
        try:
            vsr.upscale(sys.argv[1], sys.argv[2], model="lanczos3", scale=4, crf=1)
        except vsr.errors.EncodeError as error:
            left = [t.name for t in threading.enumerate() if t.name.startswith("vsr-")]
            print("said:", error, *getattr(error, "__notes__", []), left)
    """
    done = run_python(code, str(source), str(tmp_path / f"out.{suffix}"))
    assert done.returncode == 0, done.stderr
    assert "file-size limit" in done.stdout
    result = tmp_path / f"out.{suffix}"
    if suffix == "mp4":
        assert (
            "out.mp4 is unfinished and does not play: mp4 has its index at its end; a file ending in .mkv"
            in done.stdout
        )
        with pytest.raises(av.error.InvalidDataError):
            av.open(str(result))
    else:
        told = done.stdout.partition("is unfinished: it plays up to about ")[2].split(" s")[0]
        assert abs(Fraction(told) - whole_seconds(result)) <= Fraction(3, 25)
    assert done.stdout.rstrip().endswith("[]")
    assert done.stderr == ""


def test_what_is_refused_costs_no_file(tmp_path: Path) -> None:
    source = sounding_clip(tmp_path / "in.mkv", 5)
    old = tmp_path / "out.mkv"
    old.write_bytes(b"precious")
    with pytest.raises(OptionError, match="-y"):
        upscale(source, old)
    for options in (
        {"crf": 99},
        {"preset": "quick"},
        {"encoder_options": ("nonsense=1",)},
        {"model": "magic"},
    ):
        with pytest.raises(OptionError):
            upscale(source, old, overwrite=True, **options)
    assert old.read_bytes() == b"precious"
    with pytest.raises(OptionError, match="same file"):
        upscale(source, source, overwrite=True)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"threads": -1}, "--threads"),
        ({"duration": "0"}, "--duration"),
        ({"start": "soon"}, "--start"),
        ({"device": "cuda"}, "CUDA"),
        ({"device": "gpu"}, "auto, cpu"),
        ({"start": "100"}, "begin earlier"),
    ],
)
def test_options_that_cannot_be(tmp_path: Path, options: dict[str, Any], word: str) -> None:
    source = sounding_clip(tmp_path / "in.mkv", 5)
    with pytest.raises((OptionError, DecodeError, DeviceError), match=word):
        upscale(source, tmp_path / "out.mkv", **options)
    assert not (tmp_path / "out.mkv").exists()


def test_a_job_closes_twice_and_writes_nothing_unasked(tmp_path: Path) -> None:
    source = sounding_clip(tmp_path / "in.mkv", 5)
    with Job(str(source), str(tmp_path / "out.mkv")) as job:
        assert job.plan.output.width == 128
    job.close()
    assert not (tmp_path / "out.mkv").exists() or (tmp_path / "out.mkv").stat().st_size == 0


def test_progress_tells_a_growing_truth(tmp_path: Path) -> None:
    told: list[vsr.Progress] = []
    report = upscale(
        sounding_clip(tmp_path / "in.mkv", 100), tmp_path / "out.mkv", on_progress=told.append, scale=6
    )
    assert told
    frames = [p.frames for p in told]
    assert frames == sorted(frames)
    assert told[-1].phase == "verify"
    assert {p.frames_total for p in told} == {100}
    assert all(0 <= p.queue_fill <= 1 and p.fps >= 0 for p in told)
    assert report.statistics.frames_done == 100
    assert repr(report)
    assert report.to_json()["frames"] == 100


# -- sources that are not as they should be


def two_sizes(path: Path, later: tuple[int, int]) -> Path:
    """A stream that changes its size: 12 frames of 64x48, then 8 of another."""
    out: Any
    with av.open(str(path), "w", format="mpegts") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.codec_context.width, stream.codec_context.height = 64, 48
        stream.codec_context.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, 90000)
        packets = []
        for begin, count, width, height in ((0, 12, 64, 48), (12, 8, *later)):
            codec: Any = av.CodecContext.create("libx264", "w")
            codec.width, codec.height, codec.pix_fmt, codec.time_base = (
                width,
                height,
                "yuv420p",
                Fraction(1, 25),
            )
            codec.options = {"preset": "ultrafast", "tune": "zerolatency"}
            frames = [test_card(Picture(width=width, height=height), n) for n in range(count)]
            for number, frame in enumerate(frames):
                frame.pts = begin + number
            packets += [p for f in [*frames, None] for p in codec.encode(f)]
        for packet in packets:
            packet.stream = stream
            packet.time_base = Fraction(1, 25)
        mux_in_order(out, packets)
    return path


@pytest.mark.parametrize(("later", "lost"), [((96, 72), []), ((32, 24), []), ((96, 64), ["size change"])])
def test_a_size_that_changes_keeps_every_frame(
    tmp_path: Path, later: tuple[int, int], lost: list[str]
) -> None:
    report = upscale(two_sizes(tmp_path / "in.ts", later), tmp_path / "out.mkv", preset="ultrafast")
    assert [f.subject for f in report.lost] == lost, report.lines()
    with vsr.open(tmp_path / "out.mkv") as reader:
        frames = list(reader)
    assert {(f.width, f.height) for f in frames} == {(128, 96)}
    assert len(frames) == 20
    steps = {round((b.pts - a.pts) * b.time_base, 3) for a, b in pairwise(frames)}
    assert steps == {Fraction(4, 100)}


def test_alpha_that_is_lost_is_said(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", Clip(picture=Picture(codec="ffv1", pix_fmt="yuva420p", frames=6)))
    report = upscale(source, tmp_path / "out.mp4", preset="ultrafast")
    assert report.exit_code == 3
    assert [f.subject for f in report.lost] == ["alpha"]
    assert "6 frames are transparent" in report.lost[0].text
    assert any("alpha: NOT KEPT" in note for note in report.notes)


def test_alpha_that_is_opaque_is_no_loss(tmp_path: Path) -> None:
    picture = Picture(codec="ffv1", pix_fmt="yuva420p", frames=6, alpha=255)
    report = upscale(
        make(tmp_path / "in.mkv", Clip(picture=picture)), tmp_path / "out.mp4", preset="ultrafast"
    )
    assert (report.exit_code, report.lost) == (0, ())


@pytest.mark.parametrize(
    ("container", "encoder"), [("mkv", "libvpx-vp9"), ("webm", "libvpx-vp9"), ("mov", "prores_ks")]
)
def test_alpha_that_is_kept(tmp_path: Path, container: str, encoder: str) -> None:
    source = make(tmp_path / "in.mkv", Clip(picture=Picture(codec="ffv1", pix_fmt="yuva420p", frames=3)))
    report = upscale(source, tmp_path / f"out.{container}")
    assert (report.exit_code, report.plan.encoding.encoder) == (0, encoder), report.lines()
    with vsr.open(tmp_path / f"out.{container}") as reader:
        assert reader.video.transparent


def test_damage_in_the_middle_is_said(tmp_path: Path) -> None:
    whole = make(tmp_path / "whole.mkv", Clip(picture=Picture(frames=40, options={"g": "10", "bf": "0"})))
    inside: Any
    out: Any
    with av.open(str(whole)) as inside, av.open(str(tmp_path / "in.mkv"), "w") as out:
        stream = out.add_stream_from_template(inside.streams.video[0])
        for number, packet in enumerate(inside.demux()):
            if not packet.size:
                continue
            if number in (14, 15, 16):
                spoiled: Any = av.Packet(bytes(packet)[:5] + b"\xff" * (packet.size - 5))
                spoiled.pts, spoiled.dts, spoiled.time_base = packet.pts, packet.dts, packet.time_base
                packet = spoiled
            packet.stream = stream
            out.mux_one(packet)
    report = upscale(tmp_path / "in.mkv", tmp_path / "out.mkv", preset="ultrafast")
    assert report.exit_code == 3
    assert {f.subject for f in report.lost} == {"source"}
    assert report.statistics.frames_done >= 37
    with vsr.open(tmp_path / "out.mkv") as reader:
        assert sum(1 for _ in reader) == report.statistics.frames_done


def test_a_file_that_stops_early_is_said(tmp_path: Path) -> None:
    whole = sounding_clip(tmp_path / "whole.mkv", 100)
    content = whole.read_bytes()
    (tmp_path / "in.mkv").write_bytes(content[: len(content) // 2])
    report = upscale(tmp_path / "in.mkv", tmp_path / "out.mkv", preset="ultrafast")
    assert report.exit_code == 3
    assert any("cut off" in f.text for f in report.lost)
