"""Everything that is decided before a run: sizes, shapes, tags, notes."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.make_media import Clip, Picture, Sound, everything, make
from vsr.color import ChromaLocation, Matrix, Primaries, Range, Transfer
from vsr.errors import OptionError
from vsr.media.reader import Reader
from vsr.options import UpscaleOptions
from vsr.pipeline.plan import QUEUE_BYTES, Plan, make_plan

TWO = Picture(frames=2)


def planned(folder: Path, picture: Picture = TWO, name: str = "out.mkv", **options: Any) -> Plan:
    source = make(folder / "in.mkv", Clip(picture=picture))
    return plan_of(source, folder / name, **options)


def plan_of(source: Path, result: Path, **options: Any) -> Plan:
    with Reader(source) as reader:
        plan, upscaler = make_plan(
            reader.info,
            str(result),
            UpscaleOptions(**{"threads": 2, "model": "lanczos3", **options}),
            source_name=str(source),
        )
        upscaler.close()
    return plan


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({}, (128, 96)),
        ({"scale": 2}, (128, 96)),
        ({"scale": 1}, (64, 48)),
        ({"scale": 0.5}, (32, 24)),
        ({"scale": 1.5}, (96, 72)),
        ({"scale": 1.33}, (86, 64)),
        ({"size": "100x50"}, (100, 50)),
        ({"size": "320X240"}, (320, 240)),
        ({"size": "720p"}, (960, 720)),
        ({"size": "480P"}, (640, 480)),
    ],
)
def test_sizes(tmp_path: Path, options: dict[str, Any], size: tuple[int, int]) -> None:
    plan = planned(tmp_path, **options)
    assert (plan.output.width, plan.output.height) == size


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": "big"}, "not a size"),
        ({"size": "100x51"}, "use --size 100x52"),
        ({"size": "0x10"}, "each side must be"),
        ({"size": "20000x100"}, "each side must be"),
        ({"scale": 0}, "above 0"),
        ({"scale": -2}, "above 0"),
        ({"scale": float("nan")}, "above 0"),
        ({"scale": float("inf")}, "above 0"),
        ({"scale": 1000}, "each side must be"),
        ({"scale": 2, "size": "100x50"}, "exclude each other"),
        ({"model": "lanczos"}, "lanczos3"),
        ({"model_options": ("a=b",)}, "a"),
        ({"model_options": ("ab",)}, "KEY=VALUE"),
    ],
)
def test_sizes_and_models_that_cannot_be(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        planned(tmp_path, **options)


def test_odd_sizes_are_rounded_and_said_where_the_encoder_needs_it(tmp_path: Path) -> None:
    odd = replace(TWO, codec="ffv1", width=37, height=23)
    plan = planned(tmp_path, odd, scale=1)
    assert (plan.output.width, plan.output.height) == (38, 24)
    assert any("needs even sides: 37x23 becomes 38x24" in note for note in plan.notes)
    for encoder in ("ffv1", "libvpx-vp9"):
        plan = planned(tmp_path, odd, scale=1, encoder=encoder)
        assert (plan.output.width, plan.output.height) == (37, 23)
    plan = planned(tmp_path, replace(odd, pix_fmt="yuv444p"), scale=1)
    assert (plan.output.width, plan.output.height) == (37, 23)


def test_the_shape_of_samples(tmp_path: Path) -> None:
    wide = replace(TWO, sample_aspect_ratio=Fraction(32, 27))
    assert planned(tmp_path, wide).sample_aspect_ratio == Fraction(32, 27)
    stretched = planned(tmp_path, wide, size="128x48")
    assert stretched.sample_aspect_ratio == Fraction(16, 27)
    square = planned(tmp_path, wide, "out.webm")
    assert square.sample_aspect_ratio == 1
    assert (square.output.width, square.output.height) == (152, 96)
    assert any("square samples" in note for note in square.notes)
    tall = planned(tmp_path, replace(TWO, sample_aspect_ratio=Fraction(9, 16)), "out.webm")
    assert (tall.output.width, tall.output.height) == (128, 172)


def test_tags_that_are_there_are_written_as_they_are(tmp_path: Path) -> None:
    tags = planned(tmp_path, replace(TWO, color=(6, 13, 5, 2))).tags
    assert (tags.matrix, tags.transfer, tags.primaries) == (
        Matrix.SMPTE170M,
        Transfer.SRGB,
        Primaries.BT470BG,
    )
    assert tags.range is Range.FULL


@pytest.mark.parametrize(
    ("width", "height", "matrix", "primaries"),
    [
        (640, 480, Matrix.SMPTE170M, Primaries.SMPTE170M),
        (720, 576, Matrix.SMPTE170M, Primaries.BT470BG),
        (1024, 576, Matrix.SMPTE170M, Primaries.BT470BG),
        (854, 480, Matrix.SMPTE170M, Primaries.BT709),
        (1280, 720, Matrix.BT709, Primaries.BT709),
        (64, 48, Matrix.SMPTE170M, Primaries.BT709),
    ],
)
def test_what_players_would_guess_from_the_size_is_written(
    tmp_path: Path, width: int, height: int, matrix: Matrix, primaries: Primaries
) -> None:
    """More lines would make them guess otherwise. What no player guesses stays open."""
    plan = planned(tmp_path, replace(TWO, frames=1, width=width, height=height), scale=1)
    assert (plan.tags.matrix, plan.tags.primaries) == (matrix, primaries)
    assert plan.tags.transfer is Transfer.UNSPECIFIED
    assert plan.tags.range is Range.UNSPECIFIED
    assert plan.tags.chroma_location is ChromaLocation.UNSPECIFIED
    assert any("matrix is not tagged" in note for note in plan.notes)


def test_a_kind_of_file_with_one_colour_gets_that(tmp_path: Path) -> None:
    assert planned(tmp_path, name="out.jpg").tags.range is Range.FULL
    assert planned(tmp_path, name="out.webp").tags.range is Range.LIMITED


def test_transparency_decides_and_not_the_name_of_the_format(tmp_path: Path) -> None:
    opaque = replace(TWO, codec="ffv1", pix_fmt="yuva420p", alpha=255)
    assert planned(tmp_path, opaque).encoding.encoder == "libx264"
    transparent = planned(tmp_path, replace(opaque, alpha=None))
    assert (transparent.encoding.encoder, transparent.output.format.alpha) == ("libvpx-vp9", True)
    lost = planned(tmp_path, replace(opaque, alpha=None), "out.mp4")
    assert any(note.startswith("alpha: NOT KEPT") for note in lost.notes)


def test_what_stays_behind_is_in_the_notes(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", everything())
    notes = plan_of(source, tmp_path / "out.mp4").notes
    assert [n for n in notes if "NOT KEPT" in n] == [
        "stream 5 (attachment, application/x-truetype-font): NOT KEPT, mp4 holds no attachments; mkv does"
    ]
    notes = plan_of(source, tmp_path / "out.y4m").notes
    assert any("pictures only: 6 other streams stay behind" in n for n in notes)
    (tmp_path / "one").mkdir()
    source = make(tmp_path / "one" / "in.mkv", Clip(picture=TWO, sounds=[Sound(seconds=0.1)]))
    notes = plan_of(source, tmp_path / "one" / "out.y4m").notes
    assert any("pictures only: 1 other stream stays behind" in n for n in notes)


def test_a_late_beginning_is_a_note(tmp_path: Path) -> None:
    late = replace(TWO, time_base=Fraction(1, 1000), frames=12, times=[2500 + 40 * n for n in range(12)])
    assert any("begins at 2.5" in note for note in planned(tmp_path, late).notes)


def test_the_plan_as_text_and_for_programs(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", everything())
    plan = plan_of(source, tmp_path / "out.mkv", model="bicubic", crf=20)
    text = "\n".join(plan.lines())
    for words in ("64x48 yuv420p, 25 fps, h264", "bicubic to 128x96 on 2 threads", "crf=20", "3 chapters"):
        assert words in text
    assert "stream 4 (subtitle, ass, fre): copied" in text
    told = json.loads(json.dumps(plan.to_json()))
    assert told["result"]["width"] == 128
    assert [s["action"] for s in told["streams"]] == ["copy", "copy", "copy", "copy", "attach", "attach"]
    assert told["source"]["frame_rate"] == "25"
    assert repr(plan)


def test_sound_that_cannot_be_carried_stops_the_plan(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", Clip(picture=TWO, sounds=[Sound(codec="ac3")]))
    with pytest.raises(OptionError, match=r"webm cannot carry .*ac3.*\.mkv"):
        plan_of(source, tmp_path / "out.webm")


def test_large_frames_are_shared_among_threads_instead_of_queued(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", Clip(picture=Picture(width=640, height=360)))
    with Reader(source) as reader:
        plan, upscaler = make_plan(
            reader.info,
            str(tmp_path / "out.mkv"),
            UpscaleOptions(model="lanczos3", scale=10, threads=64),
            source_name="in",
        )
    assert plan.in_flight_bytes == 640 * 360 * 3 // 2 * 101
    assert plan.workers * plan.in_flight_bytes < QUEUE_BYTES
    assert plan.workers * upscaler.threads >= plan.threads == 64
