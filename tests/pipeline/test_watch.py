"""What a source turns out to hold on the way is told: changes in mid-stream, captions, one rate for many."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
import zlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from tests.make_media import Clip, Picture, Sound, make, png
from vsr.frame import Frame
from vsr.media.pixels import has_captions
from vsr.media.reader import Reader
from vsr.media.sidedata import frame_side_data
from vsr.media.verify import Finding, verify
from vsr.options import UpscaleOptions
from vsr.pipeline.job import Job
from vsr.pipeline.report import Report

FRAMES = 6


def upscale(source: Path, result: Path, **options: Any) -> Report:
    """Run a job on a tiny clip, by lanczos3."""
    with Job(str(source), str(result), UpscaleOptions(model="lanczos3", overwrite=True, **options)) as job:
        return job.run()


def lost(report: Report) -> dict[str, str]:
    """What a report says was lost, by subject."""
    return {finding.subject: finding.text for finding in report.lost}


def joined(folder: Path, *pictures: Picture, sound_in_last: bool = False) -> Path:
    """Return an MPEG-TS of pictures one after the other, times going on."""
    content = b""
    for number, picture in enumerate(pictures):
        later = replace(picture, frames=FRAMES, times=range(number * FRAMES, (number + 1) * FRAMES))
        last = number == len(pictures) - 1
        sounds = (Sound(codec="mp2", start_seconds=number * FRAMES / 25),) if last and sound_in_last else ()
        content += make(folder / f"{number}.ts", Clip(picture=later, sounds=sounds)).read_bytes()
    path = folder / "joined.ts"
    path.write_bytes(content)
    return path


def test_a_depth_that_rises_is_lost_and_said(tmp_path: Path) -> None:
    source = joined(tmp_path, Picture(), Picture(pix_fmt="yuv420p10le"))
    report = upscale(source, tmp_path / "out.mkv")
    assert report.statistics.frames_done == 2 * FRAMES
    assert lost(report) == {"bit depth": f"10 bits became 8 in {FRAMES} frames"}


def test_a_curve_that_changes_goes_on_and_is_said(tmp_path: Path) -> None:
    source = joined(tmp_path, Picture(color=(1, 1, 1, 1)), Picture(color=(1, 18, 1, 1)))
    report = upscale(source, tmp_path / "out.mkv")
    assert report.statistics.frames_done == 2 * FRAMES
    assert set(lost(report)) == {"colour"} and "HLG" in lost(report)["colour"]


def test_one_rate_for_a_stream_that_varies_is_said(tmp_path: Path) -> None:
    varying = Picture(frames=4, time_base=Fraction(1, 100), times=(0, 4, 30, 34))
    source = make(tmp_path / "in.mkv", Clip(picture=varying))
    code = "import sys; from vsr.cli.main import main; raise SystemExit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "upscale", str(source), "-", "-m", "lanczos3", "--progress", "none"],
        capture_output=True,
        timeout=60,
    )
    assert done.stdout.startswith(b"YUV4MPEG2")
    assert b"one rate" in done.stderr
    assert done.returncode == 3


def test_a_steady_stream_into_a_pipe_is_no_loss(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", Clip(picture=Picture()))
    code = "import sys; from vsr.cli.main import main; raise SystemExit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "upscale", str(source), "-", "-m", "lanczos3"],
        capture_output=True,
        timeout=60,
    )
    assert b"LOST" not in done.stderr
    assert done.returncode == 0


def png_with_profile() -> bytes:
    """Return a PNG with an ICC profile, whose content nobody looks at here."""
    plain = png()
    body = b"iCCP" + b"name\0\0" + zlib.compress(b"\0" * 128)
    chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    end_of_header = 8 + 25
    return plain[:end_of_header] + chunk + plain[end_of_header:]


def test_a_picture_with_a_colour_profile_is_read_and_the_loss_is_said(tmp_path: Path) -> None:
    (tmp_path / "in.png").write_bytes(png_with_profile())
    code = (
        "import sys; from vsr.pipeline.job import Job; report = Job(*sys.argv[1:3]).run();"
        "print(report.lost[0].text)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "in.png"), str(tmp_path / "out.mkv")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "ICC" in done.stdout


CAPTION = bytes((4, 14, 0xB5, 0, 0x31)) + b"GA94" + bytes((3, 0x41, 0xFF, 0xFC, 0xC1, 0x42, 0xFF, 0x80))
"""An SEI message with one pair of CTA-608 bytes: H.264 D.1.6, ATSC A/53 part 4."""


def captioned(path: Path) -> Path:
    """Return an MPEG-TS whose pictures carry closed captions."""
    plain = make(path.with_name("plain.ts"), Clip(picture=Picture(options={"bf": "0"})))
    source: Any
    out: Any
    with av.open(str(plain)) as source, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if not packet.size:
                continue
            content = bytes(packet)
            slices = [
                m.start() for m in re.finditer(b"\0\0\1", content) if content[m.start() + 3] & 31 in (1, 5)
            ]
            marked = av.Packet(content[: slices[0]] + b"\0\0\1\6" + CAPTION + content[slices[0] :])
            marked.pts, marked.dts, marked.time_base = packet.pts, packet.dts, packet.time_base
            marked.is_keyframe = packet.is_keyframe
            marked.stream = stream
            out.mux(marked)
    return path


def captions_of(path: Path) -> list[bytes]:
    """Return what the frames of a clip carry as captions."""
    found = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            found += [content for kind, content in frame_side_data(frame).items() if kind == "A53_CC"]
    return found


def _frames_held() -> int:
    return [type(one) for one in gc.get_objects()].count(av.VideoFrame)


def test_a_frame_that_was_looked_at_does_not_wait_for_the_garbage_collector(tmp_path: Path) -> None:
    source = captioned(tmp_path / "in.ts")
    gc.collect()
    before = _frames_held()
    gc.disable()
    try:
        with Reader(source) as reader:
            seen = [has_captions(frame) for frame in reader.items() if isinstance(frame, Frame)]
        assert seen and all(seen)
        assert _frames_held() <= before + 2  # the reader's first, and PyAV's next
    finally:
        gc.enable()


@pytest.mark.parametrize("encoder", ["libx264", "libx265"])
def test_closed_captions_are_kept(tmp_path: Path, encoder: str) -> None:
    source = captioned(tmp_path / "in.ts")
    wanted = captions_of(source)
    assert len(wanted) == 12
    report = upscale(source, tmp_path / "out.mkv", encoder=encoder)
    assert captions_of(tmp_path / "out.mkv") == wanted
    assert not report.lost
    assert Finding("closed captions", "kept", "in 12 frames") in report.findings


def test_captions_that_an_encoder_drops_unasked_are_lost(tmp_path: Path) -> None:
    source = captioned(tmp_path / "in.ts")
    report = upscale(source, tmp_path / "out.mkv", encoder="libx264", encoder_options=("a53cc=0",))
    assert lost(report) == {"closed captions": "12 frames with them became 0"}
    assert {f.subject for f in verify(source, tmp_path / "out.mkv").lost} == {"closed captions"}


def test_captions_that_an_encoder_cannot_carry_are_said(tmp_path: Path) -> None:
    report = upscale(captioned(tmp_path / "in.ts"), tmp_path / "out.mkv", encoder="ffv1")
    assert set(lost(report)) == {"closed captions"}


def test_a_stream_that_begins_in_mid_file_does_not_end_the_run(tmp_path: Path) -> None:
    source = joined(
        tmp_path, *([Picture(width=640, height=360, options={"crf": "1"})] * 12), sound_in_last=True
    )
    report = upscale(source, tmp_path / "out.mkv", scale=1)
    assert report.statistics.frames_done == 12 * FRAMES
