"""Real clips and odd ones, all the way through: nothing is lost, or exactly what has to be.

The clips are not part of the repository; without them these tests are skipped, and the others stand on media
that they make themselves.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import vsr
from vsr.errors import DecodeError
from vsr.media.verify import verify

CLIPS = Path(__file__).parents[3] / "shared" / "data" / "video"
PROBE = shutil.which("ffprobe")

pytestmark = [
    pytest.mark.skipif(not CLIPS.is_dir(), reason="the clips of ../shared/data/video are not here"),
    pytest.mark.slow,
]

# Name: frames, as counted by ffprobe -count_frames.
ODD = {
    "alpha_sylvie_480x720_vp9.webm": 48,
    "audio_starts_0.7s_late.mkv": 121,
    "av1_10bit_360p_opus.webm": 72,
    "bbb_240p_crf30.mp4": 624,
    "bbb_320x180_12.5fps.gif": 31,
    "fullrange_bt601_720p.mp4": 60,
    "hdr10_pq_720p_hevc.mp4": 75,
    "hlg_720p_hevc.mkv": 75,
    "interlaced_1080i25_tff_2audio.ts": 100,
    "kitchen_sink.mkv": 132,
    "midstream_resize_360_to_540.ts": 100,
    "odd_427x239_vp9.webm": 72,
    "odd_455x257_yuv444.mp4": 48,
    "rotated90_720p.mp4": 121,
    "telecine_ntsc_dvd_sar32x27.mpg": 180,
    "vfr_720p.mkv": 117,
    "xvid_512x288.avi": 96,
}
REAL = [
    "anime_vn_1280x720_24fps_5s_crf12.mkv",
    "bbb_1280x720_24fps_30s_vp8_vorbis_lowbitrate.webm",
    "bbb_1280x720_25fps_5s_h264_aac51.mp4",
    "bbb_1920x1080_60fps_2s_h264_aac.mp4",
    "bbb_854x480_24fps_30s_h264_aac.mp4",
    "butterfly_1280x720_29.97_7s_h264_aac.mp4",
    "flower_960x540_29.97_5s_h264_aac.mp4",
    "hisgirlfriday_640x480_30fps_6s_bw_film.mp4",
    "london_roof_640x360_30fps_17s_h264_aac.mp4",
    "seattle_640x360_30fps_16s_msmpeg4v2.avi",
]
FAST: dict[str, Any] = {"encoder": "libx264", "preset": "ultrafast", "model": "bilinear", "scale": 1}
DEEP = {"av1_10bit_360p_opus.webm", "hdr10_pq_720p_hevc.mp4", "hlg_720p_hevc.mkv"}


def options_for(name: str) -> dict[str, Any]:
    """Settings that are quick and keep what the clip has."""
    if name.startswith("alpha"):
        return {"model": "bilinear", "scale": 1}
    return FAST | {"encoder": "libx265"} if name in DEEP else FAST


def path_of(name: str) -> Path:
    return next(CLIPS.glob(f"*/{name}"))


def told(report: vsr.Report) -> list[str]:
    return [f"{f.subject}: {f.text}" for f in report.lost]


AUTO = {
    "bbb_320x180_12.5fps.gif": {"encoder": "ffv1"},  # R, G, B, which its network does not read
    "interlaced_1080i25_tff_2audio.ts": {"scale": 1.01},
    "midstream_resize_360_to_540.ts": {"size": "704x396"},  # the second size does not grow
    "odd_427x239_vp9.webm": {"scale": 1.5},
    "odd_455x257_yuv444.mp4": {"scale": 3},
    "rotated90_720p.mp4": {"scale": 0.5},
    "vfr_720p.mkv": {"size": "1282x720"},
}


@pytest.mark.parametrize(("name", "options"), AUTO.items())
def test_auto_loses_nothing_either(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    """The model that nobody names, where it is hardest: odd sides, R G B, factors that are not its own."""
    quick: dict[str, Any] = {"preset": "ultrafast"} if "encoder" not in options else {}
    duration = None if name.startswith("midstream") else "0.4"
    report = vsr.upscale(path_of(name), tmp_path / "out.mkv", duration=duration, **(quick | options))
    assert report.exit_code == 0 and report.verified, told(report)
    assert report.plan.model_reason.startswith("auto: ")


@pytest.mark.parametrize("name", ODD)
def test_odd_into_mkv(name: str, tmp_path: Path) -> None:
    result = tmp_path / "out.mkv"
    report = vsr.upscale(path_of(name), result, **options_for(name))
    assert told(report) == []
    assert (report.exit_code, report.verified) == (0, True)
    assert report.statistics.frames_done == ODD[name]
    assert len(packet_times(result)) == ODD[name]


@pytest.mark.parametrize("name", ODD)
def test_odd_into_mp4(name: str, tmp_path: Path) -> None:
    result = tmp_path / "out.mp4"
    report = vsr.upscale(path_of(name), result, **(options_for(name) | FAST))
    unavoidable = {
        "alpha_sylvie_480x720_vp9.webm": ["alpha: 48 frames are transparent in the source"],
        "kitchen_sink.mkv": ["attachment font.ttf: mp4 holds no attachments; mkv does"],
    }
    assert told(report) == unavoidable.get(name, [])
    assert report.exit_code == (3 if name in unavoidable else 0)
    assert report.statistics.frames_done == ODD[name]


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_the_beginning_of_real_clips(name: str, suffix: str, tmp_path: Path) -> None:
    report = vsr.upscale(path_of(name), tmp_path / f"out{suffix}", duration="1.5", **FAST)
    assert told(report) == []
    assert report.exit_code == 0
    rate = report.plan.source.video.frame_rate
    assert rate is not None
    assert abs(report.statistics.frames_done - 1.5 * rate) <= 1


@pytest.mark.parametrize(
    "name", ["flower_960x540_29.97_5s_h264_aac.mp4", "hisgirlfriday_640x480_30fps_6s_bw_film.mp4"]
)
def test_a_second_look_from_scratch_agrees(name: str, tmp_path: Path) -> None:
    """`vsr verify` decodes the source itself, and comes to what the run said."""
    result = tmp_path / "out.mkv"
    assert vsr.upscale(path_of(name), result, **FAST).exit_code == 0
    report = verify(path_of(name), result)
    assert [f.text for f in report.lost] == []


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("av1_10bit_360p_opus.webm", ".webm"),
        ("kitchen_sink.mkv", ".mov"),
        ("telecine_ntsc_dvd_sar32x27.mpg", ".ts"),
        ("xvid_512x288.avi", ".avi"),
        ("interlaced_1080i25_tff_2audio.ts", ".ts"),
        ("odd_455x257_yuv444.mp4", ".nut"),
    ],
)
def test_other_containers(name: str, suffix: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"model": "bilinear", "scale": 1, "duration": "1.2"}
    report = vsr.upscale(path_of(name), tmp_path / f"out{suffix}", **options)
    unavoidable = [
        "stream 4 (subtitle, ass, jpn): disposition forced",
        "attachment font.ttf: mov holds no attachments; mkv does",
        "cover: mov holds no cover picture; mkv and mp4 do",
    ]
    assert told(report) == (unavoidable if suffix == ".mov" else [])


# -- the six broken ones


@pytest.mark.parametrize("name", ["broken_empty.mp4", "broken_text.mp4", "broken_truncated_no_moov.mp4"])
def test_what_is_no_film_is_said_in_a_sentence(name: str, tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match=name) as caught:
        vsr.upscale(path_of(name), tmp_path / "out.mkv", **FAST)
    assert caught.value.exit_code == 1
    assert "damaged at its beginning" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("broken_bitflips.ts", "frames are damaged in the source"),
        ("broken_cut_after_600kB.mp4", "before its stated end; it is cut off"),
        ("broken_truncated_half.mkv", "before its stated end; it is cut off"),
    ],
)
def test_what_is_damaged_is_saved_as_far_as_it_goes_and_said(name: str, words: str, tmp_path: Path) -> None:
    result = tmp_path / "out.mkv"
    report = vsr.upscale(path_of(name), result, **FAST)
    assert report.exit_code == 3
    assert [f.subject for f in report.lost] == ["source"]
    assert words in report.lost[0].text
    assert len(packet_times(result)) == report.statistics.frames_done > 30


# -- another program's view: Debian's ffprobe


def probe(path: Path, *arguments: str) -> Any:
    assert PROBE
    command = [PROBE, "-v", "error", "-of", "json", *arguments, str(path)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def packet_times(path: Path) -> list[float]:
    if PROBE is None:
        pytest.skip("there is no ffprobe")
    found = probe(path, "-select_streams", "v:0", "-show_entries", "packet=pts_time")
    return sorted(float(p["pts_time"]) for p in found["packets"])


def frame_times(path: Path) -> list[float]:
    found = probe(path, "-select_streams", "v:0", "-show_entries", "frame=pts_time")
    return [float(f["pts_time"]) for f in found["frames"] if "pts_time" in f]


def digest_of(path: Path, stream: str) -> str:
    found = probe(
        path, "-select_streams", stream, "-show_data_hash", "sha256", "-show_entries", "packet=data_hash"
    )
    return hashlib.sha256("".join(p["data_hash"] for p in found["packets"]).encode()).hexdigest()


needs_probe = pytest.mark.skipif(PROBE is None, reason="there is no ffprobe")


@needs_probe
@pytest.mark.parametrize("name", [n for n in ODD if not n.startswith(("bbb_240p", "midstream"))])
def test_ffprobe_sees_every_frame_at_its_time(name: str, tmp_path: Path) -> None:
    result = tmp_path / "out.mkv"
    vsr.upscale(path_of(name), result, **options_for(name))
    before, after = frame_times(path_of(name)), packet_times(result)
    shift = after[0] - before[0]
    assert len(before) == len(after)
    assert max(abs(b + shift - a) for b, a in zip(before, after, strict=True)) <= 0.0011


@needs_probe
def test_ffprobe_sees_the_whole_kitchen_sink(tmp_path: Path) -> None:
    source, result = path_of("kitchen_sink.mkv"), tmp_path / "out.mkv"
    vsr.upscale(source, result, **FAST)
    before, after = (probe(f, "-show_streams", "-show_chapters", "-show_format") for f in (source, result))
    assert [(c["start_time"], c["end_time"], c["tags"]) for c in before["chapters"]] == [
        (c["start_time"], c["end_time"], c["tags"]) for c in after["chapters"]
    ]
    assert len(before["chapters"]) > 1

    def streams(found: Any) -> list[Any]:
        words = ("language", "title", "filename", "mimetype")
        return sorted(
            (
                s["codec_type"],
                s.get("codec_name", "")
                if s["codec_type"] != "video" or s["disposition"]["attached_pic"]
                else "",
                [(k, v) for k, v in s.get("tags", {}).items() if k.lower() in words],
                [k for k, v in s["disposition"].items() if v],
            )
            for s in found["streams"]
        )

    assert streams(before) == streams(after)
    assert len(before["streams"]) >= 6
    title = {k.lower(): v for k, v in before["format"]["tags"].items()}
    kept = {k.lower(): v for k, v in after["format"]["tags"].items()}
    for name in set(title) - {"encoder", "creation_time"}:
        assert kept[name] == title[name]
    for stream in ("a:0", "a:1", "s:0", "s:1"):
        assert digest_of(source, stream) == digest_of(result, stream)
    for stream in ("a:0", "a:1"):
        packets = ("-select_streams", stream, "-show_entries", "packet=pts_time")
        times = [[float(p["pts_time"]) for p in probe(f, *packets)["packets"]] for f in (source, result)]
        assert times[0] == pytest.approx(times[1], abs=0.0011)


@needs_probe
def test_ffprobe_sees_the_attachments_bytes(tmp_path: Path) -> None:
    source, result = path_of("kitchen_sink.mkv"), tmp_path / "out.mkv"
    vsr.upscale(source, result, duration="0.5", **FAST)
    tool = shutil.which("ffmpeg")
    if tool is None:
        pytest.skip("there is no ffmpeg")
    fonts = []
    for number, file in enumerate((source, result)):
        target = tmp_path / f"font{number}"
        # ffmpeg complains that it has no output; the attachment is written all the same.
        subprocess.run(
            [tool, "-v", "quiet", "-dump_attachment:t:0", str(target), "-i", str(file)], check=False
        )
        fonts.append(target.read_bytes())
    assert fonts[0] == fonts[1]
    assert len(fonts[0]) > 1000


@needs_probe
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_ffprobe_sees_hdr10(tmp_path: Path, suffix: str) -> None:
    source, result = path_of("hdr10_pq_720p_hevc.mp4"), tmp_path / f"out{suffix}"
    vsr.upscale(source, result, duration="0.5", **(FAST | {"encoder": "libx265"}))
    show = ("-select_streams", "v:0", "-read_intervals", "%+#1", "-show_frames", "-show_streams")
    before, after = probe(source, *show), probe(result, *show)

    def hdr(found: Any) -> dict[str, Any]:
        kinds = {s["side_data_type"]: s for s in found["frames"][0]["side_data_list"]}
        return {k: v for k, v in kinds.items() if "Mastering" in k or "Content light" in k}

    assert len(hdr(before)) == 2
    assert hdr(after) == hdr(before)
    for key in (
        "color_range",
        "color_space",
        "color_transfer",
        "color_primaries",
        "pix_fmt",
        "chroma_location",
    ):
        assert after["streams"][0].get(key) == before["streams"][0].get(key), key
