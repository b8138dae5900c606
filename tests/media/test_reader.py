"""The reader's contract, over many kinds of files: every frame, at its own time, from where it was asked."""

from __future__ import annotations

import gc
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.make_media import Clip, Picture, Sound, Text, make, png, test_card
from vsr.errors import DecodeError
from vsr.media.reader import CopiedPacket, Reader

SOUND = (Sound(seconds=0.5),)


@dataclass(frozen=True)
class Case:
    """A kind of file."""

    name: str
    picture: Picture
    sounds: tuple[Sound, ...] = ()
    container: dict[str, Any] = field(default_factory=dict)
    exact: bool = False
    """True where the samples that come out are those that went in."""


FFV1 = Picture(codec="ffv1")
VFR = (0, 40, 80, 83, 90, 200, 240, 1000, 1001, 1002, 1500, 2000)
CASES = [
    Case("h264.mp4", Picture(), SOUND),
    Case("h264_b.mp4", Picture(options={"bf": "3", "preset": "medium"}), SOUND),
    Case("h264.mkv", Picture(), SOUND),
    Case("h264.mov", Picture(), SOUND),
    Case("h264.ts", Picture(options={"bf": "2", "preset": "fast"}), SOUND),
    Case("h264_late.mkv", Picture(time_base=Fraction(1, 1000), times=[5000 + 40 * n for n in range(12)])),
    Case("h264_vfr.mkv", Picture(time_base=Fraction(1, 1000), times=VFR)),
    Case("h264_vfr.mp4", Picture(time_base=Fraction(1, 90000), times=[90 * t for t in VFR])),
    Case("hevc10.mkv", Picture(codec="libx265", pix_fmt="yuv420p10le")),
    Case("vp9.webm", Picture(codec="libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"})),
    Case("av1.mp4", Picture(codec="libsvtav1", options={"preset": "12"})),
    Case("mpeg2.mpg", Picture(codec="mpeg2video"), (Sound(codec="mp2"),)),
    Case("mjpeg.avi", Picture(codec="mjpeg", pix_fmt="yuvj420p", color=(5, 2, 2, 2))),
    Case("mpeg4.avi", Picture(codec="mpeg4"), (Sound(codec="ac3"),)),
    Case("h264.flv", Picture(), (Sound(rate=44100),)),
    Case("ntsc.mkv", Picture(rate=Fraction(24000, 1001), time_base=Fraction(1, 1000))),
    Case("raw.y4m", Picture(codec="wrapped_avframe"), exact=True),
    Case("ffv1_odd.mkv", replace(FFV1, width=37, height=23), exact=True),
    Case("ffv1_422.mkv", replace(FFV1, pix_fmt="yuv422p10le"), exact=True),
    Case("ffv1_440.mkv", replace(FFV1, pix_fmt="yuv440p"), exact=True),
    Case("ffv1_411.mkv", replace(FFV1, pix_fmt="yuv411p"), exact=True),
    Case("ffv1_alpha.mkv", replace(FFV1, pix_fmt="yuva420p"), exact=True),
    Case("ffv1_gray.mkv", replace(FFV1, pix_fmt="gray"), exact=True),
    Case("ffv1_gray16.mkv", replace(FFV1, pix_fmt="gray16le"), exact=True),
    Case("ffv1_gbrp12.mkv", replace(FFV1, pix_fmt="gbrp12le", color=(0, 2, 2, 2)), exact=True),
    Case("ffv1.nut", FFV1, exact=True),
]


TIMED = [c for c in CASES if not c.name.endswith("mpg")]
"""Those whose container has a time for each packet."""


def make_case(case: Case, folder: Path) -> Path:
    clip = Clip(picture=case.picture, sounds=case.sounds)
    return make(folder / case.name, clip, **case.container)


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    chosen: Case = request.param
    return chosen


def wanted_seconds(case: Case) -> list[Fraction]:
    base = case.picture.time_base or 1 / case.picture.rate
    if case.picture.times is not None:
        return [t * base for t in case.picture.times]
    return [round(n / case.picture.rate / base) * base for n in range(case.picture.frames)]


def seconds(frames: list[Any]) -> list[Fraction]:
    return [f.pts * f.time_base for f in frames]


def read(path: Path, **options: Any) -> list[Any]:
    with Reader(path, **options) as reader:
        frames = list(reader)
        assert (reader.faults.damage(), reader.faults.repairs()) == ([], [])
        return frames


def test_every_frame_at_its_time(case: Case, tmp_path: Path) -> None:
    path = make_case(case, tmp_path)
    frames = read(path)
    assert len(frames) == case.picture.frames
    found, wanted = seconds(frames), wanted_seconds(case)
    delay = found[0] - wanted[0]
    assert delay >= 0
    tick = frames[0].time_base
    assert max(abs(f - delay - w) for f, w in zip(found, wanted, strict=True)) <= tick / 2
    assert {(f.width, f.height) for f in frames} == {(case.picture.width, case.picture.height)}


@pytest.mark.parametrize("case", TIMED, ids=lambda c: str(c.name))
def test_times_are_those_of_the_packets(case: Case, tmp_path: Path) -> None:
    path = make_case(case, tmp_path)
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
    assert all(p.pts is not None for p in packets)
    frames = read(path)
    assert [f.pts for f in frames] == sorted(p.pts for p in packets if p.pts is not None)
    assert {f.time_base for f in frames} == {packets[0].time_base}


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="there is no ffprobe")
@pytest.mark.parametrize("case", TIMED, ids=lambda c: str(c.name))
def test_times_are_those_of_ffprobe(case: Case, tmp_path: Path) -> None:
    path = make_case(case, tmp_path)
    command = ["ffprobe", "-v", "error", "-of", "json", "-select_streams", "v:0"]
    command += ["-show_entries", "frame=best_effort_timestamp", str(path)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert [f.pts for f in read(path)] == [f["best_effort_timestamp"] for f in told["frames"]]


@pytest.mark.parametrize("case", [c for c in CASES if c.exact], ids=lambda c: str(c.name))
def test_samples_of_lossless_files_are_exact(case: Case, tmp_path: Path) -> None:
    for number, frame in enumerate(read(make_case(case, tmp_path))):
        assert frame.format.name == case.picture.pix_fmt
        card = test_card(case.picture, number)
        for index, plane in enumerate(frame.planes):
            width = plane.shape[1] * plane.dtype.itemsize
            rows = np.frombuffer(memoryview(card.planes[index]), np.uint8)
            rows = rows.reshape(plane.shape[0], -1)[:, :width]
            np.testing.assert_array_equal(np.ascontiguousarray(plane).view(np.uint8), rows)


def test_other_streams_come_with_it_in_order(case: Case, tmp_path: Path) -> None:
    path = make_case(case, tmp_path)
    with av.open(str(path)) as container:
        wanted = [bytes(p) for p in container.demux(audio=0) if p.size] if container.streams.audio else []
    with Reader(path) as reader:
        items = list(reader.items())
    assert [bytes(i.packet) for i in items if isinstance(i, CopiedPacket)] == wanted
    assert bool(wanted) == bool(case.sounds)


def test_frames_outlive_the_reader(case: Case, tmp_path: Path) -> None:
    path = make_case(case, tmp_path)
    with Reader(path) as reader:
        frames = list(reader)
        before = [plane.copy() for plane in frames[3].planes]
    del reader
    gc.collect()
    for plane, copy in zip(frames[3].planes, before, strict=True):
        np.testing.assert_array_equal(plane, copy)


@pytest.mark.parametrize("start", [None, Fraction(0), Fraction(1, 10), Fraction(4, 25), Fraction(1, 3)])
@pytest.mark.parametrize("duration", [None, Fraction(1, 25), Fraction(1, 5), Fraction(21, 100)])
@pytest.mark.parametrize(
    "name", ["h264_b.mp4", "h264.ts", "h264_vfr.mkv", "ffv1.nut", "mpeg2.mpg", "h264_late.mkv"]
)
def test_a_cut_is_exact(tmp_path: Path, name: str, start: Fraction | None, duration: Fraction | None) -> None:
    """All frames from start to before start + duration, counted from the beginning of the file."""
    path = make_case(next(c for c in CASES if c.name == name), tmp_path)
    everything_read = read(path)
    with Reader(path) as reader:
        origin = reader.info.start_seconds
    begin = origin + (start or 0)
    end = begin + duration if duration is not None else None
    tick = everything_read[0].time_base
    wanted = [
        f.pts
        for f in everything_read
        if (f.pts * tick >= begin or not start) and (end is None or f.pts * tick < end)
    ]
    if not wanted:
        with pytest.raises(DecodeError, match="begin earlier"):
            Reader(path, start_seconds=start, duration_seconds=duration)
        return
    found = read(path, start_seconds=start, duration_seconds=duration)
    assert [f.pts for f in found] == wanted


def test_a_start_after_the_end_is_said(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mkv")
    with pytest.raises(DecodeError, match="begin earlier"):
        Reader(path, start_seconds=Fraction(5))


def test_closing_twice_and_reading_one_pass(tmp_path: Path) -> None:
    reader = Reader(make(tmp_path / "a.mkv"))
    assert len(list(reader)) == 12
    assert list(reader) == []
    reader.close()
    reader.close()


# -- streams without times


@pytest.mark.parametrize("suffix", ["h264", "hevc", "m2v"])
def test_elementary_streams_get_times_made_up_and_said(tmp_path: Path, suffix: str) -> None:
    codec = {"h264": "libx264", "hevc": "libx265", "m2v": "mpeg2video"}[suffix]
    path = make(tmp_path / f"a.{suffix}", Clip(picture=Picture(codec=codec, options={"bf": "0"})))
    with Reader(path) as reader:
        frames = list(reader)
    assert len(frames) == 12
    steps = {b - a for a, b in zip(seconds(frames), seconds(frames)[1:], strict=False)}
    assert min(steps) > 0
    assert seconds(frames)[-1] - seconds(frames)[0] == pytest.approx(11 / 25, abs=0.05)


def test_elementary_streams_with_frames_out_of_order_lose_none(tmp_path: Path) -> None:
    path = make(tmp_path / "a.h264", Clip(picture=Picture(options={"bf": "3", "preset": "medium"})))
    with Reader(path) as reader:
        frames = list(reader)
    assert len(frames) == 12
    assert seconds(frames) == sorted(set(seconds(frames)))


# -- sequences and GIF


def test_a_numbered_sequence(tmp_path: Path) -> None:
    for number in (98, 99, 100, 101):
        (tmp_path / f"shot {number}.png").write_bytes(png(16 + 0 * number, 12))
    frames = read(tmp_path / "shot %d.png")
    assert len(frames) == 4
    assert [f.pts for f in frames] == [0, 1, 2, 3]
    with pytest.raises(DecodeError, match="no file matches"):
        Reader(tmp_path / "nothing %03d.png")


def test_gif_has_its_own_times(tmp_path: Path) -> None:
    times = [0, 10, 15, 40, 41, 60]
    picture = Picture(codec="gif", pix_fmt="gray", frames=6, time_base=Fraction(1, 100), times=times)
    frames = read(make(tmp_path / "a.gif", Clip(picture=picture)))
    assert [round(s * 100) for s in seconds(frames)] == times


# -- deinterlacing


def interlaced(path: Path, codec: str, frames: int = 14) -> Path:
    options = {
        "libx264": {"x264-params": "tff=1"},
        "mpeg2video": {"flags": "+ilme+ildct", "b": "4M"},
    }[codec]
    times = [t * 3600 for t in range(frames)]
    times[-3:] = [t + 1800 for t in times[-3:]]
    picture = Picture(codec=codec, frames=frames, options=options, time_base=Fraction(1, 90000), times=times)
    if codec == "mpeg2video":
        picture = replace(picture, time_base=None, times=None)
    return make(path, Clip(picture=picture))


@pytest.mark.parametrize(
    ("codec", "name"), [("libx264", "a.mkv"), ("libx264", "a.ts"), ("mpeg2video", "a.ts")]
)
@pytest.mark.parametrize("mode", ["auto", "on", "off"])
def test_deinterlacing_keeps_count_and_times(tmp_path: Path, codec: str, name: str, mode: Any) -> None:
    path = interlaced(tmp_path / name, codec)
    with av.open(str(path)) as container:
        decoded = [(f.pts, f.interlaced_frame) for f in container.decode(video=0)]
    with Reader(path, deinterlace=mode) as reader:
        assert reader.video.interlaced == (mode == "on" or (mode == "auto" and decoded[0][1]))
        frames = list(reader)
    assert [f.pts for f in frames] == [pts for pts, _ in decoded]
    if codec == "libx264":
        assert decoded[0][1], "the clip is not interlaced: the test proves nothing"


def test_deinterlacing_changes_the_picture_only_where_asked(tmp_path: Path) -> None:
    path = interlaced(tmp_path / "a.mkv", "libx264")
    auto, off = read(path), read(path, deinterlace="off")
    assert any(not np.array_equal(a.planes[0], b.planes[0]) for a, b in zip(auto, off, strict=True))
    plain = make(tmp_path / "b.mkv")
    for a, b in zip(read(plain), read(plain, deinterlace="off"), strict=True):
        np.testing.assert_array_equal(a.planes[0], b.planes[0])


def test_deinterlacing_begins_anew_with_another_decoder(tmp_path: Path) -> None:
    path = interlaced(tmp_path / "a.ts", "mpeg2video")
    own, other = read(path, deinterlace="on"), read(path, deinterlace="on", decoder="mpegvideo")
    assert [f.pts for f in other] == [f.pts for f in own]
    for a, b in zip(own, other, strict=True):
        np.testing.assert_array_equal(a.planes[0], b.planes[0])


def test_deinterlacing_of_a_cut(tmp_path: Path) -> None:
    path = interlaced(tmp_path / "a.mkv", "libx264")
    whole = [f.pts for f in read(path)]
    tick = read(path)[0].time_base
    found = read(path, start_seconds=Fraction(1, 5), duration_seconds=Fraction(1, 5))
    assert [f.pts for f in found] == [p for p in whole if Fraction(1, 5) <= p * tick < Fraction(2, 5)]


# -- what cannot be read


def nothing(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_text("This is no film.\n" * 50)


def sound_only(path: Path) -> None:
    out: Any
    with av.open(str(path), "w", format="matroska") as out:
        stream = out.add_stream("flac", rate=48000)
        stream.codec_context.layout = "mono"
        frame: Any = av.AudioFrame.from_ndarray(np.zeros((1, 4608), np.int16), "s16", "mono")
        frame.sample_rate = 48000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("spoil", "words"), [(nothing, "damaged"), (text, "not media"), (sound_only, "no video")]
)
def test_what_is_no_film(tmp_path: Path, spoil: Callable[[Path], None], words: str) -> None:
    path = tmp_path / "a.mkv"
    spoil(path)
    with pytest.raises(DecodeError, match=words) as caught:
        Reader(path)
    assert "a.mkv" in str(caught.value)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match="no such file"):
        Reader(tmp_path / "a.mkv")
    with pytest.raises(DecodeError, match="folder"):
        Reader(tmp_path)


def test_subtitles_without_a_beginning_of_the_picture(tmp_path: Path) -> None:
    """Packets before the first frame are kept and come first."""
    clip = Clip(
        picture=Picture(time_base=Fraction(1, 1000), times=[400 + 40 * n for n in range(12)]),
        texts=[Text(lines=[(0, 100, "early"), (420, 50, "then")])],
    )
    with Reader(make(tmp_path / "a.mkv", clip)) as reader:
        items = list(reader.items())
    assert [bytes(i.packet) for i in items if isinstance(i, CopiedPacket)] == [b"early", b"then"]
    assert isinstance(items[0], CopiedPacket)


def test_sound_that_lags_behind_in_the_file_is_all_there(tmp_path: Path) -> None:
    """Its packets up to the end of a cut stand in the file after pictures that are later than the end."""
    whole = make(tmp_path / "whole.mkv", Clip(picture=Picture(frames=50), sounds=[Sound(seconds=2.0)]))
    inside: Any
    out: Any
    with av.open(str(whole)) as inside, av.open(str(tmp_path / "a.ts"), "w") as out:
        copies = {s.index: out.add_stream_from_template(s) for s in inside.streams}
        packets = [p for p in inside.demux() if p.size]
        packets.sort(key=lambda p: p.dts * p.time_base + (Fraction(7, 10) if p.stream.type == "audio" else 0))
        out.start_encoding()
        for packet in packets:
            packet.stream = copies[packet.stream_index]
            out.mux_one(packet)
    with Reader(tmp_path / "a.ts", duration_seconds=Fraction(1, 2)) as reader:
        items = list(reader.items())
        origin = reader.info.start_seconds
    sound = [i.packet.pts * i.packet.time_base for i in items if isinstance(i, CopiedPacket)]
    pictures = [i for i in items if not isinstance(i, CopiedPacket)]
    assert max(sound) - origin > Fraction(1, 2) - Fraction(1024, 48000) - Fraction(1, 1000)
    assert max(sound) - origin < Fraction(1, 2)
    assert all(f.pts * f.time_base - origin < Fraction(1, 2) for f in pictures)


def test_a_cut_of_mpeg_ts_begins_at_its_frame_and_not_at_the_next_key_frame(tmp_path: Path) -> None:
    picture = Picture(frames=100, options={"g": "50", "bf": "2", "preset": "fast"})
    path = make(tmp_path / "a.ts", Clip(picture=picture, sounds=[Sound(seconds=4)]))
    whole = read(path)
    with Reader(path) as reader:
        origin = reader.info.start_seconds
    for start in (Fraction(1), Fraction(3, 2), Fraction(3)):
        wanted = [f.pts for f in whole if f.pts * f.time_base >= origin + start]
        assert [f.pts for f in read(path, start_seconds=start)] == wanted
