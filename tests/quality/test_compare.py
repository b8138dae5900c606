"""Two videos measured frame by frame, and the command."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vsr
from tests.make_media import Clip, Picture, make
from vsr.cli.main import main
from vsr.errors import OptionError
from vsr.media.reader import Reader
from vsr.options import CompareOptions
from vsr.quality.compare import compare
from vsr.quality.metrics import psnr, ssim
from vsr.quality.page import comparison_page
from vsr.quality.xpsnr import Xpsnr

PICTURE: dict[str, Any] = {"width": 96, "height": 80, "frames": 30}


def clip(path: Path, **picture: Any) -> Path:
    return make(path, Clip(picture=Picture(**({"codec": "ffv1"} | PICTURE | picture))))


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lossless clip, and the same coded well and badly."""
    folder = tmp_path_factory.mktemp("clips")
    clip(folder / "source.mkv")
    clip(folder / "good.mkv", codec="libx264", options={"crf": "12"})
    clip(folder / "bad.mp4", codec="libx264", options={"crf": "40"})
    return folder


def planes_of(path: Path) -> list[Any]:
    with Reader(path) as reader:
        return [[np.array(plane) for plane in frame.planes] for frame in reader]


def test_each_number_is_its_formula(clips: Path) -> None:
    found = compare(str(clips / "source.mkv"), str(clips / "bad.mp4"), CompareOptions(), pictures=False)
    [result] = found.results
    pairs = list(zip(planes_of(clips / "source.mkv"), planes_of(clips / "bad.mp4"), strict=True))
    with Reader(clips / "source.mkv") as reader:
        meter = Xpsnr(96, 80, reader.video.format, 25)
    for (one, other), values in zip(pairs, result.frames, strict=True):
        assert values is not None
        assert values["psnr_y"] == pytest.approx(psnr(one[0], other[0]))
        assert values["ssim_y"] == pytest.approx(ssim(one[0], other[0]), abs=1e-5)
        samples = [np.concatenate([plane.ravel() for plane in planes]) for planes in (one, other)]
        assert values["psnr"] == pytest.approx(psnr(*samples))
        assert [values[f"xpsnr_{c}"] for c in ("y", "cb", "cr")] == pytest.approx(meter(one, other))
    errors = np.mean([np.square(np.subtract(a[0], b[0], dtype=float)).mean() for a, b in pairs])
    assert result.mean("psnr_y") == pytest.approx(10 * math.log10(255**2 / errors))
    roots = np.mean([10 ** (-(values or {})["xpsnr_y"] / 20) for values in result.frames])
    assert result.mean("xpsnr_y") == pytest.approx(-20 * math.log10(roots))
    worst = min(range(30), key=lambda n: (result.frames[n] or {})["ssim_y"])
    assert result.worst("ssim_y")[0] == worst


def test_equal_videos(clips: Path, tmp_path: Path) -> None:
    other = clip(tmp_path / "same.avi")
    facts = compare(str(clips / "source.mkv"), str(other), CompareOptions(), pictures=True).to_json()
    whole = facts["results"][0]["whole"]
    assert whole == {m: 1 if m == "ssim_y" else None for m in whole}
    json.dumps(facts, allow_nan=False)


def test_the_better_one_of_two_is_better_by_all(clips: Path) -> None:
    options = CompareOptions(reference=str(clips / "source.mkv"), worst=2, frames=(7, 99))
    found = compare(str(clips / "good.mkv"), str(clips / "bad.mp4"), options, pictures=True)
    good, bad = found.results
    assert all(good.mean(metric) > bad.mean(metric) for metric in found.metrics)
    assert bad.name.endswith("bad.mp4")
    lowest = bad.worst("xpsnr_y")[0]
    assert (found.shown[0].frame, found.shown[-1].frame) == (lowest, 7)
    assert len(found.shown) == 3
    assert abs(found.seconds[found.shown[0].frame] - found.seconds[found.shown[1].frame]) >= 0.5
    assert [len(each.pictures) for each in found.shown] == [3, 3, 3]
    assert found.shown[0].pictures[found.reference].shape == (80, 96, 3)
    assert "--frame 99: 30 frames are compared, from 0 on" in found.notes


def test_frames_without_partner_are_said_and_left_out(clips: Path, tmp_path: Path) -> None:
    short = clip(tmp_path / "short.mkv", frames=20)
    found = compare(str(clips / "source.mkv"), str(short), CompareOptions(), pictures=False)
    assert [values is None for values in found.results[0].frames] == [False] * 20 + [True] * 10
    assert found.results[0].mean("psnr_y") == math.inf
    [note] = found.notes
    assert "10 of 30 frames of" in note and note.endswith("they are left out")


def test_a_trimmed_clip_is_compared_where_it_belongs(clips: Path, tmp_path: Path) -> None:
    """Frames and times are told as they are in the original."""
    source, part = str(clips / "source.mkv"), str(tmp_path / "part.mkv")
    settings: dict[str, Any] = {"model": "bilinear", "scale": 1, "encoder": "ffv1"}
    vsr.upscale(source, part, start="0.4", duration="0.6", **settings)
    for offset in ("0.4", "10f", "0.39"):
        found = compare(source, part, CompareOptions(offset=offset, frames=(12, 3)), pictures=True)
        assert [found.results[0].num_matched, found.results[0].mean("psnr_y")] == [15, math.inf]
        assert (found.first_frame, found.seconds[0], len(found.seconds)) == (10, 0.4, 20)
        assert "5 of 20 frames of" in found.notes[0]
        assert "--frame 3: 20 frames are compared, from 10 on" in found.notes
        assert found.shown[-1].frame == 12
        facts = found.to_json()
        assert [facts["frames"][0]["frame"], facts["shown"][-1]["seconds"]] == [10, 0.48]
        assert "frame 10 at 0.400 s" in "\n".join(found.lines())
        assert '<option value="12">frame 12</option>' in comparison_page(found)
    other_way = compare(part, source, CompareOptions(offset="-10f"), pictures=False)
    assert (other_way.first_frame, other_way.results[0].mean("psnr")) == (0, math.inf)
    apart = compare(source, part, CompareOptions(offset="11f"), pictures=False)
    assert apart.results[0].mean("psnr_y") < 40


def test_a_start_is_the_first_frame_of_all(clips: Path) -> None:
    names = str(clips / "source.mkv"), str(clips / "bad.mp4")
    whole = compare(*names, CompareOptions(), pictures=False).results[0].frames
    part = compare(*names, CompareOptions(start="0.5", duration="0.2"), pictures=False)
    assert (part.first_frame, part.seconds, part.notes) == (13, [0.52, 0.56, 0.6, 0.64, 0.68], ())
    ssim_of = [[(values or {})["ssim_y"] for values in frames] for frames in (whole, part.results[0].frames)]
    assert ssim_of[1] == ssim_of[0][13:18]


def test_other_depths_and_chroma_are_converted_and_said(clips: Path, tmp_path: Path) -> None:
    deep = clip(tmp_path / "deep.mkv", pix_fmt="yuv444p10le")
    found = compare(str(clips / "source.mkv"), str(deep), CompareOptions(), pictures=False)
    assert found.format == "yuv420p10le"
    assert len(found.notes) == 2 and "yuv444p10le: converted to yuv420p10le" in found.notes[1]
    assert 40 < found.results[0].mean("psnr_y") < math.inf


def test_a_damaged_file_is_said(clips: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mkv"
    whole = clip(tmp_path / "whole.mkv", frames=60).read_bytes()
    cut.write_bytes(whole[: len(whole) * 3 // 4])
    found = compare(str(clips / "source.mkv"), str(cut), CompareOptions(), pictures=False)
    assert any(note.startswith(f"{cut}: the source ends ") for note in found.notes)


def test_gray_and_colour(tmp_path: Path) -> None:
    gray = [clip(tmp_path / f"{name}.mkv", pix_fmt="gray", frames=3) for name in "ab"]
    found = compare(str(gray[0]), str(gray[1]), CompareOptions(), pictures=True)
    assert found.metrics == ["psnr_y", "ssim_y", "xpsnr_y"]
    rgb = clip(tmp_path / "rgb.mkv", pix_fmt="gbrp10le", frames=3)
    again = clip(tmp_path / "again.mkv", pix_fmt="gbrp10le", frames=3)
    found = compare(str(rgb), str(again), CompareOptions(), pictures=False)
    assert found.format == "yuv444p10le"
    assert found.results[0].mean("psnr") == math.inf


def test_refusals(clips: Path, tmp_path: Path) -> None:
    source = str(clips / "source.mkv")
    other_rate = clip(tmp_path / "rate.mkv", rate=Fraction(24), time_base=Fraction(1, 24))
    with pytest.raises(OptionError, match=r"only \d+ of 30 frames .* \(25.000 fps and 24.000 fps\)"):
        compare(source, str(other_rate), CompareOptions(), pictures=False)
    with pytest.raises(OptionError, match="named twice"):
        compare(source, source, CompareOptions(), pictures=False)
    with pytest.raises(OptionError, match="standard input can be read once"):
        compare(source, "-", CompareOptions(), pictures=False)
    with pytest.raises(OptionError, match="--worst is -1"):
        compare(source, str(other_rate), CompareOptions(worst=-1), pictures=False)
    with pytest.raises(OptionError, match="--threads is -2"):
        compare(source, str(other_rate), CompareOptions(threads=-2), pictures=False)


def test_the_command(clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, page = tmp_path / "c.json", tmp_path / "c.html"
    names = [str(clips / "good.mkv"), str(clips / "bad.mp4"), "--reference", str(clips / "source.mkv")]
    arguments = ["--json", str(file), "--html", str(page), "--duration", "0.4"]
    assert main(["compare", *names, *arguments]) == 0
    text = capsys.readouterr().out
    facts = json.loads(file.read_text())
    assert facts["num_frames"] == 10
    for result in facts["results"]:
        assert f"video      {result['video']}: 10 of 10 frames have a partner" in text
        assert f"{result['whole']['xpsnr_y']:.2f}" in text
    assert page.read_text().count("<svg") == 3


def test_the_command_refuses_in_one_sentence(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, same = str(clips / "source.mkv"), str(clips / "bad.mp4")
    wide = str(clip(tmp_path / "wide.mkv", width=64, frames=3))
    (tmp_path / "text.mp4").write_text("no video")
    cases = [
        ([source, wide], 2, "only videos of one size"),
        ([source, str(tmp_path / "text.mp4")], 1, "it is not media"),
        ([source, str(tmp_path / "none.mp4")], 1, "no such file"),
        ([source, wide, "--json", wide], 2, "that is"),
        ([source, wide, "--duration", "soon"], 2, "--duration"),
        ([source, wide, "--duration", "0"], 2, "--duration 0 leaves nothing to compare"),
        ([source, same, "--start", "60"], 2, "--start 60: "),
        ([source, same, "--offset", "soon"], 2, "write seconds (12.5, -0:30) or frames (48f, -3f)"),
        ([source, same, "--offset", "30f"], 2, "source.mkv, whose last frame is number 29 at 1.160 s"),
        ([source, same, "--offset", "-1:00"], 2, "bad.mp4, whose last frame is number 29 at 1.160 s"),
        ([source, wide, "--frame", "3"], 2, "--frame adds frames to the page, and there is none; add --html"),
        ([source, wide, "--frame", "-1"], 2, "--frame is -1; frames are counted from 0"),
        (
            [source, wide, "--threads", "100000"],
            2,
            "--threads is 100000; give 0 for one a core, or up to 1024",
        ),
        ([source, wide, "--json", "x", "--html", "./x"], 2, "--html ./x: that is x itself; choose another"),
    ]
    for arguments, code, words in cases:
        assert main(["compare", *arguments]) == code
        said = capsys.readouterr()
        assert words in said.err and len(said.err.splitlines()) == 1, said.err
        assert not said.out
